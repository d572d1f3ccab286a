"""What the clients of one consumer got, and how they settled it: their histories, in parallel arrays."""

import array

from tests.crash.clients import history, identity

NONE, ACK, NACK, RELEASE, DEAD_LETTER = range(5)
VERBS = {"ack": ACK, "nack": NACK, "release": RELEASE, "dead_letter": DEAD_LETTER}
NO_ANSWER, DONE, STALE, UNKNOWN, ALREADY, UNREAD = range(6)
RESULTS = {"?": NO_ANSWER, "ACKED": DONE, "NACKED": DONE, "RELEASED": DONE, "DEAD_LETTERED": DONE, "STALE": STALE,
           "UNKNOWN": UNKNOWN, "ALREADY_ACKED": ALREADY, "CLOSED": UNREAD}
REFUSED = (STALE, UNKNOWN, UNREAD)  # such a settle did not count
WAIT_NS = 2 * 10 ** 9  # how much longer than a claim lives an agent may wait for an answer, on a busy machine
ENDLESS = 1 << 62


class Deliveries:
    """Of a delivery: change (place in the truth), claim, lsn, idx, count, and its first settle: verb, sent, at, result;
    further ones are in `more`. Of a claim: asked, got, live_until."""

    def __init__(self, truth, consumer, paths, findings, webhook_seconds=0, unsure=()):
        """webhook_seconds: how long the claim of a webhook lives; 0: the consumer gets none. unsure: pairs of times
        between which an endpoint may not have seen what the agent did."""
        self.truth, self.consumer, self.findings = truth, consumer, findings
        self.webhook_ns, self.unsure = int(webhook_seconds * 1e9), unsure
        self.change, self.claim, self.lsn, self.idx = (array.array("q") for _ in range(4))
        self.count, self.verb, self.result = array.array("i"), bytearray(), bytearray()
        self.sent, self.at = array.array("q"), array.array("q")
        self.more = {}
        self.asked, self.got, self.live_until = (array.array("q") for _ in range(3))
        self.unanswered = self.looked_up = 0
        for path in paths:
            self._read(path)

    def __len__(self):
        return len(self.change)

    def settles(self, delivery):
        """All (verb, sent, at, result) of a delivery."""
        if self.verb[delivery] == NONE:
            return ()
        first = (self.verb[delivery], self.sent[delivery], self.at[delivery], self.result[delivery])
        return (first, *self.more.get(delivery, ()))

    def _read(self, path):
        first, claims = {}, {}  # by number of this client's claim: its first delivery, and its place here
        for what, *rest in history.read(path):
            if what == "got":
                number, sent, at, visibility, messages = rest
                first[number], claims[number] = len(self.change), len(self.got)
                self._add(sent, at, visibility, messages)
            elif what == "settled":
                number, verb, sent, at, result, places = rest
                for place in places:
                    self._settle(first[number] + place, VERBS[verb], sent, at, RESULTS[result])
            elif what == "kept":
                number, sent, _, visibility = rest
                claim = claims[number]
                self.live_until[claim] = max(self.live_until[claim], sent + visibility)
            elif what == "open":
                self._webhook(claims[rest[0]], rest[1])
            elif what == "nothing":
                self.unanswered += 1
            elif what == "seen":
                self.looked_up += rest[0]
            else:
                self._complaint(what, rest[0])

    def _webhook(self, claim, open_until):
        """A request ends before its claim does: as long as the agent waits for the answer, nobody else may have a message."""
        got = self.got[claim]
        if any(since <= open_until and got <= until for since, until in self.unsure):
            return
        self.live_until[claim] = open_until
        if open_until - got > self.webhook_ns + WAIT_NS:
            self.findings.add("I7", f"{self.consumer}: an answer was waited for after {(open_until - got) / 1e9:.1f} s, when "
                                    "the claim had ended")

    def _complaint(self, what, about):
        if what == "early":
            self.findings.add("I8", f"{self.consumer}: change {about} was in hand before its transaction was visible")
        elif what == "twice":
            self.findings.add("I4", f"{self.consumer}: change {about} could have had its effect twice")
        else:
            self.findings.add("I12", f"{self.consumer}: {about}")

    def _add(self, sent, at, visibility, messages):
        claim = len(self.got)
        self.asked.append(sent)
        self.got.append(at)
        self.live_until.append(sent + visibility)
        self.change.extend(map(self._find, messages[::4]))
        self.lsn.extend(messages[1::4])
        self.idx.extend(messages[2::4])
        self.count.extend(messages[3::4])
        new = len(messages) // 4
        self.claim.extend([claim] * new)
        self.verb += bytes(new)
        self.result += bytes(new)
        self.sent.extend([0] * new)
        self.at.extend([0] * new)

    def _find(self, event):
        place = self.truth.find(event)
        if place < 0:
            why = "was taken back" if event in self.truth.never else "was never written"
            self.findings.add("I2", f"{self.consumer}: change {event} of transaction {identity.transaction_of(event)} {why}")
        return place

    def _settle(self, delivery, verb, sent, at, result):
        if self.verb[delivery] == NONE:
            self.verb[delivery], self.result[delivery] = verb, result
            self.sent[delivery], self.at[delivery] = sent, at
        else:
            self.more.setdefault(delivery, []).append((verb, sent, at, result))

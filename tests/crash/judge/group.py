"""One group of one consumer: its changes in their order, its deliveries in the order of their times."""

from tests.crash.judge.deliveries import ACK, ALREADY, DEAD_LETTER, DONE, ENDLESS, NO_ANSWER, NONE, REFUSED, STALE, UNKNOWN


class Group:
    """dead: changes that are dead letters. certain: whether what was answered is still true at the end."""

    def __init__(self, deliveries, changes, own, dead, certain):
        self.all, self.changes, self.own, self.dead, self.certain = deliveries, changes, own, dead, certain
        self.truth = deliveries.truth
        self.by_change = {}
        for delivery in own:
            self.by_change.setdefault(deliveries.change[delivery], []).append(delivery)

    def add(self, invariant, text):
        self.all.findings.add(invariant, f"{self.all.consumer}: {text}")

    def asked(self, delivery):
        return self.all.asked[self.all.claim[delivery]]

    def got(self, delivery):
        return self.all.got[self.all.claim[delivery]]

    def judge(self):
        self.judge_changes()
        self.judge_order()

    def judge_changes(self):
        """What holds for each by itself."""
        self.everything_done()
        if not self.certain:
            return  # claims, and what was answered to settles, went with the tail
        for change, found in self.by_change.items():
            self.stale_refused(change, found)
            if len(found) > 1:
                self.never_again(change, found)

    def judge_order(self):
        """What holds for them as a group. In order mode strict all changes of a consumer are one."""
        self.in_order()
        if self.certain:
            self.one_holder()
        if self.certain and len(self.own) > 1:
            self.taken_back()

    # -- I1 -----------------------------------------------------------------------------------

    def everything_done(self):
        for change in self.changes:
            found = self.by_change.get(change)
            if change in self.dead:
                continue
            if not found:
                self.add("I1", f"{self.truth.describe(change)} was never delivered")
            elif not self.is_done(found):
                self.add("I1", f"{self.truth.describe(change)} was delivered {len(found)} times, never accepted, and did "
                               "not come again")

    def is_done(self, found):
        """Somebody's ack was accepted, or may have been, and nobody got it who had asked later."""
        if self.all.webhook_ns:
            return self.is_answered(found)
        last = max(map(self.asked, found))
        return any(verb == ACK and (result in (DONE, ALREADY) or
                                    result == NO_ANSWER and self.got(delivery) >= last)
                   for delivery in found for verb, _, _, result in self.all.settles(delivery))

    def is_answered(self, found):
        """The last request was answered with a 2xx that may have been read. One that the agent had given up before it came,
        or that a line held back, is in no order with the others."""
        in_order = [one for one in found if self.all.live_until[self.all.claim[one]]]
        if len(in_order) == len(found):
            found = [max(found, key=self.got)]
        return any(verb == ACK and result not in REFUSED for one in found for verb, _, _, result in self.all.settles(one))

    # -- I5, I6 -------------------------------------------------------------------------------

    def independent(self):
        """In order mode none no message waits for another, and none is taken back with another: while its claim lives,
        whoever has it can settle it."""
        for delivery in self.own:
            settles = self.all.settles(delivery)
            if settles and settles[0][3] == STALE and settles[0][2] < self.all.live_until[self.all.claim[delivery]]:
                self.add("I5", f"{self.truth.describe(self.all.change[delivery])} was taken back from a claim that lived")

    def in_order(self):
        """Whoever gets a change: those before it are done by then, or came with it."""
        if len(self.changes) < 2:
            return
        place = {change: i for i, change in enumerate(self.changes)}
        done = [self.done_at(change) for change in self.changes]
        before = [0]  # when all changes in front of a place were done
        for time in done:
            before.append(max(before[-1], time))
        claims = {}
        for delivery in self.own:
            change, claim = self.all.change[delivery], self.all.claim[delivery]
            at, got = place.get(change), self.all.got[claim]
            claims.setdefault(claim, set()).add(change)
            if at is None or before[at] < got:
                continue
            missing = [one for i, one in enumerate(self.changes[:at]) if done[i] >= got and one not in claims[claim]]
            if missing:
                self.add("I5", f"{self.truth.describe(change)} was delivered before {self.truth.describe(missing[0])} "
                               "was done")

    def done_at(self, change):
        """The first moment at which it may have been done."""
        if change in self.dead:
            return 0
        return min((sent for delivery in self.by_change.get(change, ())
                    for verb, sent, _, result in self.all.settles(delivery)
                    if verb == ACK and result not in REFUSED), default=ENDLESS)

    def one_holder(self):
        """Claims that were live for certain do not overlap."""
        until, holder = 0, None
        returned = self.returned()
        for delivery in self.own:
            claim = self.all.claim[delivery]
            if holder is not None and self.got(delivery) < until and claim != self.all.claim[holder]:
                self.two_holders(delivery, holder, until)
            end = min(self.all.live_until[claim], returned.get(claim, ENDLESS))
            if self.all.verb[delivery] != NONE:
                end = min(end, self.all.sent[delivery])
            if end > until:
                until, holder = end, delivery

    def two_holders(self, delivery, holder, until):
        ours, theirs = self.all.change[delivery], self.all.change[holder]
        self.add("I6" if ours == theirs else "I5",
                 f"{self.truth.describe(ours)} was handed out while another client held "
                 f"{'it' if ours == theirs else self.truth.describe(theirs)} for "
                 f"{(until - self.got(delivery)) / 1e9:.3f} s more")

    def returned(self):
        """By claim: when the first of the group was given back, and with it, perhaps, the rest."""
        found = {}
        for delivery in self.own:
            if self.all.verb[delivery] not in (NONE, ACK):
                claim = self.all.claim[delivery]
                found[claim] = min(found.get(claim, ENDLESS), self.all.sent[delivery])
        return found

    # -- I4, I7 -------------------------------------------------------------------------------

    def stale_refused(self, change, found):
        """A delivery that was followed by another one cannot be settled any more, and only one can be accepted."""
        accepted = sum(map(self.accepted, found))
        if accepted > 1:
            self.add("I7", f"{self.truth.describe(change)} was accepted from {accepted} deliveries")
        for one in found:
            for verb, sent, _, result in self.all.settles(one):
                if result == UNKNOWN:
                    self.add("I7", f"{self.truth.describe(change)} was delivered, and its delivery is unknown")
                elif result == DONE and any(self.asked(other) > self.got(one) and self.got(other) < sent
                                            for other in found if other != one):
                    self.add("I7", f"a settle (verb {verb}) of {self.truth.describe(change)} was accepted after the next "
                                   "delivery")

    def accepted(self, delivery):
        return any(verb == ACK and result == DONE for verb, _, _, result in self.all.settles(delivery))

    def never_again(self, change, found):
        """What was accepted, or rejected for good, does not return."""
        for one in found:
            for verb, _, at, result in self.all.settles(one):
                if verb in (ACK, DEAD_LETTER) and result == DONE and any(self.asked(other) > at
                                                                         for other in found if other != one):
                    self.add("I4", f"{self.truth.describe(change)} was "
                                   f"{'accepted' if verb == ACK else 'rejected'} and came again")

    def taken_back(self):
        """What follows a message that was given back, in its claim, went back with it."""
        place = {change: i for i, change in enumerate(self.changes)}
        given_back = {}  # claim -> (place, answered) of the first that was given back
        for delivery in self.own:
            if self.all.verb[delivery] in (NONE, ACK) or self.all.result[delivery] != DONE or not self.all.at[delivery]:
                continue
            claim = self.all.claim[delivery]
            given_back[claim] = min(given_back.get(claim, (ENDLESS, 0)),
                                    (place.get(self.all.change[delivery], ENDLESS), self.all.at[delivery]))
        for delivery in self.own if given_back else ():
            first, answered = given_back.get(self.all.claim[delivery], (ENDLESS, 0))
            if (place.get(self.all.change[delivery], -1) > first and self.accepted(delivery)
                    and self.all.sent[delivery] > answered):
                self.add("I7", f"{self.truth.describe(self.all.change[delivery])} was accepted after an earlier one of its "
                               "group and claim was given back")

"""What clients write down: a line of JSON per thing that happened, a list whose first element says what it is.

    ["got", claim, sent, at, visibility, [event, lsn, idx, count, event, lsn, idx, count, …]]   a receive, or a webhook
    ["nothing", sent, at]                   a receive without an answer: nobody knows what it took
    ["settled", claim, verb, sent, at, result, [place, …]]   places in the claim; no answer: at = 0, result "?"
    ["kept", claim, sent, at, visibility]   an extend of the whole claim that was answered with EXTENDED
    ["open", claim, until]                  of a webhook: until then for certain the agent waited for the answer (0: it did not)
    ["early", event]                        a fresh snapshot did not see the transaction of a change in hand
    ["seen", number]                        so many changes in hand were looked up in a fresh snapshot
    ["twice", event]                        its effect was there already
    ["failed", text]                        an error that no fault explains

Times are ns of CLOCK_MONOTONIC, which all processes of a machine share: `sent` is taken before a request leaves, `at`
after its answer came; a webhook has no `sent` (0). `claim` is a number of the client's own.
"""

import itertools
import json
import threading
import time

from tests.crash.clients import identity


class History:
    """One client's file. Probes are told at once in a file beside it."""

    def __init__(self, folder, consumer, client):
        self.file = open(folder / f"{consumer}.{client}.history", "a")
        self.probes = open(folder / f"{consumer}.{client}.probes", "a", buffering=1)
        self.claims = itertools.count(1)
        self.lock = threading.Lock()

    def got(self, sent, visibility, messages):
        """messages: flat [event, lsn, idx, count, …]. Returns the number of the claim."""
        at = time.monotonic_ns()
        claim = next(self.claims)
        self._write(["got", claim, sent, at, visibility, messages])
        for event in messages[::4]:
            if identity.writer_of(event) == identity.PROBE_WRITER:
                self.probes.write(f"{identity.transaction_of(event)} {at}\n")
        return claim

    def nothing(self, sent):
        self._write(["nothing", sent, time.monotonic_ns()])

    def settled(self, claim, verb, sent, results):
        """results: {place: result}; None for a result means that there was no answer."""
        at = time.monotonic_ns()
        by_result = {}
        for place, result in results.items():
            by_result.setdefault(result, []).append(place)
        for result, places in by_result.items():
            self._write(["settled", claim, verb, sent, at if result else 0, result or "?", places])

    def kept(self, claim, sent, visibility):
        self._write(["kept", claim, sent, time.monotonic_ns(), visibility])

    def note(self, *words):
        self._write(list(words))

    def _write(self, line):
        text = json.dumps(line, separators=(",", ":")) + "\n"
        with self.lock:
            self.file.write(text)
            self.file.flush()


def read(path):
    with open(path) as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)

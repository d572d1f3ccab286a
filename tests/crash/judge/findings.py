"""What was found, by invariant: all are counted, some are told."""

import collections

INVARIANTS = {
    "I1": "no change is lost",
    "I2": "nothing of an aborted transaction is delivered",
    "I3": "a change stands in the log once",
    "I4": "with a transactional ack there is exactly one effect",
    "I5": "a group is in order, and with one holder at a time",
    "I6": "live claims of a message never overlap",
    "I7": "no stale settle is accepted",
    "I8": "a fresh snapshot sees what is in hand",
    "I11": "the slot catches up; memory and descriptors stay within bounds",
    "I12": "delivery goes on by itself",
    "I13": "a lost slot is declared",
    "I15": "dead letters are those that were rejected or have failed as often as they may",
}
TOLD = 20


class Findings:
    def __init__(self):
        self.counts = collections.Counter()
        self.examples = collections.defaultdict(list)
        self.closed = False  # what is found from now on comes of the end

    def add(self, invariant, text):
        if self.closed:
            return
        self.counts[invariant] += 1
        if len(self.examples[invariant]) < TOLD:
            self.examples[invariant].append(text)

    def total(self):
        return sum(self.counts.values())

    def by_invariant(self):
        return {invariant: self.counts[invariant] for invariant in INVARIANTS}

"""What was committed: the writers' logs, and the ledger for what they could not know."""

import array
import bisect
import itertools
import json

from tests.crash.clients import identity

MUST, MAY = 1, 2  # be delivered
LETTER_TABLE = 2


class Truth:
    """Changes in parallel arrays, sorted by event. `in_groups`: those that must be delivered, by group and order in it."""

    def __init__(self, folder, ledger, findings, tail_lost=False, gaps=()):
        """ledger: transaction -> LSN before its commit, of the recovered database. gaps: pairs of LSNs."""
        self.ledger, self.findings, self.tail_lost = ledger, findings, tail_lost
        self.in_gap = _transactions_in(gaps, ledger) if gaps else frozenset()
        self.never = set()
        self.transactions = 0
        found = [change for path in sorted(folder.glob("writer-*.log")) for change in self._read(path)]
        found = list(_merged(sorted(found)))
        self.events = array.array("q", (change[0] for change in found))
        self.groups = array.array("q", (change[1] for change in found))
        self.orders = array.array("q", (change[2] for change in found))
        self.duties = bytearray(change[3] for change in found)
        self.in_groups = array.array("l", sorted((i for i in range(len(found)) if self.duties[i] == MUST),
                                                 key=lambda i: (self.groups[i], self.orders[i])))

    def _read(self, path):
        with open(path) as lines:
            for line in lines:
                tx, outcome, _, _, done, undone = json.loads(line)
                self.transactions += 1
                self.never.update(undone)
                duty = self._duty(tx, outcome)
                if duty:
                    yield from ((*done[i:i + 3], duty) for i in range(0, len(done), 3))
                else:
                    self.never.update(done[::3])

    def _duty(self, tx, outcome):
        if tx in self.ledger:
            if outcome == "aborted":
                self.findings.add("I2", f"transaction {tx} was rolled back, and is in the recovered database")
            return MAY if tx in self.in_gap else MUST
        if self.tail_lost and outcome != "aborted":
            return MAY
        if outcome == "committed":
            self.findings.add("I1", f"transaction {tx} was committed, and is not in the recovered database")
        return None

    def find(self, event):
        """The place of an event, or -1."""
        at = bisect.bisect_left(self.events, event)
        return at if at < len(self.events) and self.events[at] == event else -1

    def describe(self, place):
        event = self.events[place]
        return (f"change {event} of transaction {identity.transaction_of(event)}, group {self.groups[place]}, "
                f"order {self.orders[place]}")

    def is_delayed(self, place):
        """Those, and probes, have a key of their own."""
        return self.groups[place] == self.events[place] // 2 * 4 + LETTER_TABLE

    @staticmethod
    def is_letter(group):
        return group % 4 == LETTER_TABLE


def _merged(found):
    """One of each event. A row whose delete was lost with the tail is there again, and deleted again: what is in the
    ledger counts."""
    for _, same in itertools.groupby(found, key=lambda change: change[0]):
        yield min(same, key=lambda change: change[3])


def _transactions_in(gaps, ledger):
    """Those that may have committed in a gap: between their own ledger row and the next one of their writer."""
    found = set()
    by_writer = {}
    for tx, lsn in ledger.items():
        by_writer.setdefault(tx // identity.WRITER, []).append((lsn, tx))
    for rows in by_writer.values():
        rows.sort()
        ends = [lsn for lsn, _ in rows[1:]] + [1 << 64]
        for (lsn, tx), end in zip(rows, ends):
            if any(lsn <= until and end >= since for since, until in gaps):
                found.add(tx)
    return found

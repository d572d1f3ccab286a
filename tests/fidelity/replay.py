"""Messages in commit order onto the copy, each beside what the oracle says of it."""

import json

from . import oracle
from .rebuilt import JOURNAL, Mismatch


class Replay:
    def __init__(self, consumer, copy, changes, coverage):
        self.consumer, self.copy, self.coverage = consumer, copy, coverage
        self.changes, self.at = changes, 0
        self.bounds = (0, 0)  # ends of the transaction before and of this one
        self.annotations = None  # of the transaction, so far

    def run(self, messages):
        """What is wrong, or None; it does not go on after that."""
        open_lsn = None
        try:
            for message in messages:
                if message.place[0] != open_lsn:
                    if open_lsn is not None:
                        self.copy.commit()
                    self.copy.begin()
                    open_lsn = message.place[0]
                self._one(message)
            if open_lsn is not None:
                self.copy.commit()
            left = self._next_change()
            if left is not None:
                raise Mismatch(f"the oracle has a change more: {left}")
        except Mismatch as found:
            self.copy.abandon()
            return str(found)
        return None

    def _one(self, message):
        change = self._next_change()
        try:
            self._compare_place(message, change)
            row = self.copy.apply(message)
            self._compare_row(message, change, row)
        except (Mismatch, ValueError, KeyError) as found:
            raise Mismatch(f"{found!s}\n    message: {message}\n    oracle:  {change}") from found
        if message.table != JOURNAL:
            self.coverage.count("action", message.action)

    def _next_change(self):
        """The oracle's next change that a consumer of all tables has to get."""
        while self.at < len(self.changes):
            change = self.changes[self.at]
            self.at += 1
            if change.commit_end != self.bounds[1]:
                self.bounds = (self.bounds[1], change.commit_end)
                self.annotations = None
            if self._wanted(change):
                return change
        return None

    def _wanted(self, change):
        if change.table[0] == "sequin":
            return False
        if change.action == "message":
            return self._published(change.values)
        if change.table == JOURNAL:
            return True
        table = self.copy.catalog.table(change.table)
        if table is None:
            # Nothing of it is on the copy: unlogged tables and views that are materialized.
            return change.table not in (("w", "unlogged"), ("w", "materialized"))
        if change.action != "truncate":
            return True
        if self.consumer.leaves:  # tables that have partitions hold no rows
            return table.kind != "p"
        return not table.ancestors & change.together

    def _published(self, logical):
        """Messages to Sequin itself are not: they say what the rest of the transaction is to carry."""
        if not logical["prefix"].startswith("sequin:"):
            return True
        self.annotations = json.loads(logical["content"]) if logical["prefix"].endswith(".set") else None
        return False

    def _compare_place(self, message, change):
        if change is None:
            raise Mismatch("the oracle has no further change")
        lsn, index = message.place
        if not self.bounds[0] <= lsn < self.bounds[1] or index != change.index:
            raise Mismatch(f"its place is not {change.index} between {self.bounds}")
        if message.action != change.action or message.table != self._name(change):
            raise Mismatch("another action or table")
        if message.metadata["transaction_annotations"] != self.annotations:
            raise Mismatch(f"its annotations are not {self.annotations}")
        self.coverage.count("check", "annotated message", self.annotations is not None)

    def _name(self, change):
        if self.consumer.leaves or change.action == "message":
            return change.table
        table = self.copy.catalog.table(change.table)
        return table.root if table else change.table

    def _compare_row(self, message, change, row):
        if row is None:
            return
        values = change.values
        if message.action == "delete" and not values:
            return
        for name, value in values.items():
            if value is oracle.UNCHANGED:
                if message.action == "update" and name in message.record and name not in change.old:
                    raise Mismatch(f"{name} is unchanged and out of line, yet it is in the record")
            elif name in row and row[name] != value:
                raise Mismatch(f"{name} is {str(value)[:500]!r}, on the copy {str(row[name])[:500]!r}")
            elif name not in row and name in message.record:
                raise Mismatch(f"{name} is not on the copy")

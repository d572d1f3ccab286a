"""Counts what was really exercised: only what committed, what was aborted on purpose, and what arrived."""

import collections


class Coverage:
    GROUPS = ["operation", "transaction", "ddl", "type", "key", "replica identity", "action", "mode", "check"]

    def __init__(self):
        self.groups = {group: collections.Counter() for group in self.GROUPS}

    def count(self, group, name, number=1):
        self.groups[group][name] += number

    def add(self, other):
        for group, counter in other.groups.items():
            self.groups[group] += counter

    def lines(self):
        for group, counter in self.groups.items():
            yield f"{group}: " + ", ".join(f"{name} {number}" for name, number in sorted(counter.items()))

    def numbers(self):
        return {group: dict(sorted(counter.items())) for group, counter in self.groups.items()}

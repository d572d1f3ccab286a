"""The independent witness: what was committed, in commit order, by core's own test_decoding plugin."""

import bisect
import dataclasses
import re

from .server import lsn_to_int

_LINE = re.compile(r"table (\w+\.\S+): (INSERT|UPDATE|DELETE|TRUNCATE): (.*)", re.DOTALL)
_VALUE = re.compile(r"(\w+)\[[^\]]*\]:(null|'(?:[^']|'')*'|\S+)")


@dataclasses.dataclass(frozen=True)
class Change:
    """One row change. `order` is its place in the whole history, `index` its place in its transaction."""
    order: int
    commit_end: int
    index: int
    table: str
    action: str
    values: dict

    def key(self, key_columns):
        """What the order of delivery is judged by; None for a table without a key."""
        column = key_columns.get(self.table)
        return column and (self.table, self.values[column])


def _unquote(text):
    if text == "null":
        return None
    return text[1:-1].replace("''", "'") if text.startswith("'") else text


def _parse_values(text):
    _, _, after_old_key = text.partition("new-tuple: ")
    return {name: _unquote(value) for name, value in _VALUE.findall(after_old_key or text)}


class Truth:
    """Create it before the load starts. `tables` names what is judged; the rest of the server does not count."""

    def __init__(self, server, tables, slot="truth", database="postgres"):
        self.server, self.slot, self.database = server, slot, database
        self.tables = set(tables)
        self.changes = []
        server.sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", slot, database=database)

    def read(self):
        """Reads the history from the slot's start. Changes of Sequin's own tables carry an origin: only-local."""
        rows = self.server.sql(
            "SELECT lsn::text, data FROM pg_logical_slot_peek_changes(%s, NULL, NULL, 'include-xids', '0', "
            "'skip-empty-xacts', '1', 'only-local', '1')", self.slot, database=self.database)
        self.changes, pending, index = [], [], 0
        for lsn, data in rows:
            if data.startswith("BEGIN"):
                pending, index = [], 0
            elif data.startswith("COMMIT"):
                self._commit(pending, lsn_to_int(lsn))
            else:
                pending.append((index, data))
                index += 1
        self._ends = sorted({change.commit_end for change in self.changes})
        self._by_place = {(change.commit_end, change.index): change for change in self.changes}
        return self.changes

    def _commit(self, lines, commit_end):
        for index, data in lines:
            match = _LINE.fullmatch(data)
            if match and match[1] in self.tables:
                self.changes.append(Change(len(self.changes), commit_end, index, match[1], match[2].lower(),
                                           _parse_values(match[3])))

    def drop(self):
        self.server.sql("SELECT pg_drop_replication_slot(%s)", self.slot, database=self.database)

    def find(self, envelope):
        """The change an envelope speaks of, or None: a phantom.

        An envelope names a commit by the position where its record starts; test_decoding tells where it ends.
        A commit record starts at or after the end of the one before, so the first end behind the start is its own.
        """
        metadata = envelope["metadata"]
        at = bisect.bisect_right(self._ends, metadata["commit_lsn"])
        if at == len(self._ends):
            return None
        return self._by_place.get((self._ends[at], metadata["commit_idx"]))

"""The independent witness: the same WAL through core's test_decoding."""

import dataclasses
import re

from tests.support.server import lsn_to_int

SLOT = "fidelity_oracle"
UNCHANGED = object()

_NAME = r'(?:"(?:[^"]|"")*"|[^\s".:,\[\]]+)'
_TABLES = re.compile(rf"table ((?:{_NAME}\.{_NAME}(?:, )?)+): (INSERT|UPDATE|DELETE|TRUNCATE): ?", re.DOTALL)
_QUALIFIED = re.compile(rf"({_NAME})\.({_NAME})")
_COLUMN = re.compile(rf" ?({_NAME})\[((?:\"(?:[^\"]|\"\")*\"|\[\]|[^\[\]\"])*)\]:"
                     r"(null|unchanged-toast-datum|B'[01]*'|'(?:[^']|'')*'|[^\s']+)", re.DOTALL)


@dataclasses.dataclass
class Change:
    """One row change, the index-th of its transaction. `values`: name -> text, None or UNCHANGED; of a delete those of the
    old row."""
    commit_end: int
    index: int
    table: tuple
    action: str
    values: dict
    old: dict
    together: set  # of a truncate: all tables of the statement

    def __str__(self):
        return f"{self.index} {self.action} {'.'.join(map(str, self.table))} {str(self.values)[:1500]}"


def _unquoted(name):
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _value(type_, text):
    if text == "null":
        return None
    if text == "unchanged-toast-datum":
        return UNCHANGED
    if text.startswith("'"):
        return text[1:-1].replace("''", "'")
    if text.startswith("B'"):
        return text[2:-1]
    return text[0] if type_ == "boolean" else text


def _values(text, at):
    """Columns from a position on, and where they end."""
    found = {}
    while match := _COLUMN.match(text, at):
        found[_unquoted(match[1])] = _value(match[2], match[3])
        at = match.end()
    return found, at


def _changes(data):
    match = _TABLES.match(data)
    tables = [(_unquoted(schema), _unquoted(name)) for schema, name in _QUALIFIED.findall(match[1])]
    action = match[2].lower()
    if action == "truncate":
        return [Change(None, None, table, action, {}, {}, set(tables)) for table in tables]
    at, old = match.end(), {}
    if data.startswith("old-key:", at):
        old, at = _values(data, at + len("old-key:"))
        at += len(" new-tuple:")
    values, at = _values(data, at)
    rest = data[at:].strip()
    if rest not in ("", "(no-tuple-data)"):
        raise ValueError(f"cannot read {data[:400]!r} from {rest[:100]!r} on")
    return [Change(None, None, tables[0], action, values, old, set())]


_MESSAGE = re.compile(r"message: transactional: ([01]) prefix: (\S+), sz: \d+ content:(.*)", re.DOTALL)


def _in_order(pending):
    """Changes of a transaction, from (lsn, change). Core gives a message the end of its record, which may be where the next
    change begins: of equal places the message is the first, whatever order core shows them in."""
    ordered = []
    for lsn, change in pending:
        at = len(ordered)
        while change.action == "message" and at > 0 and ordered[at - 1][0] == lsn and ordered[at - 1][1].action != "message":
            at -= 1
        ordered.insert(at, (lsn, change))
    return [change for _, change in ordered]


def read(rows):
    """From (lsn, data) of the slot: row changes and transactional messages in commit order, and the contents of messages
    that are not."""
    changes, loose, pending = [], [], []
    for lsn, data in rows:
        if data.startswith("BEGIN"):
            pending = []
        elif data.startswith("COMMIT"):
            end = lsn_to_int(lsn)
            for index, change in enumerate(_in_order(pending)):
                change.commit_end, change.index = end, index
                changes.append(change)
        elif match := _MESSAGE.fullmatch(data):
            if match[1] == "0":
                loose.append(match[3])
                continue
            pending.append((lsn, Change(None, None, (None, None), "message",
                                        {"prefix": match[2], "content": match[3]}, {}, set())))
        else:
            pending += [(lsn, change) for change in _changes(data)]
    return changes, loose


QUERY = (f"SELECT lsn::text, data FROM pg_logical_slot_peek_changes('{SLOT}', NULL, NULL, 'include-xids', '0', "
         "'skip-empty-xacts', '0', 'only-local', '1')")

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
    """One row change. `values`: name -> text, None or UNCHANGED; of a delete those of the old row."""
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


def _changes(data, commit_end, index):
    match = _TABLES.match(data)
    tables = [(_unquoted(schema), _unquoted(name)) for schema, name in _QUALIFIED.findall(match[1])]
    action = match[2].lower()
    if action == "truncate":
        return [Change(commit_end, index + place, table, action, {}, {}, set(tables))
                for place, table in enumerate(tables)]
    at, old = match.end(), {}
    if data.startswith("old-key:", at):
        old, at = _values(data, at + len("old-key:"))
        at += len(" new-tuple:")
    values, at = _values(data, at)
    rest = data[at:].strip()
    if rest not in ("", "(no-tuple-data)"):
        raise ValueError(f"cannot read {data[:400]!r} from {rest[:100]!r} on")
    return [Change(commit_end, index, tables[0], action, values, old, set())]


_MESSAGE = re.compile(r"message: transactional: ([01]) prefix: (\S+), sz: \d+ content:(.*)", re.DOTALL)


def read(rows):
    """From (lsn, data) of the slot: row changes and transactional messages in commit order, and the contents of messages
    that are not."""
    changes, loose, pending, index = [], [], [], 0
    for lsn, data in rows:
        if data.startswith("BEGIN"):
            pending, index = [], 0
        elif data.startswith("COMMIT"):
            end = lsn_to_int(lsn)
            for change in pending:
                change.commit_end = end
            changes += pending
        elif match := _MESSAGE.fullmatch(data):
            if match[1] == "0":
                loose.append(match[3])
                continue
            pending.append(Change(None, index, (None, None), "message", {"prefix": match[2], "content": match[3]}, {},
                                  set()))
            index += 1
        else:
            made = _changes(data, None, index)
            pending += made
            index += len(made)
    return changes, loose


QUERY = (f"SELECT lsn::text, data FROM pg_logical_slot_peek_changes('{SLOT}', NULL, NULL, 'include-xids', '0', "
         "'skip-empty-xacts', '0', 'only-local', '1')")

"""Messages as they were received. Values stay raw JSON text: a parser of numbers or keys would change them."""

import dataclasses
import json
import re

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(strict=True)


def raw_members(text):
    """An object's members: name -> raw text of the value. Repeated names are an error."""
    members, at = {}, _skip(text, 0)
    if text[at] != "{":
        raise ValueError(f"not an object: {text[:80]}")
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] != ":" or name in members:
            raise ValueError(f"no value for {name}, or a second one: {text[:80]}")
        start = _skip(text, at + 1)
        _, end = _DECODER.raw_decode(text, start)
        members[name] = text[start:end]
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def raw_items(text):
    """An array's items as raw text."""
    items, at = [], _skip(text, _skip(text, 0) + 1)
    while text[at] != "]":
        _, end = _DECODER.raw_decode(text, at)
        items.append(text[at:end])
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return items


def _skip(text, at):
    return _SPACE.match(text, at).end()


@dataclasses.dataclass
class Message:
    action: str
    table: tuple    # (schema, name)
    record: dict    # name -> raw JSON text, or None
    changes: dict   # the same
    metadata: dict  # parsed
    seq: int
    text: str

    @property
    def place(self):
        return self.metadata["commit_lsn"], self.metadata["commit_idx"]

    @property
    def keys(self):
        """Of the groups it belongs to."""
        found = [self.metadata["record_pks"], self.metadata.get("old_record_pks")]
        return [(self.table, tuple(key)) for key in found if key]

    def __str__(self):
        return f"{self.place} {self.action} {'.'.join(self.table)} {self.text[:1500]}"


def parse(text, seq):
    parts = raw_members(text)
    metadata = json.loads(parts["metadata"])
    record = None if parts["record"] == "null" or parts["action"] == '"message"' else raw_members(parts["record"])
    changes = None if parts["changes"] == "null" else raw_members(parts["changes"])
    return Message(json.loads(parts["action"]), (metadata.get("table_schema"), metadata.get("table_name")), record,
                   changes, metadata, seq, text)

"""Messages as they were received. Values stay raw JSON text: a parser of numbers or keys would change them."""

import dataclasses
import json
import re

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder(strict=True)


def raw_members(text):
    """An object's members: name -> raw text of the value, with the white space around it, which is part of a json
    column's value. Repeated names are an error."""
    members, at = {}, _skip(text, 0)
    if text[at] != "{":
        raise ValueError(f"not an object: {text[:80]}")
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] != ":" or name in members:
            raise ValueError(f"no value for {name}, or a second one: {text[:80]}")
        members[name], at = _value(text, at + 1)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def raw_items(text):
    """An array's items as raw text."""
    items, at = [], _skip(text, 0) + 1
    if text[_skip(text, at)] == "]":
        return items
    while True:
        item, at = _value(text, at)
        items.append(item)
        if text[at] == "]":
            return items
        at += 1


def _value(text, start):
    """All up to the next comma or bracket, and where that is."""
    _, end = _DECODER.raw_decode(text, _skip(text, start))
    end = _skip(text, end)
    return text[start:end], end


def _skip(text, at):
    return _SPACE.match(text, at).end()


@dataclasses.dataclass
class Message:
    action: str
    table: tuple    # (schema, name)
    record: dict    # name -> raw JSON text, None where it is NULL; or None as a whole
    changes: dict   # the same
    metadata: dict  # parsed
    seq: int
    text: str

    @property
    def place(self):
        return self.metadata["commit_lsn"], self.metadata["commit_idx"]

    @property
    def loose(self):
        return self.action == "message" and json.loads(self.record["prefix"]) == "fidelity_loose"

    @property
    def keys(self):
        """Of the groups it belongs to."""
        found = [self.metadata["record_pks"], self.metadata.get("old_record_pks")]
        return [(self.table, tuple(key)) for key in found if key]

    def __str__(self):
        return f"{self.place} {self.action} {'.'.join(map(str, self.table))} {self.text[:1500]}"


def _columns(raw, json_nulls):
    if raw == "null":
        return None
    return {name: None if value.strip() == "null" and name not in json_nulls else value
            for name, value in raw_members(raw).items()}


def parse(text, seq):
    parts = raw_members(text)
    metadata = json.loads(parts["metadata"])
    return Message(json.loads(parts["action"]), (metadata.get("table_schema"), metadata.get("table_name")),
                   _columns(parts["record"], metadata.get("json_null_columns", ())),
                   _columns(parts["changes"], metadata.get("json_null_changes", ())), metadata, seq, text)

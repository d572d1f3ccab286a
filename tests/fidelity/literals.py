"""From a value in a message to text that the type's input function takes: docs/types.md read from right to left."""

import json

from .message import raw_items, raw_members

JSON_TYPES = ("json", "jsonb")


def input_text(raw, type_):
    """None: the value is NULL. `type_` is a TypeInfo."""
    if raw is None:
        return None
    if type_.base in JSON_TYPES:
        return raw
    raw = raw.strip()
    if raw[0] == '"':
        return json.loads(raw)
    if raw[0] == "[" and type_.element:
        return _array_text(raw, type_)
    if raw[0] == "{" and type_.fields is not None:
        members = raw_members(raw)
        return _row_text([input_text(_part(members.pop(name)), field) for name, field in type_.fields], members)
    if raw[0] in "[{n":
        raise ValueError(f"{type_.base} cannot be made from {raw[:80]}")
    return raw  # numbers, true, false


def _part(raw):
    """Inside a value null is NULL always: where it could be JSON's, the text form is written."""
    return None if raw.strip() == "null" else raw


def _array_text(raw, type_):
    """Arrays of arrays are one array of more dimensions; also of JSON: what could be mistaken comes as text."""
    items = raw_items(raw)
    if items and items[0].strip()[0] == "[":
        return "{" + ",".join(_array_text(item, type_) for item in items) + "}"
    return "{" + type_.element.delimiter.join(_item(input_text(_part(item), type_.element)) for item in items) + "}"


def _item(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _row_text(fields, left_over):
    if left_over:
        raise ValueError(f"fields that the type does not have: {sorted(left_over)}")
    return "(" + ",".join("" if field is None else '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'
                          for field in fields) + ")"

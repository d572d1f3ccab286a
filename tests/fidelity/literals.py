"""From a value in a message to text that the type's input function takes: docs/types.md read from right to left."""

import json

from .message import raw_items, raw_members

JSON_TYPES = ("json", "jsonb")


def input_text(raw, type_):
    """None: the value is NULL. `type_` has name, category (pg_type.typcategory), element, fields."""
    if raw == "null":
        return None
    if type_.base in JSON_TYPES:
        return raw
    if raw[0] == '"':
        return json.loads(raw)
    if raw[0] == "[" and type_.element:
        return _array_text(raw, type_)
    if raw[0] == "{" and type_.fields is not None:
        members = raw_members(raw)
        return _row_text([input_text(members.pop(name), field) for name, field in type_.fields], members)
    if raw[0] in "[{":
        raise ValueError(f"{type_.base} cannot be made from {raw[:80]}")
    return raw  # numbers, true, false


def _array_text(raw, type_):
    """Arrays of arrays are one array of more dimensions."""
    items = raw_items(raw)
    if items and items[0][0] == "[" and type_.element.base not in JSON_TYPES:
        return "{" + ",".join(_array_text(item, type_) for item in items) + "}"
    return "{" + type_.element.delimiter.join(_item(input_text(item, type_.element)) for item in items) + "}"


def _item(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _row_text(fields, left_over):
    if left_over:
        raise ValueError(f"fields that the type does not have: {sorted(left_over)}")
    return "(" + ",".join("" if field is None else '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'
                          for field in fields) + ")"

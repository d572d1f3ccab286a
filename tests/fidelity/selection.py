"""Consumers that get only some rows and columns of a table, and what they must have got.

`chosen` sees a table of its own, so to say: the rows that its filter holds for, with updates that begin or cease to match
as inserts and deletes. `judged` has a filter that is evaluated when messages are received; what it lets through is told by
the oracle. `filled` has values that the WAL does not repeat looked up when its messages are received."""

import bisect
import json

from .values import TEXT

TABLE = ("w", "chosen")
DDL = ["CREATE TABLE w.chosen (id int PRIMARY KEY, number int, note text)", "ALTER TABLE w.chosen REPLICA IDENTITY FULL",
       "CREATE TABLE w.filled (id int PRIMARY KEY, number int, note text)",
       "ALTER TABLE w.filled ALTER note SET STORAGE EXTERNAL"]
JUDGE = ("CREATE FUNCTION public.fidelity_judge(number int) RETURNS bool LANGUAGE plpgsql "
         "AS 'BEGIN RETURN number % 5 = 0; END'")
CONSUMERS = {
    "chosen": "tables => '{w.chosen}', filter => 'number % 3 = 0', filter_transition => 'insert_delete', columns => '{id,number}', "
              "number_format => 'number'",
    "judged": "tables => '{w.chosen}', filter => 'public.fidelity_judge(number)', exclude_columns => '{note}'",
    "filled": "tables => '{w.filled}', fill_unchanged => true",
}


def create(sql):
    sql(JUDGE)
    for name, options in CONSUMERS.items():
        sql(f"SELECT sequin.create_consumer('{name}', {options})")


def statement(rest):
    """A random change of one of the tables."""
    table = rest.choice(["w.chosen", "w.filled"])
    number = lambda: "NULL" if rest.random() < 0.1 else rest.randrange(100)  # noqa: E731
    some = f"id IN (SELECT id FROM {table} OFFSET {rest.randrange(30)} LIMIT {rest.randint(1, 4)} FOR UPDATE SKIP LOCKED)"
    note = f"'{TEXT.value(rest).replace(chr(39), '')}'"
    return rest.choices([
        f"INSERT INTO {table} SELECT i, {number()} + i, {note} FROM generate_series({rest.randrange(500)}, 500, 80) i "
        "ON CONFLICT DO NOTHING",
        f"UPDATE {table} SET number = {number()} WHERE {some}",
        f"UPDATE {table} SET note = {note} WHERE {some}",
        f"UPDATE {table} SET id = id + {rest.randrange(1000, 100000)}, number = {number()} WHERE {some}",
        f"DELETE FROM {table} WHERE {some}",
        f"TRUNCATE {table}"], [8, 10, 3, 3, 3, 0.1])[0]


def _value(message, name):
    raw = message.record[name]
    return None if raw is None else json.loads(raw)


def chosen_findings(messages, rows):
    """`rows`: (id, number) that the filter holds for now."""
    seen = {}
    for message in messages:
        if message.action == "truncate":
            seen.clear()
            continue
        if set(message.record) != {"id", "number"}:
            return [f"chosen: other columns than it asked for: {message}"]
        key = _value(message, "id")
        before = int(message.metadata.get("old_record_pks", [key])[0]) if message.action != "insert" else None
        if message.action != "insert" and seen.pop(before, seen) is seen:
            return [f"chosen: a row that it never had: {message}"]
        if message.action != "delete":
            if key in seen:
                return [f"chosen: a row that it has already: {message}"]
            seen[key] = _value(message, "number")
    wrong = set(seen.items()) ^ set(rows)
    return [f"chosen: not the same rows, different are {sorted(wrong, key=str)[:20]}"] if wrong else []


def judged_findings(messages, changes):
    """`changes`: the oracle's, all of them."""
    def passes(change):
        number = change.values.get("number")
        return change.action == "truncate" or (number is not None and int(number) % 5 == 0)
    ends = sorted({change.commit_end for change in changes})
    expected = [(change.commit_end, change.index, change.action) for change in changes
                if change.table == TABLE and passes(change)]
    got = [(ends[bisect.bisect_right(ends, message.place[0])], message.place[1], message.action) for message in messages]
    if got == expected:
        return []
    return [f"judged: missing {sorted(set(expected) - set(got))[:10]}, too many {sorted(set(got) - set(expected))[:10]}"]


def filled_findings(messages, rows):
    """`rows`: (id, number, note) as they are now; so are the values that were filled in."""
    now, seen = {row[0]: row[1:] for row in rows}, {}
    for message in messages:
        if message.action == "truncate":
            seen.clear()
            continue
        key = _value(message, "id")
        before = seen.pop(int(message.metadata.get("old_record_pks", [key])[0]), (None, None))
        if message.action == "delete":
            continue
        filled, unchanged = ("note" in message.metadata.get(f"{how}_columns", ()) for how in ("filled", "unchanged"))
        if filled + unchanged + ("note" in message.record) != 1 + filled:
            return [f"filled: a value that is unchanged or filled in is not in its place: {message}"]
        if filled and (key not in now or _value(message, "note") != now[key][1]) or unchanged and key in now:
            return [f"filled: the row has {str(now.get(key))[:500]} now: {message}"]
        seen[key] = _value(message, "number"), before[1] if unchanged else _value(message, "note")
    wrong = [key for key in seen.keys() | now.keys() if seen.get(key) != now.get(key)]
    return [f"filled: not the same rows, different are {sorted(wrong)[:20]}"] if wrong else []

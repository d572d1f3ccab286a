"""Consumers that get only some rows and columns of a table, and what they must have got.

`chosen` sees a table of its own, so to say: the rows that its filter holds for, with updates that begin or cease to match
as inserts and deletes. `judged` has a filter that is evaluated when messages are received; what it lets through is told by
the oracle."""

import bisect
import json

from .values import TEXT

TABLE = ("w", "chosen")
DDL = ["CREATE TABLE w.chosen (id int PRIMARY KEY, number int, note text)", "ALTER TABLE w.chosen REPLICA IDENTITY FULL",
       "ALTER TABLE w.chosen ALTER note SET STORAGE EXTERNAL"]
JUDGE = ("CREATE FUNCTION public.fidelity_judge(number int) RETURNS bool LANGUAGE plpgsql "
         "AS 'BEGIN RETURN number % 5 = 0; END'")
CONSUMERS = {
    "chosen": "filter => 'number % 3 = 0', filter_transition => 'insert_delete', columns => '{id,number}', "
              "number_format => 'number'",
    "judged": "filter => 'public.fidelity_judge(number)', exclude_columns => '{note}'",
}


def create(sql):
    sql(JUDGE)
    for name, options in CONSUMERS.items():
        sql(f"SELECT sequin.create_consumer('{name}', tables => '{{w.chosen}}', {options})")


def statement(rest):
    """A random change of the table."""
    number = lambda: "NULL" if rest.random() < 0.1 else rest.randrange(100)  # noqa: E731
    some = f"id IN (SELECT id FROM w.chosen OFFSET {rest.randrange(30)} LIMIT {rest.randint(1, 4)} FOR UPDATE SKIP LOCKED)"
    note = f"'{TEXT.value(rest).replace(chr(39), '')}'"
    return rest.choices([
        f"INSERT INTO w.chosen VALUES ({rest.randrange(500)}, {number()}, {note}), ({rest.randrange(500)}, {number()}, NULL) "
        "ON CONFLICT DO NOTHING",
        f"UPDATE w.chosen SET number = {number()} WHERE {some}",
        f"UPDATE w.chosen SET note = {note} WHERE {some}",
        f"UPDATE w.chosen SET id = id + {rest.randrange(1000, 100000)}, number = {number()} WHERE {some}",
        f"DELETE FROM w.chosen WHERE {some}",
        "TRUNCATE w.chosen"], [10, 8, 3, 3, 3, 0.3])[0]


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



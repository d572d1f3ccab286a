"""The tables that are captured: random transactions on them, and what each commit adds to the log."""

import dataclasses

TABLES = ("m.plain", "m.grouped")
STREAM = "m_stream"
CREATE = """
CREATE SCHEMA m;
CREATE TABLE m.plain (id int PRIMARY KEY, token bigint, pad text);
CREATE TABLE m.grouped (id int PRIMARY KEY, g int, token bigint, pad text);
ALTER TABLE m.grouped REPLICA IDENTITY FULL;
"""
IDS = 8
PADS = (0, 0, 0, 50, 1500)


def source(metadata):
    """Which table or stream a message is of."""
    return metadata.get("stream") or f"{metadata['table_schema']}.{metadata['table_name']}"


@dataclasses.dataclass(frozen=True)
class Change:
    """`keys`: the primary keys that it is about, `parts`: the values of g; the old one first, when there are two."""
    table: str
    action: str
    keys: tuple
    parts: tuple
    token: int
    bytes: int = 0

    def shows(self, table, action, record):
        """Whether a message or a row of the log is about this change."""
        if (self.table, self.action) != (table, action):
            return False
        if table == STREAM:
            return record["key"] == self.keys[0] and record["data"].startswith(f"{self.token}:")
        if action == "truncate":
            return True
        return record["id"] == self.keys[-1] and (action == "delete" or int(record["token"]) == self.token)

    @property
    def replaces(self):
        """Messages of which key it supersedes in mode latest."""
        return frozenset([(self.table, self.keys[0])]) if self.keys else frozenset()


def by_key(change):
    return [(change.table, key) for key in change.keys] or [(change.table, "truncate")]


def by_part(change):
    return [(change.table, "g", part) for part in change.parts] or [(change.table, "truncate")]


class World:
    """`rows`: by table, what is committed: id → g."""

    def __init__(self, session, random):
        self.session, self.random = session, random
        self.rows = {table: {} for table in TABLES}
        self.token = 0
        self.expected = []  # changes that committed, in order, and were not found in the log yet
        self.script = []
        self.delayed = []   # (when, change) of what is published when its time comes

    def transaction(self, wanted):
        """One random transaction; returns what it did, as a word, and its statements. `wanted`: tables with consumers."""
        rows = {table: dict(ids) for table, ids in self.rows.items()}
        changes, delayed, said = [], [], []
        self.script = []  # the last transaction, word by word
        self._sql("BEGIN")
        for _ in range(self.random.choice((1, 1, 1, 2, 4, 9))):
            saved = ({table: dict(ids) for table, ids in rows.items()}, len(changes), len(delayed))
            inner = self.random.random() < 0.1
            if inner:
                self._sql("SAVEPOINT s")
            publish = STREAM in wanted and self.random.random() < 0.4
            said.append(self._publish(changes, delayed) if publish else self._statement(rows, changes))
            if inner and self.random.random() < 0.5:
                self._sql("ROLLBACK TO s")
                rows = saved[0]
                del changes[saved[1]:], delayed[saved[2]:]
                said.append("back")
        how = self.random.choices(("COMMIT", "ROLLBACK", "PREPARE"), (10, 1, 1))[0]
        if how == "PREPARE":
            self._sql("PREPARE TRANSACTION 'world'")
            how = self.random.choice(("COMMIT", "ROLLBACK"))
            self._sql(f"{how} PREPARED 'world'")
        else:
            self._sql(how)
        if how == "COMMIT":
            self.rows = rows
            self.expected += [change for change in changes if change.table in wanted]
            self.delayed += delayed
        return how.lower(), "; ".join(said)

    def _publish(self, changes, delayed):
        self.token += 1
        key, pad = self.random.choice("abc"), self.random.choice(PADS)
        change = Change(STREAM, "publish", (key,), (), self.token, pad)
        data, later = f"{self.token}:{'x' * pad}", self.random.random() < 0.3
        if not later:
            self._sql("SELECT sequin.publish(%s, %s, %s)", STREAM, key, data)
            changes.append(change)
            return f"publish {key}"
        delay = self.random.choice((0.05, 0.3, 5))
        due = self._sql("SELECT extract(epoch FROM at)::float8, sequin.publish(%s, %s, %s, deliver_at => at) FROM "
                        "(SELECT clock_timestamp() + %s::float * interval '1 s' AS at OFFSET 0) t", STREAM, key, data, delay)[0][0]
        delayed.append((due, change))
        return f"publish {key} after {delay}"

    def _statement(self, rows, changes):
        table = self.random.choice(TABLES)
        ids = rows[table]
        self.token += 1
        pad = self.random.choice(PADS)
        free = [i for i in range(IDS) if i not in ids]
        kinds = ["update"] * 8 + ["move"] * 2 + ["delete"] * 2 if ids else []
        kind = self.random.choice(kinds + (["insert"] * 4 if free else []) + ["truncate"])
        if kind == "insert":
            key, part = self.random.choice(free), self.random.randrange(3)
            self._insert(table, key, part, pad)
            ids[key] = part
            changes.append(Change(table, "insert", (key,), (part,), self.token, pad))
            return f"insert {table} {key}"
        if kind == "truncate":
            self._sql(f"TRUNCATE {table}")
            ids.clear()
            changes.append(Change(table, "truncate", (), (), 0))
            return f"truncate {table}"
        key = self.random.choice(list(ids))
        part = ids[key]
        if kind == "delete":
            self._sql(f"DELETE FROM {table} WHERE id = %s", key)
            del ids[key]
            changes.append(Change(table, "delete", (key,), (part,), 0))
            return f"delete {table} {key}"
        new_key = self.random.choice(free) if kind == "move" and free else key
        new_part = self.random.randrange(3) if self.random.random() < 0.3 else part
        g = f"g = {new_part}, " if table == "m.grouped" else ""
        self._sql(f"UPDATE {table} SET id = %s, {g}token = %s, pad = repeat('x', %s) WHERE id = %s",
                  new_key, self.token, pad, key)
        del ids[key]
        ids[new_key] = new_part
        changes.append(Change(table, "update", (key,) if key == new_key else (key, new_key),
                              (part,) if part == new_part else (part, new_part), self.token, pad))
        return f"update {table} {key}" + (f" to {new_key}" if key != new_key else "")

    def _insert(self, table, key, part, pad):
        if table == "m.grouped":
            self._sql("INSERT INTO m.grouped VALUES (%s, %s, %s, repeat('x', %s))", key, part, self.token, pad)
        else:
            self._sql("INSERT INTO m.plain VALUES (%s, %s, repeat('x', %s))", key, self.token, pad)

    def _sql(self, query, *parameters):
        self.script.append(f"{query} -- {parameters}" if parameters else query)
        return self.session.sql(query, *parameters)

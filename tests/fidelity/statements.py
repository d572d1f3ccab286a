"""Statements that change rows, and some whose rows must never be seen by anybody."""

import io

from . import selection
from .values import literal, quoted

UNSEEN = ["CREATE UNLOGGED TABLE w.unlogged (a int, b text)",
          "CREATE MATERIALIZED VIEW w.materialized AS SELECT i, 'seen by nobody' AS text FROM generate_series(1, 3) i"]

WEIGHTS = {"insert": 22, "insert_select": 4, "large": 1.5, "copy": 5, "upsert": 7, "merge": 5, "update": 20, "update_key": 6,
           "update_nothing": 2, "cursor": 2, "delete": 10, "truncate": 3, "subtransactions": 3, "lock": 2, "message": 3,
           "unseen": 2, "update_all": 1, "chosen": 18, "annotate": 2}


class Statements:
    def __init__(self, workload):
        self.workload = workload
        self.rest, self.maker, self.model = workload.rest, workload.maker, workload.model

    def step(self, session):
        kind = self.rest.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        free = self.model.free_for(session.transaction)
        if not free:
            return
        table = self.rest.choice(free)
        built = getattr(self, f"_{kind}")(table, session)
        if built is None:
            return
        statements, copy_data = built if isinstance(built, tuple) else (built, None)
        done = [("operation", kind.replace("_", " ")), *self._about(table, kind)]
        self.model.users[table.number].add(session.transaction)
        session.attempt(statements, done, copy_data=copy_data)

    def _about(self, table, kind):
        if kind in ("message", "unseen", "lock", "chosen", "annotate"):
            return
        yield "replica identity", table.identity + ("" if table.key else ", no key")
        yield "key", table.key_kind or "none"
        if kind in ("insert", "copy", "upsert", "update"):
            for column in table.columns:
                yield "type", column.type.name

    # -- rows ---------------------------------------------------------------------------------

    def _rows(self, table, count, columns=None):
        columns = columns or table.writable()
        return ", ".join("(" + ", ".join(self.maker.value(column, table) for column in columns) + ")"
                         for _ in range(count))

    @staticmethod
    def _names(columns):
        return ", ".join(column.q for column in columns)

    def _some(self, table, most=3):
        """Rows by their place; mostly such that nobody else holds them."""
        lock = " FOR UPDATE SKIP LOCKED" if self.rest.random() < 0.7 else ""
        return (f"(tableoid, ctid) IN (SELECT tableoid, ctid FROM {table.q} "
                f"OFFSET (SELECT {self.rest.randrange(1000)} % greatest(count(*), 1) FROM {table.q}) "
                f"LIMIT {self.rest.randint(1, most)}{lock})")

    def _assignments(self, table, columns):
        return ", ".join(f"{column.q} = {self.maker.value(column, table)}" for column in columns)

    def _not_key(self, table):
        return [column for column in table.writable() if column.name not in (table.key or ())]

    def _insert(self, table, _):
        return [f"INSERT INTO {table.q} ({self._names(table.writable())}) VALUES "
                f"{self._rows(table, self.rest.randint(1, 4))}"]

    def _insert_select(self, table, _):
        columns = [column for column in table.writable() if column.name not in (table.key or ())]
        if table.key or not columns:
            return self._insert(table, _)
        return [f"INSERT INTO {table.q} ({self._names(columns)}) SELECT {self._names(columns)} FROM {table.q} LIMIT 5"]

    def _large(self, table, _):
        """More rows than fit in one slice of capture."""
        return [f"INSERT INTO {table.q} ({self._names(table.writable())}) VALUES {self._rows(table, 25)}"
                + (" ON CONFLICT DO NOTHING" if table.key_kind != "deferrable" else "") for _ in range(6)]

    def _copy(self, table, _):
        if any(column.references for column in table.columns):
            return None
        columns = table.writable()

        def field(text):
            if text is None:
                return "\\N"
            for char, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
                text = text.replace(char, escape)
            return text
        lines = ["\t".join(field(self.maker.text(column, table)) for column in columns) + "\n"
                 for _ in range(self.rest.randint(1, 8))]
        return [f"COPY {table.q} ({self._names(columns)}) FROM STDIN"], io.StringIO("".join(lines))

    def _upsert(self, table, _):
        if not table.key or table.key_kind == "deferrable":
            return None
        columns = table.writable()
        rest = self._not_key(table)
        act = "NOTHING" if not rest or self.rest.random() < 0.3 else \
            "UPDATE SET " + ", ".join(f"{column.q} = EXCLUDED.{column.q}" for column in rest)
        target = "" if act == "NOTHING" else f" ({', '.join(quoted(name) for name in table.key)})"
        return [f"INSERT INTO {table.q} ({self._names(columns)}) VALUES {self._rows(table, 1)} "
                f"ON CONFLICT{target} DO {act}" for _ in range(3)]

    def _merge(self, table, _):
        columns = table.writable()
        if not table.key or table.children or any(column.references for column in columns):
            return None
        rows = ", ".join("(" + ", ".join(literal(self.maker.text(column, table), column.type.ddl)
                                         for column in columns) + ")" for _ in range(1))
        on = " AND ".join(f"t.{quoted(name)} = s.{quoted(name)}" for name in table.key)
        changed = [column for column in self._not_key(table)]
        matched = "UPDATE SET " + ", ".join(f"{column.q} = s.{column.q}" for column in changed) if changed else "DELETE"
        return [f"MERGE INTO {table.q} t USING (VALUES {rows}) s ({self._names(columns)}) ON {on} "
                f"WHEN MATCHED AND random() < 0.2 THEN DELETE WHEN MATCHED THEN {matched} WHEN NOT MATCHED THEN "
                f"INSERT ({self._names(columns)}) VALUES ({', '.join('s.' + column.q for column in columns)})"]

    def _update(self, table, _):
        """Of few columns, so that values out of line stay as they are."""
        columns = self._not_key(table)
        if not columns:
            return None
        columns = self.rest.sample(columns, min(len(columns), self.rest.randint(1, 2)))
        return [f"UPDATE {table.q} SET {self._assignments(table, columns)} WHERE {self._some(table)}"]

    def _update_all(self, table, _):
        columns = table.writable()
        column = self.rest.choice(columns)
        if column.name in (table.key or ()):
            return None
        return [f"UPDATE {table.q} SET {self._assignments(table, [column])}"]

    def _update_key(self, table, _):
        """Also of partition keys: such rows move."""
        columns = [column for column in table.writable()
                   if column.name in (table.key or ()) or column.name == "region"]
        if not columns:
            return None
        columns = self.rest.sample(columns, self.rest.randint(1, len(columns)))
        return [f"UPDATE {table.q} SET {self._assignments(table, columns)} WHERE {self._some(table, 1)}"]

    def _update_nothing(self, table, _):
        column = self.rest.choice(table.writable())
        return [f"UPDATE {table.q} SET {column.q} = {column.q} WHERE {self._some(table)}"]

    def _cursor(self, table, _):
        columns = self._not_key(table)
        if not columns or table.children:
            return None
        cursor = f"cursor{self.rest.randrange(10**9)}"
        act = self.rest.choice([f"UPDATE {table.q} SET {self._assignments(table, columns[:1])}",
                                f"DELETE FROM {table.q}"])
        return [f"DECLARE {cursor} CURSOR FOR SELECT * FROM {table.q} FOR UPDATE SKIP LOCKED",
                f"FETCH 1 FROM {cursor}", f"{act} WHERE CURRENT OF {cursor}", f"CLOSE {cursor}"]

    def _delete(self, table, _):
        return [f"DELETE FROM {table.q} WHERE {self._some(table)}"]

    def _truncate(self, table, session):
        free = self.model.free_for(session.transaction, exclusive=True)
        tables = [one for one in self.rest.sample(free, min(len(free), self.rest.choice([1, 1, 2, 3])))]
        if not tables:
            return None
        names = [self._truncated(one) for one in tables]
        for one in tables:
            self.model.users[one.number].add(session.transaction)
            self.model.owners[one.number] = session.transaction
        return [f"TRUNCATE {', '.join(names)}{self.rest.choice(['', ' RESTART IDENTITY'])}"
                f"{self.rest.choice(['', ' CASCADE', ' CASCADE'])}"]

    def _truncated(self, table):
        if table.partitions and self.rest.random() < 0.4:
            return self.rest.choice([name for names in table.partitions.values() for name in names])
        return ("ONLY " if table.partitions is None and self.rest.random() < 0.3 else "") + table.q

    def _subtransactions(self, table, _):
        """PL/pgSQL blocks with an exception handler: about half of them are rolled back."""
        inserts = "".join(
            f"BEGIN INSERT INTO {table.q} ({self._names(table.writable())}) VALUES {self._rows(table, 1)}; "
            + ("RAISE division_by_zero; " if self.rest.random() < 0.4 else "")
            + "EXCEPTION WHEN OTHERS THEN NULL; END; " for _ in range(4))
        return [f"DO $fidelity$ BEGIN {inserts} END $fidelity$"]

    def _lock(self, table, _):
        return [f"SELECT 1 FROM {table.q} WHERE {self._some(table)} FOR {self.rest.choice(['UPDATE', 'SHARE'])} NOWAIT"]

    def _message(self, _table, _):
        transactional, prefix = self.rest.choice([("true", "fidelity"), ("true", "fidelity"), ("false", "fidelity_loose")])
        text = self.rest.choice(["text", 'say "hi"', "", "back\\slash"])
        return [f"SELECT pg_logical_emit_message({transactional}, '{prefix}', {literal(text)})"]

    def _annotate(self, _table, _):
        if self.rest.random() < 0.3:
            return ["SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.clear', '')"]
        job = f'{{"job": {self.rest.randrange(1000)}, "by": "fidelity"}}'
        return [f"SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{job}')"]

    def _chosen(self, _table, _):
        return [selection.statement(self.rest) for _ in range(4)]

    @staticmethod
    def unseen_tables():
        return UNSEEN

    def _unseen(self, _table, _):
        return [self.rest.choice([
            "INSERT INTO w.unlogged SELECT i, 'unseen' FROM generate_series(1, 3) i",
            "TRUNCATE w.unlogged", "REFRESH MATERIALIZED VIEW w.materialized",
            "CREATE TEMP TABLE IF NOT EXISTS temporary (a int) ON COMMIT DELETE ROWS"])]

    # -- what does not go into a transaction --------------------------------------------------

    def outside(self, session):
        """Rewrites tables without changing a row."""
        tables = [table for table in self.model.tables.values()
                  if not self.model.users[table.number] and table.number not in self.model.owners]
        if not tables:
            return
        table = self.rest.choice(tables)
        kind = self.rest.choice(["VACUUM", "VACUUM (FULL)", "ANALYZE"])
        if session.run(f"{kind} {table.q}"):
            self.workload.coverage.count("operation", kind.lower())

"""The independent applier: builds tables anew from nothing but messages. It reads no table of Sequin and none of the
originals; DDL comes to it as rows of the journal, in the stream, where it happened."""

import dataclasses
import json

import psycopg2
import psycopg2.extensions

from .catalog import Catalog
from .literals import input_text
from .values import literal, quoted

JOURNAL = ("public", "fidelity_journal")


class Mismatch(Exception):
    """A message that says something that cannot be."""


@dataclasses.dataclass
class Inexact:
    """Of a table whose changes do not tell which row they are of. What can be kept to: how many rows there are, and that
    each row of the original is one that some message had."""
    count: int
    columns: list  # as they were when the images were taken
    images: list   # name -> text; an update may leave columns out. None: the columns have changed since


def raw_connection(connect):
    """Values arrive as the text of their output functions."""
    connection = connect()
    raw = psycopg2.extensions.new_type(tuple(psycopg2.extensions.string_types), "RAW", lambda value, _: value)
    psycopg2.extensions.register_type(raw, connection)
    return connection


class Copy:
    def __init__(self, connect, coverage):
        self.connection = raw_connection(connect)
        self.catalog = Catalog(self.connection)
        self.coverage = coverage
        self._run("SET session_replication_role = replica; SET synchronous_commit = off; "
                  "SET check_function_bodies = off; SET client_min_messages = error")
        self.inexact = {}  # oid of a table -> Inexact

    def _run(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else cursor.rowcount

    def begin(self):
        self._run("BEGIN; SET CONSTRAINTS ALL DEFERRED")

    def commit(self):
        self._run("COMMIT")

    def abandon(self):
        self._run("ROLLBACK")
        self.catalog.forget()

    def close(self):
        self.connection.close()

    # -- messages -----------------------------------------------------------------------------

    def apply(self, message):
        """The row as it is afterwards (of a delete: as it was), name -> text; None where that cannot be told."""
        if message.table == JOURNAL:
            return self._ddl(message)
        if message.action == "message":
            return {name: json.loads(raw) for name, raw in message.record.items()}
        table = self.catalog.table(message.table)
        if table is None:
            raise Mismatch("there is no such table at this place of the stream")
        try:
            return getattr(self, f"_{message.action}")(table, message)
        except psycopg2.Error as error:
            raise Mismatch(f"cannot be applied: {str(error).strip()[:500]}") from error

    def _ddl(self, message):
        if message.action != "insert":
            raise Mismatch("the journal is only written to")
        statement = json.loads(message.record["statement"])
        try:
            self._run(statement)
        except psycopg2.Error as error:
            raise Mismatch(f"DDL {statement!r} failed on the copy: {error}") from error
        self.catalog.forget()

    def _insert(self, table, message):
        self._require_all_columns(table, message)
        if message.changes is not None or self._unchanged(message):
            raise Mismatch("an insert has changes or unchanged columns")
        if table.oid in self.inexact:
            return self._inexact(table, message)
        record = message.record
        columns = [column for column in table.columns.values() if column.name in record and not column.generated]
        values = ", ".join(literal(input_text(record[column.name], column.type)) for column in columns)
        names = ", ".join(column.q for column in columns)
        into = f"({names}) OVERRIDING SYSTEM VALUE VALUES ({values})" if columns else "DEFAULT VALUES"
        rows = self._run(f"INSERT INTO {table.q} {into} RETURNING {self._returning(table)}")
        return self._row(table, message, rows[0])

    def _update(self, table, message):
        self._require_all_columns(table, message)
        for name, raw in (message.changes or {}).items():
            if message.record.get(name) == raw:
                raise Mismatch(f"column {name} is listed as changed and is not")
        old = self._old_row(table, message)
        if old is None or table.oid in self.inexact:
            return self._inexact(table, message)
        columns = [column for column in table.columns.values()
                   if column.name in message.record and not column.generated]
        assignments = ", ".join(f"{column.q} = {literal(input_text(message.record[column.name], column.type))}"
                                for column in columns)
        if not columns:
            return None
        return self._one(table, message, f"UPDATE {table.only} SET {assignments} WHERE {self._place(table, old)} "
                                f"RETURNING {self._returning(table)}")

    def _delete(self, table, message):
        if message.changes is not None:
            raise Mismatch("a delete has changes")
        if table.identity is None or table.oid in self.inexact:
            return self._inexact(table, message)
        if set(message.record) != set(table.identity):
            raise Mismatch(f"a delete names {sorted(message.record)} where the replica identity is "
                           f"{sorted(table.identity)}")
        return self._one(table, message, f"DELETE FROM {table.only} WHERE {self._place(table, message.record)} "
                                f"RETURNING {self._returning(table)}")

    def _truncate(self, table, message):
        """By DELETE: a key to another table must not stop what the source allowed."""
        if message.record is not None or message.changes is not None:
            raise Mismatch("a truncate has a row")
        part = message.metadata.get("truncated_partition")
        if part is not None:
            part = self.catalog.table((part["table_schema"], part["table_name"]))
            if part is None or part.root != message.table or part.oid == table.oid:
                raise Mismatch("the truncated partition is none of the table's")
        self._run(f"DELETE FROM {(part or table).only}")
        if part is not None and table.oid in self.inexact:
            raise Mismatch("a partition of a table without a replica identity was truncated")
        self.inexact.pop(table.oid, None)

    # -- rows ---------------------------------------------------------------------------------

    @staticmethod
    def _unchanged(message):
        return set(message.metadata.get("unchanged_columns", ()))

    def _require_all_columns(self, table, message):
        unchanged = self._unchanged(message)
        missing = set(table.columns) - set(message.record) - unchanged
        extra = (set(message.record) | unchanged) - set(table.columns)
        if missing or extra or unchanged & set(message.record):
            raise Mismatch(f"columns missing: {sorted(missing)}, unknown: {sorted(extra)}, both sent and unchanged: "
                           f"{sorted(unchanged & set(message.record))}")

    def _old_row(self, table, message):
        """The values by which the old row is found: name -> raw. None: the message does not say."""
        if table.identity is None:
            return None
        old = {name: raw for name, raw in message.record.items() if name in table.identity}
        changes = message.changes or {}
        if not set(changes) <= set(table.identity):
            raise Mismatch(f"changes of columns outside the replica identity: {sorted(changes)}")
        old.update(changes)
        if set(old) != set(table.identity):
            raise Mismatch(f"the old values of {sorted(set(table.identity) - set(old))} are not in it")
        self._check_old_key(table, message, old)
        return old

    def _check_old_key(self, table, message, old):
        """old_record_pks and changes have to say the same, for clients that read only one of them."""
        stated = message.metadata.get("old_record_pks")
        if not table.key or not set(table.key) <= set(table.identity):
            return
        moved = any(name in (message.changes or {}) for name in table.key)
        if moved != (stated is not None):
            raise Mismatch(f"old_record_pks is {stated}, changes are {message.changes}")
        for name, text in zip(table.key, stated or ()):
            if text != _key_text(old[name]):
                raise Mismatch(f"old_record_pks says {text!r} for {name}, changes {old[name]}")

    def _place(self, table, old):
        """The row with these values; where there are several that look the same, any of them."""
        conditions = " AND ".join(self._condition(table, table.columns[name], raw) for name, raw in old.items())
        return (f"(tableoid, ctid) = (SELECT tableoid, ctid FROM {table.only} WHERE {conditions} LIMIT 1)")

    @staticmethod
    def _condition(table, column, raw):
        text = input_text(raw, column.type)
        if text is None:
            return f"{column.q}::text IS NULL"
        value = f"CAST({literal(text)} AS {column.ddl})"
        if not table.full:
            return f"{column.q} = {value}"
        return f"{column.q}::text = {value}::text"

    @staticmethod
    def _returning(table):
        return ", ".join(column.q for column in table.columns.values()) or "1"

    @staticmethod
    def _row(table, message, row):
        """What the copy has now. It computes generated columns by itself: the message has to agree."""
        after = dict(zip(table.columns, row))
        for column in table.columns.values():
            if column.generated and column.name in message.record and message.action != "delete":
                if input_text(message.record[column.name], column.type) != after[column.name]:
                    raise Mismatch(f"generated column {column.name} is {after[column.name]}")
        return after

    def _one(self, table, message, statement):
        rows = self._run(statement)
        if len(rows) != 1:
            raise Mismatch(f"the copy has no such row: {statement[:1500]}")
        return self._row(table, message, rows[0])

    def _inexact(self, table, message):
        self.coverage.count("check", "change without a replica identity")
        known = self.inexact.get(table.oid)
        if known is None:
            rows = self._run(f"SELECT {self._returning(table)} FROM {table.only}")
            known = Inexact(len(rows), table.signature, [dict(zip(table.columns, row)) for row in rows])
            self.inexact[table.oid] = known
            self._run(f"DELETE FROM {table.only}")
        if known.columns != table.signature:
            known.images = None
        known.count += {"insert": 1, "update": 0, "delete": -1}[message.action]
        if message.action == "delete":
            return None
        image = self._image(table, message.record)
        if known.images is not None:
            known.images.append(image)
        return image

    def _image(self, table, record):
        """A record as Postgres writes it."""
        names = [name for name in table.columns if name in record]
        types = [table.columns[name] for name in names]
        row = self._run("SELECT " + ", ".join(
            f"CAST({literal(input_text(record[column.name], column.type))} AS {column.ddl})" for column in types))[0]
        return dict(zip(names, row))


def _key_text(raw):
    """How a value stands in record_pks: a string as it is, everything else as its JSON text, null as null."""
    if raw is None:
        return None
    return json.loads(raw) if raw[0] == '"' else raw

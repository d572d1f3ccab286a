"""Schema changes. Each goes with a row of the journal, in the same transaction and before its statements."""

from .model import Column
from .values import INT4, TEXT, Type, literal, quoted

WIDER = {"int2": "int4", "int4": "int8", "int8": "numeric", "varchar(60)": "text", "float4": "float8",
         "numeric(12,3)": "numeric", "timestamptz(2)": "timestamptz", "date": "timestamp", "json": "jsonb"}

WEIGHTS = {"create": 3, "drop": 2, "recreate": 3, "add_column": 10, "drop_column": 6, "rename_column": 6, "retype": 5,
           "rename_table": 5, "move_table": 4, "identity": 6, "default": 2, "not_null": 2, "add_partition": 10,
           "detach_partition": 5, "drop_partition": 4, "enum_value": 3, "enum_in_transaction": 3, "create_as": 2,
           "index": 2, "storage": 2, "drop_inheritance": 2, "swap_columns": 3}

# What a kind may be done to; all others to tables on which no other depends.
TABLES = [({"add_partition", "detach_partition", "drop_partition"}, lambda table: table.partitions is not None),
          ({"drop_inheritance"}, lambda table: table.parent is not None),
          ({"index"}, lambda table: True),
          ({"create", "create_as", "enum_value"}, lambda table: False),
          ({"add_column", "identity", "storage", "default"},
           lambda table: table.simple or table.partitions is not None)]


class DDL:
    def __init__(self, workload):
        self.workload = workload
        self.rest, self.maker, self.model = workload.rest, workload.maker, workload.model

    def step(self, session, kind=None):
        kind = kind or self.rest.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        table = self._table_for(kind, session)
        built = getattr(self, f"_{kind}")(table and table.copy())
        if built is None:
            return
        statements, changes = built[:2]
        locked = [number for number, _ in changes] + ([table.number] if table else [])
        for number in locked:
            self.model.owners[number] = session.transaction
            self.model.users[number].add(session.transaction)
        texts = []
        for statement in statements:
            executed, journaled = statement if isinstance(statement, tuple) else (statement, statement)
            texts += [self.workload.entry(journaled), executed]
        done = [("ddl", built[2] if len(built) > 2 else kind.replace("_", " "))]
        session.attempt(texts, done, [self.model.replace(number, changed) for number, changed in changes])

    def _table_for(self, kind, session):
        suits = next((suits for kinds, suits in TABLES if kind in kinds), lambda table: table.simple)
        free = [table for table in self.model.free_for(session.transaction, exclusive=True) if suits(table)]
        return self.rest.choice(free) if free else None

    # -- tables -------------------------------------------------------------------------------

    def _create(self, _table, schema=None):
        table = self.maker.table(self.model.next_number(), schema or self.rest.choice(["w", "w", "w2"]))
        return self.maker.create(table), [(table.number, table)]

    def _create_as(self, _table):
        number = self.model.next_number()
        name = f"w.made{number}"
        query = f"SELECT i AS number, 'row ' || i AS note FROM generate_series(1, {self.rest.randint(1, 5)}) i"
        made = self.maker.table(number)
        made.name, made.key, made.key_kind, made.identity = f"made{number}", None, None, "full"
        made.columns = [Column("number", INT4), Column("note", TEXT)]
        # Its rows are in the WAL as inserts: the copy gets them by their messages.
        return [(f"CREATE TABLE {name} AS {query}", f"CREATE TABLE {name} AS {query} WITH NO DATA"),
                f"ALTER TABLE {name} REPLICA IDENTITY FULL"], [(number, made)]

    def _drop(self, table):
        if table is None or len(self.model.tables) < 4:
            return None
        return [f"DROP TABLE {table.q}"], [(table.number, None)]

    def _recreate(self, table):
        """Another table with the same name, in the same transaction."""
        if table is None:
            return None
        made = self.maker.table(self.model.next_number(), table.schema)
        made.name = table.name
        return [f"DROP TABLE {table.q}", *self.maker.create(made)], [(table.number, None), (made.number, made)]

    def _rename_table(self, table):
        if table is None:
            return None
        before, table.serial = table.q, table.serial + 1
        table.name = self.rest.choice([f"renamed{table.number}_{table.serial}", f"Re-named {table.number}.{table.serial}"])
        return [f"ALTER TABLE {before} RENAME TO {quoted(table.name)}"], [(table.number, table)]

    def _move_table(self, table):
        if table is None:
            return None
        before, table.schema = table.q, "w2" if table.schema == "w" else "w"
        return [f"ALTER TABLE {before} SET SCHEMA {table.schema}"], [(table.number, table)]

    def _identity(self, table):
        if table is None:
            return None
        choices = ["full", "default" if table.key_kind == "primary" else "full"]
        if table.key_kind == "unique":
            choices.append("index")
        # Not of partitions: who cannot tell their rows apart does not know how many left with one that is detached.
        if table.key is None and table.partitions is None and self.rest.random() < 0.2:
            choices.append("nothing")
        before, table.identity = table.identity, self.rest.choice(choices)
        if before == table.identity:
            return None
        relations = [table.q, *(name for names in (table.partitions or {}).values() for name in names)]
        using = f"USING INDEX {table.index_name}" if table.identity == "index" else table.identity.upper()
        return [f"ALTER TABLE {relation} REPLICA IDENTITY {using}" for relation in relations], [(table.number, table)]

    def _index(self, table):
        if table is None:
            return None
        return [f"CREATE INDEX ON {table.q} (({self.rest.randrange(5)}))"], []

    # -- columns ------------------------------------------------------------------------------

    def _new_column(self, table):
        return self.maker.column([column.name for column in table.columns])

    def _add_column(self, table):
        """With a default the rows that exist get a value that is in no message: the copy has it from the same DDL."""
        if table is None or table.children:
            return None
        column = self._new_column(table)
        if self.rest.random() < 0.5:
            column.default = literal(column.type.value(self.rest))
            column.not_null = self.rest.random() < 0.3
        table.columns.append(column)
        return [f"ALTER TABLE {table.q} ADD COLUMN {column.ddl()}"], [(table.number, table)]

    def _free_column(self, table):
        columns = table.plain_columns() if table else []
        return self.rest.choice(columns) if columns else None

    def _drop_column(self, table):
        column = self._free_column(table)
        if column is None or len(table.columns) < 2:
            return None
        table.columns.remove(table.column(column.name))
        return [f"ALTER TABLE {table.q} DROP COLUMN {column.q}"], [(table.number, table)]

    def _swap_columns(self, table):
        """A column goes and another comes in its place, by the same name."""
        column = self._free_column(table)
        if column is None:
            return None
        table.columns.remove(table.column(column.name))
        again = self.maker.column([], type_=self.rest.choice(self.maker.types()))
        again.name = column.name
        table.columns.append(again)
        return [f"ALTER TABLE {table.q} DROP COLUMN {column.q}, ADD COLUMN {again.ddl()}"], [(table.number, table)]

    def _rename_column(self, table):
        column = self._free_column(table)
        if column is None:
            return None
        before, column.name = column.q, self.maker.fresh_name([one.name for one in table.columns])
        return [f"ALTER TABLE {table.q} RENAME COLUMN {before} TO {column.q}"], [(table.number, table)]

    def _retype(self, table):
        column = self._free_column(table)
        if column is None or column.type.ddl == "text":
            return None
        types = {one.ddl: one for one in self.maker.types()}
        column.type = types.get(WIDER.get(column.type.ddl), TEXT)
        using = f" USING {column.q}::{column.type.ddl}"
        default = f", ALTER {column.q} DROP DEFAULT" if column.default else ""
        column.default = None
        return [f"ALTER TABLE {table.q} {default.lstrip(', ')}{',' if default else ''} "
                f"ALTER COLUMN {column.q} TYPE {column.type.ddl}{using}"], [(table.number, table)]

    def _default(self, table):
        column = self._free_column(table)
        if column is None:
            return None
        column.default = literal(column.type.value(self.rest))
        return [f"ALTER TABLE {table.q} ALTER {column.q} SET DEFAULT {column.default}"], [(table.number, table)]

    def _not_null(self, table):
        """Fails where there are nulls; that is as good."""
        column = self._free_column(table)
        if column is None:
            return None
        column.not_null = not column.not_null
        return [f"ALTER TABLE {table.q} ALTER {column.q} {'SET' if column.not_null else 'DROP'} NOT NULL"], \
            [(table.number, table)]

    def _storage(self, table):
        column = self._free_column(table)
        if column is None:
            return None
        return [f"ALTER TABLE {table.q} ALTER {column.q} SET STORAGE EXTERNAL"], [(table.number, table)]

    # -- partitions, inheritance, keys to other tables ----------------------------------------

    def _partitioned(self, _table):
        table = self.maker.partitioned(self.model.next_number())
        statements = self.maker.create(table)
        for slot in range(3):
            _, more, table.partitions[slot] = self.maker.partition(table, slot)
            statements += more
        return statements, [(table.number, table)], "create partitioned"

    def _add_partition(self, table):
        if table is None:
            return None
        slot = min(set(range(100)) - set(table.partitions))
        # A partition that was detached keeps its name.
        slot = max([slot, *(used + 1 for used in table.partitions)]) if self.rest.random() < 0.9 else slot
        kind, statements, table.partitions[slot] = self.maker.partition(table, slot)
        return statements, [(table.number, table)], f"partition {kind}"

    def _detach_partition(self, table):
        if table is None or len(table.partitions) < 2:
            return None
        slot = self.rest.choice(list(table.partitions))
        name = table.partitions.pop(slot)[0]
        return [f"ALTER TABLE {table.q} DETACH PARTITION {name}"], [(table.number, table)]

    def _drop_partition(self, table):
        if table is None or len(table.partitions) < 2:
            return None
        slot = self.rest.choice(list(table.partitions))
        name = table.partitions.pop(slot)[0]
        return [f"DROP TABLE {name}"], [(table.number, table)]

    def _inheritance(self, _table):
        parent = self.maker.table(self.model.next_number(), "w")
        parent.children = 1
        child = self.maker.table(self.model.next_number(), "w")
        own = child.columns = [self.maker.column([column.name for column in parent.columns])]
        child.key = child.key_kind = None
        child.identity, child.parent = "full", parent.number
        statements = [*self.maker.create(parent),
                      f"CREATE TABLE {child.q} ({own[0].ddl()}) INHERITS ({parent.q})",
                      f"ALTER TABLE {child.q} REPLICA IDENTITY FULL"]
        child.columns = [*(column for column in parent.copy().columns), *own]
        return statements, [(parent.number, parent), (child.number, child)]

    def _drop_inheritance(self, table):
        if table is None:
            return None
        parent = self.model.tables.get(table.parent)
        if parent is None:
            return None
        parent = parent.copy()
        parent.children, table.parent = 0, None
        return [f"ALTER TABLE {table.q} NO INHERIT {parent.q}"], [(table.number, table), (parent.number, parent)]

    def _foreign_key(self, _table):
        parent = self.maker.table(self.model.next_number(), "w")
        parent.columns = [Column("id", INT4, not_null=True), *self.maker.columns(2, ["id"])]
        parent.key, parent.key_kind, parent.referenced = ["id"], "primary", True
        parent.identity = self.rest.choice(["default", "full"])
        child = self.maker.table(self.model.next_number(), "w")
        child.columns.append(Column("parent", INT4, references=f"{parent.q}(id)"))
        return [*self.maker.create(parent), *self.maker.create(child)], [(parent.number, parent), (child.number, child)]

    # -- enums --------------------------------------------------------------------------------

    def _enum_value(self, _table):
        """Usable once this is committed; until then whoever tries fails."""
        mood = f"mood {self.rest.randrange(1000)}"
        self.maker.moods.append(mood)
        place = self.rest.choice(["", " BEFORE 'ok'", " AFTER 'sad'"])
        return [f"ALTER TYPE w.mood ADD VALUE '{mood}'{place}"], []

    def _enum_in_transaction(self, table):
        """A type, a value renamed and one added (which may be used later only), and rows with it, in one transaction."""
        if table is None:
            return None
        number = self.model.next_number()
        name = f"w.fresh{number}"
        kind = Type(name, lambda rest: rest.choice(["renamed"] * 4 + ["later"]), label="enum made in the same transaction")
        column = Column(f"fresh{number}", kind, default="'renamed'")
        table.columns.append(column)
        return [f"CREATE TYPE {name} AS ENUM ('first')", f"ALTER TYPE {name} RENAME VALUE 'first' TO 'renamed'",
                f"ALTER TYPE {name} ADD VALUE 'later' BEFORE 'renamed'",
                f"ALTER TABLE {table.q} ADD COLUMN {column.ddl()}"], [(table.number, table)]

"""What the generator believes the tables to be. A change of a table makes a new object: an aborted transaction puts the
old one back."""

import copy
import dataclasses

from . import values
from .values import INT4, MOOD, OBJECTS, TYPES, literal, quoted

NAMES = ["a", "b", "Mixed Case", "select", "naïve", "with \"quote\"", "id2", "x.y", "note", "total"]
SLOT_WIDTH = 10  # of the partition key that one partition takes


@dataclasses.dataclass
class Column:
    name: str
    type: values.Type
    not_null: bool = False
    generated: str = None
    default: str = None
    references: str = None

    @property
    def q(self):
        return quoted(self.name)

    def ddl(self):
        words = [self.q, self.type.ddl]
        if self.generated:
            words.append(f"GENERATED ALWAYS AS ({self.generated}) STORED")
        if self.default is not None:
            words.append(f"DEFAULT {self.default}")
        if self.not_null:
            words.append("NOT NULL")
        if self.references:
            words.append(f"REFERENCES {self.references} ON DELETE CASCADE ON UPDATE CASCADE "
                         "DEFERRABLE INITIALLY DEFERRED")
        return " ".join(words)


@dataclasses.dataclass
class Table:
    number: int
    schema: str
    name: str
    columns: list
    key: list = None          # column names
    key_kind: str = None      # primary, deferrable, unique
    identity: str = "default"
    partitions: dict = None   # slot -> qualified names of the partition and its leaves
    parent: int = None        # number of the table it inherits from
    children: int = 0
    referenced: bool = False
    serial: int = 0           # grows with renames, for names of indexes
    large: bool = False       # has values out of line

    @property
    def q(self):
        return f"{self.schema}.{quoted(self.name)}"

    @property
    def index_name(self):
        return f"unique_{self.number}"

    def column(self, name):
        return next(column for column in self.columns if column.name == name)

    def writable(self):
        return [column for column in self.columns if not column.generated]

    def plain_columns(self):
        """Those that DDL may do anything to."""
        used = set(self.key or ()) | ({"region"} if self.partitions is not None else set())
        sources = {column.generated for column in self.columns}
        return [column for column in self.columns if column.name not in used and not column.generated
                and not column.references and not any(source and column.q in source for source in sources)]

    @property
    def simple(self):
        """No other table depends on it, nor it on another."""
        return self.parent is None and not self.children and not self.referenced and self.partitions is None and not any(
            column.references for column in self.columns)

    def copy(self):
        return copy.deepcopy(self)


class Maker:
    """Makes random tables of the types that a seed may use."""

    def __init__(self, rest, objects):
        self.rest = rest
        self.objects = objects  # names of OBJECTS that exist
        self.moods = ["sad", "ok", "very 'happy'", "Ünsure"]
        self.last = 0

    def types(self, key=False):
        return [one for one in TYPES if (not one.needs or one.needs in self.objects) and (one.key or not key)]

    def fresh_name(self, taken):
        free = [name for name in NAMES if name not in taken]
        if free and self.rest.random() < 0.5:
            return self.rest.choice(free)
        self.last += 1
        return f"c{self.last}"

    def column(self, taken, key=False, type_=None):
        type_ = type_ or self.rest.choice(self.types(key))
        return Column(self.fresh_name(taken), type_, not_null=key)

    def columns(self, count, taken):
        columns = []
        for _ in range(count):
            columns.append(self.column([*taken, *(one.name for one in columns)]))
        return columns

    def table(self, number, schema="w"):
        rest = self.rest
        kind = rest.choices(["none", "primary", "composite", "deferrable", "unique"], [25, 30, 20, 8, 17])[0]
        key = []
        if kind != "none":
            for _ in range(rest.randint(2, 3) if kind == "composite" else 1):
                key.append(self.column([one.name for one in key], key=True))
        columns = key + self.columns(rest.randint(1, 7), [one.name for one in key])
        if rest.random() < 0.15:
            columns.append(Column("doubled", INT4, generated=f"length({literal('abc')})"))
        rest.shuffle(columns)
        table = Table(number, schema, f"t{number}" if rest.random() < 0.8 else f"T {number}", columns)
        if key:
            table.key = [one.name for one in key]
            table.key_kind = kind if kind in ("deferrable", "unique") else "primary"
        table.identity = self.identity(table)
        return table

    def identity(self, table):
        if not table.key:
            return self.rest.choice(["full", "full", "full", "default", "nothing"])
        if table.key_kind == "unique":
            return self.rest.choice(["index", "index", "full"])
        if table.key_kind == "deferrable":
            return self.rest.choice(["full", "full", "default"])
        return self.rest.choices(["default", "full", "index", "nothing"], [50, 30, 15, 5])[0]

    def partitioned(self, number):
        rest = self.rest
        columns = [Column("id", INT4, not_null=True), Column("region", INT4, not_null=True)]
        columns += self.columns(rest.randint(1, 4), ["id", "region"])
        table = Table(number, "w", f"parted{number}", columns, partitions={})
        if rest.random() < 0.7:
            table.key, table.key_kind = ["id", "region"], "primary"
        table.identity = rest.choice(["default", "full"]) if table.key else "full"
        return table

    # -- DDL text -----------------------------------------------------------------------------

    def create(self, table):
        """Statements that make a table of this description."""
        parts = [column.ddl() for column in table.columns]
        key = ", ".join(quoted(name) for name in table.key or ())
        if table.key_kind in ("primary", "deferrable"):
            parts.append(f"PRIMARY KEY ({key})" + (" DEFERRABLE INITIALLY DEFERRED"
                                                   if table.key_kind == "deferrable" else ""))
        tail = " PARTITION BY RANGE (region)" if table.partitions is not None else ""
        statements = [f"CREATE TABLE {table.q} ({', '.join(parts)}){tail}"]
        if table.key_kind == "unique" or table.identity == "index":
            statements.append(f"CREATE UNIQUE INDEX {table.index_name} ON {table.q} ({key})")
        statements += self.set_identity(table, table.q)
        for column in table.columns:
            if column.type.ddl in ("text", "jsonb", "bytea", "json"):
                table.large = True
                if self.rest.random() < 0.6:
                    statements.append(f"ALTER TABLE {table.q} ALTER {column.q} SET STORAGE EXTERNAL")
        return statements

    @staticmethod
    def set_identity(table, relation):
        if table.identity == "default":
            return []
        using = f"USING INDEX {table.index_name}" if table.identity == "index" else table.identity.upper()
        return [f"ALTER TABLE {relation} REPLICA IDENTITY {using}"]

    def partition(self, table, slot):
        """Statements that add the partition of a slot, and the relations that there are then. A partition that is
        attached has its columns in another order, and one that was dropped."""
        rest = self.rest
        name = f"w.{quoted(f'{table.name}_p{slot}')}"
        bounds = f"FROM ({slot * SLOT_WIDTH}) TO ({(slot + 1) * SLOT_WIDTH})"
        kind = rest.choice(["attached", "of", "subpartitioned"])
        if kind == "attached":
            columns = [Column("gone", INT4), *table.columns]
            rest.shuffle(columns)
            statements = [f"CREATE TABLE {name} ({', '.join(column.ddl() for column in columns)})",
                          f"ALTER TABLE {name} DROP COLUMN gone", *self.set_identity(table, name),
                          f"ALTER TABLE {table.q} ATTACH PARTITION {name} FOR VALUES {bounds}"]
            return kind, statements, [name]
        made = f"CREATE TABLE {name} PARTITION OF {table.q} FOR VALUES {bounds}"
        if kind == "of":
            return kind, [made, *self.set_identity(table, name)], [name]
        leaves = [f"w.{quoted(f'{table.name}_p{slot}_{part}')}" for part in range(2)]
        statements = [f"{made} PARTITION BY HASH (id)", *self.set_identity(table, name)]
        for part, leaf in enumerate(leaves):
            statements += [f"CREATE TABLE {leaf} PARTITION OF {name} FOR VALUES WITH (MODULUS 2, REMAINDER {part})",
                           *self.set_identity(table, leaf)]
        return kind, statements, [name, *leaves]

    # -- values -------------------------------------------------------------------------------

    def value(self, column, table):
        """SQL of a value for a column; keys are from a small range so that they meet again."""
        if column.references:
            return f"(SELECT k FROM (SELECT {quoted('id')} k FROM {column.references.split('(')[0]} " \
                   f"ORDER BY 1 LIMIT 1 OFFSET {self.rest.randrange(5)}) one)"
        return self.text_literal(column, table)

    def text_literal(self, column, table):
        return literal(self.text(column, table))

    def text(self, column, table):
        rest = self.rest
        if column.name == "region" and table.partitions is not None:
            return str(rest.choice(list(table.partitions) or [0]) * SLOT_WIDTH + rest.randrange(SLOT_WIDTH))
        if column.name in (table.key or ()):
            return self.key_text(column)
        if not column.not_null and rest.random() < 0.15:
            return None
        if column.type is MOOD:
            return rest.choice(self.moods)
        return column.type.value(rest)

    def key_text(self, column):
        if column.type.ddl in ("int4", "int8", "numeric", "w.positive") and self.rest.random() < 0.9:
            number = str(self.rest.randint(1, 2000))
            return number + ".50" if column.type.ddl == "numeric" and self.rest.random() < 0.3 else number
        return column.type.value(self.rest)


def objects_for(rest):
    """Which user types and extensions a seed has, in an order in which they can be made."""
    chosen = {"mood"} | {name for name in OBJECTS if rest.random() < 0.5}
    for name in list(chosen):
        chosen |= set(values.NEEDS_TOO.get(name, ()))
    return [name for name in OBJECTS if name in chosen]

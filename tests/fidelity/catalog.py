"""What the copy knows of its tables: read from its own catalogs, anew after each DDL."""

import dataclasses

from .values import quoted


@dataclasses.dataclass
class TypeInfo:
    base: str             # of a domain: what it is made of
    element: object = None
    delimiter: str = ","
    fields: list = None   # of a composite: (name, TypeInfo)


@dataclasses.dataclass
class ColumnInfo:
    name: str
    ddl: str      # with its modifier
    type: TypeInfo
    generated: bool
    number: str

    @property
    def q(self):
        return quoted(self.name)


@dataclasses.dataclass
class TableInfo:
    oid: str
    q: str
    kind: str           # relkind
    root: tuple         # (schema, name) of the partition root, or of itself
    columns: dict       # name -> ColumnInfo
    identity: list      # names of the columns whose old values are known, None: of no row
    key: list           # names of the columns of record_pks
    full: bool
    ancestors: set      # (schema, name) of the tables that it is a partition of

    @property
    def signature(self):
        return [(column.name, column.ddl, column.number) for column in self.columns.values()]

    @property
    def only(self):
        """Rows of tables that inherit from it have messages of their own."""
        return self.q if self.kind == "p" else f"ONLY {self.q}"


_TYPE = """
SELECT coalesce(b.typname, t.typname), t.typtype, coalesce(nullif(b.typelem, 0), t.typelem), e.typdelim, t.typcategory,
       t.typrelid, t.typbasetype
FROM pg_type t LEFT JOIN pg_type b ON b.oid = t.typbasetype LEFT JOIN pg_type e ON e.oid = coalesce(b.typelem, t.typelem)
WHERE t.oid = %s"""

_TABLE = """
SELECT c.oid, c.relkind, c.relreplident, rn.nspname, r.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid) JOIN pg_namespace rn ON rn.oid = r.relnamespace
WHERE n.nspname = %s AND c.relname = %s"""

_ANCESTORS = """
SELECT n.nspname, c.relname FROM pg_partition_ancestors(%s) a(oid) JOIN pg_class c ON c.oid = a.oid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid <> %s"""

_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), atttypid, attgenerated <> '', attnum
FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum"""

# Deferrable indexes identify no row for logical decoding.
_KEYS = """
SELECT indisprimary, indisreplident, indimmediate,
       ARRAY(SELECT attname::text FROM unnest(indkey[0:indnkeyatts - 1]) WITH ORDINALITY k(number, place)
             JOIN pg_attribute a ON a.attrelid = indrelid AND a.attnum = number ORDER BY place)
FROM pg_index WHERE indrelid = %s AND indisunique AND (indisprimary OR indisreplident)"""


class Catalog:
    def __init__(self, connection):
        self.connection = connection
        self.forget()

    def forget(self):
        self.tables, self.types = {}, {}

    def table(self, name):
        """None: there is none."""
        if name not in self.tables:
            self.tables[name] = self._read_table(name)
        return self.tables[name]

    def _rows(self, query, *parameters):
        with self.connection.cursor() as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def _read_table(self, name):
        found = self._rows(_TABLE, *name)
        if not found:
            return None
        oid, kind, identity, root_schema, root_name = found[0]
        columns = {column: ColumnInfo(column, ddl, self._type(type_), generated == "t", number)
                   for column, ddl, type_, generated, number in self._rows(_COLUMNS, oid)}
        known, key = self._identity(identity, list(columns), self._rows(_KEYS, oid))
        return TableInfo(oid, f"{quoted(name[0])}.{quoted(name[1])}", kind, (root_schema, root_name), columns, known, key,
                         identity == "f", set(self._rows(_ANCESTORS, oid, oid)))

    def _identity(self, identity, columns, keys):
        primary = replica = None
        deferrable = None
        for is_primary, is_replica, immediate, names in keys:
            names = _array(names)
            if is_primary == "t":
                primary, deferrable = names, immediate == "f"
            if is_replica == "t":
                replica = names
        usable = None if deferrable else primary
        if identity == "f":
            return columns, usable
        if identity == "i":
            return replica, usable if usable and set(usable) <= set(replica) else replica
        return (usable if identity == "d" else None), usable

    def _type(self, oid):
        if oid not in self.types:
            name, kind, element, delimiter, category, relation, _ = self._rows(_TYPE, oid)[0]
            info = self.types[oid] = TypeInfo(name)
            if element != "0" and (category == "A" or name.startswith("_")):
                info.element, info.delimiter = self._type(element), delimiter
                info.element.delimiter = delimiter
            if kind == "c":
                info.fields = [(field, self._type(field_type)) for field, _, field_type, _, _
                               in self._rows(_COLUMNS, relation)]
        return self.types[oid]


def _array(text):
    """Names in an array's text form."""
    names, inside, name = [], False, ""
    characters = iter(text[1:-1])
    for char in characters:
        if char == "\\":
            name += next(characters)
        elif char == '"':
            inside = not inside
        elif char == "," and not inside:
            names.append(name)
            name = ""
        else:
            name += char
    return names + [name] if name else names

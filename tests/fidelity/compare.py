"""Are the originals and their copies the same, byte for byte? Rows are compared as multisets of their binary forms."""

import collections

from .catalog import Catalog
from .rebuilt import raw_connection
from .values import quoted

_TABLES = """
SELECT n.nspname, c.relname, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('w', 'w2') AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' ORDER BY 1, 2"""

# The binary form says all: bits of floats, scales of numbers, bounds of arrays. That of arrays and rows of types that
# somebody made has their OIDs in it, which differ from database to database: there, and where the function is another
# type's, the text.
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull,
       CASE WHEN NOT EXISTS (SELECT FROM pg_proc p JOIN pg_type argument ON argument.oid = p.proargtypes[0]
                             WHERE p.oid = t.typsend AND (argument.oid = t.oid OR argument.typtype = 'p'))
              OR (coalesce(nullif(typelem, 0), typrelid, 0) >= 16384 OR typrelid <> 0)
              OR (typbasetype <> 0 AND typsend::regproc::text = 'array_send') THEN '' ELSE typsend::regproc::text END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attname"""


class Side:
    def __init__(self, connect):
        self.connection = raw_connection(connect)
        with self.connection.cursor() as cursor:
            cursor.execute(_TABLES)
            self.tables = {(schema, name): oid for schema, name, oid in cursor.fetchall()}

    def columns(self, table):
        with self.connection.cursor() as cursor:
            cursor.execute(_COLUMNS, (self.tables[table],))
            return cursor.fetchall()

    def rows(self, table):
        """The multiset of rows, each a tuple of (text, binary) by column."""
        parts = []
        for name, _, _, send in self.columns(table):
            parts += [quoted(name), f"{send}({quoted(name)})" if send else "NULL"]
        with self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts) or '1'} FROM ONLY {quoted(table[0])}.{quoted(table[1])}")
            return collections.Counter(cursor.fetchall())

    def close(self):
        self.connection.close()


def differences(connect_original, connect_copy, copy, coverage):
    """All that is not the same, as lines."""
    original, rebuilt = Side(connect_original), Side(connect_copy)
    found = []
    try:
        if set(original.tables) != set(rebuilt.tables):
            return [f"tables differ: {sorted(set(original.tables) ^ set(rebuilt.tables))}"]
        catalog = Catalog(rebuilt.connection)
        for table in original.tables:
            name = ".".join(table)
            if original.columns(table) != rebuilt.columns(table):
                found.append(f"{name}: columns {original.columns(table)} became {rebuilt.columns(table)}")
            elif inexact := [one for one in (catalog.table(table), catalog.table(catalog.table(table).root))
                             if one.oid in copy.inexact]:
                known = copy.inexact[inexact[0].oid]
                found += _as_far_as_known(name, original, table, known, known.columns == inexact[0].signature)
                coverage.count("check", "table compared as far as its identity permits")
            else:
                found += _multisets(name, original.rows(table), rebuilt.rows(table))
                coverage.count("check", "table compared byte for byte")
                coverage.count("check", "row compared byte for byte", sum(original.rows(table).values()))
    finally:
        original.close()
        rebuilt.close()
    return found


def _multisets(name, original, copy):
    return ([f"{name}: not in the copy: {number} x {str(row)[:1500]}" for row, number in (original - copy).items()]
            + [f"{name}: only in the copy: {number} x {str(row)[:1500]}" for row, number in (copy - original).items()])


def _as_far_as_known(name, original, table, known, same_columns):
    rows, found = original.rows(table), []
    if sum(rows.values()) != known.count:
        found.append(f"{name}: {sum(rows.values())} rows, {known.count} by its messages")
    if known.images is None or not same_columns:
        return found
    names = [column[0] for column in original.columns(table)]
    for row in rows:
        values = dict(zip(names, row[::2]))
        if not any(all(values[column] == value for column, value in image.items()) for image in known.images):
            found.append(f"{name}: no message had the row {str(values)[:1500]}")
    return found

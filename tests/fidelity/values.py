"""Types and random values of them, as text that the type's input function takes. Edges are as likely as the middle."""

import dataclasses
import json
import random
import string
import typing

TEXTS = ["", "a", "null", "NULL", "{}", "\\N", "\\x41", "it's", 'say "hi"', "back\\slash", "tab\tline\nend\r", "\x01\x1f\x7f",
         "naïve Ærøskøbing", "日本語", "🙂👍🏽", " leading and trailing ", "%s %d {0}", "<&>", "a,b;(c)", "\u2028\ufeff"]


@dataclasses.dataclass(frozen=True)
class Type:
    """`ddl`: its name in SQL. `value(rest)`: a random value. `key`: may be in a B-tree key."""
    ddl: str
    value: typing.Callable[[random.Random], str]
    key: bool = False
    label: str = None
    needs: str = None  # an object of ObjectTypes or an extension

    @property
    def name(self):
        return self.label or self.ddl


def one_of(*values):
    return lambda rest: rest.choice(values)


def mixed(edges, middle):
    return lambda rest: rest.choice(edges) if rest.random() < 0.4 else middle(rest)


def text_value(rest):
    if rest.random() < 0.5:
        return rest.choice(TEXTS)
    return "".join(rest.choice(string.printable + "äß€𝄞'\"\\") for _ in range(rest.randrange(1, 40)))


def noise(rest, size):
    """Text that compression does not make smaller: it goes out of line when it is long."""
    return "".join(rest.choices(string.ascii_letters + string.digits + "'\"\\é", k=size))


def maybe_large(rest, small, large):
    return large(rest, rest.randrange(2200, 9000)) if rest.random() < 0.3 else small(rest)


def integer(bits):
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    return mixed([str(low), str(high), "0", "-1"], lambda rest: str(rest.randint(low, high) >> rest.randrange(bits)))


def float_value(edges):
    return mixed(["NaN", "Infinity", "-Infinity", "-0", "0", *edges], lambda rest: repr(rest.uniform(-1, 1) *
                                                                                        10 ** rest.randint(-20, 20)))


def numeric_value(rest):
    if rest.random() < 0.3:
        return rest.choice(["NaN", "Infinity", "-Infinity", "0", "0.00", "1.10", "-0.000000000000000001",
                            "9007199254740993", "1" + "0" * 60 + ".5", "1e-80", "12345678901234567890.123456789"])
    return f"{rest.randint(-10**rest.randrange(1, 25), 10**12)}.{rest.randrange(10**rest.randrange(1, 20))}"


def bytes_value(rest):
    return "\\x" + rest.randbytes(rest.choice([0, 1, 2, 16, 40])).hex()


def date_value(rest):
    return f"{rest.randint(1, 9999):04}-{rest.randint(1, 12):02}-{rest.randint(1, 28):02}"


def clock(rest):
    return (f"{rest.randrange(24):02}:{rest.randrange(60):02}:{rest.randrange(60):02}"
            + rest.choice(["", ".5", f".{rest.randrange(10**6):06}"]))


def stamp(rest):
    return f"{date_value(rest)} {clock(rest)}" + rest.choice(["", "", "", " BC"])


def zone(rest):
    return rest.choice(["Z", "+00", "+05:30", "-08", "+13:45", "-03:30:15"])


def stamp_with_zone(rest):
    return f"{date_value(rest)} {clock(rest)}{zone(rest)}" + rest.choice(["", "", "", " BC"])


def interval_value(rest):
    if rest.random() < 0.2:
        return rest.choice(["0", "-178000000 years", "178000000 years", "1 mon -1 day 00:00:01", "-00:00:00.000001",
                            "-178956970 years -8 mons -2147483648 days", "2562047788:00:54.775807"])
    return (f"{rest.randint(-50, 50)} years {rest.randint(-20, 20)} mons {rest.randint(-40, 40)} days "
            f"{rest.choice(['', '-'])}{clock(rest)}")


def json_document(rest, depth=0):
    """JSON text with what parsers lose: long numbers, scales, escapes, order and repetition of keys."""
    kind = rest.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return rest.choice(["null", "true", "false"])
    if kind in (1, 2):
        return rest.choice(["0", "-0", "1.0", "1.00", "9007199254740993", "123456789012345678901234567890", "0.1",
                            "1e400", "-1.5E-10", "18446744073709551616", str(rest.randint(-1000, 1000))])
    if kind in (3, 4, 5):
        return json.dumps(text_value(rest).replace("\x00", ""), ensure_ascii=rest.random() < 0.5)
    items = [json_document(rest, depth + 1) for _ in range(rest.randrange(4))]
    if kind == 6:
        return "[" + ", ".join(items) + "]"
    return "{" + ", ".join(f'"{rest.choice("abcde")}": {item}' for item in items) + "}"


def plain_json(rest):
    """json keeps its text, white space and repeated keys too."""
    if rest.random() < 0.1:  # valid JSON that names no character
        return rest.choice(['"\\ud800"', '{"a": "\\u0000"}', '"\\u00e9\\u0061"'])
    return rest.choice(["", " ", "\n"]) + json_document(rest) + rest.choice(["", "  "])


def large_json(rest, size):
    return json.dumps({"large": noise(rest, size), "number": 9007199254740993})


def coordinate(rest):
    return rest.choice(["0", "1", "-1.5", "1e10", "0.1", "123.456789", repr(rest.uniform(-100, 100))])


def point(rest):
    return f"({coordinate(rest)},{coordinate(rest)})"


def points(rest, count):
    return ",".join(point(rest) for _ in range(count))


def array_item(text):
    return "NULL" if text is None else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def array_of(value):
    """One or two dimensions, nulls, empty, and lower bounds other than 1."""
    def make(rest):
        def item():
            return array_item(None if rest.random() < 0.2 else value(rest))
        kind = rest.randrange(8)
        size = rest.randrange(1, 4)
        row = lambda: "{" + ",".join(item() for _ in range(size)) + "}"  # noqa: E731
        if kind == 0:
            return "{}"
        if kind == 1:
            start = rest.choice([-2, 0, 5])
            return f"[{start}:{start + size - 1}]={row()}"
        if kind == 2:
            return "{" + ",".join(row() for _ in range(rest.randrange(1, 3))) + "}"
        if kind == 3:
            return "{{" + row() + "}}"
        if kind == 4:
            return f"[0:0][{size}:{2 * size - 1}]={{{row()}}}"
        return row()
    return make


def range_of(value, order):
    def make(rest):
        if rest.random() < 0.2:
            return rest.choice(["empty", "(,)"])
        low, high = sorted((value(rest), value(rest)), key=order)
        low, high = ("" if rest.random() < 0.15 else f'"{bound}"' for bound in (low, high))
        return f"{rest.choice('[(')}{low},{high}{rest.choice(')]')}"
    return make


def multirange_of(one):
    return lambda rest: "{" + ",".join(one(rest) for _ in range(rest.randrange(4))) + "}"


def small_int(rest):
    return str(rest.randint(-1000, 1000))


def small_decimal(rest):
    return f"{rest.randint(-500, 500)}.{rest.choice(['0', '25', '500'])}"


def plain_stamp(rest):
    return f"{rest.randint(1900, 2100)}-{rest.randint(1, 12):02}-{rest.randint(1, 28):02} {clock(rest)}"


int_range = range_of(small_int, int)
decimal_range = range_of(small_decimal, float)
stamp_range = range_of(plain_stamp, str)


def row_text(*fields):
    """A composite's text form."""
    return "(" + ",".join("" if field is None else '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'
                          for field in fields) + ")"


def pair_value(rest):
    return row_text(None if rest.random() < 0.2 else small_int(rest), None if rest.random() < 0.2 else text_value(rest),
                    None if rest.random() < 0.3 else stamp_with_zone(rest))


def hstore_value(rest):
    def quoted(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ",".join(f"{quoted(text_value(rest))}=>{rest.choice(['NULL', quoted(text_value(rest))])}"
                    for _ in range(rest.randrange(4)))


def lexemes(rest):
    words = ["'cat'", "'a b'", "'it''s'", "'Æ'"]
    return " ".join(f"{rest.choice(words)}:{rest.randrange(1, 99)}{rest.choice('ABC')}" for _ in range(rest.randrange(4)))


def key_text(rest):
    # Longer than 2 kB: out of line even in an index key.
    return noise(rest, 2300) if rest.random() < 0.03 else text_value(rest)[:30] + str(rest.randrange(500))


TEXT = Type("text", lambda rest: maybe_large(rest, text_value, noise))
INT4 = Type("int4", integer(32), key=True)
MOOD = Type("w.mood", one_of("sad", "ok", "very 'happy'", "Ünsure"), key=True, label="enum", needs="mood")

TYPES = [
    TEXT, INT4, MOOD,
    Type("bool", one_of("t", "f")),
    Type("int2", integer(16)),
    Type("int8", integer(64), key=True),
    Type("oid", lambda rest: str(rest.choice([0, 1, 2**31, 2**32 - 1]))),
    Type("float4", float_value(["3.4028235e+38", "1e-45", "0.1"])),
    Type("float8", float_value(["1.7976931348623157e+308", "5e-324", "0.1", "0.30000000000000004"])),
    Type("numeric", numeric_value, key=True),
    Type("numeric(12,3)", lambda rest: rest.choice(["NaN", small_decimal(rest), "999999999.999"])),
    Type("money", lambda rest: rest.choice(["-92233720368547758.08", "92233720368547758.07", "0", small_decimal(rest)])),
    Type("varchar(60)", text_value),
    Type("char(9)", lambda rest: text_value(rest)[:9]),
    Type("name", lambda rest: text_value(rest)[:15]),
    Type('"char"', one_of("a", "\\", "'", "\\200", "")),
    Type("bytea", lambda rest: maybe_large(rest, bytes_value, lambda r, size: "\\x" + r.randbytes(size).hex()), key=False),
    Type("date", mixed(["infinity", "-infinity", "0044-03-15 BC", "4713-01-01 BC", "5874897-12-31", "1970-01-01"],
                       date_value), key=True),
    Type("timestamp", mixed(["infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999",
                             "2000-01-01"], stamp)),
    Type("timestamptz", mixed(["infinity", "-infinity", "4713-01-01 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00",
                               "0001-01-01 00:00:00+00 BC"], stamp_with_zone), key=True),
    Type("timestamptz(2)", stamp_with_zone),
    Type("time", mixed(["24:00:00", "00:00:00"], clock)),
    Type("timetz", lambda rest: clock(rest) + rest.choice(["+00", "-07:30", "+05:30:15", "+15:59:59"])),
    Type("interval", interval_value),
    Type("uuid", lambda rest: rest.randbytes(16).hex(), key=True),
    Type("inet", lambda rest: rest.choice(["10.0.0.1", "10.1.2.3/8", "::1", "2001:db8::/48", "0.0.0.0/0"])),
    Type("cidr", one_of("10.0.0.0/8", "192.168.1.0/24", "2001:db8::/32", "1.2.3.4/32")),
    Type("macaddr", lambda rest: rest.randbytes(6).hex()),
    Type("macaddr8", lambda rest: rest.randbytes(8).hex()),
    Type("bit(5)", lambda rest: f"{rest.randrange(32):05b}"),
    Type("varbit", lambda rest: "".join(rest.choices("01", k=rest.randrange(70)))),
    Type("point", point),
    Type("line", lambda rest: f"{{{rest.randint(1, 9)},{coordinate(rest)},{coordinate(rest)}}}"),
    Type("lseg", lambda rest: f"[{points(rest, 2)}]"),
    Type("box", lambda rest: points(rest, 2)),
    Type("path", lambda rest: rest.choice(["[{}]", "({})"]).format(points(rest, rest.randint(1, 4)))),
    Type("polygon", lambda rest: f"({points(rest, rest.randint(1, 5))})"),
    Type("circle", lambda rest: f"<{point(rest)},{abs(float(coordinate(rest)))}>"),
    Type("json", lambda rest: maybe_large(rest, plain_json, large_json)),
    Type("jsonb", lambda rest: maybe_large(rest, json_document, large_json)),
    Type("jsonpath", one_of("$", '$."a"[*]?(@ > 1.50)', "strict $.x", '$.a like_regex "^b"')),
    Type("xml", one_of("<a/>", "<a b=\"c\">d &amp; e</a>", "text only", "<x>日本</x>",
                       '<?xml version="1.0" encoding="latin1"?><a b="c">ü</a>')),
    Type("tsvector", lexemes),
    Type("tsquery", one_of("'a' & !'b'", "'cat':*A <-> 'it''s'", "", "'a' | 'b' & 'c'")),
    Type("int4range", int_range),
    Type("int8range", int_range),
    Type("numrange", decimal_range),
    Type("daterange", range_of(lambda rest: plain_stamp(rest)[:10], str)),
    Type("tsrange", stamp_range),
    Type("tstzrange", stamp_range),
    Type("int4multirange", multirange_of(int_range)),
    Type("nummultirange", multirange_of(decimal_range)),
    Type("tstzmultirange", multirange_of(stamp_range)),
    Type("tsmultirange", multirange_of(stamp_range)),
    Type("int8multirange", multirange_of(int_range)),
    Type("datemultirange", multirange_of(range_of(lambda rest: plain_stamp(rest)[:10], str))),
    Type("int4[]", array_of(integer(32))),
    Type("text[]", array_of(text_value)),
    Type("numeric[]", array_of(numeric_value)),
    Type("float8[]", array_of(float_value([]))),
    Type("bool[]", array_of(one_of("t", "f"))),
    Type("timestamptz[]", array_of(stamp_with_zone)),
    Type("bytea[]", array_of(bytes_value)),
    Type("jsonb[]", array_of(json_document)),
    Type("json[]", array_of(json_document)),
    Type("box[]", lambda rest: "{" + ";".join(points(rest, 2) for _ in range(rest.randrange(3))) + "}"),
    Type("int4range[]", array_of(int_range)),
    Type("pg_lsn", one_of("0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF")),
    Type("xid8", one_of("0", "18446744073709551615", "42")),
    Type("xid", one_of("0", "4294967295")),
    Type("tid", one_of("(0,1)", "(4294967295,65535)")),
    Type("pg_snapshot", one_of("10:20:10,14,15", "1:1:")),
    Type("oidvector", one_of("", "1 2 3")),
    Type("int2vector", one_of("", "-1 2")),
    Type("regtype", one_of("integer", "text[]", "-")),
    Type("refcursor", text_value),
    Type("txid_snapshot", one_of("10:20:10,14,15", "1:1:")),
    Type("cid", one_of("0", "7")),
    Type("regclass", one_of("pg_class", "4294967295", "information_schema.tables", "-")),
    Type("regproc", one_of("now", "870", "-")),
    Type("regprocedure", one_of("lower(text)", "now()")),
    Type("regoper", one_of("551", "0")),
    Type("regoperator", one_of("+(integer,integer)", "-(NONE,bigint)")),
    Type("regnamespace", one_of("public", "pg_catalog")),
    Type("regrole", one_of("postgres", "pg_monitor")),
    Type("regcollation", one_of('"C"', '"default"')),
    Type("regconfig", one_of("simple", "english")),
    Type("regdictionary", one_of("simple", "english_stem")),
    Type("aclitem", one_of("=r/postgres", "postgres=arwdDxt/postgres")),
    Type("w.mood[]", array_of(one_of("sad", "ok", "very 'happy'")), label="enum[]", needs="mood"),
    Type("w.pair", pair_value, label="composite", needs="pair"),
    Type("w.pair[]", array_of(pair_value), label="composite[]", needs="pair"),
    Type("w.nest", lambda rest: row_text(pair_value(rest), array_of(small_int)(rest), json_document(rest),
                                         rest.choice(["sad", None])), label="composite, nested", needs="nest"),
    Type("w.positive", lambda rest: str(rest.randint(1, 2**31 - 1)), key=True, label="domain", needs="positive"),
    Type("w.labels", array_of(text_value), label="domain of array", needs="labels"),
    Type("w.labels[]", lambda rest: "{" + array_item(array_of(text_value)(rest)) + ",NULL}",
         label="array of domain of array", needs="labels"),
    Type("w.positive[]", array_of(lambda rest: str(rest.randint(1, 99))), label="domain[]", needs="positive"),
    Type("w.span", range_of(small_decimal, float), label="range, own", needs="span"),
    Type("w.spans", multirange_of(range_of(small_decimal, float)), label="multirange, own", needs="span"),
    Type("hstore", hstore_value, needs="hstore"),
    Type("citext", text_value, needs="citext"),
    Type("citext[]", array_of(text_value), needs="citext"),
    Type("ltree", one_of("", "a.b.c", "Top.X_1"), needs="ltree"),
    Type("cube", one_of("(1,2,3)", "(0.1),(2)", "()"), needs="cube"),
]

# How to make what types need, in an order in which it can be made.
OBJECTS = {
    "mood": "CREATE TYPE w.mood AS ENUM ('sad', 'ok', 'very ''happy''', 'Ünsure')",
    "pair": "CREATE TYPE w.pair AS (number int, \"note, and\" text, at timestamptz)",
    "nest": "CREATE TYPE w.nest AS (pair w.pair, numbers int[], doc jsonb, mood w.mood)",
    "positive": "CREATE DOMAIN w.positive AS int CHECK (VALUE > 0)",
    "labels": "CREATE DOMAIN w.labels AS text[]",
    "span": "CREATE TYPE w.span AS RANGE (subtype = float8, multirange_type_name = w.spans)",
    "hstore": "CREATE EXTENSION hstore SCHEMA public",
    "citext": "CREATE EXTENSION citext SCHEMA public",
    "ltree": "CREATE EXTENSION ltree SCHEMA public",
    "cube": "CREATE EXTENSION cube SCHEMA public",
}
NEEDS_TOO = {"nest": ["mood", "pair"]}


def literal(text, type_ddl=None):
    """SQL. Without a type the literal goes through the input function of the column it is assigned to."""
    if text is None:
        return f"NULL::{type_ddl}" if type_ddl else "NULL"
    quoted = "'" + text.replace("'", "''") + "'"
    return f"{quoted}::{type_ddl}" if type_ddl else quoted


def quoted(name):
    return '"' + name.replace('"', '""') + '"'

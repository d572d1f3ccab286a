"""What the catalogs of a database say of the extension, in words: two databases can be compared by it."""

import re
from collections import Counter

# Tables that are made while the extension works: segment_shapes() tells of them.
_SEGMENT = re.compile(r"\bsequin\.(log|route)_[1-9]")
# Names that Postgres makes of numbers.
_TRIGGER = re.compile(r"(RI_ConstraintTrigger_[ac])_[0-9]+")

_RELATIONS = """
WITH known AS (SELECT c.*, c.oid::regclass::text AS named FROM pg_class c WHERE c.relnamespace = 'sequin'::regnamespace)
"""

# Each query: (name of the object, what there is to say of it …).
_QUERIES = {
    "extension": """
        SELECT extname, extversion, extowner::regrole, extnamespace::regnamespace, extrelocatable
        FROM pg_extension WHERE extname = 'sequin'""",
    "dumped": """
        SELECT c::regclass, w FROM pg_extension, unnest(extconfig, extcondition) AS u (c, w)
        WHERE extname = 'sequin'""",
    "member": """
        SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_depend d
        WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
          AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'sequin')""",
    "schema": """
        SELECT nspname, nspowner::regrole, nspacl, obj_description(oid, 'pg_namespace')
        FROM pg_namespace WHERE nspname = 'sequin'""",
    "relation": _RELATIONS + """
        SELECT named, relkind, relpersistence, relowner::regrole, relacl, reloptions, relreplident, relispartition,
          relrowsecurity, relforcerowsecurity, relchecks, relhasrules, relhastriggers, relnatts, relispopulated,
          (SELECT amname FROM pg_am WHERE oid = relam), reltablespace, reloftype,
          (SELECT t.reloptions FROM pg_class t WHERE t.oid = known.reltoastrelid),
          obj_description(oid, 'pg_class')
        FROM known""",
    "column": _RELATIONS + """
        SELECT named || '.' || attname, attnum, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
          attstorage, attcompression, attcollation::regcollation, attstattarget, attislocal, attinhcount,
          ARRAY(SELECT o FROM unnest(attoptions) o WHERE o NOT LIKE 'pg_attver=%'),
          attacl, pg_get_expr(adbin, adrelid), col_description(known.oid, attnum)
        FROM known JOIN pg_attribute a ON a.attrelid = known.oid AND attnum > 0
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum""",
    "index": _RELATIONS + """
        SELECT named, pg_get_indexdef(known.oid), indisunique, indisprimary, indisexclusion, indimmediate, indisclustered,
          indisvalid, indisready, indisreplident
        FROM known JOIN pg_index i ON i.indexrelid = known.oid""",
    "view": _RELATIONS + "SELECT named, pg_get_viewdef(oid) FROM known WHERE relkind IN ('v', 'm')",
    "sequence": _RELATIONS + """
        SELECT named, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle
        FROM known JOIN pg_sequence ON seqrelid = known.oid""",
    "inherits": _RELATIONS + """
        SELECT named, inhparent::regclass, inhseqno FROM known JOIN pg_inherits ON inhrelid = known.oid""",
    "constraint": _RELATIONS + """
        SELECT named || ': ' || conname, contype, pg_get_constraintdef(c.oid), condeferrable, condeferred, convalidated,
          conislocal, coninhcount, connoinherit, conindid::regclass, obj_description(c.oid, 'pg_constraint')
        FROM known JOIN pg_constraint c ON c.conrelid = known.oid""",
    "trigger": _RELATIONS + """
        SELECT named || ': ' || tgname, tgenabled, tgisinternal, tgfoid::regprocedure
        FROM known JOIN pg_trigger ON tgrelid = known.oid""",
    "rule": _RELATIONS + """
        SELECT named || ': ' || rulename, ev_enabled, pg_get_ruledef(r.oid) FROM known JOIN pg_rewrite r ON ev_class = known.oid""",
    "policy": _RELATIONS + "SELECT named, polname FROM known JOIN pg_policy ON polrelid = known.oid",
    "function": """
        SELECT p.oid::regprocedure, proowner::regrole, proacl, pg_get_functiondef(p.oid), pronargdefaults,
          obj_description(p.oid, 'pg_proc')
        FROM pg_proc p WHERE pronamespace = 'sequin'::regnamespace AND prokind IN ('f', 'p')""",
    "type": """
        SELECT t.oid::regtype, typtype, typcategory, typowner::regrole, typacl, typnotnull, typbasetype::regtype,
          ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder),
          obj_description(t.oid, 'pg_type')
        FROM pg_type t WHERE typnamespace = 'sequin'::regnamespace""",
    "privileges at installation": """
        SELECT pg_describe_object(classoid, objoid, objsubid), privtype, initprivs FROM pg_init_privs""",
    "dependency": """
        SELECT d.object || ' -> ' || d.referenced, deptype
        FROM (SELECT pg_describe_object(classid, objid, objsubid) AS object,
                pg_describe_object(refclassid, refobjid, refobjsubid) AS referenced, deptype FROM pg_depend) d
        WHERE (d.object ~ 'sequin' OR d.referenced ~ 'sequin') AND d.object !~ 'pg_toast'""",
}


# aclitem[] as text[]: psycopg2 knows lists of text.
_RIGHTS = re.compile(r"\b(relacl|attacl|proacl|typacl|nspacl|initprivs)\b")


def _in_words(value):
    if isinstance(value, list):  # of rights, of options: the order says nothing
        return str(sorted(map(str, value)))
    return str(value)


def catalogs(sql):
    """One line for each fact; `sql(query)` runs a query in the database."""
    facts = []
    for kind, query in _QUERIES.items():
        for name, *values in sql(_RIGHTS.sub(r"\1::text[]", query)):
            fact = f"{kind} {name}: {' | '.join(_in_words(value) for value in values)}"
            facts.append(_TRIGGER.sub(r"\1", fact))
    return [fact for fact in facts if not _SEGMENT.search(fact)]


def segment_shapes(sql):
    """{'log': shapes, 'route': shapes}: all columns that segments of that kind have; one shape, if all are alike."""
    shapes = {}
    for kind in ("log", "route"):
        tables = sql(f"SELECT {kind} FROM sequin.segment") + sql(f"SELECT 'sequin.{kind}_0'::regclass::oid")
        shapes[kind] = {
            tuple(map(tuple, sql("SELECT attname, attnum, format_type(atttypid, atttypmod), attnotnull, attstorage"
                                 " FROM pg_attribute WHERE attrelid = %s::oid AND attnum > 0 ORDER BY attnum", table)))
            for (table,) in tables}
    return shapes


def differences(one, other):
    """Facts that only one of two has, marked - and +."""
    one, other = Counter(one), Counter(other)
    return sorted([f"- {fact}" for fact in (one - other).elements()] + [f"+ {fact}" for fact in (other - one).elements()])

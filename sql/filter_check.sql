-- Filters: what is accepted, and how each mistake is called. Nothing here needs capture.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE SCHEMA filter_check;
SET search_path = filter_check, public;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE orders (
  id int PRIMARY KEY, status text, total numeric, mood mood, moods mood[], quantity positive,
  pair pair, tags text[], doc jsonb, placed timestamptz, gone int,
  doubled numeric GENERATED ALWAYS AS (total * 2) STORED);
ALTER TABLE orders DROP COLUMN gone;
CREATE FUNCTION mine(text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT $1 = ''x''';

-- Accepted -----------------------------------------------------------------------------------

CREATE FUNCTION explain(filter text, actions text[] DEFAULT '{insert,update,delete,truncate}')
RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(': ', evaluated_at, reason) FROM sequin.explain_filter('orders', $1, $2)
$$;

SELECT explain($$ new.status = 'paid' AND new.total > 100 $$);
SELECT explain('new.status IN (''paid'', ''sent'') OR new.tags @> ''{vip}'' OR new.tags[1] = ''x''');
SELECT explain('id > 10 AND old.id IS NOT NULL');                         -- inside the key
SELECT explain('status = ''paid''', '{insert,update}');                   -- plain columns are new ones
SELECT explain('orders.status = ''paid''', '{insert}');
SELECT explain('new.mood = ''happy'' OR ''ok'' = ANY (new.moods) OR new.mood > ''sad''');
SELECT explain('new.quantity > 3');
SELECT explain('(new.pair).b LIKE ''a%''');
SELECT explain('new.doc ->> ''kind'' = ''x'' AND new.doc @> ''{"a": 1}''');
SELECT explain('new.doubled > 10');
SELECT explain('new.placed > ''2024-01-01 00:00:00+00''');
SELECT explain('CASE WHEN new.total > 1 THEN coalesce(new.status, '''') <> '''' ELSE NULL END');
SELECT explain('lower(new.status) ~ ''^p'' AND length(new.status) BETWEEN 1 AND 9');
SELECT explain('(new.total, new.id) > (1, 2)');
SELECT explain('new.status IS DISTINCT FROM old.status', '{insert}');
SELECT explain('true');
SELECT explain('new.status COLLATE "C" > ''a''');

-- One expression and nothing else ------------------------------------------------------------

SELECT explain('');
SELECT explain('  -- nothing');
SELECT explain('new.status = ');
SELECT explain('true; DROP TABLE orders');
SELECT explain('true) OR (1=1');
SELECT explain('true, true');
SELECT explain('true AS x');
SELECT explain('true FROM pg_class');
SELECT explain('true WHERE true');
SELECT explain('DISTINCT true');
SELECT explain('true ORDER BY 1');
SELECT explain('true LIMIT 1');
SELECT explain('true UNION SELECT true');
SELECT explain('*');
SELECT explain('new.*');
SELECT explain('$1');
SELECT explain(repeat('(', 3));

-- Names and types ----------------------------------------------------------------------------

SELECT explain('new.colour = ''red''');
SELECT explain('colour = ''red''');
SELECT explain('new.gone = 1');
SELECT explain('other.status = ''paid''');
SELECT explain('pg_class.relname = ''x''');
SELECT explain('new.total');
SELECT explain('''maybe''');
SELECT explain('new.total > ''many''');
SELECT explain('new.total LIKE 1');
SELECT explain('1 / 0 = 1');

-- Not the same at every time: evaluated when the message is claimed -----------------------------

SELECT explain('EXISTS (SELECT 1)');
SELECT explain('new.id IN (SELECT 1)');
SELECT explain('count(*) > 1');
SELECT explain('sum(new.total) > 1');
SELECT explain('row_number() OVER () = 1');
SELECT explain('generate_series(1, 2) = 1');
SELECT explain('now() > new.placed');
SELECT explain('current_user = ''me''');
SELECT explain('random() < 0.1');
SELECT explain('new.placed::text = ''x''');
SELECT explain('to_jsonb(new) ->> ''status'' = ''paid''');
SELECT explain('mine(new.status)');
SELECT explain('filter_check.mine(new.status)');
SELECT explain('new.id::filter_check.positive = 1');
SELECT explain('new.ctid = ''(0,1)''');
SELECT explain('new.tableoid = 1');
SELECT explain('xmin = ''1''');

-- Types of users: moved around, not looked into ----------------------------------------------

CREATE TYPE opaque;
CREATE FUNCTION opaque_in(cstring) RETURNS opaque IMMUTABLE STRICT LANGUAGE internal AS 'textin';
CREATE FUNCTION opaque_out(opaque) RETURNS cstring IMMUTABLE STRICT LANGUAGE internal AS 'textout';
CREATE TYPE opaque (INPUT = opaque_in, OUTPUT = opaque_out, LIKE = text);
CREATE FUNCTION opaque_eq(opaque, opaque) RETURNS bool IMMUTABLE STRICT LANGUAGE internal AS 'texteq';
CREATE OPERATOR = (LEFTARG = opaque, RIGHTARG = opaque, FUNCTION = opaque_eq);
CREATE CAST (opaque AS text) WITHOUT FUNCTION;
CREATE TABLE boxes (id int PRIMARY KEY, content opaque, contents opaque[]);
CREATE FUNCTION explain_boxes(text) RETURNS text LANGUAGE sql
AS $$
  SELECT concat_ws(': ', evaluated_at, reason) FROM sequin.explain_filter('boxes', $1)
$$;
SELECT explain_boxes('new.content IS NOT NULL');
SELECT explain_boxes('new.content::text = ''x''');
SELECT explain_boxes('new.content OPERATOR(filter_check.=) new.content');
SELECT explain_boxes('new.contents = new.contents');
SELECT explain_boxes('num_nulls(new.content) = 0');
SELECT explain_boxes('new IS DISTINCT FROM new');
CREATE COLLATION mine (provider = libc, locale = 'C');
SELECT explain('new.status COLLATE filter_check.mine > ''a''');

-- Literals must not run code of users: the checks of domains inside other values
CREATE DOMAIN checked AS text CHECK (filter_check.mine(VALUE));
CREATE TYPE holder AS (c checked);
CREATE TYPE checked_range AS RANGE (SUBTYPE = checked);
CREATE TABLE traps (id int PRIMARY KEY, one checked, list checked[], held holder, span checked_range);
CREATE FUNCTION explain_traps(text) RETURNS text LANGUAGE sql
AS $$
  SELECT concat_ws(': ', evaluated_at, reason) FROM sequin.explain_filter('traps', $1)
$$;
SELECT explain_traps('new.one = ''a''');
SELECT explain_traps('new.list = ''{a}''');
SELECT explain_traps('new.held = ''(a)''');
SELECT explain_traps('(new).list = ''{a}''');
SELECT explain_traps('new.span = ''[a,b]''');
SELECT explain_traps('new = ''(1,a,{a},(a),empty)''');
SELECT explain_traps('''{a}''::filter_check.checked[] IS NULL');
SELECT explain_traps('filter_check.holder ''(a)'' IS NULL');
SELECT explain_traps('''a''::filter_check.opaque IS NULL');
SELECT explain_traps('''a''::filter_check.checked IS NULL');
SELECT explain_traps('''ok''::filter_check.mood = ''ok''');

-- Old values must be in the WAL --------------------------------------------------------------

SELECT explain('old.status = ''paid''');
SELECT explain('old.status = ''paid''', '{insert,truncate}');
SELECT explain('status = ''paid''');
SELECT explain('status = ''paid''', '{update}');
SELECT explain('new IS DISTINCT FROM old');
ALTER TABLE orders REPLICA IDENTITY FULL;
SELECT explain('old.status = ''paid''');
SELECT explain('status = ''paid''');
SELECT explain('new IS DISTINCT FROM old');
ALTER TABLE orders REPLICA IDENTITY NOTHING;
SELECT explain('old.id = 1');
ALTER TABLE orders ALTER status SET NOT NULL;
CREATE UNIQUE INDEX orders_status ON orders (status);
ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_status;
SELECT explain('old.status = ''x''');
SELECT explain('old.id = 1');

-- Partitions: each has its own identity, and columns go by name ------------------------------

CREATE TABLE parts (id int, kind text, v int, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b (v int, kind text NOT NULL, dropped int, id int NOT NULL);
ALTER TABLE parts_b DROP COLUMN dropped;
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN ('b');
SELECT * FROM sequin.explain_filter('parts', 'old.id = 1 AND kind = ''a''');
ALTER TABLE parts_a REPLICA IDENTITY FULL;
SELECT * FROM sequin.explain_filter('parts', 'old.v = 1');
ALTER TABLE parts_b REPLICA IDENTITY FULL;
SELECT * FROM sequin.explain_filter('parts', 'old.v = 1 AND parts.v = 1');

-- A table that is called like a row
CREATE TABLE new (id int PRIMARY KEY, new int);
SELECT * FROM sequin.explain_filter('new', 'new.id = 1 AND old.id = 1 AND id = 1');

-- Settings of the session do not change what a filter means
SET standard_conforming_strings = off;
SET transform_null_equals = on;
SET DateStyle = 'German';
SELECT explain(E'new.status = \'\\\\\' AND new.placed > \'2024-01-02 00:00:00+00\'');
RESET standard_conforming_strings;
RESET transform_null_equals;
RESET DateStyle;
SHOW search_path;

-- Of a table that one may not read, nothing can be asked
CREATE ROLE regress_filter_reader IN ROLE sequin_admin;
GRANT USAGE ON SCHEMA filter_check TO regress_filter_reader;
SET ROLE regress_filter_reader;
SELECT sequin.explain_filter('orders', 'true');
RESET ROLE;

DROP SCHEMA filter_check CASCADE;
DROP ROLE regress_filter_reader;

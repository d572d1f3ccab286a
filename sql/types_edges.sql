-- Values that cannot be written as others are: what the message says instead, and that nothing but
-- the one column is touched by it.
SET client_min_messages = warning;
SELECT sequin.start();
CREATE SCHEMA types_edges;
SELECT sequin.create_consumer('types_edges', tables => '{types_edges.*}') IS NOT NULL AS made;
-- The messages so far: record, changes, and what the metadata says of columns.
\set show 'SELECT sequin.sync() IS NOT NULL AS synced; SELECT message->\'record\' AS record, message->\'changes\' AS changes, (SELECT json_object_agg(key, value) FROM json_each(message->\'metadata\') WHERE key ~ \'_columns|_changes|_reasons|pks\') AS notes FROM sequin.receive(\'types_edges\', batch_size => 100);'

-- JSON's null is not NULL.
CREATE TABLE types_edges.nulls (id int PRIMARY KEY, j json, b jsonb, n jsonb);
ALTER TABLE types_edges.nulls REPLICA IDENTITY FULL;
INSERT INTO types_edges.nulls VALUES (1, ' null ', 'null', NULL), (2, '[null]', '{"a": null}', '"null"');
UPDATE types_edges.nulls SET j = '1', b = NULL, n = 'null' WHERE id = 1;
DELETE FROM types_edges.nulls WHERE id = 1;
:show

-- Above the limit: out of record, out of changes, whole composites and arrays as well.
ALTER SYSTEM SET sequin.max_value_size = '1kB';
SELECT pg_reload_conf();
CREATE TYPE types_edges.pair AS (a text, b int);
CREATE TABLE types_edges.sizes (id int PRIMARY KEY, t text, p types_edges.pair, a text[], b bytea, j jsonb);
ALTER TABLE types_edges.sizes REPLICA IDENTITY FULL;
ALTER TABLE types_edges.sizes ALTER t SET STORAGE external;
-- Settings are read again between two batches.
INSERT INTO types_edges.sizes VALUES (0);
:show
INSERT INTO types_edges.sizes VALUES (1, repeat('x', 1020), ('p', 1), '{a}', '\x00', '1');
UPDATE types_edges.sizes SET t = repeat('y', 1021) WHERE id = 1;
UPDATE types_edges.sizes SET t = 'short', p = (repeat('p', 1020), 1), a = array[repeat('a', 1020)],
  b = decode(repeat('00', 1021), 'hex'), j = to_jsonb(repeat('j', 1020)) WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT (SELECT json_object_agg(key, length(value::text)) FROM json_each(message->'record')) AS lengths,
  (SELECT json_object_agg(key, length(value::text)) FROM json_each(nullif(message->>'changes', '')::json)) AS changes,
  message->'metadata'->'omitted_columns' AS omitted,
  message->'metadata'->'omitted_reasons'->'t' AS reason,
  message->'metadata'->'omitted_changes' AS omitted_changes
FROM sequin.receive('types_edges', batch_size => 100);
ALTER SYSTEM RESET sequin.max_value_size;
SELECT pg_reload_conf();

-- A small value of huge text, in both forms, in an array and in a composite.
CREATE TYPE types_edges.numbers AS (n numeric[]);
CREATE TABLE types_edges.huge (id int PRIMARY KEY, a numeric[], t text);
INSERT INTO types_edges.huge VALUES (1, array_fill(1e131071::numeric, '{5000}'), 'goes on'),
  (2, '{1.5}', 'and on');
:show

-- Types whose output function raises, or puts out what is no text.
CREATE TYPE types_edges.mute;
CREATE FUNCTION types_edges.mute_in(cstring) RETURNS types_edges.mute LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION types_edges.mute_out(types_edges.mute) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'shell_out';
CREATE TYPE types_edges.mute (INPUT = types_edges.mute_in, OUTPUT = types_edges.mute_out);
CREATE TYPE types_edges.raw;
CREATE FUNCTION types_edges.raw_in(cstring) RETURNS types_edges.raw LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION types_edges.raw_out(types_edges.raw) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE types_edges.raw (INPUT = types_edges.raw_in, OUTPUT = types_edges.raw_out);
CREATE TYPE types_edges.raw_range AS RANGE (subtype = int4, subtype_diff = int4range_subdiff);
CREATE TYPE types_edges.both AS (m types_edges.mute, n int);
CREATE DOMAIN types_edges.mute_domain AS types_edges.mute;
CREATE TABLE types_edges.custom (id int PRIMARY KEY, m types_edges.mute, ma types_edges.mute[],
  mb types_edges.both, md types_edges.mute_domain, r types_edges.raw, ra types_edges.raw[],
  rr types_edges.raw_range, t text);
INSERT INTO types_edges.custom VALUES
  (1, 'm', '{m}', row('m', 1), 'd', '\xff00', '{"\\xc3"}', '[1,2)', 'goes on'),
  (2, NULL, '{}', row(NULL, 1), NULL, '\x6162', '{"\\x61"}', 'empty', 'and on');
UPDATE types_edges.custom SET m = NULL, r = '\x61' WHERE id = 1;
:show
-- As a key, too: such rows share one group.
CREATE TABLE types_edges.custom_key (id types_edges.raw, v int);
ALTER TABLE types_edges.custom_key REPLICA IDENTITY FULL;
INSERT INTO types_edges.custom_key VALUES ('\xff', 1);
UPDATE types_edges.custom_key SET id = '\xfe';
:show

-- Enums and composites as they were when the row was written, also within one transaction.
BEGIN;
CREATE TYPE types_edges.mood AS ENUM ('fine', 'better');
CREATE TYPE types_edges.place AS (street text, zip int);
CREATE TABLE types_edges.people (id int PRIMARY KEY, m types_edges.mood, p types_edges.place, l types_edges.place[]);
INSERT INTO types_edges.people VALUES (1, 'better', ('a', 1), array[('b', 2)::types_edges.place]);
ALTER TYPE types_edges.mood RENAME VALUE 'better' TO 'best';
ALTER TYPE types_edges.place ADD ATTRIBUTE town text;
INSERT INTO types_edges.people VALUES (2, 'best', ('a', 1, 'x'), array[('b', 2, 'y')::types_edges.place]);
COMMIT;
ALTER TYPE types_edges.place RENAME ATTRIBUTE street TO road;
UPDATE types_edges.people SET m = 'fine' WHERE id = 1;
ALTER TYPE types_edges.place DROP ATTRIBUTE zip;
UPDATE types_edges.people SET m = 'best' WHERE id = 1;
ALTER TYPE types_edges.mood ADD VALUE 'new';
INSERT INTO types_edges.people VALUES (3, 'new', ('r', 't'), '{}');
:show

-- Tables are types as well, with columns that they had once.
CREATE TABLE types_edges.old (a int, b text, c int GENERATED ALWAYS AS (a + 1) STORED);
ALTER TABLE types_edges.old DROP COLUMN b;
CREATE TABLE types_edges.rows (id int PRIMARY KEY, r types_edges.old);
INSERT INTO types_edges.rows VALUES (1, row(1, 2));
:show

-- Deep nesting, blanks, escapes that name no character.
CREATE TABLE types_edges.json (id int PRIMARY KEY, j json, b jsonb);
INSERT INTO types_edges.json VALUES (1, (repeat('[', 2000) || repeat(']', 2000))::json, (repeat('[', 2000) || repeat(']', 2000))::jsonb);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT length((message->'record'->'j')::text), length((message->'record'->'b')::text) FROM sequin.receive('types_edges');
INSERT INTO types_edges.json VALUES (2, E' {"a":\n\t"\\ud800\\u0000" , "a" : -0.00e400}\n', '1');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT substring(message::text FROM '^.*?},"changes"') FROM sequin.receive('types_edges');

SELECT count(*) AS dead FROM sequin.dead_letter AS d JOIN sequin.consumer AS c ON c.id = d.consumer
WHERE c.name = 'types_edges';
SELECT sequin.drop_consumer('types_edges');
DROP SCHEMA types_edges CASCADE;

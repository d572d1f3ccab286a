-- Filters that are evaluated when a message is received.
SET client_min_messages = warning;
CREATE SCHEMA filter_claim;
SET search_path = filter_claim;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE t (id int PRIMARY KEY, k text, gone int, n numeric, tags text[], grid int[], doc jsonb, at timestamptz,
  span int4range, mood mood, many positive[], pair pair, raw bytea, big text, f float8);
ALTER TABLE t DROP COLUMN gone;
ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
CREATE TABLE vip (k text PRIMARY KEY);
CREATE TABLE parts (id int, kind text, v int, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b (v int, kind text NOT NULL, id int NOT NULL);
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN ('b');
CREATE FUNCTION good(k text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF k = 'error' THEN RAISE 'not this one'; END IF;
  RETURN k LIKE 'g%';
END
$$;
CREATE FUNCTION whole(r t) RETURNS bool LANGUAGE sql AS 'SELECT r.id > 1 AND r.k LIKE ''g%''';
SELECT sequin.start();
CREATE PROCEDURE watch(consumer text, filter text, tables text[] DEFAULT '{filter_claim.t}', actions text[] DEFAULT '{insert,update,delete}') LANGUAGE plpgsql AS $$
BEGIN PERFORM sequin.create_consumer('fc_' || consumer, tables, actions, filter); END
$$;
\set received 'SELECT string_agg((message ->> ''action'') || '' '' || (message #>> ''{record,id}''), '', '') AS got FROM sequin.receive(''fc_'' || :''c'', 100);'

CALL watch('good', $$ filter_claim.good(new.k) $$);
CALL watch('vip', $$ new.k IN (SELECT k FROM filter_claim.vip) $$);
CALL watch('key', $$ (SELECT old.id IS DISTINCT FROM new.id) $$, actions => '{update}');
CALL watch('delete', $$ (SELECT id > 1) AND action = 'delete' $$, actions => '{delete}');
CALL watch('parts', $$ (SELECT parts.v > 1) $$, '{filter_claim.parts}', '{insert}');
INSERT INTO t (id, k) VALUES (1, 'g1'), (2, 'b1'), (3, 'error'), (4, 'g2'), (5, NULL);
INSERT INTO parts VALUES (1, 'a', 1), (2, 'a', 2), (3, 'b', 2), (4, 'b', 0);
UPDATE t SET k = 'g3' WHERE id = 2;
UPDATE t SET id = 6 WHERE id = 5;
DELETE FROM t WHERE id IN (1, 4);
INSERT INTO vip VALUES ('b1');                          -- after the change, before it is received
SELECT sequin.sync() IS NOT NULL AS synced;
\set c good
:received
\set c vip
:received
\set c key
:received
\set c delete
:received
\set c parts
:received
SELECT d.reason, d.last_error, d.message::json #>> '{record,id}' AS id, d.attempts
FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name LIKE 'fc\_%';
SELECT name, status, ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'fc_good';

-- Every type comes back from the log as it was
CALL watch('types', $$ (SELECT new.n = 'NaN' AND new.tags = '{a,NULL,"b,c"}' AND new.grid = '{{1,2},{3,4}}'
  AND new.doc = '{"a": [1, null]}' AND new.at = '2024-02-29 12:00:00.5+00' AND new.span = '[1,5)' AND new.mood = 'happy'::filter_claim.mood
  AND (new.pair).b = 'x"y' AND new.many[2] = 4 AND new.raw = '\x00ff' AND new.f = 0.1) $$, actions => '{insert}');
CALL watch('whole', $$ filter_claim.whole(new) $$, actions => '{insert}');
CALL watch('json_null', $$ (SELECT new.doc = 'null') $$, actions => '{insert}');
INSERT INTO t (id, k, n, tags, grid, doc, at, span, mood, many, pair, raw, f) VALUES
  (20, 'g', 'NaN', '{a,NULL,"b,c"}', '{{1,2},{3,4}}', '{"a": [1, null]}', '2024-02-29 12:00:00.5+00', '[1,4]', 'happy', '{3,4}', '(1,"x""y")', '\x00ff', 0.1);
INSERT INTO t (id, k, doc) VALUES (21, 'x', 'null');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c types
:received
\set c whole
:received
\set c json_null
:received

-- Order within a group, and what comes back is looked at again, as things are then
CREATE TABLE o (id int, n int, PRIMARY KEY (id, n));
ALTER TABLE o REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('fc_order', '{filter_claim.o}', '{insert}', $$ filter_claim.good(new.n::text || 'x') OR new.n NOT IN (SELECT k::int FROM filter_claim.vip WHERE k < 'A') $$, group_columns => '{id}') IS NOT NULL AS made;
INSERT INTO vip VALUES ('2'), ('3');
INSERT INTO o SELECT 1, i FROM generate_series(1, 5) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ack_id AS first, message #>> '{record,n}' AS n FROM sequin.receive('fc_order', 1) \gset
SELECT :'n' AS n;
SELECT message #>> '{record,n}' AS n FROM sequin.receive('fc_order', 1);  -- the group is busy
SELECT result FROM sequin.nack('fc_order', ARRAY[:'first']::uuid[], '0');
INSERT INTO vip VALUES ('1'), ('5');
SELECT message #>> '{record,n}' AS n FROM sequin.receive('fc_order', 10);
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'fc_order';

-- Many that do not match are passed by in one receive, and leave nothing
SELECT sequin.create_consumer('fc_few', '{filter_claim.o}', '{insert}', $$ (SELECT new.n = 2000) $$, max_in_flight => 2) IS NOT NULL AS made;
INSERT INTO o SELECT i, i FROM generate_series(1001, 2010) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message #>> '{record,n}' AS n FROM sequin.receive('fc_few', 2);
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'fc_few';
SELECT message #>> '{record,n}' AS n FROM sequin.receive('fc_few', 2, wait => '200 ms');

-- Unchanged large values: an error, unless they are looked up
SELECT sequin.create_consumer('fc_big', '{filter_claim.t}', '{update}', $$ length(new.big) > 3000 AND (SELECT true) $$) IS NOT NULL AS made;
SELECT sequin.create_consumer('fc_fill', '{filter_claim.t}', '{update}', $$ length(new.big) > 3000 AND (SELECT true) $$, fill_unchanged => true) IS NOT NULL AS made;
SELECT sequin.create_consumer('fc_fill_all', '{filter_claim.t}', '{update}', fill_unchanged => true) IS NOT NULL AS made;
INSERT INTO t (id, k, big) VALUES (30, 'x', repeat('b', 4000)), (31, 'x', repeat('c', 4000));
UPDATE t SET k = 'y' WHERE id >= 30;
DELETE FROM t WHERE id = 31;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c big
:received
SELECT d.last_error FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fc_big' ORDER BY d.id;
SELECT message #>> '{record,id}' AS id, length(message #>> '{record,big}') AS big, message #>> '{metadata,filled_columns}' AS filled, message #>> '{metadata,unchanged_columns}' AS unchanged
FROM sequin.receive('fc_fill', 10);
SELECT message #>> '{record,id}' AS id, length(message #>> '{record,big}') AS big, message #>> '{metadata,filled_columns}' AS filled, message #>> '{metadata,unchanged_columns}' AS unchanged
FROM sequin.receive('fc_fill_all', 10);

-- columns: the filter sees all, the message has those
SELECT sequin.create_consumer('fc_columns', '{filter_claim.t}', '{update}', $$ (SELECT new.k = 'secret') $$, columns => '{id,n}') IS NOT NULL AS made;
SELECT sequin.create_consumer('fc_exclude', '{filter_claim.t}', '{update}', $$ (SELECT new.k = 'secret') $$,
  exclude_columns => '{k,big,grid,tags,doc,at,span,mood,many,pair,raw}') IS NOT NULL AS made;
UPDATE t SET n = 7, k = 'secret' WHERE id = 30;
UPDATE t SET id = 32 WHERE id = 30;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message -> 'record' AS record, message -> 'changes' AS changes, message #> '{metadata,unchanged_columns}' AS unchanged, group_key FROM sequin.receive('fc_columns', 10);
SELECT message -> 'record' AS record, message -> 'changes' AS changes, message #> '{metadata,unchanged_columns}' AS unchanged FROM sequin.receive('fc_exclude', 10);

-- Filters of single tables
SELECT sequin.create_consumer('fc_tables', '{filter_claim.t,filter_claim.o}', '{insert}', 'false AND (SELECT true)',
  table_options => '{"filter_claim.o": {"filter": "(SELECT new.n = 3001)"}}') IS NOT NULL AS made;
INSERT INTO o VALUES (3000, 3000), (3001, 3001);
INSERT INTO t (id) VALUES (3001);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c tables
:received

-- Partitions under their own names: filters and options still go by the root
SELECT sequin.create_consumer('fc_leaves', '{filter_claim.parts}', '{insert}', 'false', publish_via_partition_root => false,
  table_options => '{"filter_claim.parts": {"filter": "parts.v > 1 AND table_name = ''parts_b''"}}') IS NOT NULL AS made;
SELECT sequin.create_consumer('fc_leaves_late', '{filter_claim.parts}', '{insert}', 'false', publish_via_partition_root => false,
  table_options => '{"filter_claim.parts": {"filter": "parts.v > 1 AND (SELECT table_name = ''parts_b'')", "exclude_columns": ["v"]}}') IS NOT NULL AS made;
INSERT INTO parts VALUES (11, 'a', 11), (12, 'a', 0), (13, 'b', 11), (14, 'b', 0);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c leaves
:received
SELECT message -> 'record' AS record, message #>> '{metadata,table_name}' AS table_name FROM sequin.receive('fc_leaves_late', 10);

-- A filter that decoding can evaluate, but for this change: later, with the same outcome
SELECT sequin.create_consumer('fc_division', '{filter_claim.o}', '{insert}', '10 / new.n > 1') IS NOT NULL AS made;
INSERT INTO o VALUES (4000, 0), (4001, 1), (4002, 20);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c division
:received
SELECT d.reason, d.last_error FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fc_division';

-- What cannot be turned: whether the old row matched is not known
SELECT sequin.create_consumer('fc_turn', '{filter_claim.o}', NULL, '(SELECT new.n = 1)', filter_transition => 'insert_delete');

-- The rights are those of the owner, and only the columns that the owner may read can be asked about
CREATE ROLE regress_filter_owner IN ROLE sequin_admin;
GRANT USAGE ON SCHEMA filter_claim TO regress_filter_owner;
GRANT SELECT ON o TO regress_filter_owner;
GRANT SELECT (id, k) ON t TO regress_filter_owner;
SET ROLE regress_filter_owner;
SELECT sequin.create_consumer('fc_owner', '{filter_claim.o}', '{insert}', 'new.n IN (SELECT k::int FROM filter_claim.vip)') IS NOT NULL AS made;
SELECT sequin.create_consumer('fc_who', '{filter_claim.o}', '{insert}', 'current_user = ''regress_filter_owner''') IS NOT NULL AS made;
SELECT sequin.create_consumer('fc_column', '{filter_claim.t}', '{insert}', 'new.n = 1');
SELECT sequin.create_consumer('fc_column', '{filter_claim.t}', '{insert}', '(SELECT new.n = 1)');
SELECT sequin.create_consumer('fc_column', '{filter_claim.t}', '{insert}', '(SELECT new.k = ''x'')') IS NOT NULL AS made;
RESET ROLE;
INSERT INTO o VALUES (5000, 5000);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c owner
:received
SELECT d.reason, d.last_error FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fc_owner';
\set c who
:received

-- Settings of the session that receives
CREATE TABLE hidden (id int);
INSERT INTO hidden VALUES (6001), (6002);
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE POLICY first ON hidden USING (id = 6001);
GRANT SELECT ON hidden TO regress_filter_owner;
SET ROLE regress_filter_owner;
SELECT sequin.create_consumer('fc_security', '{filter_claim.o}', '{insert}', 'id IN (SELECT id FROM filter_claim.hidden)') IS NOT NULL AS made;
RESET ROLE;
SELECT sequin.create_consumer('fc_words', '{filter_claim.t}', '{insert}', $$ to_tsvector(k) @@ to_tsquery('runs') $$) IS NOT NULL AS made;
INSERT INTO o VALUES (6001, 1), (6002, 2);
INSERT INTO t (id, k) VALUES (6001, 'running'), (6002, 'runs');
SELECT sequin.sync() IS NOT NULL AS synced;
SET row_security = off;
SET default_text_search_config = 'pg_catalog.english';
\set c security
:received
\set c words
:received
SHOW row_security;
RESET row_security;
RESET default_text_search_config;
SELECT status FROM sequin.consumers WHERE name = 'fc_security';

SELECT state, last_error FROM sequin.status;
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'fc\_%';
DROP SCHEMA filter_claim CASCADE;
DROP ROLE regress_filter_owner;

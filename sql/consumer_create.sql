-- Declarations: their defaults, what is stored and shown, and that routing follows the commits.
SET client_min_messages = warning;
CREATE SCHEMA consumer_create;
SET search_path = consumer_create;
CREATE TABLE t (id int PRIMARY KEY, a text);
CREATE TABLE "Odd ""Table" (id int PRIMARY KEY, "Col" text);
CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
SELECT sequin.start();

-- Defaults -----------------------------------------------------------------------------------
SELECT sequin.create_consumer('cc_defaults') IS NOT NULL AS made;
SELECT sequin.create_consumer('cc_push', tables => '{consumer_create.T}', actions => '{update,insert,update}',
  filter => 'new.a = ''x''', push_url => 'http://127.0.0.1:9000/hook', push_headers => '{"X-Key": "1"}',
  push_batch_size => 10, push_timeout => '5 s', annotations => '{"team": "a"}') IS NOT NULL AS made;
SELECT sequin.create_consumer('cc_odd',
  tables => ARRAY['consumer_create."Odd ""Table"', 'consumer_create.parts', 'consumer_create.*'],
  group_columns => '{id}', max_deliver => 3, max_in_flight => 100, visibility_timeout => '1 min',
  backoff_base => '1 s', backoff_max => '1 hour') IS NOT NULL AS made;
SELECT sequin.create_consumer('cc_null', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 0, NULL, NULL, NULL, NULL)
  IS NOT NULL AS made;
\x on
SELECT name, owner = current_user::regrole AS mine, kind, status, tables, actions, filter, group_columns, push_url,
  visibility_timeout_ms, max_deliver, backoff_base_ms, backoff_max_ms, max_in_flight, push_batch_size,
  push_timeout_ms, grantees, annotations
FROM sequin.consumers WHERE name LIKE 'cc\_%' ORDER BY name;
SELECT name, kind, status, url, headers, batch_size, max_in_flight, visibility_timeout_ms, request_timeout_ms
FROM sequin.agent_consumers() WHERE name LIKE 'cc\_%' ORDER BY name;
\x off
SELECT sequin.create_consumer('cc_push');

-- Alter: NULL leaves a value as it is --------------------------------------------------------
SELECT sequin.alter_consumer('cc_push');
SELECT sequin.alter_consumer('cc_push', filter => '', status => 'paused', push_url => 'https://example.com/',
  max_deliver => 0, actions => '{delete}');
SELECT sequin.alter_consumer(id::text, group_columns => '{}', max_in_flight => 0, annotations => '{"b": 2}')
FROM sequin.consumers WHERE name = 'cc_odd';
\x on
SELECT name, status, tables, actions, filter, group_columns, push_url, max_deliver, max_in_flight, push_batch_size,
  annotations, updated_at > created_at AS updated
FROM sequin.consumers WHERE name IN ('cc_push', 'cc_odd') ORDER BY name;
\x off
SELECT sequin.alter_consumer('cc_push', filter => 'new.nothing');
SELECT sequin.alter_consumer('cc_push', filter => 'a = ''x''');
SELECT sequin.alter_consumer('cc_push', tables => '{consumer_create.nothing}');
SELECT sequin.alter_consumer('cc_push', status => 'asleep');
SELECT sequin.alter_consumer('cc_push', push_url => '');
SELECT sequin.alter_consumer('cc_defaults', push_url => 'http://a/');
-- A table that went away does not keep anybody from pausing
CREATE TABLE gone (id int PRIMARY KEY);
SELECT sequin.create_consumer('cc_gone', tables => '{consumer_create.gone}') IS NOT NULL AS made;
DROP TABLE gone;
SELECT sequin.alter_consumer('cc_gone', status => 'paused');
SELECT sequin.alter_consumer('cc_gone', actions => '{insert}');
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'cc\_%';
SELECT count(*) FROM sequin.endpoint WHERE name LIKE 'cc\_%';

-- In force for exactly what commits after it -------------------------------------------------
INSERT INTO t VALUES (1, 'before');
SELECT sequin.create_consumer('cc_flow', tables => '{consumer_create.t,consumer_create.parts}') IS NOT NULL AS made;
INSERT INTO t VALUES (2, 'after');
INSERT INTO parts VALUES (3);
BEGIN;
SELECT sequin.alter_consumer('cc_flow', filter => 'new.id > 100');
ROLLBACK;
INSERT INTO t VALUES (4, 'alter was rolled back');
BEGIN;
INSERT INTO t VALUES (5, 'written with the alter: as before it');
SELECT sequin.alter_consumer('cc_flow', filter => 'new.id > 100');
INSERT INTO t VALUES (6, 'the same');
COMMIT;
INSERT INTO t VALUES (7, 'filtered'), (101, 'passes');
SELECT sequin.alter_consumer('cc_flow', filter => '', status => 'paused');
INSERT INTO t VALUES (8, 'paused consumers go on collecting');
SELECT sequin.alter_consumer('cc_flow', status => 'active');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message #>> '{metadata,table_name}' AS table, message #>> '{record,id}' AS id, message #>> '{record,a}' AS a
FROM sequin.receive('cc_flow', 100);

-- Dropped with all that belongs to it; the name is free again, and nothing old comes back
INSERT INTO t VALUES (9, 'for the first of the name');
SELECT sequin.drop_consumer('cc_flow');
SELECT sequin.create_consumer('cc_flow', tables => '{consumer_create.t}') IS NOT NULL AS made;
INSERT INTO t VALUES (10, 'for the second');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message #>> '{record,id}' AS id FROM sequin.receive('cc_flow', 100);
SELECT sequin.drop_consumer('cc_flow');
SELECT count(*) FROM sequin.claim c WHERE NOT EXISTS (SELECT FROM sequin.consumer WHERE id = c.consumer);
BEGIN;
SELECT sequin.create_consumer('cc_never') IS NOT NULL AS made;
ROLLBACK;
SELECT count(*) FROM sequin.consumers WHERE name LIKE 'cc\_%';

DROP SCHEMA consumer_create CASCADE;

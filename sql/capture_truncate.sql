-- TRUNCATE: one message for each published table, a barrier for its relation.
SELECT sequin.start();
CREATE SCHEMA cap_trunc;
CREATE TABLE cap_trunc.a (id serial PRIMARY KEY);
CREATE TABLE cap_trunc.b (id int PRIMARY KEY REFERENCES cap_trunc.a);
CREATE TABLE cap_trunc.alone (id int PRIMARY KEY);
CREATE TABLE cap_trunc.root (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE cap_trunc.low PARTITION OF cap_trunc.root FOR VALUES FROM (0) TO (10);
CREATE TABLE cap_trunc.high PARTITION OF cap_trunc.root FOR VALUES FROM (10) TO (100) PARTITION BY RANGE (n);
CREATE TABLE cap_trunc.high_1 PARTITION OF cap_trunc.high FOR VALUES FROM (0) TO (10);
CREATE TABLE cap_trunc.high_2 PARTITION OF cap_trunc.high FOR VALUES FROM (10) TO (20);
CREATE TABLE cap_trunc.parent (id int PRIMARY KEY);
CREATE TABLE cap_trunc.child () INHERITS (cap_trunc.parent);
SELECT sequin.create_consumer('t', tables => '{cap_trunc.*}', actions => '{truncate}') IS NOT NULL AS root,
       sequin.create_consumer('t_leaf', tables => '{cap_trunc.*}', actions => '{truncate}', publish_via_partition_root => false) IS NOT NULL AS leaf,
       sequin.create_consumer('t_filter', tables => '{cap_trunc.a}', filter => 'new.id < 0', columns => '{}') IS NOT NULL AS filter;
-- Each message is the only one that its relation lets through, so they are read from the log.
SELECT format('sequin.log_%s', max(no)) AS log FROM sequin.segment \gset
CREATE VIEW cap_trunc.log AS
  SELECT l.seq, l.commit_idx AS idx, l.form, r.table_name AS "table", l.record, l.changes, l.key, l.meta
    FROM :log l JOIN sequin.relation r ON r.id = l.relation WHERE l.action = 't';
SELECT coalesce(max(seq), 0) AS start FROM cap_trunc.log \gset
TRUNCATE cap_trunc.alone;
TRUNCATE cap_trunc.a CASCADE;
TRUNCATE cap_trunc.a, cap_trunc.b, cap_trunc.alone RESTART IDENTITY;
TRUNCATE cap_trunc.root;
TRUNCATE cap_trunc.low;
TRUNCATE cap_trunc.high;
TRUNCATE cap_trunc.high_2, cap_trunc.low;
TRUNCATE cap_trunc.parent;
TRUNCATE ONLY cap_trunc.parent;
BEGIN;
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{"by": "me"}') IS NOT NULL AS emitted;
TRUNCATE cap_trunc.alone;
ROLLBACK;
BEGIN;
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{"by": "me"}') IS NOT NULL AS emitted;
INSERT INTO cap_trunc.alone VALUES (1);
TRUNCATE cap_trunc.alone;
COMMIT;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT idx, form, "table", meta FROM cap_trunc.log WHERE seq > :start ORDER BY seq;
SELECT message->>'action' AS action, message->'record' AS record, message->'changes' AS changes,
       message->'metadata'->'record_pks' AS pks, message->'metadata'->'cascade' AS cascade, group_key
  FROM sequin.receive('t_filter', batch_size => 10);
SELECT name, ready FROM sequin.consumers ORDER BY name;
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_trunc CASCADE;

-- Messages of pg_logical_emit_message, and the annotations of transactions.
SELECT sequin.start();
CREATE SCHEMA cap_msg;
CREATE TABLE cap_msg.t (id int PRIMARY KEY, a text);
\set got 'SELECT message->>''action'' AS action, message->''record'' AS record, message->''changes'' AS changes, message->''metadata''->''table_schema'' AS "schema", message->''metadata''->''table_name'' AS "table", message->''metadata''->''record_pks'' AS pks, group_key FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'
\set annotated 'SELECT message->>''action'' AS action, message->''record'' AS record, message->''metadata''->''transaction_annotations'' AS annotations, message->''metadata''->''transaction_annotations_error'' AS error FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'

-- What cannot be asked for.
SELECT sequin.create_consumer('m', message_prefixes => '{sequin:publish}');
SELECT sequin.create_consumer('m', message_prefixes => '{sequin:*}');
SELECT sequin.create_consumer('m', message_prefixes => '{a*b}');
SELECT sequin.create_consumer('m', message_prefixes => '{""}');

SELECT sequin.create_consumer('m_exact', tables => '{}', message_prefixes => '{app,other}') IS NOT NULL AS exact,
       sequin.create_consumer('m_begin', tables => '{cap_msg.t}', message_prefixes => '{app*}') IS NOT NULL AS begin,
       sequin.create_consumer('m_all', tables => '{}', message_prefixes => '{*}') IS NOT NULL AS everything,
       sequin.create_consumer('m_none', tables => '{cap_msg.t}') IS NOT NULL AS none;
BEGIN;
SELECT pg_logical_emit_message(true, 'app', 'first') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (1, 'row');
SELECT pg_logical_emit_message(true, 'app.sub', E'quote " backslash \\ line\n') IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(true, 'app', '\x00ff41'::bytea) IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(true, 'sequin:unknown', 'to us') IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(true, 'other', '') IS NOT NULL AS emitted;
COMMIT;
-- One that does not belong to its transaction comes although that is rolled back; the other does not.
BEGIN;
SELECT pg_logical_emit_message(false, 'app', 'loose') IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(true, 'app', 'rolled back') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (2, 'rolled back');
SELECT pg_logical_emit_message(false, 'sequin:unknown', 'to us') IS NOT NULL AS emitted;
ROLLBACK;
-- Nor that of a savepoint that was left.
BEGIN;
SAVEPOINT s;
SELECT pg_logical_emit_message(true, 'app', 'rolled back') IS NOT NULL AS emitted;
ROLLBACK TO s;
SELECT pg_logical_emit_message(true, 'app', 'kept') IS NOT NULL AS emitted;
COMMIT;
INSERT INTO cap_msg.t VALUES (3, 'last');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c m_exact
:got
\set c m_begin
:got
\set c m_all
:got
\set c m_none
:got
SELECT sequin.drop_consumer(name) FROM sequin.consumers;

-- Each prefix is a group of its own, in order.
SELECT sequin.create_consumer('m', tables => '{}', message_prefixes => '{*}') IS NOT NULL AS made;
SELECT pg_logical_emit_message(i % 3 = 0, 'p' || i % 2, i::text) IS NOT NULL AS emitted FROM generate_series(1, 6) i;
INSERT INTO cap_msg.t VALUES (4, NULL);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ack_id AS first FROM sequin.receive('m', batch_size => 1) \gset
-- Behind the one that is out, its group waits.
SELECT group_key, message->'record'->>'content' AS content FROM sequin.receive('m', batch_size => 10) ORDER BY seq;
SELECT result FROM sequin.ack('m', ARRAY[:'first'::uuid]);
SELECT group_key, message->'record'->>'content' AS content FROM sequin.receive('m', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('m');

-- Exactly once over restarts: loose messages have a position of their own.
SELECT sequin.create_consumer('m', tables => '{}', message_prefixes => '{p}') IS NOT NULL AS made;
BEGIN;
SELECT pg_logical_emit_message(false, 'p', 'before') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (5, NULL);
SELECT pg_logical_emit_message(true, 'p', 'within') IS NOT NULL AS emitted;
COMMIT;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT sequin.stop();
SELECT pg_logical_emit_message(false, 'p', 'meanwhile') IS NOT NULL AS emitted;
SELECT sequin.start();
INSERT INTO cap_msg.t VALUES (6, NULL);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT sequin.stop();
SELECT sequin.start();
INSERT INTO cap_msg.t VALUES (7, NULL);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'content' AS content, message->'metadata'->'commit_idx' AS idx
  FROM sequin.receive('m', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('m');

-- Annotations are those of the last set before the change, in its transaction.
SELECT sequin.create_consumer('a', tables => '{cap_msg.t}', message_prefixes => '{app}') IS NOT NULL AS made;
BEGIN;
INSERT INTO cap_msg.t VALUES (10, 'before');
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{"user": "ann", "n": 1.50}') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (11, 'ann');
SELECT pg_logical_emit_message(true, 'app', 'message') IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{"user": "bob"}') IS NOT NULL AS emitted;
UPDATE cap_msg.t SET a = 'bob' WHERE id = 10;
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.clear', '') IS NOT NULL AS emitted;
DELETE FROM cap_msg.t WHERE id = 11;
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{broken') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (12, 'broken');
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '[1]') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (13, 'list');
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '\xff00'::bytea) IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (14, 'bytes');
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', jsonb_build_object('x', repeat('x', 20000))::text) IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (15, 'large');
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', repeat('[', 16000)) IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (16, 'deep');
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{"again": true}') IS NOT NULL AS emitted;
UPDATE cap_msg.t SET a = 'again' WHERE id = 16;
COMMIT;
-- They end with the transaction; without one they mean nothing.
INSERT INTO cap_msg.t VALUES (17, 'after');
SELECT pg_logical_emit_message(false, 'sequin:transaction_annotations.set', '{"loose": true}') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t VALUES (18, 'after');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c a
:annotated
SELECT sequin.drop_consumer('a');

-- Also over the slices in which a large transaction is written, and over a restart between them.
SELECT sequin.create_consumer('a', tables => '{cap_msg.t}') IS NOT NULL AS made;
ALTER SYSTEM SET sequin.batch_rows = 10;
SELECT pg_reload_conf();
BEGIN;
SELECT pg_logical_emit_message(true, 'sequin:transaction_annotations.set', '{"job": 1}') IS NOT NULL AS emitted;
INSERT INTO cap_msg.t SELECT i, 'x' FROM generate_series(100, 199) i;
COMMIT;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*), message->'metadata'->>'transaction_annotations' AS annotations
  FROM sequin.receive('a', batch_size => 1000) GROUP BY 2;
ALTER SYSTEM RESET sequin.batch_rows;
SELECT pg_reload_conf();
SELECT sequin.drop_consumer('a');
-- A message outside of a transaction whose record ends where that of a commit begins: two places.
SELECT sequin.create_consumer('m', tables => '{cap_msg.t}', message_prefixes => '{*}') IS NOT NULL AS made;
BEGIN;
INSERT INTO cap_msg.t VALUES (1000, 'row');
SELECT pg_logical_emit_message(false, 'app', 'loose') IS NOT NULL AS emitted;
COMMIT;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*), count(DISTINCT message->'metadata'->>'idempotency_key') AS keys FROM sequin.receive('m', batch_size => 10);
-- A message and the change after it, of different subtransactions: their records touch each other.
SELECT sequin.create_consumer('m_order', tables => '{cap_msg.t}', message_prefixes => '{*}') IS NOT NULL AS made;
BEGIN;
SAVEPOINT one;
SELECT pg_logical_emit_message(true, 'app', 'before 1001') IS NOT NULL AS emitted;
SAVEPOINT two;
INSERT INTO cap_msg.t VALUES (1001, 'row');
SELECT pg_logical_emit_message(true, 'app', 'before 1002') IS NOT NULL AS emitted;
SAVEPOINT three;
INSERT INTO cap_msg.t VALUES (1002, 'row');
SELECT pg_logical_emit_message(true, 'app', 'before 1003') IS NOT NULL AS emitted;
SAVEPOINT four;
INSERT INTO cap_msg.t VALUES (1003, 'row');
COMMIT;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'record'->>'content' AS content, message->'record'->>'id' AS id,
       (message->'metadata'->>'commit_idx')::int AS place FROM sequin.receive('m_order', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('m_order');
SELECT sequin.drop_consumer('m');
DROP SCHEMA cap_msg CASCADE;

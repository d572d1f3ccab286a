-- Misuse of receive and settle: each with its SQLSTATE, and nothing is changed by it.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.code(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
  hint text;
BEGIN
  EXECUTE statement;
  RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(E'\n  ', SQLSTATE || ': ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END
$$;
\pset format unaligned
\pset tuples_only on
CREATE TABLE queue_errors (id int PRIMARY KEY);
SELECT sequin.create_consumer('queue_errors', tables => '{public.queue_errors}') IS NOT NULL;
INSERT INTO queue_errors VALUES (1);
SELECT sequin.sync() IS NOT NULL;

-- A claim must be a statement of its own.
SELECT pg_temp.code($$SELECT * FROM sequin.receive('queue_errors')$$);
\set VERBOSITY sqlstate
BEGIN;
SELECT * FROM sequin.receive('queue_errors');
ROLLBACK;
SELECT 1 \; SELECT * FROM sequin.receive('queue_errors');
DO $$ BEGIN PERFORM sequin.receive('queue_errors'); END $$;
INSERT INTO queue_errors SELECT seq + 100 FROM sequin.receive('queue_errors');
WITH m AS (SELECT * FROM sequin.receive('queue_errors')), d AS (DELETE FROM queue_errors RETURNING id)
  SELECT count(*) FROM m, d;
CREATE TABLE queue_errors_copy AS SELECT * FROM sequin.receive('queue_errors');
COPY (SELECT * FROM sequin.receive('queue_errors')) TO STDOUT;
EXPLAIN ANALYZE SELECT * FROM sequin.receive('queue_errors');
SELECT * FROM sequin.receive('queue_errors') a, sequin.receive('queue_errors') b;
SELECT * FROM sequin.agent_receive((SELECT id FROM sequin.consumer WHERE name = 'queue_errors'), '{1}') a,
              sequin.receive('queue_errors') b;
SET default_transaction_read_only = on;
SELECT * FROM sequin.receive('queue_errors');
SELECT * FROM sequin.ack('queue_errors', '{}');
RESET default_transaction_read_only;
-- None of them has taken the message.
SELECT ready, in_flight FROM sequin.consumers WHERE name = 'queue_errors';
-- These are statements of their own.
PREPARE receive AS SELECT count(*) FROM sequin.receive('queue_errors');
EXECUTE receive;
SELECT count(*) FROM generate_series(1, 3), LATERAL (SELECT 1 FROM sequin.receive('queue_errors')) r;

-- Arguments.
SELECT * FROM sequin.receive('queue_errors', 0);
SELECT * FROM sequin.receive('queue_errors', 10001);
SELECT * FROM sequin.receive('queue_errors', NULL);
SELECT * FROM sequin.receive(NULL);
SELECT * FROM sequin.receive('queue_errors', 1, '99 ms');
SELECT * FROM sequin.receive('queue_errors', 1, '13 h');
SELECT * FROM sequin.receive('queue_errors', 1, '1 s', '31 s');
SELECT * FROM sequin.receive('queue_errors', 1, '1 s', '-1 s');
SELECT * FROM sequin.receive('queue_errors', 1, '1 s', NULL);
SELECT * FROM sequin.receive('queue_errors', 1, '2000000000 days');
\set VERBOSITY default
SELECT pg_temp.code($$SELECT * FROM sequin.ack('no such', '{}')$$);
SELECT pg_temp.code($$SELECT * FROM sequin.ack('11111111-2222-4333-8444-555555555555', '{}')$$);
SELECT pg_temp.code($$SELECT * FROM sequin.ack('queue_errors', NULL)$$);
SELECT pg_temp.code($$SELECT * FROM sequin.ack('queue_errors', ARRAY[NULL]::uuid[])$$);
SELECT pg_temp.code($$SELECT * FROM sequin.ack('queue_errors', ARRAY[[gen_random_uuid()]])$$);
SELECT pg_temp.code($$SELECT * FROM sequin.ack('queue_errors', array_fill(gen_random_uuid(), '{100001}'))$$);
SELECT pg_temp.code($$SELECT * FROM sequin.nack('queue_errors', '{}', '-1 s')$$);
SELECT pg_temp.code($$SELECT * FROM sequin.nack('queue_errors', ARRAY[gen_random_uuid()], '-1 s')$$);
SELECT pg_temp.code($$SELECT * FROM sequin.nack('queue_errors', ARRAY[gen_random_uuid()], '2 years')$$);
SELECT pg_temp.code($$SELECT * FROM sequin.extend('queue_errors', '{}', NULL)$$);
SELECT pg_temp.code($$SELECT * FROM sequin.extend('queue_errors', '{}', '1 day')$$);
SELECT pg_temp.code($$SELECT * FROM sequin.agent_settle(-1, '{}', '{}', '{}', '{}')$$);
SELECT id FROM sequin.consumer WHERE name = 'queue_errors' \gset
SELECT pg_temp.code(format($$SELECT * FROM sequin.agent_settle(%s, ARRAY[gen_random_uuid()], '{}', '{}', '{}')$$, :id));
SELECT pg_temp.code(format($$SELECT * FROM sequin.agent_settle(%s, ARRAY[gen_random_uuid()], '{eat}', '{NULL}', '{NULL}')$$, :id));
SELECT pg_temp.code(format($$SELECT * FROM sequin.agent_settle(%s, ARRAY[gen_random_uuid()], '{NULL}', '{NULL}', '{NULL}')$$, :id));
\set VERBOSITY sqlstate
SELECT * FROM sequin.agent_receive(:id, '{}');
SELECT * FROM sequin.agent_receive(:id, '{0}');
SELECT * FROM sequin.agent_receive(:id, '{1,NULL}');
SELECT * FROM sequin.agent_receive(:id, '{6000,6000}');
SELECT * FROM sequin.agent_receive(NULL, '{1}');
SELECT * FROM sequin.agent_receive(-1, '{1}');

-- Rights.
CREATE ROLE queue_errors_stranger;
GRANT sequin_consumer TO queue_errors_stranger;
SET ROLE queue_errors_stranger;
SELECT * FROM sequin.receive('queue_errors');
SELECT * FROM sequin.ack('queue_errors', '{}');
SELECT * FROM sequin.agent_receive(1, '{1}');
RESET ROLE;
REVOKE sequin_consumer FROM queue_errors_stranger;
DROP ROLE queue_errors_stranger;

-- Damage is reported, not followed.
UPDATE sequin.claim SET entries = '\xff' WHERE consumer = :id;
\c -
\pset tuples_only on
\set VERBOSITY sqlstate
SELECT * FROM sequin.receive('queue_errors');
SELECT sequin.drop_consumer('queue_errors');
DROP TABLE queue_errors;

-- Backfills: existing rows as messages with action read.
CREATE SCHEMA backfill;
CREATE FUNCTION backfill.wait(id uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE now_is text;
BEGIN
  LOOP
    SELECT concat_ws(' ', state, rows_read, rows_sent, error) INTO now_is FROM sequin.backfills b WHERE b.id = wait.id;
    EXIT WHEN now_is NOT LIKE 'running%' OR now_is IS NULL;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN now_is;
END
$$;

-- By primary key, in chunks; filters and columns of the consumer apply
CREATE TABLE backfill.orders (id int PRIMARY KEY, status text, note text, secret text);
INSERT INTO backfill.orders SELECT i, CASE WHEN i % 2 = 0 THEN 'open' ELSE 'done' END, 'n' || i, 'hidden'
FROM generate_series(1, 10) i;
SELECT sequin.create_consumer('backfill_orders', tables => '{backfill.orders}', filter => $$new.status = 'open'$$,
                              exclude_columns => '{secret}') IS NOT NULL AS made;
SELECT sequin.backfill('backfill_orders', 'backfill.orders', chunk_rows => 3) AS id \gset
SELECT backfill.wait(:'id');
SELECT consumer, "table", state, rows_read, rows_sent, position FROM sequin.backfills WHERE id = :'id';
SELECT message->>'action' AS action, message->'record' AS record, message->'changes' AS changes,
       message->'metadata'->'record_pks' AS pks,
       convert_from(decode(message->'metadata'->>'idempotency_key', 'base64'), 'UTF8')
         = (message->'metadata'->>'backfill_id') || ':' || (message->'record'->>'id') AS idempotency_key,
       message->'metadata'->>'backfill_id' = :'id' AS backfill_id
FROM sequin.receive('backfill_orders', 100);

-- A filter of its own, any expression; an order and a place to begin
CREATE FUNCTION backfill.wanted(note text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN note <> 'n8'; END $$;
CREATE INDEX ON backfill.orders (note);
ALTER TABLE backfill.orders ALTER note SET NOT NULL;
SELECT sequin.create_consumer('backfill_notes', tables => '{backfill.*}', filter => $$new.note > 'n3'$$) IS NOT NULL AS made;
SELECT sequin.backfill('backfill_notes', 'backfill.orders', filter => 'backfill.wanted(note) AND orders.id > 2',
                       order_by => '{note}', start_at => '{n2}', chunk_rows => 2) AS id \gset
SELECT backfill.wait(:'id');
SELECT message->'record'->>'note' AS note FROM sequin.receive('backfill_notes', 100);
SELECT sequin.drop_consumer('backfill_notes');

-- Composite keys of any type, and values that need escaping
CREATE TYPE backfill.color AS ENUM ('red', 'green');
CREATE DOMAIN backfill.code AS text CHECK (value <> '');
CREATE TABLE backfill.composite (a uuid, b backfill.code, c backfill.color, d numeric, e timestamptz, f bytea, g float8,
                                 v text, PRIMARY KEY (a, b, c, d, e, f, g));
INSERT INTO backfill.composite SELECT ('00000000-0000-0000-0000-00000000000' || i % 3)::uuid, repeat('"\,{', i),
  (CASE WHEN i % 2 = 0 THEN 'red' ELSE 'green' END)::backfill.color, i / 3.0, '2024-01-01 00:00:00.123456+00'::timestamptz + i * interval '1 h',
  decode('00ff', 'hex'), i / 7.0, 'v' || i FROM generate_series(1, 9) i;
SELECT sequin.create_consumer('backfill_composite', tables => '{backfill.composite}') IS NOT NULL AS made;
SELECT sequin.backfill('backfill_composite', 'backfill.composite', chunk_rows => 1) AS id \gset
SELECT backfill.wait(:'id');
SELECT count(*), count(DISTINCT message->'metadata'->>'idempotency_key') AS keys, string_agg(message->'record'->>'v', ' ' ORDER BY message->'record'->>'v') AS rows
FROM sequin.receive('backfill_composite', 100);

-- Without a key: block by block
CREATE TABLE backfill.heap (a int, v text);
INSERT INTO backfill.heap SELECT i, repeat('x', 900) FROM generate_series(1, 40) i;
SELECT sequin.create_consumer('backfill_heap', tables => '{backfill.heap}') IS NOT NULL AS made;
SELECT sequin.backfill('backfill_heap', 'backfill.heap', chunk_rows => 8) AS id \gset
SELECT backfill.wait(:'id');
SELECT count(*), count(DISTINCT message->'record'->>'a') AS rows, count(DISTINCT message->'metadata'->>'idempotency_key') AS keys,
       min(message->'metadata'->>'record_pks') AS pks
FROM sequin.receive('backfill_heap', 100);

-- Partitioned: all partitions, under the name of the root
CREATE TABLE backfill.parts (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE backfill.parts_eu PARTITION OF backfill.parts FOR VALUES IN ('eu');
CREATE TABLE backfill.parts_us PARTITION OF backfill.parts FOR VALUES IN ('us') PARTITION BY RANGE (id);
CREATE TABLE backfill.parts_us_1 PARTITION OF backfill.parts_us FOR VALUES FROM (0) TO (5);
CREATE TABLE backfill.parts_us_2 PARTITION OF backfill.parts_us FOR VALUES FROM (5) TO (100);
INSERT INTO backfill.parts SELECT i, CASE WHEN i % 3 = 0 THEN 'eu' ELSE 'us' END FROM generate_series(1, 9) i;
SELECT sequin.create_consumer('backfill_parts', tables => '{backfill.parts}') IS NOT NULL AS made;
SELECT sequin.backfill('backfill_parts', 'backfill.parts', chunk_rows => 2) AS id \gset
SELECT backfill.wait(:'id');
SELECT message->'metadata'->>'table_name' AS name, count(*), string_agg(message->'record'->>'id', ' ' ORDER BY message->'record'->>'id') AS ids
FROM sequin.receive('backfill_parts', 100) GROUP BY 1;

-- Values that are stored out of line
CREATE TABLE backfill.toast (id int PRIMARY KEY, big text, small int);
ALTER TABLE backfill.toast ALTER big SET STORAGE EXTERNAL;
INSERT INTO backfill.toast SELECT i, repeat(i::text, 5000), i FROM generate_series(1, 3) i;
SELECT sequin.create_consumer('backfill_toast', tables => '{backfill.toast}', filter => 'length(new.big) = 5000') IS NOT NULL AS made;
SELECT sequin.backfill('backfill_toast', 'backfill.toast') AS id \gset
SELECT backfill.wait(:'id');
SELECT length(message->'record'->>'big') AS big, message->'metadata'->'unchanged_columns' AS unchanged FROM sequin.receive('backfill_toast', 100);

-- At once with the consumer: what is there comes first, then what changes
CREATE FUNCTION backfill.odd(n int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN n % 2 = 1; END $$;
SELECT sequin.create_consumer('backfill_start', tables => '{backfill.orders,backfill.parts}', filter => 'backfill.odd(new.id)',
                              start => 'beginning') IS NOT NULL AS made;
SELECT backfill.wait(id) FROM sequin.backfills WHERE consumer = 'backfill_start' ORDER BY "table"::text;
SELECT message->>'action' AS action, message->'metadata'->>'table_name' AS name, array_agg(message->'record'->>'id' ORDER BY message->'record'->>'id') AS ids
FROM sequin.receive('backfill_start', 100) GROUP BY 1, 2 ORDER BY 2;
SELECT sequin.create_consumer('backfill_wrong', start => 'yesterday');

-- Pause, resume, cancel
BEGIN;
SELECT sequin.backfill('backfill_orders', 'backfill.orders') AS id \gset
SELECT sequin.pause_backfill(:'id');
COMMIT;
SELECT state, rows_read FROM sequin.backfills WHERE id = :'id';
SELECT sequin.pause_backfill(:'id');
SELECT sequin.resume_backfill(:'id');
SELECT backfill.wait(:'id');
SELECT sequin.pause_backfill(:'id');
SELECT sequin.cancel_backfill(:'id');
BEGIN;
SELECT sequin.backfill('backfill_orders', 'backfill.orders') AS id \gset
SELECT sequin.cancel_backfill(:'id');
COMMIT;
SELECT backfill.wait(:'id');
SELECT sequin.resume_backfill(:'id');

-- One that fails says why, and can be resumed
SELECT sequin.backfill('backfill_orders', 'backfill.orders', filter => '1 / (id - 6) > 0') AS id \gset
SELECT backfill.wait(:'id');
DELETE FROM backfill.orders WHERE id = 6;
SELECT sequin.resume_backfill(:'id');
SELECT backfill.wait(:'id');

-- It writes nothing, whatever its filter does
CREATE TABLE backfill.traces (n int);
CREATE FUNCTION backfill.trace(n int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN INSERT INTO backfill.traces VALUES (n); RETURN true; END $$;
SELECT sequin.backfill('backfill_orders', 'backfill.orders', filter => 'backfill.trace(id)') AS id \gset
SELECT backfill.wait(:'id');
SELECT count(*) FROM backfill.traces;

-- Errors
SELECT sequin.backfill(NULL, 'backfill.orders');
SELECT sequin.backfill('backfill_orders', NULL);
SELECT sequin.backfill('nobody', 'backfill.orders');
SELECT sequin.backfill('backfill_orders', 'backfill.heap');
SELECT sequin.backfill('backfill_orders', 'backfill.orders', chunk_rows => 0);
SELECT sequin.backfill('backfill_orders', 'backfill.orders', filter => 'nothing > 1');
SELECT sequin.backfill('backfill_orders', 'backfill.orders', filter => 'true) FROM pg_class; --');
SELECT sequin.backfill('backfill_orders', 'backfill.orders', order_by => '{nothing}');
SELECT sequin.backfill('backfill_orders', 'backfill.orders', order_by => '{status}');
ALTER TABLE backfill.orders ALTER status SET NOT NULL;
SELECT sequin.backfill('backfill_orders', 'backfill.orders', order_by => '{status}');
SELECT sequin.backfill('backfill_orders', 'backfill.orders', start_at => '{1,2}');
SELECT sequin.backfill('backfill_orders', 'backfill.orders', start_at => '{one}');
SELECT sequin.backfill('backfill_heap', 'backfill.heap', order_by => '{a}');
SELECT sequin.pause_backfill('00000000-0000-0000-0000-000000000000');

-- A message with the feeder's name in it is nobody's order
SELECT pg_logical_emit_message(true, 'sequin.feed', 'nonsense') IS NOT NULL AS sent;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT state FROM sequin.status;

SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'backfill%';
SELECT count(*) FROM sequin.backfills;
SELECT count(*) FROM sequin.feed_chunk;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA backfill CASCADE;

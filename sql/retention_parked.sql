-- A segment is kept for more waiting messages than are worth moving; when there are few, they are moved.
ALTER SYSTEM SET sequin.segment_size = '1MB';
ALTER SYSTEM SET sequin.retention = 0;
ALTER SYSTEM SET sequin.batch_rows = 100000;  -- one slice, and so one segment
SELECT pg_reload_conf();
SELECT sequin.start();
CREATE SCHEMA rparked;
CREATE FUNCTION rparked.wait_until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE result bool;
BEGIN
  FOR i IN 1..600 LOOP
    PERFORM pg_reload_conf();  -- retention looks at once
    EXECUTE 'SELECT ' || condition INTO result;
    EXIT WHEN result;
    PERFORM pg_sleep(0.1);
  END LOOP;
  RETURN result;
END
$$;
CREATE TABLE rparked.t (id int PRIMARY KEY, filler text);
SELECT sequin.create_consumer('rparked', tables => '{rparked.t}', max_in_flight => 100000) IS NOT NULL AS made;
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
INSERT INTO rparked.t SELECT n, repeat('x', 100) FROM generate_series(1, 12000) n;
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT no AS segment FROM sequin.segment WHERE first_seq <= (SELECT max(seq) FROM sequin.log) - 11999 ORDER BY no DESC LIMIT 1 \gset
\set receive 'array_agg(ack_id) AS ids, count(*) AS n FROM sequin.receive(\'rparked\', 10000, max_bytes => 1000000000, visibility_timeout => \'1 h\')'
SELECT :receive \gset one_
SELECT :receive \gset two_
SELECT :one_n + :two_n AS taken;
SELECT rparked.wait_until('count(*) > 0 FROM sequin.segment WHERE no > ' || :segment) AS closed;
-- In flight
SELECT pg_reload_conf();
INSERT INTO rparked.t VALUES (0, 'one more turn of the worker');
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT count(*) AS kept FROM sequin.segment WHERE no = :segment;
-- Parked
SELECT count(*) FROM sequin.release('rparked', :'one_ids'::uuid[] || :'two_ids'::uuid[]) WHERE result = 'RELEASED';
SELECT ack_id AS first FROM sequin.receive('rparked', 1, visibility_timeout => '1 h') \gset
SELECT pg_reload_conf();
INSERT INTO rparked.t VALUES (-1, 'one more turn of the worker');
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT count(*) AS kept FROM sequin.segment WHERE no = :segment;
SELECT parked > 11000 AS parked FROM sequin.consumers WHERE name = 'rparked';
-- Few
SELECT :receive \gset one_
SELECT count(*) = :one_n AS acked FROM sequin.ack('rparked', :'one_ids') WHERE result = 'ACKED';
SELECT rparked.wait_until('count(*) = 0 FROM sequin.segment WHERE no = ' || :segment) AS dropped;
SELECT :receive \gset two_
SELECT count(*) = :two_n AS acked FROM sequin.ack('rparked', :'two_ids') WHERE result = 'ACKED';
SELECT count(*) AS acked FROM sequin.ack('rparked', ARRAY[:'first']::uuid[]) WHERE result = 'ACKED';
SELECT :one_n + :two_n + 1 AS all_of_them;
SELECT count(*) AS dead FROM sequin.dead_letters('rparked');

ALTER SYSTEM RESET sequin.segment_size;
ALTER SYSTEM RESET sequin.retention;
ALTER SYSTEM RESET sequin.batch_rows;
SELECT pg_reload_conf();
SELECT sequin.drop_consumer('rparked');
SET client_min_messages = warning;
DROP SCHEMA rparked CASCADE;

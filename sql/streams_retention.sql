-- Streams hold messages beyond the log; what they need not hold is forgotten.
ALTER SYSTEM SET sequin.segment_size = '1MB';
ALTER SYSTEM SET sequin.retention = 0;
SELECT pg_reload_conf();
SELECT sequin.start();
CREATE FUNCTION wait_until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE result bool;
BEGIN
  FOR i IN 1..3000 LOOP
    EXECUTE 'SELECT ' || condition INTO result;
    EXIT WHEN result;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN result;
END
$$;
SELECT sequin.create_stream('r_state', one_message_per_key => true) IS NOT NULL AS made;
SELECT sequin.create_stream('r_log') IS NOT NULL AS made;
SELECT sequin.create_stream('r_kept', retention => '1 day') IS NOT NULL AS made;
SELECT sequin.create_stream('r_short', one_message_per_key => true, retention => '1 ms') IS NOT NULL AS made;
SELECT sequin.publish(s, k, v) FROM (VALUES ('r_state'), ('r_log'), ('r_kept'), ('r_short')) streams (s),
  (VALUES (1, 'a', 'a1'), (2, 'b', 'b1'), (3, 'a', 'a2')) messages (n, k, v) ORDER BY s, n;
-- A consumer of a table with mode latest that is done with its messages.
CREATE TABLE r_rows (id int PRIMARY KEY);
SELECT sequin.create_consumer('r_rows', tables => '{public.r_rows}', mode => 'latest') IS NOT NULL AS made;
INSERT INTO r_rows SELECT generate_series(1, 3);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('r_rows', 10) \gset
SELECT result, count(*) FROM sequin.ack('r_rows', :'ids') GROUP BY 1;
SELECT count(*) FROM sequin.latest;
CREATE TEMP TABLE first_segment AS SELECT max(no) AS no FROM sequin.segment;
-- Fill segments with others' messages until the first one is dropped.
SELECT sequin.create_stream('r_filler') IS NOT NULL AS made;
DO $$
BEGIN
  FOR i IN 1..3 LOOP
    PERFORM sequin.publish_batch('r_filler', array_agg('k.' || n), array_agg(repeat(md5(n::text), 32))) FROM generate_series(1, 1500) n;
    COMMIT;
    PERFORM sequin.sync('60 s');  -- a segment ends between slices
  END LOOP;
END
$$;
INSERT INTO r_rows VALUES (4);
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT group_key FROM sequin.receive('r_rows', 10);
SELECT pg_reload_conf(); -- retention looks at once
SELECT wait_until('(SELECT min(no) FROM sequin.segment) > (SELECT no FROM first_segment)') AS dropped;
SELECT wait_until('NOT EXISTS (SELECT FROM sequin.streams WHERE name IN (''r_log'', ''r_short'') AND messages > 0)') AS trimmed;
SELECT wait_until('(SELECT count(*) = 1 FROM sequin.latest)') AS latest_forgotten;
SELECT name, messages, bytes FROM sequin.streams WHERE name <> 'r_filler' ORDER BY name;
SELECT key, data FROM sequin.stream_messages('r_state');
SELECT key, data FROM sequin.stream_messages('r_kept');
SELECT count(*) FROM sequin.stream_messages('r_log');
SELECT count(*) AS kept FROM sequin.log_kept WHERE relation < 0 AND seq > 0;
-- A consumer begins with them, though their segment is gone.
SELECT sequin.create_consumer('r_state', stream => 'r_state') IS NOT NULL AS made;
SELECT sequin.create_consumer('r_state_all', stream => 'r_state', mode => 'all') IS NOT NULL AS made;
SELECT sequin.create_consumer('r_kept', stream => 'r_kept') IS NOT NULL AS made;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'data' AS data, message->'metadata'->>'stream' AS stream FROM sequin.receive('r_state', 10);
SELECT message->'record'->>'data' AS data FROM sequin.receive('r_kept', 10);
-- A replaced message is not kept any more; who would have got it gets the newer one.
SELECT sequin.publish('r_state', 'a', 'a3');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) AS kept FROM sequin.log_kept WHERE relation < 0 AND seq > 0;
SELECT message->'record'->>'data' AS data FROM sequin.receive('r_state_all', 10);
SELECT dead FROM sequin.consumers WHERE name = 'r_state_all';
-- A dropped stream leaves nothing.
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'r\_%';
SELECT count(sequin.drop_stream(name)) FROM sequin.streams WHERE name LIKE 'r\_%';
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT pg_reload_conf();
SELECT wait_until('NOT EXISTS (SELECT FROM sequin.stream_count) AND NOT EXISTS (SELECT FROM sequin.stream_message)') AS gone;
SELECT count(*) AS kept FROM sequin.log_kept WHERE relation < 0 AND seq > 0;
ALTER SYSTEM RESET sequin.segment_size;
ALTER SYSTEM RESET sequin.retention;
SELECT pg_reload_conf();
DROP TABLE r_rows;
DROP FUNCTION wait_until;

-- What is done keeps nothing of the log, also when nothing new ever comes to its consumer.
ALTER SYSTEM SET sequin.segment_size = '1MB';
ALTER SYSTEM SET sequin.retention = 0;
SELECT pg_reload_conf();
SELECT sequin.start();
CREATE FUNCTION wait_until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE result bool;
BEGIN
  FOR i IN 1..6000 LOOP
    IF i % 100 = 1 THEN PERFORM pg_reload_conf(); END IF;  -- retention looks at once
    EXECUTE 'SELECT ' || condition INTO result;
    EXIT WHEN result;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN result;
END
$$;
-- A consumer that began with what its stream held, and is through with it
SELECT sequin.create_stream('idle') IS NOT NULL AS made;
SELECT sequin.publish_batch('idle', '{a,b,c}', '{1,2,3}');
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT sequin.create_consumer('idle', stream => 'idle') IS NOT NULL AS made;
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('idle', 10) \gset
SELECT result FROM sequin.ack('idle', :'ids');
-- One whose messages ran out and died of it
CREATE TABLE idle (id int PRIMARY KEY);
SELECT sequin.create_consumer('idle_dead', tables => '{public.idle}', max_deliver => 1) IS NOT NULL AS made;
INSERT INTO idle SELECT generate_series(1, 3);
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT min(seq) AS first, max(seq) AS last FROM sequin.receive('idle_dead', 10, '100 ms') \gset
SELECT pg_sleep(0.11);
SELECT count(*) FROM sequin.receive('idle_dead', 10);
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'idle_dead';
-- Others' messages fill segments until that one is dropped
SELECT sequin.create_stream('idle_filler') IS NOT NULL AS made;
DO $$
BEGIN
  FOR i IN 1..3 LOOP
    PERFORM sequin.publish_batch('idle_filler', array_agg('k.' || n), array_agg(repeat(md5(n::text), 32))) FROM generate_series(1, 1500) n;
    COMMIT;
    PERFORM sequin.sync('60 s');  -- a segment ends between slices
  END LOOP;
END
$$;
SELECT wait_until(format('(SELECT min(first_seq) FROM sequin.segment) > %s', :last)) AS dropped;
SELECT count(*) AS kept FROM sequin.log_kept WHERE seq BETWEEN :first AND :last;
SELECT wait_until($$NOT EXISTS (SELECT FROM sequin.stream_start s JOIN sequin.consumer c ON c.id = s.consumer WHERE c.name = 'idle')$$) AS start_passed;
SELECT wait_until($$messages = 0 FROM sequin.streams WHERE name = 'idle'$$) AS trimmed;
-- A log of which everything was dropped knows that it had more
SELECT wait_until('NOT EXISTS (SELECT FROM sequin.log_0)') AS empty;
SELECT * FROM sequin.rewind('idle_dead', to_seq => :first);
\set VERBOSITY terse
SELECT * FROM sequin.rewind('idle_dead', to_lsn => '0/1');
SELECT * FROM sequin.rewind('idle_dead', to_time => '2001-01-01');
\set VERBOSITY default
SELECT direction FROM sequin.rewind('idle_dead', to_time => '2100-01-01');
SELECT direction FROM sequin.rewind('idle_dead', 'beginning');
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'idle%';
SELECT count(sequin.drop_stream(name)) FROM sequin.streams WHERE name LIKE 'idle%';
DROP TABLE idle;
DROP FUNCTION wait_until;
ALTER SYSTEM RESET sequin.segment_size;
ALTER SYSTEM RESET sequin.retention;
SELECT pg_reload_conf();

-- How long the log is kept, and for whom.
ALTER SYSTEM SET sequin.segment_size = '1MB';
ALTER SYSTEM SET sequin.retention = 0;
SELECT pg_reload_conf();
SELECT sequin.start();
CREATE SCHEMA retention;
CREATE FUNCTION retention.wait_until(condition text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE result bool;
BEGIN
  PERFORM pg_reload_conf();  -- retention looks at once
  FOR i IN 1..1000 LOOP
    EXECUTE 'SELECT ' || condition INTO result;
    EXIT WHEN result;
    PERFORM pg_sleep(0.01);
    IF i % 100 = 0 THEN PERFORM pg_reload_conf(); END IF;
  END LOOP;
  RETURN result;
END
$$;
CREATE TABLE retention.t (id int PRIMARY KEY, filler text);
-- Segments of about 900 messages. The last row comes behind them, into the segment that stays.
CREATE PROCEDURE retention.fill(first int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 0..3 LOOP
    INSERT INTO retention.t SELECT n, repeat('x', 1000) FROM generate_series(first + i * 1000, first + i * 1000 + 999) n;
    COMMIT;
    PERFORM sequin.sync('60 s');  -- each in a slice of its own
  END LOOP;
  INSERT INTO retention.t VALUES (first + 4000, 'last');
END
$$;
\set receive 'array_agg(ack_id) AS ids, min((message->\'record\'->>\'id\')::int) AS first, max((message->\'record\'->>\'id\')::int) AS last, count(*) AS n'

-- A consumer without a limit holds what it was not handed out, also for those with one
SELECT sequin.create_consumer('retention_idle', tables => '{retention.t}') IS NOT NULL AS made;
SELECT sequin.create_consumer('retention_bytes', tables => '{retention.t}', retain_bytes => 1000) IS NOT NULL AS made;
SELECT sequin.create_consumer('retention_time', tables => '{retention.t}', retain_time => '1 ms', status => 'paused') IS NOT NULL AS made;
SELECT sequin.create_consumer('retention_reader', tables => '{retention.t}') IS NOT NULL AS made;
CALL retention.fill(1);
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT :receive FROM sequin.receive('retention_reader', 10000) \gset
SELECT count(*) FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT pg_reload_conf();
SELECT pg_sleep(0.3);
SELECT count(*) >= 2 AS kept FROM sequin.segment;
SELECT name, ready, lost, log_bytes > 4000000 AS holds_it FROM sequin.consumers WHERE name LIKE 'retention%' ORDER BY 1;

-- Those with a limit lose what is older, and that is said
SELECT sequin.drop_consumer('retention_idle');
INSERT INTO retention.t VALUES (5000, 'behind the segments that go');
SELECT retention.wait_until('count(*) = 1 FROM sequin.segment');
SELECT name, lost > 2000 AND lost + ready = 4002 AS lost_or_ready, lost_at > now() - interval '1 min' AS lost_at, log_bytes < 4000000 AS holds_less, retain_ms, retain_bytes
FROM sequin.consumers WHERE name LIKE 'retention%' ORDER BY 1;
SELECT c.name, g.reason, sum(g.messages) = max(s.lost) AS counted FROM sequin.consumer_gap g JOIN sequin.consumer c ON c.id = g.consumer
JOIN sequin.consumers s USING (name) GROUP BY 1, 2 ORDER BY 1;
SELECT lost AS lost FROM sequin.consumers WHERE name = 'retention_bytes' \gset
SELECT :receive FROM sequin.receive('retention_bytes', 10000) \gset
SELECT :first > :lost AS goes_on_behind, :last AS last, :n + :lost AS n;
SELECT count(*) FROM sequin.ack('retention_bytes', :'ids') WHERE result <> 'ACKED';
SELECT :receive FROM sequin.receive('retention_reader', 10000) \gset
SELECT count(*) FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT sequin.alter_consumer('retention_time', retain_time => '0');
SELECT retain_ms FROM sequin.consumers WHERE name = 'retention_time';
SELECT sequin.drop_consumer('retention_time');
SELECT count(*) FROM sequin.consumer_gap g WHERE NOT EXISTS (SELECT FROM sequin.consumer c WHERE c.id = g.consumer);

-- A few messages that are out or parked do not hold a segment
SELECT count(*) AS kept_before FROM sequin.log_kept \gset
SELECT max(no) AS first_segment FROM sequin.segment \gset
CALL retention.fill(10001);
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT :receive FROM sequin.receive('retention_bytes', 10000) \gset
SELECT count(*) FROM sequin.ack('retention_bytes', :'ids') WHERE result = 'ACKED';
SELECT :receive FROM sequin.receive('retention_reader', 5, visibility_timeout => '10 min') \gset
SELECT ack_id AS parked FROM unnest(:'ids'::uuid[]) ack_id LIMIT 1 \gset
SELECT result FROM sequin.nack('retention_reader', ARRAY[:'parked']::uuid[], delay => '0');
\set out :ids
SELECT :receive FROM sequin.receive('retention_reader', 10000) \gset
SELECT count(*) FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT retention.wait_until('NOT EXISTS (SELECT FROM sequin.segment WHERE no = ' || :first_segment || ')');
SELECT count(*) - :kept_before BETWEEN 4 AND 5 AS kept FROM sequin.log_kept;
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'retention_reader';
SELECT count(*) FROM sequin.release('retention_reader', :'out') WHERE result = 'RELEASED';
SELECT array_agg(ack_id) AS ids, count(*) AS n, min(length(message->'record'->>'filler')) AS filler FROM sequin.receive('retention_reader', 10) \gset
SELECT :n AS n, :filler AS filler;
SELECT count(*) FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT count(*) FROM sequin.dead_letter;

-- Kept for a time, but only up to a size
ALTER SYSTEM SET sequin.retention = '1h';
SELECT pg_reload_conf();
CALL retention.fill(20001);
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT max(no) AS first_segment FROM sequin.segment \gset
CALL retention.fill(30001);
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT :receive FROM sequin.receive('retention_reader', 10000) \gset
SELECT count(*) FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT :receive FROM sequin.receive('retention_bytes', 10000) \gset
SELECT count(*) FROM sequin.ack('retention_bytes', :'ids') WHERE result = 'ACKED';
SELECT pg_reload_conf();
SELECT pg_sleep(0.3);
SELECT min(no) = :first_segment AS kept FROM sequin.segment WHERE no >= :first_segment;
-- Somebody who reads it is not waited for, and does not wait
SELECT min(no) AS first_segment FROM sequin.segment \gset
ALTER SYSTEM SET sequin.retention_size = '2MB';
BEGIN;
SELECT count(*) > 0 AS reads FROM sequin.log_:first_segment;
SELECT pg_reload_conf();
SELECT pg_sleep(0.3);
SELECT count(*) FROM pg_locks WHERE NOT granted;
SELECT count(*) > 0 AS reads FROM sequin.log_:first_segment;
COMMIT;
SELECT retention.wait_until('(SELECT sum(pg_total_relation_size(log)) < 4000000 FROM sequin.segment)');
SELECT EXISTS (SELECT FROM sequin.segment WHERE no = :first_segment) AS kept;

-- A full segment goes, too, when nothing comes behind it; triggers and views of the database do not stop that, nor capture
ALTER SYSTEM RESET sequin.retention_size;
ALTER SYSTEM SET sequin.retention = 0;
SELECT sequin.drop_consumer('retention_bytes');
CREATE FUNCTION retention.forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no tables are dropped here'; END $$;
CREATE EVENT TRIGGER retention_forbid ON sql_drop EXECUTE FUNCTION retention.forbid();
ALTER EVENT TRIGGER retention_forbid ENABLE ALWAYS;
INSERT INTO retention.t SELECT n, repeat('x', 1000) FROM generate_series(50001, 51000) n;
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT :receive FROM sequin.receive('retention_reader', 10000) \gset
SELECT count(*) > 0 AS acked FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT retention.wait_until('count(*) = 1 AND min(pg_relation_size(log)) = 0 FROM sequin.segment');
DROP EVENT TRIGGER retention_forbid;
SELECT 'sequin.log_' || max(no) AS log FROM sequin.segment \gset
CREATE VIEW retention.depends AS SELECT seq FROM :log;
INSERT INTO retention.t SELECT n, repeat('x', 1000) FROM generate_series(51001, 52000) n;
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT :receive FROM sequin.receive('retention_reader', 10000) \gset
SELECT count(*) > 0 AS acked FROM sequin.ack('retention_reader', :'ids') WHERE result = 'ACKED';
SELECT retention.wait_until('count(*) = 2 FROM sequin.segment');
INSERT INTO retention.t VALUES (60000, 'goes on');
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT n FROM (SELECT count(*) AS n FROM sequin.receive('retention_reader', 10000)) x;
DROP VIEW retention.depends;
SELECT retention.wait_until('count(*) = 1 FROM sequin.segment');

SELECT sequin.create_consumer('retention_wrong', retain_bytes => -1);
SELECT sequin.create_consumer('retention_wrong', retain_time => '-1 s');

ALTER SYSTEM RESET sequin.segment_size;
ALTER SYSTEM RESET sequin.retention;
ALTER SYSTEM RESET sequin.retention_size;
SELECT pg_reload_conf();
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'retention%';
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA retention CASCADE;

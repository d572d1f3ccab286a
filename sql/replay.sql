-- Replays: messages of a consumer once more.
CREATE SCHEMA replay;
CREATE FUNCTION replay.wait(id uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE now_is text;
BEGIN
  LOOP
    SELECT concat_ws(' ', state, rows_read, rows_sent, error) INTO now_is FROM sequin.replays r WHERE r.id = wait.id;
    EXIT WHEN now_is NOT LIKE 'running%' OR now_is IS NULL;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN now_is;
END
$$;
\set take 'array_agg(ack_id) AS ids, array_agg(message ORDER BY seq) AS got'
CREATE TABLE replay.t (id int PRIMARY KEY, n int);
CREATE TABLE replay.other (id int PRIMARY KEY, n int);
SELECT sequin.create_consumer('replay', tables => '{replay.*}', message_prefixes => '{note}') IS NOT NULL AS made;
INSERT INTO replay.t VALUES (1, 1), (2, 2), (3, 3);
UPDATE replay.t SET n = 20 WHERE id = 2;
INSERT INTO replay.other VALUES (1, 100);
SELECT pg_logical_emit_message(true, 'note', 'hello') IS NOT NULL AS sent;
DELETE FROM replay.t WHERE id = 3;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('replay', 100) \gset
SELECT count(*) FROM sequin.ack('replay', :'ids');

-- All of them, with the ids they had
SELECT sequin.replay('replay') AS id \gset
INSERT INTO replay.t VALUES (4, 4);
SELECT replay.wait(:'id');
SELECT sequin.sync() IS NOT NULL AS synced;
\set first :got
SELECT :take FROM sequin.receive('replay', 100) \gset
SELECT count(*) FROM sequin.ack('replay', :'ids');
SELECT g->>'action' AS action, g->'record'->>'id' AS id, g->'record'->>'n' AS n, (g->'metadata'->>'replay_id') = :'id' AS replay,
       g->'metadata'->>'table_name' AS name,
       EXISTS (SELECT FROM unnest(:'first'::jsonb[]) f WHERE f = jsonb_set(g::jsonb, '{metadata}', (g->'metadata')::jsonb - 'replay_id')) AS as_it_was
FROM unnest(:'got'::json[]) WITH ORDINALITY AS got (g, n) ORDER BY (g->'metadata'->>'replay_id') IS NULL, got.n;

-- Chosen by a filter; copies are not copied again
SELECT sequin.replay('replay', filter => $$table_name = 't' AND action IN ('insert', 'update') AND (record->>'n')::int >= 3$$,
                     rows_per_second => 100) AS id \gset
SELECT replay.wait(:'id');
SELECT :take FROM sequin.receive('replay', 100) \gset
SELECT count(*) FROM sequin.ack('replay', :'ids');
SELECT g->>'action' AS action, g->'record'->>'id' AS id, g->'record'->>'n' AS n FROM unnest(:'got'::json[]) g ORDER BY 2;

-- Each action by its name, that of published messages, too
SELECT sequin.create_stream('replay_stream') IS NOT NULL AS made;
SELECT sequin.create_consumer('replay_published', stream => 'replay_stream') IS NOT NULL AS made;
SELECT sequin.publish('replay_stream', 'k', '{"n": 1}') IS NOT NULL AS published;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT sequin.replay('replay_published', filter => $$action = 'publish'$$) AS id \gset
SELECT replay.wait(:'id');
SELECT sequin.replay('replay', filter => $$action = 'message'$$) AS id \gset
SELECT replay.wait(:'id');
SELECT count(*) FROM sequin.receive('replay', 1);
SELECT sequin.drop_consumer('replay_published'), sequin.drop_stream('replay_stream');

-- No more than so many a second
SELECT sequin.replay('replay', rows_per_second => 4) AS id \gset
SELECT clock_timestamp() AS began \gset
SELECT replay.wait(:'id');
SELECT clock_timestamp() - :'began' > '1 s' AS took_its_time;

-- Pause, resume, cancel; errors
BEGIN;
SELECT sequin.replay('replay') AS id \gset
SELECT sequin.pause_replay(:'id');
COMMIT;
SELECT state FROM sequin.replays WHERE id = :'id';
SELECT sequin.resume_replay(:'id');
SELECT replay.wait(:'id');
SELECT sequin.cancel_replay(:'id');
SELECT sequin.replay('replay', filter => $$1 / ((record->>'n')::int - 20) = 0$$) AS id \gset
SELECT replay.wait(:'id');
SELECT sequin.replay('nobody');
SELECT sequin.replay('replay', filter => 'nothing');
SELECT sequin.replay('replay', filter => 'true) FROM pg_class --');
SELECT sequin.replay('replay', rows_per_second => -1);

SELECT sequin.drop_consumer('replay');
SELECT count(*) FROM sequin.replays;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA replay CASCADE;

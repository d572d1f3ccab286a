-- Many groups wait for one claim: they are looked at again only when more of it is settled, and none is forgotten.
CREATE TABLE queue_waiting (id int PRIMARY KEY, n int);
SELECT sequin.create_consumer('queue_waiting', tables => '{public.queue_waiting}') IS NOT NULL AS made;
INSERT INTO queue_waiting SELECT i, 0 FROM generate_series(1, 40) i;
UPDATE queue_waiting SET n = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id ORDER BY seq) AS ids FROM sequin.receive('queue_waiting', 100, '10 min') \gset

-- The second message of each group rests behind the first one, which is out
SELECT count(*) FROM sequin.nack('queue_waiting', (:'ids'::uuid[])[41:80], delay => '1 h') WHERE result = 'NACKED';
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
SELECT count(*) AS waiting FROM sequin.held WHERE wait > 0 AND consumer = (SELECT id FROM sequin.consumer WHERE name = 'queue_waiting');

-- One of them is free, but not ready: nothing is written about it
SELECT result FROM sequin.ack('queue_waiting', (:'ids'::uuid[])[40:40]);
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
UPDATE sequin.held SET ready_at = now() WHERE consumer = (SELECT id FROM sequin.consumer WHERE name = 'queue_waiting');
SELECT message #>> '{record,id}' AS id, message #>> '{record,n}' AS n FROM sequin.receive('queue_waiting', 10);

-- Acked by another session, one by one and all at once
\c -
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
SELECT count(*) FROM sequin.receive('queue_waiting', 10);
SELECT result FROM sequin.ack('queue_waiting', (:'ids'::uuid[])[39:39]);
SELECT message #>> '{record,id}' AS id FROM sequin.receive('queue_waiting', 10);
SELECT count(*) FROM sequin.ack('queue_waiting', (:'ids'::uuid[])[1:38]) WHERE result = 'ACKED';
SELECT count(*) FROM sequin.receive('queue_waiting', 100);
SELECT sequin.drop_consumer('queue_waiting');
DROP TABLE queue_waiting;

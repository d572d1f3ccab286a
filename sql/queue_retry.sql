-- Attempts, delays, dead letters.
CREATE TABLE queue_retry (id int PRIMARY KEY, n int);
SELECT sequin.create_consumer('queue_retry', tables => '{public.queue_retry}', max_deliver => 3,
  backoff_base => '100 ms', backoff_max => '150 ms') IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_retry' \gset
INSERT INTO queue_retry VALUES (1, 1), (2, 1);
UPDATE queue_retry SET n = 2 WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;

-- After the third failed attempt a message is a dead letter, and its group goes on.
SELECT array_agg(ack_id) AS ids, array_agg(group_key) AS keys, array_agg(deliver_count) AS counts
  FROM sequin.receive('queue_retry', 10) \gset
\echo :keys :counts
SELECT result FROM sequin.nack('queue_retry', (:'ids'::uuid[])[1:1], error => 'first');
SELECT result FROM sequin.ack('queue_retry', (:'ids'::uuid[])[2:2]);
SELECT array_agg(ack_id) AS ids, array_agg(group_key) AS keys, array_agg(deliver_count) AS counts
  FROM sequin.receive('queue_retry', 1, wait => '10 s') \gset
\echo :keys :counts
SELECT result FROM sequin.nack('queue_retry', :'ids', error => 'second');
SELECT ord, n, ready_at > now() AS delayed, wait, error FROM sequin.held WHERE consumer = :id ORDER BY ord;
SELECT array_agg(ack_id) AS ids, array_agg(group_key) AS keys, array_agg(deliver_count) AS counts
  FROM sequin.receive('queue_retry', 1, wait => '10 s') \gset
\echo :keys :counts
SELECT result FROM sequin.nack('queue_retry', :'ids' , error => 'third');
SELECT group_key, deliver_count, message->'record'->>'n' AS n FROM sequin.receive('queue_retry', 10);
SELECT ord, seq > 0 AS seq, reason, attempts, last_error, group_key, message::json->'record' AS record
  FROM sequin.dead_letter WHERE consumer = :id;
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_retry';
SELECT sequin.drop_consumer('queue_retry');

-- A claim that runs out counts an attempt for the first of each group, and its ack_ids are stale.
SELECT sequin.create_consumer('queue_retry', tables => '{public.queue_retry}', max_deliver => 2) IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_retry' \gset
INSERT INTO queue_retry VALUES (5, 1);
UPDATE queue_retry SET n = 2 WHERE id = 5;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_retry', 10, visibility_timeout => '100 ms') \gset
SELECT deliver_count, message->'record'->>'n' AS n FROM sequin.receive('queue_retry', 10, visibility_timeout => '100 ms', wait => '10 s');
SELECT result FROM sequin.ack('queue_retry', :'ids');
SELECT array_agg(ack_id) AS ids, array_agg(deliver_count) AS counts, array_agg(message->'record'->>'n') AS n
  FROM sequin.receive('queue_retry', 10, wait => '10 s') \gset
\echo :counts :n
SELECT reason, attempts, last_error FROM sequin.dead_letter WHERE consumer = :id;
-- An extension keeps it.
SELECT result FROM sequin.release('queue_retry', :'ids');
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_retry', 10, visibility_timeout => '100 ms') \gset
SELECT result FROM sequin.extend('queue_retry', :'ids', '30 s');
SELECT result FROM sequin.extend('queue_retry', :'ids', '1 s');
SELECT pg_sleep(0.15);
SELECT count(*) AS kept FROM sequin.receive('queue_retry', 10);
SELECT result FROM sequin.ack('queue_retry', :'ids');
-- An ack after the time, when nobody has noticed yet, is still good.
INSERT INTO queue_retry VALUES (6, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_retry', 10, visibility_timeout => '100 ms') \gset
SELECT pg_sleep(0.15);
SELECT result FROM sequin.ack('queue_retry', :'ids');
SELECT count(*) AS none FROM sequin.receive('queue_retry', 10);
SELECT sequin.drop_consumer('queue_retry');
DROP TABLE queue_retry;

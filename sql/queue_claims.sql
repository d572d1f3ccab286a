-- What a receive may ask for: order modes, bytes, and its answer once more.
CREATE TABLE queue_claims (id int PRIMARY KEY, n int, pad text);
\set take 'array_agg(ack_id) AS ids, array_agg(concat_ws(\' \', message->\'metadata\'->\'record_pks\'->>0, message->\'record\'->>\'n\')) AS got'

-- No order: nothing waits for another message, not even TRUNCATE.
SELECT sequin.create_consumer('queue_claims', tables => '{public.queue_claims}', order_mode => 'none',
  max_in_flight => 7) IS NOT NULL AS made;
INSERT INTO queue_claims VALUES (1, 1), (2, 1);
UPDATE queue_claims SET n = 2;
UPDATE queue_claims SET id = 3 WHERE id = 1;
TRUNCATE queue_claims;
INSERT INTO queue_claims VALUES (4, 1), (5, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_claims', 1) \gset one_
\echo :one_got
SELECT group_key, message->>'action' AS action, message->'metadata'->'record_pks' AS pks FROM sequin.receive('queue_claims', 100);
SELECT count(*) AS as_many_as_may_be_out FROM sequin.receive('queue_claims', 100);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_claims';
SELECT result FROM sequin.nack('queue_claims', :'one_ids', delay => '0');
SELECT :take FROM sequin.receive('queue_claims', 100) \gset two_
\echo :two_got
SELECT sequin.drop_consumer('queue_claims');

-- Strict order: one holder at a time; what waits is not even looked at.
TRUNCATE queue_claims;
SELECT sequin.create_consumer('queue_claims', tables => '{public.queue_claims}', order_mode => 'strict')
  IS NOT NULL AS made;
SELECT sequin.create_consumer('queue_claims_one', tables => '{public.queue_claims}') IS NOT NULL AS made;
INSERT INTO queue_claims SELECT i, 1 FROM generate_series(1, 6) i;
TRUNCATE queue_claims;
INSERT INTO queue_claims SELECT i, 1 FROM generate_series(7, 9) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(DISTINCT group_key) AS keys, :take FROM sequin.receive('queue_claims', 4) \gset one_
\echo :one_keys :one_got
SELECT count(*) AS all_wait FROM sequin.receive('queue_claims', 100);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_claims';
-- The second is refused: it and what followed it comes again, first.
SELECT result FROM sequin.ack('queue_claims', (:'one_ids'::uuid[])[1:1]);
SELECT result FROM sequin.nack('queue_claims', (:'one_ids'::uuid[])[2:2], delay => '0');
SELECT :take, array_agg(message->>'action') AS actions FROM sequin.receive('queue_claims', 100) \gset two_
\echo :two_got :two_actions
SELECT result, count(*) FROM sequin.ack('queue_claims', :'two_ids') GROUP BY 1;
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_claims';
-- A change of the mode is for what was not handed out yet.
SELECT sequin.alter_consumer('queue_claims', order_mode => 'group');
INSERT INTO queue_claims VALUES (10, 1), (11, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) FROM sequin.receive('queue_claims', 1);
SELECT count(*) FROM sequin.receive('queue_claims', 1);
SELECT order_mode FROM sequin.consumers WHERE name = 'queue_claims';
SELECT sequin.drop_consumer('queue_claims');
SELECT sequin.drop_consumer('queue_claims_one');

-- Bytes: what fits, but one at least, and nothing is passed by.
TRUNCATE queue_claims;
SELECT sequin.create_consumer('queue_claims', tables => '{public.queue_claims}') IS NOT NULL AS made;
INSERT INTO queue_claims VALUES (1, 1, repeat('x', 5000)), (2, 1, repeat('x', 500)), (3, 1, repeat('x', 500)),
  (4, 1, repeat('x', 5000)), (5, 1, repeat('x', 20000)), (6, 1, NULL);
UPDATE queue_claims SET n = 2 WHERE id = 6;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_claims', 100, max_bytes => 1000) \gset one_
\echo :one_got
SELECT :take FROM sequin.receive('queue_claims', 100, max_bytes => 2000) \gset two_
\echo :two_got
SELECT result FROM sequin.release('queue_claims', :'one_ids');
-- Also parked ones, which come first.
SELECT :take FROM sequin.receive('queue_claims', 100, max_bytes => 6000) \gset three_
\echo :three_got
SELECT :take FROM sequin.receive('queue_claims', 100, max_bytes => 6000) \gset four_
\echo :four_got
SELECT :take FROM sequin.receive('queue_claims', 100) \gset five_
\echo :five_got
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_claims';
SELECT * FROM sequin.receive('queue_claims', max_bytes => 0);
SELECT sequin.drop_consumer('queue_claims');

-- A receive with a name, asked again: the same claim, until it is over.
TRUNCATE queue_claims;
SELECT sequin.create_consumer('queue_claims', tables => '{public.queue_claims}') IS NOT NULL AS made;
INSERT INTO queue_claims SELECT i, 1 FROM generate_series(1, 6) i;
SELECT sequin.sync() IS NOT NULL AS synced;
\set name '0190b3a4-0000-7000-8000-000000000001'
SELECT :take FROM sequin.receive('queue_claims', 3, request_id => :'name') \gset one_
\echo :one_got
SELECT :take FROM sequin.receive('queue_claims', 3, request_id => :'name') \gset two_
SELECT :'one_ids' = :'two_ids' AND :'one_got' = :'two_got' AS the_same;
-- Other arguments do not matter, and another session learns it, too.
\c -
SELECT :take FROM sequin.receive('queue_claims', 1, visibility_timeout => '1 h', request_id => :'name') \gset two_
SELECT :'one_ids' = :'two_ids' AS the_same;
SELECT :take FROM sequin.receive('queue_claims', 1, request_id => gen_random_uuid()) \gset two_
\echo :two_got
-- What is settled does not come again; when nothing is left the name is free.
SELECT result FROM sequin.ack('queue_claims', (:'one_ids'::uuid[])[2:2]);
SELECT :take FROM sequin.receive('queue_claims', 3, request_id => :'name') \gset two_
\echo :two_got
SELECT result FROM sequin.ack('queue_claims', :'one_ids');
SELECT :take FROM sequin.receive('queue_claims', 1, visibility_timeout => '100 ms', request_id => :'name') \gset two_
\echo :two_got
-- After its time it comes again like any other, with another ack_id.
SELECT pg_sleep(0.15);
SELECT :take FROM sequin.receive('queue_claims', 2, request_id => :'name') \gset three_
\echo :three_got
SELECT :'two_ids' <> :'three_ids' AS another_claim;
SELECT sequin.drop_consumer('queue_claims');

-- Rests after failed attempts: a list, to the letter; exponential, a fifth more or less.
TRUNCATE queue_claims;
SELECT sequin.create_consumer('queue_claims', tables => '{public.queue_claims}', backoff => '{1 h,0,2 days}')
  IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_claims' \gset
INSERT INTO queue_claims SELECT i, 1 FROM generate_series(1, 50) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_claims', 1) \gset
SELECT result FROM sequin.nack('queue_claims', :'ids');
SELECT date_trunc('minute', ready_at - now() + '1 s') AS rest FROM sequin.settle WHERE consumer = :id AND outcome = 'n';
SELECT sequin.alter_consumer('queue_claims', backoff => '{}', backoff_base => '100 s', backoff_max => '300 s');
SELECT backoff_ms, backoff_base_ms FROM sequin.consumers WHERE name = 'queue_claims';
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_claims', 49) \gset
SELECT result, count(*) FROM sequin.nack('queue_claims', :'ids') GROUP BY 1;
SELECT min(ready_at - now()) BETWEEN '79 s' AND '95 s' AS from_80, max(ready_at - now()) BETWEEN '105 s' AND '120 s' AS to_120,
  count(DISTINCT ready_at) > 40 AS apart
  FROM sequin.settle WHERE consumer = :id AND outcome = 'n' AND ready_at < now() + '10 min';
SELECT sequin.alter_consumer('queue_claims', backoff => '{1 s}', backoff_max => '300 s');
SELECT sequin.alter_consumer('queue_claims', backoff => '{1 s}');
SELECT sequin.alter_consumer('queue_claims', backoff_base => '1 s');
SELECT sequin.alter_consumer('queue_claims', backoff => '{1 s,31 days}');
SELECT sequin.alter_consumer('queue_claims', backoff => '{1 s,NULL}');
SELECT sequin.alter_consumer('queue_claims', backoff => array_fill('1 s'::interval, ARRAY[101]));
SELECT sequin.alter_consumer('queue_claims', order_mode => 'sorted');
SELECT sequin.drop_consumer('queue_claims');

-- Rejected for good.
TRUNCATE queue_claims;
SELECT sequin.create_consumer('queue_claims', tables => '{public.queue_claims}') IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_claims' \gset
INSERT INTO queue_claims VALUES (1, 1), (2, 1);
UPDATE queue_claims SET n = 2 WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_claims', 100) \gset one_
\echo :one_got
SELECT result FROM sequin.dead_letter('queue_claims', (:'one_ids'::uuid[])[1:1], 'not an order');
SELECT result FROM sequin.dead_letter('queue_claims', :'one_ids' || '{00000000-0000-8000-8000-000000000000}'::uuid[]);
SELECT :take FROM sequin.receive('queue_claims', 100) \gset two_
\echo :two_got
SELECT reason, attempts, last_error, group_key FROM sequin.dead_letter WHERE consumer = :id ORDER BY id;
-- Not when it is rolled back, and not before it is committed.
BEGIN;
SELECT result FROM sequin.dead_letter('queue_claims', :'two_ids');
ROLLBACK;
SELECT result FROM sequin.ack('queue_claims', :'two_ids');
SELECT * FROM sequin.dead_letter('queue_claims', NULL);
SELECT sequin.drop_consumer('queue_claims');
DROP TABLE queue_claims;

-- Order in groups: who waits for whom, and nobody else.
CREATE TABLE queue_order (id int PRIMARY KEY, grp text, n int);
SELECT sequin.create_consumer('queue_order', tables => '{public.queue_order}') IS NOT NULL AS made;
-- What a receive takes, as "key n", and its ack_ids.
\set take 'array_agg(ack_id) AS ids, array_agg(concat_ws(\' \', message->\'metadata\'->\'record_pks\'->>0, message->\'record\'->>\'n\')) AS got'

-- Several of one group in one claim, in order; while they are out nobody else gets that group.
INSERT INTO queue_order VALUES (1, 'a', 1), (2, 'b', 1);
UPDATE queue_order SET n = 2;
UPDATE queue_order SET n = 3 WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_order', 3) \gset one_
\echo :one_got
SELECT :take FROM sequin.receive('queue_order', 100) \gset two_
\echo :two_got
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_order';
-- Refusing the first takes back what came later of its group, and nothing else.
SELECT result FROM sequin.nack('queue_order', (:'one_ids'::uuid[])[1:1], delay => '0');
SELECT result FROM sequin.ack('queue_order', :'one_ids');
SELECT :take FROM sequin.receive('queue_order', 100) \gset three_
\echo :three_got
SELECT result FROM sequin.ack('queue_order', :'three_ids');
SELECT count(*) AS all_done FROM sequin.receive('queue_order', 100);

-- A delayed message holds up its group only.
UPDATE queue_order SET n = 4;
UPDATE queue_order SET n = 5;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_order', 2) \gset one_
\echo :one_got
SELECT result FROM sequin.nack('queue_order', (:'one_ids'::uuid[])[1:1], delay => '1 h');
SELECT result FROM sequin.ack('queue_order', (:'one_ids'::uuid[])[2:2]);
SELECT :take FROM sequin.receive('queue_order', 100) \gset two_
\echo :two_got
SELECT result FROM sequin.ack('queue_order', :'two_ids');
SELECT count(*) AS group_1_waits FROM sequin.receive('queue_order', 100);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_order';
SELECT sequin.drop_consumer('queue_order');

-- A changed key belongs to the old and the new group.
TRUNCATE queue_order;
INSERT INTO queue_order VALUES (1, 'a', 0), (3, 'c', 0);
SELECT sequin.create_consumer('queue_order', tables => '{public.queue_order}') IS NOT NULL AS made;
UPDATE queue_order SET n = 1 WHERE id = 1;
UPDATE queue_order SET id = 2 WHERE id = 1;
UPDATE queue_order SET n = 2 WHERE id = 2;
UPDATE queue_order SET n = 1 WHERE id = 3;
INSERT INTO queue_order VALUES (1, 'a', 7);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_order', 1) \gset one_
\echo :one_got
SELECT :take FROM sequin.receive('queue_order', 100) \gset two_
\echo :two_got
SELECT result FROM sequin.ack('queue_order', :'one_ids');
SELECT :take FROM sequin.receive('queue_order', 1) \gset three_
\echo :three_got
SELECT count(*) AS both_groups_wait FROM sequin.receive('queue_order', 100);
SELECT result FROM sequin.ack('queue_order', :'three_ids');
SELECT :take FROM sequin.receive('queue_order', 100) \gset four_
SELECT array_agg(x ORDER BY x) AS freed FROM unnest(:'four_got'::text[]) x;
SELECT sequin.drop_consumer('queue_order');

-- TRUNCATE waits for everything before it, and everything after it waits, but not other tables.
CREATE TABLE queue_order_other (id int PRIMARY KEY, n int);
SELECT sequin.create_consumer('queue_order', tables => '{public.queue_order,public.queue_order_other}')
  IS NOT NULL AS made;
UPDATE queue_order SET n = 10 WHERE id = 1;
UPDATE queue_order SET n = 10 WHERE id = 2;
TRUNCATE queue_order;
INSERT INTO queue_order VALUES (3, 'c', 11), (4, 'd', 11);
INSERT INTO queue_order_other VALUES (5, 0);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_order', 1) \gset one_
\echo :one_got
SELECT :take FROM sequin.receive('queue_order', 100) \gset two_
\echo :two_got
SELECT result FROM sequin.ack('queue_order', :'two_ids');
SELECT count(*) AS truncate_waits FROM sequin.receive('queue_order', 100);
SELECT result FROM sequin.ack('queue_order', :'one_ids');
SELECT array_agg(ack_id) AS ids, array_agg(message->>'action') AS got FROM sequin.receive('queue_order', 100) \gset three_
\echo :three_got
SELECT count(*) AS rows_wait FROM sequin.receive('queue_order', 100);
SELECT result FROM sequin.nack('queue_order', :'three_ids', delay => '0');
SELECT array_agg(ack_id) AS ids, array_agg(message->>'action') AS got FROM sequin.receive('queue_order', 100) \gset three_
\echo :three_got
SELECT result FROM sequin.ack('queue_order', :'three_ids');
SELECT :take FROM sequin.receive('queue_order', 100) \gset four_
\echo :four_got
SELECT sequin.drop_consumer('queue_order');

-- Chosen groups, and the whole table as one.
ALTER TABLE queue_order REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('queue_order', tables => '{public.queue_order}', group_columns => '{grp,n}')
  IS NOT NULL AS made;
SELECT sequin.create_consumer('queue_order_all', tables => '{public.queue_order}', group_columns => '{}')
  IS NOT NULL AS made;
INSERT INTO queue_order VALUES (20, 'say "hi"', 1), (21, 'b', 1), (22, 'say "hi"', 1), (23, NULL, NULL);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'metadata'->'record_pks' AS pks, group_key FROM sequin.receive('queue_order', 2);
SELECT message->'metadata'->'record_pks' AS pks, group_key FROM sequin.receive('queue_order', 100);
SELECT message->'metadata'->'record_pks' AS pks, group_key FROM sequin.receive('queue_order_all', 1);
SELECT count(*) AS the_table_waits FROM sequin.receive('queue_order_all', 100);
SELECT sequin.drop_consumer('queue_order');
SELECT sequin.drop_consumer('queue_order_all');

-- One noisy group in front delays nobody: it gets half of a batch while others are there.
TRUNCATE queue_order;
INSERT INTO queue_order VALUES (1, 'noisy', 0);
SELECT sequin.create_consumer('queue_order', tables => '{public.queue_order}') IS NOT NULL AS made;
DO $$ BEGIN FOR i IN 1..200 LOOP UPDATE queue_order SET n = i; END LOOP; END $$;
INSERT INTO queue_order SELECT i, 'quiet', 0 FROM generate_series(2, 9) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT group_key = '["1"]' AS noisy, count(*), min((message->'record'->>'n')::int), max((message->'record'->>'n')::int)
  FROM sequin.receive('queue_order', 10) GROUP BY 1 ORDER BY 1;
SELECT group_key FROM sequin.receive('queue_order', 10);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_order';
SELECT sequin.drop_consumer('queue_order');
DROP TABLE queue_order, queue_order_other;

-- Dead letters: listed, put back, deleted.
CREATE TABLE queue_dead (id int PRIMARY KEY, n int, note text);
\set take 'array_agg(ack_id) AS ids, array_agg(concat_ws(\' \', message->\'metadata\'->\'record_pks\'->>0, message->\'record\'->>\'n\')) AS got'
SELECT sequin.create_consumer('queue_dead', tables => '{public.queue_dead}', max_deliver => 2, backoff => '{0}') IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_dead' \gset
INSERT INTO queue_dead VALUES (1, 1), (2, 1), (3, 1);
UPDATE queue_dead SET n = 2 WHERE id < 3;
UPDATE queue_dead SET n = 3 WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;

-- Rejected: counted and listed at once, although nobody received since.
SELECT :take FROM sequin.receive('queue_dead', 3) \gset one_
\echo :one_got
SELECT result FROM sequin.dead_letter('queue_dead', :'one_ids', 'cannot be');
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_dead';
SELECT reason, attempts, last_error, group_key, seq > 0 AS seq, message->'record' AS record FROM sequin.dead_letters('queue_dead');
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_dead';

-- Used up.
SELECT :take FROM sequin.receive('queue_dead', 1) \gset one_
SELECT result FROM sequin.nack('queue_dead', :'one_ids', error => 'first');
SELECT :take FROM sequin.receive('queue_dead', 1) \gset one_
\echo :one_got
SELECT result FROM sequin.nack('queue_dead', :'one_ids', error => 'second');
SELECT reason, attempts, last_error, message->'record'->>'n' AS n FROM sequin.dead_letters('queue_dead', 'attempts_exhausted');
SELECT count(*) FROM sequin.dead_letters('queue_dead', max_rows => 2);
SELECT count(*) FROM sequin.dead_letters('queue_dead', after_id => (SELECT max(id) - 1 FROM sequin.dead_letter WHERE consumer = :id));
SELECT reason, dead, first_dead_at <= last_dead_at AS in_time FROM sequin.dead_letter_counts WHERE consumer = 'queue_dead' ORDER BY reason;

-- Put back: before what waits in the group, in the order of death, with fresh attempts, the same
-- identity and another delivery.
SELECT array_agg(d.id ORDER BY d.id) AS letters FROM sequin.dead_letters('queue_dead') d \gset
SELECT result FROM sequin.requeue_dead_letters('queue_dead', (:'letters'::bigint[])[4:4]);
SELECT result FROM sequin.requeue_dead_letters('queue_dead', (:'letters'::bigint[])[1:1]);
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_dead';
SELECT count(*) FROM sequin.log_kept WHERE consumer = :id;
SELECT count(*) AS in_the_log FROM sequin.log WHERE seq < 0 AND table_name = 'queue_dead' AND segment IS NULL;
SELECT :take, array_agg(deliver_count) AS counts, array_agg(seq < 0) AS kept, array_agg(group_key) AS keys FROM sequin.receive('queue_dead', 100) \gset one_
\echo :one_got :one_counts :one_kept :one_keys
SELECT bool_and(message #>> '{metadata,idempotency_key}' = encode(concat_ws(':', message #>> '{metadata,commit_lsn}', message #>> '{metadata,commit_idx}')::bytea, 'base64')) AS same_identity
  FROM sequin.dead_letters('queue_dead');
-- It can die again, and keeps its place before what was put back with it.
SELECT result FROM sequin.dead_letter('queue_dead', (:'one_ids'::uuid[])[1:1], 'still not');
SELECT reason, last_error, seq < 0 AS kept, message->'record'->>'n' AS n FROM sequin.dead_letters('queue_dead') ORDER BY id;
SELECT result, count(*) FROM sequin.requeue_dead_letters('queue_dead', reason => 'rejected') GROUP BY 1;
SELECT :take FROM sequin.receive('queue_dead', 100) \gset two_
\echo :two_got
SELECT result, count(*) FROM sequin.ack('queue_dead', :'two_ids') GROUP BY 1;
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_dead';

-- Its log row may be gone, and its table unknown here, as after a restore.
UPDATE queue_dead SET n = 9, note = E'a "quoted"\nline' WHERE id = 3;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_dead', 100) \gset one_
SELECT result FROM sequin.dead_letter('queue_dead', :'one_ids');
SELECT message AS before FROM sequin.dead_letters('queue_dead') \gset
SELECT message #>> '{metadata,table_name}' AS "table" FROM sequin.dead_letters('queue_dead');
UPDATE sequin.dead_letter SET relation = replace(relation, 'queue_dead', 'queue_elsewhere') WHERE consumer = :id;
SELECT result FROM sequin.requeue_dead_letters('queue_dead', dead_before => now() + '1 min', dead_after => now() - interval '1 h');
SELECT ack_id, replace(message::text, 'queue_elsewhere', 'queue_dead') = :'before' AS the_same FROM sequin.receive('queue_dead', 100) \gset
\echo :the_same
SELECT id >= 1 << 30 AS apart, table_schema, table_name FROM sequin.relation WHERE table_name = 'queue_elsewhere';
SELECT result FROM sequin.ack('queue_dead', ARRAY[:'ack_id'::uuid]);

-- A rewind to the end skips those that were put back; one to the beginning lets them stay.
UPDATE queue_dead SET n = 10 WHERE id = 3;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_dead', 100) \gset one_
SELECT result FROM sequin.dead_letter('queue_dead', :'one_ids');
SELECT result FROM sequin.requeue_dead_letters('queue_dead');
SELECT messages > 5 AS all_again FROM sequin.rewind('queue_dead', 'beginning');
SELECT parked FROM sequin.consumers WHERE name = 'queue_dead';
SELECT direction, ready FROM sequin.rewind('queue_dead', 'end');
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_dead';

-- Nothing to deliver.
INSERT INTO sequin.dead_letter (consumer, dead_at, reason, attempts) VALUES (:id, '2020-01-01', 'log_dropped', 0);
SELECT result FROM sequin.requeue_dead_letters('queue_dead');
SELECT dead FROM sequin.consumers WHERE name = 'queue_dead';
-- Deleted, in a transaction or not.
BEGIN;
SELECT sequin.purge_dead_letters('queue_dead', dead_after => '2021-01-01');
SELECT sequin.purge_dead_letters('queue_dead', reason => 'log_dropped');
ROLLBACK;
SELECT sequin.purge_dead_letters('queue_dead', ids => '{1}');
SELECT sequin.purge_dead_letters('queue_dead');
SELECT count(*) FROM sequin.dead_letters('queue_dead');

-- No order: what is put back waits for nobody. Strict order: it comes first.
SELECT sequin.alter_consumer('queue_dead', order_mode => 'strict');
UPDATE queue_dead SET n = 20;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_dead', 1) \gset one_
SELECT result FROM sequin.dead_letter('queue_dead', :'one_ids');
SELECT :take FROM sequin.receive('queue_dead', 1) \gset one_
SELECT result FROM sequin.requeue_dead_letters('queue_dead');
SELECT count(*) AS all_wait FROM sequin.receive('queue_dead', 100);
SELECT result FROM sequin.ack('queue_dead', :'one_ids');
SELECT :take FROM sequin.receive('queue_dead', 100) \gset one_
\echo :one_got

-- Refusals.
BEGIN;
SELECT * FROM sequin.requeue_dead_letters('queue_dead');
ROLLBACK;
SELECT * FROM sequin.dead_letters(NULL);
SELECT * FROM sequin.dead_letters('queue_dead', after_id => NULL);
SELECT * FROM sequin.dead_letters('nobody');
SELECT sequin.drop_consumer('queue_dead');
DROP TABLE queue_dead;
SELECT count(*) AS kept_for_nobody FROM sequin.log_kept WHERE consumer = :id;

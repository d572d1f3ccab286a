-- Setting the position of a consumer, back and forward.
CREATE TABLE queue_rewind (id int PRIMARY KEY, n int);
\set take 'array_agg(ack_id) AS ids, array_agg(concat_ws(\' \', message->\'metadata\'->\'record_pks\'->>0, message->\'record\'->>\'n\')) AS got'
SELECT sequin.create_consumer('queue_rewind', tables => '{public.queue_rewind}') IS NOT NULL AS made;
INSERT INTO queue_rewind VALUES (1, 0), (2, 0);
INSERT INTO queue_rewind VALUES (3, 0), (4, 0);
SELECT pg_sleep(0.01), clock_timestamp() AS middle \gset
INSERT INTO queue_rewind VALUES (5, 0), (6, 0);
UPDATE queue_rewind SET n = 1 WHERE id = 5;
SELECT sequin.sync() IS NOT NULL AS synced;

-- Nothing was received: there is nothing to go back to.
SELECT * FROM sequin.rewind('queue_rewind', 'beginning', dry_run => true);
SELECT * FROM sequin.rewind('queue_rewind', 'end', dry_run => true);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_rewind';

-- Everything is acked, and comes again: exactly from the place that is named.
SELECT array_agg(ack_id) AS ids, array_agg(seq) AS seqs, array_agg(message #>> '{metadata,commit_lsn}') AS lsns
  FROM sequin.receive('queue_rewind', 100) \gset
SELECT result, count(*) FROM sequin.ack('queue_rewind', :'ids') GROUP BY 1;
SELECT * FROM sequin.rewind('queue_rewind', to_seq => (:'seqs'::bigint[])[6]);
SELECT :take FROM sequin.receive('queue_rewind', 100) \gset
\echo :got
SELECT result FROM sequin.ack('queue_rewind', :'ids');
SELECT '0/0'::pg_lsn + (:'lsns'::numeric[])[3] AS lsn \gset
SELECT * FROM sequin.rewind('queue_rewind', to_lsn => :'lsn', dry_run => true);
SELECT * FROM sequin.rewind('queue_rewind', to_lsn => :'lsn');
SELECT :take FROM sequin.receive('queue_rewind', 3) \gset
\echo :got
SELECT * FROM sequin.rewind('queue_rewind', to_lsn => :'lsn'::pg_lsn + 1);
-- A delivery that was overtaken keeps its group until it is settled or its time is over.
SELECT count(*) AS only_6 FROM sequin.receive('queue_rewind', 1);
SELECT result FROM sequin.ack('queue_rewind', :'ids');
SELECT :take FROM sequin.receive('queue_rewind', 2) \gset
\echo :got
SELECT result FROM sequin.ack('queue_rewind', :'ids');
SELECT * FROM sequin.rewind('queue_rewind', to_time => :'middle');
SELECT :take FROM sequin.receive('queue_rewind', 100) \gset
\echo :got
SELECT * FROM sequin.rewind('queue_rewind', 'beginning');
SELECT ready FROM sequin.consumers WHERE name = 'queue_rewind';
SELECT * FROM sequin.rewind('queue_rewind', 'beginning');
SELECT * FROM sequin.rewind('queue_rewind', to_time => now() + '1 h');
SELECT * FROM sequin.rewind('queue_rewind', to_lsn => 'FFFFFFFF/0');
SELECT * FROM sequin.rewind('queue_rewind', to_seq => 9223372036854775807);
SELECT * FROM sequin.rewind('queue_rewind', 'end');
SELECT count(*) AS nothing FROM sequin.receive('queue_rewind', 100);
SELECT sequin.drop_consumer('queue_rewind');

-- What is out: overtaken by a rewind it is stale, also for those who did not hear of it; before the
-- place it stays theirs.
SELECT sequin.create_consumer('queue_rewind', tables => '{public.queue_rewind}', max_deliver => 3) IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_rewind' \gset
UPDATE queue_rewind SET n = 10 WHERE id <= 4;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take, array_agg(seq) AS seqs FROM sequin.receive('queue_rewind', 3) \gset one_
\echo :one_got
SELECT * FROM sequin.rewind('queue_rewind', to_seq => (:'one_seqs'::bigint[])[2]);
SELECT result FROM sequin.ack('queue_rewind', :'one_ids');
-- Asked again, the same: an ack that was refused does not count as one that was accepted.
SELECT result FROM sequin.ack('queue_rewind', :'one_ids');
SELECT :take, array_agg(deliver_count) AS counts FROM sequin.receive('queue_rewind', 100) \gset two_
\echo :two_got :two_counts
-- Parked ones after the place come again in their turn, without attempts; before it they stay.
SELECT result FROM sequin.nack('queue_rewind', :'two_ids', delay => '0');
SELECT :take, array_agg(deliver_count) AS counts FROM sequin.receive('queue_rewind', 100) \gset two_
\echo :two_got :two_counts
SELECT result FROM sequin.nack('queue_rewind', :'two_ids', delay => '1 h');
SELECT count(*) AS all_delayed FROM sequin.receive('queue_rewind', 100);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_rewind';
SELECT * FROM sequin.rewind('queue_rewind', to_seq => (:'one_seqs'::bigint[])[3]);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_rewind';
SELECT :take, array_agg(deliver_count) AS counts FROM sequin.receive('queue_rewind', 100) \gset two_
\echo :two_got :two_counts
-- Forward: what is parked is skipped, too.
SELECT result FROM sequin.ack('queue_rewind', (:'two_ids'::uuid[])[1:1]);
SELECT * FROM sequin.rewind('queue_rewind', 'end');
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_rewind';
SELECT result FROM sequin.ack('queue_rewind', :'two_ids');
UPDATE queue_rewind SET n = 11 WHERE id = 4;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT :take FROM sequin.receive('queue_rewind', 100) \gset
\echo :got
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_rewind';

-- Refusals.
SELECT * FROM sequin.rewind('queue_rewind');
SELECT * FROM sequin.rewind('queue_rewind', 'beginning', to_seq => 1);
SELECT * FROM sequin.rewind('queue_rewind', 'middle');
SELECT * FROM sequin.rewind('queue_rewind', to_time => '-infinity');
SELECT * FROM sequin.rewind('queue_rewind', 'end', dry_run => NULL);
SELECT * FROM sequin.rewind('nobody', 'end');
BEGIN;
SELECT * FROM sequin.rewind('queue_rewind', 'end', dry_run => true);
SELECT * FROM sequin.rewind('queue_rewind', 'end');
ROLLBACK;
DO $$ BEGIN PERFORM sequin.rewind('queue_rewind', 'end'); END $$;
SELECT sequin.drop_consumer('queue_rewind');
DROP TABLE queue_rewind;

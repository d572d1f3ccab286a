-- Counts, what is out, and the log.
CREATE TABLE queue_counts (id int PRIMARY KEY, n int);
\set take 'array_agg(ack_id) AS ids, array_agg(concat_ws(\' \', message->\'metadata\'->\'record_pks\'->>0, message->\'record\'->>\'n\')) AS got'
SELECT sequin.create_consumer('queue_counts', tables => '{public.queue_counts}', max_deliver => 2) IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_counts' \gset
\set counts 'SELECT ready, in_flight, parked, dead, lag_messages, lag_seconds >= 0 AS lag, oldest_at = :\'oldest\'::timestamptz AS oldest FROM sequin.consumers WHERE name = \'queue_counts\';'
SELECT ready, in_flight, parked, dead, lag_messages, lag_seconds, oldest_at FROM sequin.consumers WHERE name = 'queue_counts';
INSERT INTO queue_counts VALUES (1, 1);
INSERT INTO queue_counts SELECT i, 1 FROM generate_series(2, 5) i;
UPDATE queue_counts SET n = 2 WHERE id <= 2;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT min(commit_time) AS oldest FROM sequin.log WHERE table_name = 'queue_counts' \gset
:counts
-- The oldest is ready, in flight, parked, and then another one.
SELECT :take FROM sequin.receive('queue_counts', 2) \gset one_
:counts
SELECT seq = (SELECT min(seq) FROM sequin.log WHERE table_name = 'queue_counts') AS first, claim, deliver_count, attempts,
  expires_at - taken_at BETWEEN '30 s' AND '30.1 s' AS expires, overtaken
  FROM sequin.in_flight WHERE consumer = 'queue_counts' ORDER BY seq;
SELECT result FROM sequin.extend('queue_counts', :'one_ids', '1 h');
SELECT result FROM sequin.nack('queue_counts', (:'one_ids'::uuid[])[1:1], delay => '1 h');
:counts
SELECT count(*), bool_and(expires_at - taken_at > '59 min') AS extended FROM sequin.in_flight WHERE consumer = 'queue_counts';
SELECT :take FROM sequin.receive('queue_counts', 2) \gset two_
\echo :two_got
:counts
-- An open transaction counts when it is committed.
BEGIN;
SELECT result FROM sequin.ack('queue_counts', :'two_ids');
SELECT in_flight FROM sequin.consumers WHERE name = 'queue_counts';
ROLLBACK;
SELECT in_flight FROM sequin.consumers WHERE name = 'queue_counts';
SELECT result FROM sequin.ack('queue_counts', :'two_ids');
SELECT result FROM sequin.dead_letter('queue_counts', (:'one_ids'::uuid[])[2:2]);
:counts
SELECT ready FROM sequin.rewind('queue_counts', to_seq => (SELECT min(seq) + 1 FROM sequin.log WHERE table_name = 'queue_counts'));
:counts
SELECT :take FROM sequin.receive('queue_counts', 1) \gset three_
SELECT ready FROM sequin.rewind('queue_counts', 'beginning');
SELECT count(*) FROM sequin.in_flight WHERE consumer = 'queue_counts' AND overtaken;
SELECT count(*) FROM sequin.dead_letters('queue_counts');
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_counts';

-- The log.
SELECT table_schema, table_name, action, record_pks, record, changes, metadata, xid::text::bigint > 0 AS xid, segment > 0 AS segment,
  incarnation >= 0 AS incarnation, commit_idx
  FROM sequin.log WHERE table_name = 'queue_counts' ORDER BY seq;
SELECT sequin.drop_consumer('queue_counts');
DROP TABLE queue_counts;

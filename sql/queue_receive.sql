-- Receive and settle: who gets what, and what each ack_id is told.
CREATE TABLE queue_receive (id int PRIMARY KEY, note text);
SELECT sequin.create_consumer('queue_receive', tables => '{public.queue_receive}') IS NOT NULL AS made;
SELECT count(*) AS nothing_yet FROM sequin.receive('queue_receive');
INSERT INTO queue_receive SELECT i, 'note ' || i FROM generate_series(1, 6) i;
SELECT sequin.sync() IS NOT NULL AS synced;

-- One row for each message; what one has, no other gets.
SELECT array_agg(ack_id) AS first, array_agg(group_key) AS keys, array_agg(deliver_count) AS counts
  FROM sequin.receive('queue_receive', batch_size => 2) \gset
\echo :keys :counts
SELECT array_agg(ack_id) AS second, array_agg(group_key) AS keys
  FROM sequin.receive('queue_receive', batch_size => 100) \gset
\echo :keys
SELECT count(*) AS nothing_left FROM sequin.receive('queue_receive', 100);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_receive';

-- Results come in the order of the call.
SELECT result, ack_id = (:'first'::uuid[])[2] AS is_second
  FROM sequin.ack('queue_receive', ARRAY[(:'first'::uuid[])[2], (:'first'::uuid[])[1], (:'first'::uuid[])[2]]);
SELECT result FROM sequin.ack('queue_receive', :'first');
-- Not ours: another kind of uuid, another nonce, a claim that was never made, a place beyond it.
SELECT result FROM sequin.ack('queue_receive', ARRAY[
  '11111111-2222-4333-8444-555555555555', '00000000-0001-8000-8000-000000000001',
  '00ffffff-0001-8000-8000-000000000001']::uuid[]);
SELECT result FROM sequin.ack('queue_receive', ARRAY[
  overlay((:'second'::uuid[])[1]::text PLACING 'fff' FROM 16 FOR 3)::uuid]);
SELECT count(*) AS none FROM sequin.ack('queue_receive', '{}');
-- Part of a claim by part, the rest at once.
SELECT result FROM sequin.nack('queue_receive', (:'second'::uuid[])[1:1], delay => '0', error => 'no');
SELECT result FROM sequin.ack('queue_receive', :'second');
SELECT result FROM sequin.release('queue_receive', :'second');
SELECT array_agg(ack_id) AS third, array_agg(group_key) AS keys, array_agg(deliver_count) AS counts
  FROM sequin.receive('queue_receive', 100) \gset
\echo :keys :counts
SELECT result FROM sequin.release('queue_receive', :'third');
SELECT array_agg(ack_id) AS fourth, array_agg(deliver_count) AS counts FROM sequin.receive('queue_receive', 100) \gset
\echo :counts
SELECT result FROM sequin.extend('queue_receive', :'third', '1 min');
SELECT result FROM sequin.extend('queue_receive', :'fourth', '1 min');
SELECT result FROM sequin.ack('queue_receive', :'fourth');
SELECT result FROM sequin.extend('queue_receive', :'fourth', '1 min');
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_receive';

-- Waiting: until a delay is over, until something is captured, or until the time is over.
INSERT INTO queue_receive VALUES (7, 'later');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_receive', wait => '10 s') \gset
SELECT result FROM sequin.nack('queue_receive', :'ids', delay => '300 ms');
SELECT count(*) AS not_yet FROM sequin.receive('queue_receive');
SELECT group_key, deliver_count FROM sequin.receive('queue_receive', wait => '10 s', visibility_timeout => '200 ms');
SELECT group_key, deliver_count FROM sequin.receive('queue_receive', wait => '10 s', visibility_timeout => '200 ms');
SELECT count(*) AS over FROM sequin.receive('queue_receive', wait => '50 ms');
INSERT INTO queue_receive VALUES (8, 'woken');
SELECT group_key FROM sequin.receive('queue_receive', wait => '10 s');

-- The name or the uuid.
SELECT uuid FROM sequin.consumer WHERE name = 'queue_receive' \gset
SELECT count(*) AS still_none FROM sequin.receive(:'uuid');

-- A paused consumer gives nothing, but its deliveries can be settled.
SELECT sequin.alter_consumer('queue_receive', status => 'paused');
INSERT INTO queue_receive VALUES (9, 'held back');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) AS nothing FROM sequin.receive('queue_receive', 100);
SELECT sequin.alter_consumer('queue_receive', status => 'active');
SELECT max(group_key) AS last FROM sequin.receive('queue_receive', 100);

SELECT sequin.drop_consumer('queue_receive');
SELECT count(*) AS rows_left FROM sequin.claim c FULL JOIN sequin.settle s USING (consumer)
  FULL JOIN sequin.held h USING (consumer)
  WHERE NOT EXISTS (SELECT FROM sequin.consumer WHERE id = consumer);
DROP TABLE queue_receive;

-- Delayed delivery: published when it is due, in order, once.
SELECT sequin.start();
SELECT sequin.create_stream('later') IS NOT NULL AS made;
SELECT sequin.create_consumer('later', stream => 'later') IS NOT NULL AS made;
CREATE FUNCTION wait_for_delayed(stream text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1..1000 LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM sequin.delayed d WHERE d.stream = (SELECT id FROM sequin.stream s WHERE s.name = $1)
                          AND d.deliver_at < clock_timestamp() + interval '1 h');
    PERFORM pg_sleep(0.01);
  END LOOP;
  -- So that sync() waits for a commit that comes after.
  PERFORM pg_logical_emit_message(true, 'later', '');
END
$$;
-- What is past is published at once, what is not waits.
SELECT sequin.publish('later', 'past', 'now', deliver_at => now() - interval '1 day');
SELECT sequin.publish('later', 'months', 'ahead', '{"h": 1}', now() + interval '6 months');
SELECT sequin.publish('later', 'soon', '{"n": 1}'::jsonb, '{"h": 2}', clock_timestamp() + interval '1200 ms');
SELECT sequin.publish('later', 'soonest', 'x', deliver_at => clock_timestamp() + interval '1 s');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record, message->'metadata'->'deliver_at' IS NOT NULL AS delayed FROM sequin.receive('later', 10);
SELECT delayed FROM sequin.streams WHERE name = 'later';
SELECT wait_for_delayed('later');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record,
       (message->'metadata'->>'deliver_at')::timestamptz <= (message->'metadata'->>'commit_timestamp')::timestamptz AS not_early
  FROM sequin.receive('later', 10);
SELECT delayed FROM sequin.streams WHERE name = 'later';
-- Equal times: in the order of publishing, over keys and batches.
DO $$
DECLARE at timestamptz := clock_timestamp() + interval '200 ms';
BEGIN
  PERFORM sequin.publish('later', 'k', '1', deliver_at => at);
  PERFORM sequin.publish_batch('later', '{k,j,k}', '{2,a,3}', deliver_at => at);
  PERFORM sequin.publish('later', 'k', '4', deliver_at => at);
  PERFORM sequin.publish('later', 'k', '0', deliver_at => at - interval '1 ms');
END
$$;
SELECT wait_for_delayed('later');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'key' AS key, message->'record'->>'data' AS data FROM sequin.receive('later', 10);
-- More than is published in one transaction.
SELECT sequin.publish_batch('later', array_agg('many.' || i), array_agg(i::text), deliver_at => clock_timestamp() + interval '50 ms')
  FROM generate_series(1, 2500) i;
SELECT wait_for_delayed('later');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*), bool_and(n = place) AS in_order
  FROM (SELECT (message->'record'->>'data')::int AS n, row_number() OVER (ORDER BY seq) AS place
          FROM sequin.receive('later', 10000)) m;
-- Rolled back, and of a transaction that was prepared.
BEGIN;
SELECT sequin.publish('later', 'rolled', 'back', deliver_at => clock_timestamp() + interval '10 ms');
ROLLBACK;
BEGIN;
SELECT sequin.publish('later', 'prepared', 'x', deliver_at => now() + interval '10 ms');
PREPARE TRANSACTION 'delayed_prepared';
SELECT pg_sleep(0.05);
COMMIT PREPARED 'delayed_prepared';
-- Its time is over when it commits, and nobody is told: a regular look finds it, at the latest a start.
SELECT sequin.publish('later', 'reminder', 'x', deliver_at => now() - interval '1 ms');
SELECT sequin.stop();
SELECT sequin.start();
SELECT wait_for_delayed('later');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'key' AS key FROM sequin.receive('later', 10) ORDER BY 1;
-- Into the state of a stream with one message per key: the newest is the one that was due last.
SELECT sequin.create_stream('later_state', one_message_per_key => true) IS NOT NULL AS made;
SELECT sequin.publish('later_state', 'k', 'delayed', deliver_at => clock_timestamp() + interval '500 ms');
SELECT sequin.publish('later_state', 'k', 'direct');
SELECT wait_for_delayed('later_state');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT data FROM sequin.stream_messages('later_state');
-- Errors, and drop_stream.
SELECT sequin.publish('later', 'k', 'x', deliver_at => 'infinity');
SELECT sequin.drop_consumer('later');
SELECT sequin.drop_stream('later');
SELECT count(*) FROM sequin.delayed;
SELECT sequin.drop_stream('later_state');
DROP FUNCTION wait_for_delayed;

-- Streams: publish, consumers with patterns, what a stream holds.
SELECT sequin.start();
SELECT sequin.create_stream('events') IS NOT NULL AS made;
SELECT sequin.create_stream('state', one_message_per_key => true) IS NOT NULL AS made;

-- Text is a JSON string in a message, jsonb is nested.
SELECT sequin.publish('events', 'orders.1.created', E'say "hi"\n');
SELECT sequin.publish('events', 'orders.1.paid', '{"total": 12.50}'::jsonb, '{"source": "till"}');
SELECT sequin.publish('events', 'invoices.9.created', '');
SELECT sequin.publish_batch('events', '{orders.2.created,orders.2.paid}', '{a,b}',
                            ARRAY[NULL, '{"n": 2}']::jsonb[]);
SELECT sequin.publish_batch_json('events', '{orders.3.created}', ARRAY['[1, 2]']::jsonb[]);
SELECT sequin.publish_batch('events', '{}', '{}');

-- A new consumer begins with what is there.
SELECT sequin.create_consumer('created', stream => 'events', key_pattern => 'orders.*.created') IS NOT NULL AS made;
SELECT sequin.create_consumer('orders', stream => 'events', key_pattern => 'orders.>') IS NOT NULL AS made;
SELECT sequin.create_consumer('everything', stream => 'events') IS NOT NULL AS made;
SELECT name, kind, tables, mode, stream, key_pattern FROM sequin.consumers WHERE stream = 'events' ORDER BY name;
SELECT sequin.publish('events', 'orders.4.created', 'new');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record, group_key FROM sequin.receive('created', 100);
SELECT message->'record'->>'key' AS key, group_key FROM sequin.receive('orders', 100);
SELECT message->'record'->>'key' AS key FROM sequin.receive('everything', 100);
SELECT sequin.publish('events', 'orders.5.created', 'envelope');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT action, record->>'key' AS key FROM sequin.log WHERE record->>'data' = 'envelope';
SELECT message->>'action' AS action, message->'changes' AS changes,
       message->'metadata'->>'stream' AS stream, message->'metadata'->'record_pks' AS pks,
       message->'metadata'->>'table_name' AS table_name, message->'metadata'->'consumer'->>'name' AS consumer
  FROM sequin.receive('created', 100);

-- Transactional: with the other writes of the transaction and in their order, or not at all.
CREATE TABLE streams_rows (id int PRIMARY KEY);
SELECT sequin.create_consumer('rows', tables => '{public.streams_rows}') IS NOT NULL AS made;
BEGIN;
INSERT INTO streams_rows VALUES (1);
SELECT sequin.publish('events', 'tx.1', 'between');
INSERT INTO streams_rows VALUES (2);
SAVEPOINT s;
SELECT sequin.publish('events', 'tx.2', 'rolled back');
ROLLBACK TO s;
SELECT sequin.publish('events', 'tx.3', 'kept');
COMMIT;
BEGIN;
SELECT sequin.publish('events', 'tx.4', 'aborted');
ROLLBACK;
BEGIN;
SELECT sequin.publish('events', 'tx.5', 'prepared');
PREPARE TRANSACTION 'streams_prepared';
COMMIT PREPARED 'streams_prepared';
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT what, row_number() OVER (ORDER BY seq) AS place, idx
  FROM (SELECT 'row ' || (message->'record'->>'id') AS what, seq, message->'metadata'->>'commit_idx' AS idx
          FROM sequin.receive('rows', 10)) r;
SELECT message->'record'->>'key' AS key, message->'metadata'->>'commit_idx' AS idx
  FROM sequin.receive('everything', 100) WHERE message->'record'->>'key' LIKE 'tx%';

-- What anybody writes with our prefix is not a publish.
SELECT pg_logical_emit_message(true, 'sequin:publish', 'forged') IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(false, 'sequin:publish', 'forged') IS NOT NULL AS emitted;
SELECT pg_logical_emit_message(true, 'sequin:publish',
  '\x0100'::bytea || '\x01000000'::bytea || '\x0100'::bytea || '\x01000000'::bytea || 'kd'::bytea) IS NOT NULL AS emitted;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) FROM sequin.receive('everything', 100);
SELECT state FROM sequin.status;

-- What a stream holds.
SELECT key, data, headers, inserted_at = updated_at AS once
  FROM sequin.stream_messages('events', 'orders.*.created') ORDER BY seq;
SELECT key FROM sequin.stream_messages('events', sort => 'seq_desc', "limit" => 2);
SELECT key, data, data_hash = encode(sha256('kept'), 'hex') AS hash FROM sequin.stream_message('events', 'tx.3');
SELECT key FROM sequin.stream_message('events', 'tx.4');

-- One message per key: a new one replaces the one before.
SELECT sequin.publish('state', 'a', 'a1');
SELECT sequin.publish('state', 'b', 'b1');
SELECT sequin.publish('state', 'a', 'a2');
SELECT sequin.publish_batch('state', '{c,c,b,c}', '{c1,c2,b2,c3}');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT key, data, inserted_at < updated_at AS replaced FROM sequin.stream_messages('state');
SELECT name, one_message_per_key, messages, bytes, delayed, consumers FROM sequin.streams ORDER BY name;
SELECT sequin.create_consumer('state', stream => 'state') IS NOT NULL AS made;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT mode FROM sequin.consumers WHERE name = 'state';
SELECT message->'record'->>'key' AS key, message->'record'->>'data' AS data FROM sequin.receive('state', 10);

-- Switched on later: the earlier messages of a key go with its next one.
SELECT sequin.alter_stream('events', one_message_per_key => true);
SELECT sequin.publish('events', 'orders.1.paid', 'again');
SELECT sequin.publish('events', 'orders.6.created', 'x');
SELECT sequin.alter_stream('events', one_message_per_key => false);
SELECT sequin.publish('events', 'orders.6.created', 'y');
SELECT sequin.alter_stream('events', one_message_per_key => true);
SELECT sequin.publish('events', 'orders.6.created', 'z');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT key, data FROM sequin.stream_messages('events', 'orders.>') WHERE key ~ '6|paid' ORDER BY seq;
SELECT messages = (SELECT count(*) FROM sequin.stream_messages('events')) AS counted FROM sequin.streams WHERE name = 'events';

-- Another pattern is in force for what commits later.
SELECT sequin.alter_consumer('created', key_pattern => 'late.>');
SELECT sequin.publish('events', 'orders.7.created', 'no');
SELECT sequin.publish('events', 'late.1', 'yes');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'key' AS key FROM sequin.receive('created', 100);

-- In parts: a consumer that is made while the stream holds more than fits into one transaction.
ALTER SYSTEM SET sequin.batch_rows = 2;
SELECT pg_reload_conf();
SELECT sequin.create_stream('long') IS NOT NULL AS made;
SELECT sequin.publish_batch('long', array_agg('k' || i % 3), array_agg(i::text)) FROM generate_series(1, 9) i;
SELECT sequin.create_consumer('long', stream => 'long', mode => 'all') IS NOT NULL AS made;
SELECT sequin.publish('long', 'k1', '10');
SELECT sequin.sync() IS NOT NULL AS synced;
DO $$
BEGIN
  FOR i IN 1..500 LOOP
    EXIT WHEN (SELECT end_ord IS NOT NULL FROM sequin.stream_start s JOIN sequin.consumer c ON c.id = s.consumer
               WHERE c.name = 'long');
    PERFORM pg_sleep(0.01);
  END LOOP;
END
$$;
ALTER SYSTEM RESET sequin.batch_rows;
SELECT pg_reload_conf();
SELECT message->'record'->>'data' AS data FROM sequin.receive('long', 100);

SELECT sequin.drop_stream('events');
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE stream IS NOT NULL OR name = 'rows';
SELECT count(sequin.drop_stream(name)) FROM sequin.streams;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) FROM sequin.stream_start;
DROP TABLE streams_rows;

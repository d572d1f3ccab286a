-- Settling inside transactions: their commit decides, whatever their isolation level.
CREATE TABLE queue_tx (id int PRIMARY KEY);
CREATE TABLE queue_tx_effect (id int);
SELECT sequin.create_consumer('queue_tx', tables => '{public.queue_tx}') IS NOT NULL AS made;
INSERT INTO queue_tx SELECT generate_series(1, 7);
SELECT sequin.sync() IS NOT NULL AS synced;

-- Effect and ack together.
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '5 min') \gset one_
BEGIN;
INSERT INTO queue_tx_effect VALUES (1);
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'one_ack_id']::uuid[]);
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'one_ack_id']::uuid[]);
ROLLBACK;
BEGIN;
INSERT INTO queue_tx_effect VALUES (1);
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'one_ack_id']::uuid[]);
COMMIT;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'one_ack_id']::uuid[]);

-- Savepoints.
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '5 min') \gset two_
BEGIN;
SAVEPOINT s;
SELECT result FROM sequin.nack('queue_tx', ARRAY[:'two_ack_id']::uuid[]);
ROLLBACK TO s;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'two_ack_id']::uuid[]);
COMMIT;

-- Claims made after the transaction began are seen by its acks.
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '5 min') \gset three_
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM queue_tx_effect;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'three_ack_id']::uuid[]);
COMMIT;
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '5 min') \gset four_
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM queue_tx_effect;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'four_ack_id']::uuid[]);
COMMIT;
SET default_transaction_isolation = 'serializable';
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '5 min') \gset five_
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'five_ack_id']::uuid[]);
RESET default_transaction_isolation;

-- In functions and DO blocks, too.
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '5 min') \gset six_
SELECT set_config('queue_tx.ack_id', :'six_ack_id', false) IS NOT NULL AS set;
DO $$ BEGIN PERFORM sequin.ack('queue_tx', ARRAY[current_setting('queue_tx.ack_id')]::uuid[]); END $$;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'six_ack_id']::uuid[]);

-- A prepared transaction.
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '100 ms') \gset seven_
BEGIN;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'seven_ack_id']::uuid[]);
PREPARE TRANSACTION 'queue_tx';
SELECT pg_sleep(0.2);
SELECT count(*) AS undecided FROM sequin.receive('queue_tx', 10);
COMMIT PREPARED 'queue_tx';
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'seven_ack_id']::uuid[]);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_tx';

-- One that is rolled back: the message comes again.
INSERT INTO queue_tx VALUES (8);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ack_id FROM sequin.receive('queue_tx', visibility_timeout => '100 ms') \gset eight_
BEGIN;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'eight_ack_id']::uuid[]);
PREPARE TRANSACTION 'queue_tx';
SELECT count(*) AS undecided FROM sequin.receive('queue_tx', 10, wait => '300 ms');
ROLLBACK PREPARED 'queue_tx';
SELECT group_key, deliver_count FROM sequin.receive('queue_tx', 10, wait => '10 s');
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'eight_ack_id']::uuid[]);

-- A subscriber of these tables sees the client's writes of such a transaction.
SELECT sequin.create_consumer('queue_tx_watch', tables => '{public.queue_tx_effect}') IS NOT NULL AS made;
INSERT INTO queue_tx VALUES (9);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ack_id FROM sequin.receive('queue_tx') \gset nine_
BEGIN;
SELECT result FROM sequin.ack('queue_tx', ARRAY[:'nine_ack_id']::uuid[]);
INSERT INTO queue_tx_effect VALUES (9);
COMMIT;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record FROM sequin.receive('queue_tx_watch');
SELECT sequin.drop_consumer('queue_tx');
SELECT sequin.drop_consumer('queue_tx_watch');
DROP TABLE queue_tx, queue_tx_effect;

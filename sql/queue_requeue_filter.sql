-- A dead letter of a filter that is put back is looked at again, with all columns, also those the consumer does not get.
SET client_min_messages = warning;
CREATE SCHEMA queue_requeue_filter;
SET search_path = queue_requeue_filter;
CREATE TABLE t (id int PRIMARY KEY, k text);
CREATE FUNCTION good(k text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
SELECT sequin.start();
SELECT sequin.create_consumer('queue_requeue_filter', '{queue_requeue_filter.t}', '{insert}', 'queue_requeue_filter.good(new.k)', columns => '{id}') IS NOT NULL AS made;
INSERT INTO t VALUES (1, 'good'), (2, 'bad'), (3, 'good');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) FROM sequin.receive('queue_requeue_filter', 10);
SELECT d.reason, d.last_error, d.message::json -> 'record' AS record
FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'queue_requeue_filter' ORDER BY d.id;
CREATE OR REPLACE FUNCTION good(k text) RETURNS bool LANGUAGE sql AS 'SELECT k = ''good''';
SELECT result FROM sequin.requeue_dead_letters('queue_requeue_filter');
SELECT message -> 'record' AS record, group_key FROM sequin.receive('queue_requeue_filter', 10);
SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = 'queue_requeue_filter';
SELECT sequin.drop_consumer('queue_requeue_filter');
DROP SCHEMA queue_requeue_filter CASCADE;

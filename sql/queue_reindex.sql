-- Indexes of ours that REINDEX CONCURRENTLY has beside the others, and leaves behind when it fails, are written but not read.
CREATE TABLE queue_reindex (id int PRIMARY KEY);
SELECT sequin.start();
CREATE UNIQUE INDEX queue_reindex_name ON sequin.consumer (name);
CREATE UNIQUE INDEX queue_reindex_uuid ON sequin.consumer (uuid);
CREATE UNIQUE INDEX queue_reindex_stream ON sequin.stream (name);
CREATE INDEX queue_reindex_front ON sequin.held (consumer, wait, ready_at, ord) WHERE wait >= 0;
CREATE INDEX queue_reindex_relation ON sequin.held (consumer, barrier, relation, ord);
CREATE UNIQUE INDEX queue_reindex_held ON sequin.held (consumer, grp, ord);
UPDATE pg_index SET indisvalid = false, indisready = false WHERE indexrelid::regclass::text LIKE 'sequin.queue_reindex%';
\c -
SELECT sequin.create_consumer('queue_reindex', tables => '{public.queue_reindex}') IS NOT NULL AS made;
SELECT sequin.create_stream('queue_reindex') IS NOT NULL AS made;
SELECT sequin.publish('queue_reindex', 'k', 'v'::text);
INSERT INTO queue_reindex VALUES (1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids FROM sequin.receive('queue_reindex') \gset
SELECT id AS uuid FROM sequin.consumers WHERE name = 'queue_reindex' \gset
SELECT result FROM sequin.nack(:'uuid', :'ids', delay => '0');
UPDATE pg_index SET indisready = true WHERE indexrelid::regclass::text LIKE 'sequin.queue_reindex_%' AND indrelid = 'sequin.held'::regclass;
\c -
SELECT message #>> '{record,id}' AS id, deliver_count FROM sequin.receive('queue_reindex');
SELECT data FROM sequin.stream_message('queue_reindex', 'k');
SELECT sequin.drop_consumer('queue_reindex');
SELECT sequin.drop_stream('queue_reindex');
DROP INDEX sequin.queue_reindex_name, sequin.queue_reindex_uuid, sequin.queue_reindex_stream, sequin.queue_reindex_front,
  sequin.queue_reindex_relation, sequin.queue_reindex_held;
DROP TABLE queue_reindex;

-- Rows that the capture worker replaces without a search stand elsewhere after an administrator has rewritten their tables.
CREATE TABLE capture_rewritten (id int PRIMARY KEY);
SELECT sequin.create_consumer('capture_rewritten', tables => '{public.capture_rewritten}') IS NOT NULL AS made;
SELECT sequin.create_stream(name) IS NOT NULL AS made FROM unnest('{capture_rewritten_a,capture_rewritten_b}'::text[]) name;
INSERT INTO capture_rewritten VALUES (1);
-- The row of the first stream is now in the place that the second one's had, or has.
SELECT sequin.publish('capture_rewritten_a', 'k', 'v'::text);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT sequin.publish('capture_rewritten_b', 'k', 'v'::text);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT sequin.publish('capture_rewritten_a', 'k', 'v'::text);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT worker_pid FROM sequin.status \gset
VACUUM FULL sequin.progress;
VACUUM FULL sequin.stream_count;
INSERT INTO capture_rewritten VALUES (2);
SELECT sequin.publish('capture_rewritten_b', 'k', 'v'::text);
SELECT sequin.sync() IS NOT NULL AS synced;
CLUSTER sequin.progress USING progress_pkey;
CLUSTER sequin.stream_count USING stream_count_pkey;
SELECT sequin.drop_stream('capture_rewritten_a');
INSERT INTO capture_rewritten VALUES (3);
SELECT sequin.publish('capture_rewritten_b', 'k', 'v'::text);
SELECT sequin.sync() IS NOT NULL AS synced;
-- It has not stumbled.
SELECT worker_pid = :worker_pid AS same_worker FROM sequin.status;
SELECT count(*) FROM sequin.receive('capture_rewritten', 10);
SELECT name, messages FROM sequin.streams WHERE name LIKE 'capture_rewritten%';
ALTER TABLE sequin.progress SET WITHOUT CLUSTER;
ALTER TABLE sequin.stream_count SET WITHOUT CLUSTER;
SELECT sequin.drop_stream('capture_rewritten_b');
SELECT sequin.drop_consumer('capture_rewritten');
DROP TABLE capture_rewritten;

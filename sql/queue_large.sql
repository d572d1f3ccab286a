-- Many large messages: an answer has its limit, dead letters are written one by one.
CREATE TABLE queue_large (id int PRIMARY KEY, payload text);
SELECT sequin.create_consumer('queue_large', tables => '{public.queue_large}') IS NOT NULL AS made;
INSERT INTO queue_large SELECT i, repeat('x', 25000000) FROM generate_series(1, 12) i;
SELECT sequin.sync('120 s') IS NOT NULL AS synced;

-- 256 MB in one answer; what is beyond was not delivered
SELECT array_agg(ack_id) AS ids, array_agg(message #>> '{record,id}' ORDER BY seq) AS got FROM sequin.receive('queue_large', 100, '10 min') \gset
\echo :got
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_large';
SELECT message #>> '{record,id}' AS id, deliver_count FROM sequin.receive('queue_large', 100, '10 min');
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'queue_large';
-- 250 MB of rejected messages, with a session that had little memory before and has little at no time
SELECT result, count(*) FROM sequin.dead_letter('queue_large', :'ids', error => 'é' || repeat('x', 100000)) GROUP BY 1;
\c -
SELECT count(*) FROM sequin.receive('queue_large', 1, '100 ms');
SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\s*(\d+) kB')::int < 512 * 1024 AS bounded;
SELECT count(*), min(octet_length(last_error)) AS error_bytes FROM sequin.dead_letters('queue_large', max_rows => 2);
SELECT sequin.drop_consumer('queue_large');
DROP TABLE queue_large;

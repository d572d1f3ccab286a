-- The log has one index entry in 16 rows: every row is found all the same, however the segment came to be.
SET client_min_messages = warning;
CREATE TABLE log_indexes (id int PRIMARY KEY, note text);
SELECT sequin.start();
SELECT sequin.create_consumer('log_indexes', '{public.log_indexes}') IS NOT NULL AS made;
INSERT INTO log_indexes SELECT i, repeat('x', i % 500) FROM generate_series(1, 3000) i;
INSERT INTO log_indexes SELECT i, repeat('x', 5000) FROM generate_series(3001, 3100) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT max(no) AS segment FROM sequin.segment \gset
SELECT min(seq) AS first, max(seq) AS last FROM sequin.log WHERE table_name = 'log_indexes' \gset
SELECT :last - :first + 1 AS rows;

-- Rewinds to positions next to entries and between them: what is ready then
CREATE VIEW log_indexes_rewinds AS
SELECT format('SELECT ready = (SELECT count(*) FROM public.log_indexes WHERE id >= %s) AS "from row %s" FROM sequin.rewind(''log_indexes'', to_seq => %s)',
  i, i, (SELECT min(seq) FROM sequin.log WHERE table_name = 'log_indexes') + i - 1) AS statement
FROM unnest('{1,2,15,16,17,18,1000,2999,3100}'::int[]) WITH ORDINALITY AS p(i, o) ORDER BY o;
\set ECHO none
SELECT statement FROM log_indexes_rewinds \gexec
\set ECHO all
\set received 'SELECT count(*), sum((message #>> ''{record,id}'')::int), bool_and(length(message #>> ''{record,note}'') = CASE WHEN (message #>> ''{record,id}'')::int > 3000 THEN 5000 ELSE (message #>> ''{record,id}'')::int % 500 END) AS whole FROM sequin.receive(''log_indexes'', 1000);'
SELECT ready FROM sequin.rewind('log_indexes', to_seq => :first);
:received
SELECT ready FROM sequin.rewind('log_indexes', to_seq => :last - 500);
:received

-- People's conditions on seq find what a look at every row finds
SET enable_seqscan = off;
SELECT count(*), min(seq) = :first + 700 AS from_there, max(seq) = :first + 800 AS to_there
FROM sequin.log_0 WHERE seq BETWEEN :first + 700 AND :first + 800;
SELECT count(*) FROM sequin.log WHERE seq = :last;
RESET enable_seqscan;

-- A segment that was rewritten, one with an entry for every row (of version 0.1.0), one with no index at all
\set ECHO none
SELECT format('VACUUM FULL sequin.log_%s', :segment) \gexec
SELECT statement FROM log_indexes_rewinds \gexec
\set ECHO all
\set ECHO none
SELECT format('CREATE UNIQUE INDEX log_indexes_all ON sequin.log_%s (seq)', :segment) \gexec
\set ECHO all
INSERT INTO log_indexes SELECT i, repeat('x', i % 500) FROM generate_series(3101, 3200) i;
SELECT sequin.sync() IS NOT NULL AS synced;
\set ECHO none
SELECT statement FROM log_indexes_rewinds \gexec
\set ECHO all
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT count(*) FROM sequin.log_0 WHERE seq > :last;
RESET enable_bitmapscan;
RESET enable_seqscan;
\set ECHO none
SELECT format('DROP INDEX %s', i.indexrelid::regclass) FROM pg_index i
WHERE i.indrelid = format('sequin.log_%s', :segment)::regclass ORDER BY 1 \gexec
\set ECHO all
INSERT INTO log_indexes SELECT i, repeat('x', i % 500) FROM generate_series(3201, 3300) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ready FROM sequin.rewind('log_indexes', to_seq => :last + 50);
SELECT count(*), min((message #>> '{record,id}')::int), max((message #>> '{record,id}')::int) FROM sequin.receive('log_indexes', 1000);

SELECT sequin.drop_consumer('log_indexes');
DROP VIEW log_indexes_rewinds;
DROP TABLE log_indexes;

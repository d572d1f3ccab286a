-- fill_unchanged: the value is that of the row with the key of the message, whatever the table's keys are, or none.
SET client_min_messages = warning;
CREATE SCHEMA fill_unchanged;
SET search_path = fill_unchanged;
SELECT sequin.start();
SELECT sequin.create_consumer('fill', '{fill_unchanged.*}', '{update}', fill_unchanged => true) IS NOT NULL AS made;
SELECT sequin.create_consumer('fill_some', '{fill_unchanged.*}', '{update}', columns => '{big,n}', fill_unchanged => true) IS NOT NULL AS made;
\set rows 'SELECT message #>> ''{metadata,table_name}'' AS "table", message #>> ''{metadata,record_pks}'' AS pks, left(message #>> ''{record,big}'', 9) AS big, message #>> ''{metadata,filled_columns}'' AS filled, message #>> ''{metadata,unchanged_columns}'' AS unchanged'

-- The identity is another index over the columns of the primary key, in another order
CREATE TABLE turned (a int, b int, big text, n int, PRIMARY KEY (a, b));
CREATE UNIQUE INDEX turned_ba ON turned (b, a);
ALTER TABLE turned REPLICA IDENTITY USING INDEX turned_ba;
-- The identity is an index over other columns
CREATE TABLE other (a int PRIMARY KEY, b int NOT NULL UNIQUE, big text, n int);
ALTER TABLE other REPLICA IDENTITY USING INDEX other_b_key;
-- No old rows in the WAL
CREATE TABLE nothing (a bigint, b text, big text, n int, PRIMARY KEY (b, a));
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
-- A primary key that is moved to another column before the message is received
CREATE TABLE moved (a int PRIMARY KEY, b int NOT NULL UNIQUE, big text, n int);
-- Keys that are not written in messages as they are in SQL
CREATE TABLE types (a numeric, b bool, c timestamptz, d text, big text, n int, PRIMARY KEY (a, b, c, d));
SELECT format('ALTER TABLE %I ALTER big SET STORAGE external', relname) FROM pg_class
WHERE relnamespace = 'fill_unchanged'::regnamespace AND relkind = 'r' ORDER BY relname \gexec
INSERT INTO turned VALUES (1, 2, repeat('of (1,2) ', 400)), (2, 1, repeat('of (2,1) ', 400));
INSERT INTO other VALUES (1, 2, repeat('of 1,2   ', 400)), (2, 1, repeat('of 2,1   ', 400));
INSERT INTO nothing VALUES (1, '2', repeat('of (1,2) ', 400)), (2, '1', repeat('of (2,1) ', 400));
INSERT INTO moved VALUES (1, 2, repeat('of 1,2   ', 400)), (2, 1, repeat('of 2,1   ', 400));
INSERT INTO types VALUES (1.50, true, '2024-01-01 12:00:00+02', E'"\\\u00e9\n', repeat('of types ', 400));
UPDATE turned SET n = 1 WHERE a = 1;
UPDATE other SET n = 1 WHERE a = 1;
UPDATE nothing SET n = 1 WHERE a = 1;
UPDATE moved SET n = 1 WHERE a = 1;
UPDATE types SET n = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
ALTER TABLE moved DROP CONSTRAINT moved_pkey, ADD PRIMARY KEY (b);
:rows FROM sequin.receive('fill', 100);
-- Without the key in the record nobody can tell that it is another one now (docs/capture.md).
:rows FROM sequin.receive('fill_some', 100) WHERE message #>> '{metadata,table_name}' <> 'moved';
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers;
DROP SCHEMA fill_unchanged CASCADE;

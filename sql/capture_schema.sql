-- Every change is described by the schema it was made under: changes of the schema in any order with
-- data, in one transaction and in several, with capture far behind.
SELECT sequin.start();
CREATE SCHEMA cap_schema;
CREATE SCHEMA cap_moved;
CREATE TABLE cap_schema.t (id int PRIMARY KEY, a int, b text);
SELECT sequin.create_consumer('s', tables => '{cap_schema.*}') IS NOT NULL AS made;
\set got 'SELECT message->>''action'' AS action, (message->''metadata''->>''table_schema'') || ''.'' || (message->''metadata''->>''table_name'') AS "table", message->''record'' AS record, message->''changes'' AS changes, message->''metadata''->''record_pks'' AS pks FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'
\set c s
SELECT sequin.stop();
-- All in one transaction, with savepoints that are left.
BEGIN;
INSERT INTO cap_schema.t VALUES (1, 1, 'start');
ALTER TABLE cap_schema.t ADD c numeric DEFAULT 1.5;
UPDATE cap_schema.t SET c = 2;
SAVEPOINT s;
ALTER TABLE cap_schema.t RENAME a TO lost;
INSERT INTO cap_schema.t VALUES (2, 2, 'lost', 2);
ROLLBACK TO s;
INSERT INTO cap_schema.t VALUES (3, 3, 'after the savepoint', 3);
ALTER TABLE cap_schema.t ALTER a TYPE text USING 'n' || a;
INSERT INTO cap_schema.t VALUES (4, 'retyped', 'b', 4);
ALTER TABLE cap_schema.t DROP COLUMN b;
ALTER TABLE cap_schema.t RENAME c TO b;
INSERT INTO cap_schema.t VALUES (5, 'dropped', 5);
ALTER TABLE cap_schema.t REPLICA IDENTITY FULL;
UPDATE cap_schema.t SET b = 6 WHERE id = 5;
ALTER TABLE cap_schema.t REPLICA IDENTITY DEFAULT;
UPDATE cap_schema.t SET b = 7 WHERE id = 5;
ALTER TABLE cap_schema.t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (a);
INSERT INTO cap_schema.t VALUES (6, 'other key', 6);
ALTER TABLE cap_schema.t RENAME TO renamed;
INSERT INTO cap_schema.renamed VALUES (7, 'renamed', 7);
ALTER TABLE cap_schema.renamed SET SCHEMA cap_moved;
INSERT INTO cap_moved.renamed VALUES (8, 'not ours', 8);
ALTER TABLE cap_moved.renamed SET SCHEMA cap_schema;
INSERT INTO cap_schema.renamed VALUES (9, 'back', 9);
CREATE TYPE cap_schema.mood AS ENUM ('sad', 'glad');
CREATE TABLE cap_schema.feelings (id int PRIMARY KEY, m cap_schema.mood, h cap_schema.mood[]);
INSERT INTO cap_schema.feelings VALUES (0, 'glad', '{}');
ALTER TYPE cap_schema.mood RENAME VALUE 'glad' TO 'happy';
INSERT INTO cap_schema.feelings VALUES (1, 'happy', '{sad,happy}');
DROP TABLE cap_schema.renamed;
CREATE TABLE cap_schema.renamed (other date);
INSERT INTO cap_schema.renamed VALUES ('2026-01-01');
COMMIT;
BEGIN;
ALTER TYPE cap_schema.mood ADD VALUE 'calm' BEFORE 'sad';
INSERT INTO cap_schema.feelings VALUES (10, 'sad', NULL);
COMMIT;
INSERT INTO cap_schema.feelings VALUES (2, 'calm', NULL);
ALTER TYPE cap_schema.mood RENAME VALUE 'calm' TO 'quiet';
INSERT INTO cap_schema.feelings VALUES (3, 'quiet', NULL);
ALTER SCHEMA cap_schema RENAME TO cap_other;
INSERT INTO cap_other.feelings VALUES (4, 'sad', NULL);
ALTER SCHEMA cap_other RENAME TO cap_schema;
INSERT INTO cap_schema.feelings VALUES (5, 'sad', NULL);
-- Rewrites write no changes.
ALTER TABLE cap_schema.feelings ALTER id TYPE bigint;
VACUUM FULL cap_schema.feelings;
CLUSTER cap_schema.feelings USING feelings_pkey;
UPDATE cap_schema.feelings SET m = 'happy' WHERE id = 5;
DROP TABLE cap_schema.renamed;
SELECT sequin.start();
SELECT sequin.sync() IS NOT NULL AS synced;
:got
SELECT sequin.drop_consumer('s');

-- Exact names of tables: the view says which are gone.
CREATE TABLE cap_schema.one (id int PRIMARY KEY);
CREATE TABLE cap_schema."Odd.Two" (id int PRIMARY KEY);
SELECT sequin.create_consumer('s', tables => '{cap_schema.one,"cap_schema.\"Odd.Two\"",cap_schema.*}') IS NOT NULL AS made,
       sequin.create_consumer('s_all') IS NOT NULL AS made;
SELECT name, missing_tables FROM sequin.consumers ORDER BY name;
ALTER TABLE cap_schema."Odd.Two" RENAME TO two;
SELECT name, missing_tables FROM sequin.consumers ORDER BY name;
DROP TABLE cap_schema.one;
SELECT name, missing_tables FROM sequin.consumers ORDER BY name;
CREATE VIEW cap_schema.one AS SELECT 1 AS id;
SELECT name, missing_tables FROM sequin.consumers ORDER BY name;
DROP VIEW cap_schema.one;
CREATE TABLE cap_schema.one (id int PRIMARY KEY, new text);
ALTER TABLE cap_schema.two RENAME TO "Odd.Two";
INSERT INTO cap_schema.one VALUES (1, 'again');
INSERT INTO cap_schema."Odd.Two" VALUES (1);
SELECT name, missing_tables FROM sequin.consumers ORDER BY name;
SELECT sequin.sync() IS NOT NULL AS synced;
:got
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_schema, cap_moved CASCADE;

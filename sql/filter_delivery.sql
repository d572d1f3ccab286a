-- What filters let through, with every kind of row and operation.
SET client_min_messages = warning;
CREATE SCHEMA filter_delivery;
SET search_path = filter_delivery;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE t (id int PRIMARY KEY, status text, a int, b int, mood mood, gone text, big text,
  doubled int GENERATED ALWAYS AS (a * 2) STORED);
ALTER TABLE t DROP COLUMN gone;
ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
CREATE TABLE f (id int PRIMARY KEY, status text, big text);
ALTER TABLE f REPLICA IDENTITY FULL;
ALTER TABLE f ALTER big SET STORAGE EXTERNAL;
CREATE TABLE parts (id int, kind text, v int, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b (v int, kind text NOT NULL, id int NOT NULL);
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN ('b');
SELECT sequin.start();

-- One consumer per filter, named for it
CREATE PROCEDURE watch(consumer text, filter text, tables text[] DEFAULT '{filter_delivery.t}', actions text[] DEFAULT NULL)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM sequin.create_consumer('fd_' || consumer, tables, actions, filter);
END
$$;
CALL watch('paid', $$ new.status = 'paid' AND new.a > 100 $$);
CALL watch('plain', $$ id > 10 $$);
CALL watch('old_key', $$ old.id > 10 $$);
CALL watch('key_change', $$ old.id IS DISTINCT FROM new.id $$, actions => '{update}');
CALL watch('division', $$ new.a / new.b > 1 $$);
CALL watch('null', $$ new.status <> 'x' $$);
CALL watch('happy', $$ new.mood = 'happy' $$);
CALL watch('doubled', $$ new.doubled >= 10 $$, actions => '{insert,update}');
CALL watch('big', $$ length(new.big) > 3000 $$, actions => '{insert,update}');
CALL watch('became', $$ new.status = 'paid' AND old.status IS DISTINCT FROM 'paid' $$, '{filter_delivery.f}');
CALL watch('changed', $$ new IS DISTINCT FROM old $$, '{filter_delivery.f}', '{update}');
CALL watch('full_big', $$ big LIKE 'y%' $$, '{filter_delivery.f}');
CALL watch('never', $$ new.status = 'never' $$);
CALL watch('parts', $$ parts.id > 1 AND new.v > 10 $$, '{filter_delivery.parts}');

-- receive stands alone, so this is text: set c, then use it.
\set received 'SELECT message ->> ''action'' AS action, message #>> ''{record,id}'' AS id, message #>> ''{record,status}'' AS status FROM sequin.receive(''fd_'' || :''c'', 100);'

INSERT INTO t VALUES (1, 'paid', 200, 1, 'sad'), (2, 'paid', 5, 0, 'happy'), (3, NULL, 200, 100, NULL), (11, 'x', 1, 1, NULL);
UPDATE t SET a = 201 WHERE id = 2;                      -- matches now
UPDATE t SET status = 'sent' WHERE id = 1;              -- matches no more
UPDATE t SET id = 12 WHERE id = 1;                      -- new key
DELETE FROM t WHERE id = 11;
DELETE FROM t WHERE id = 3;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c paid
:received
\set c plain
:received
\set c old_key
:received
\set c key_change
:received
\set c null
:received
\set c happy
:received
\set c doubled
:received

-- An error at run time: a dead letter of that consumer, and capture goes on
\set c division
:received
SELECT c.name, d.reason, d.last_error, d.message::json #>> '{record,id}' AS id
FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name LIKE 'fd\_%' ORDER BY d.id;
SELECT name, dead FROM sequin.consumers WHERE name = 'fd_division';

-- Large values: an update that does not touch them leaves them out of the WAL
INSERT INTO t (id, big) VALUES (20, repeat('x', 4000)), (21, 'x');
UPDATE t SET a = 1 WHERE id = 20;
UPDATE t SET big = repeat('y', 4000) WHERE id = 20;
INSERT INTO f VALUES (1, 'new', repeat('y', 4000)), (2, 'paid', 'x');
UPDATE f SET status = 'paid';
UPDATE f SET status = 'paid' WHERE id = 1;
DELETE FROM f;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c big
:received
SELECT d.reason, d.last_error FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fd_big';
\set c became
:received
\set c changed
:received
\set c full_big
:received

-- Partitions, with columns in another order
INSERT INTO parts VALUES (1, 'a', 11), (2, 'a', 11), (2, 'b', 11), (3, 'b', 5);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c parts
:received

-- The table changes: names stay what they were when the change was made
\set c null
:received
INSERT INTO t (id, status) VALUES (30, 'before');
ALTER TABLE t RENAME status TO state;
INSERT INTO t (id, state) VALUES (31, 'renamed');
ALTER TABLE t RENAME state TO status;
ALTER TYPE mood ADD VALUE 'calm';
ALTER TABLE t ADD COLUMN late text DEFAULT 'x';
INSERT INTO t (id, status, mood) VALUES (32, 'again', 'calm');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c null
:received
SELECT d.reason, d.last_error, d.message::json #>> '{record,id}' AS id
FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fd_null';

-- A truncate has no row to look at
TRUNCATE t;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c never
:received

SELECT state, last_error FROM sequin.status;
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'fd\_%';
SELECT count(*) FROM sequin.dead_letter d WHERE NOT EXISTS (SELECT FROM sequin.consumer WHERE id = d.consumer);
DROP SCHEMA filter_delivery CASCADE;

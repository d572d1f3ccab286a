-- What each operation says: record, changes and keys under each replica identity.
SELECT sequin.start();
CREATE TABLE cap_default (id int PRIMARY KEY, a text, b text);
CREATE TABLE cap_full (id int PRIMARY KEY, a text, b text);
ALTER TABLE cap_full REPLICA IDENTITY FULL;
CREATE TABLE cap_index (id int, code text NOT NULL UNIQUE, a text);
ALTER TABLE cap_index REPLICA IDENTITY USING INDEX cap_index_code_key;
CREATE TABLE cap_keyless (a text);
ALTER TABLE cap_keyless REPLICA IDENTITY FULL;
CREATE TABLE cap_nothing (id int PRIMARY KEY, a text);
ALTER TABLE cap_nothing REPLICA IDENTITY NOTHING;
CREATE TABLE cap_parts (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
CREATE TABLE cap_parts_1 PARTITION OF cap_parts FOR VALUES FROM (0) TO (100);
CREATE TABLE cap_other (id int PRIMARY KEY);
SELECT sequin.create_consumer('cap_changes', tables =>
  '{public.cap_default,public.cap_full,public.cap_index,public.cap_keyless,public.cap_nothing,public.cap_parts}')
  IS NOT NULL AS made;

INSERT INTO cap_default VALUES (1, 'x', 'y');
UPDATE cap_default SET a = 'z';
UPDATE cap_default SET id = 2;
DELETE FROM cap_default;
INSERT INTO cap_full VALUES (1, 'x', NULL);
UPDATE cap_full SET a = NULL, b = 'new';
UPDATE cap_full SET id = 2;
DELETE FROM cap_full;
INSERT INTO cap_index VALUES (1, 'c1', 'x');
UPDATE cap_index SET code = 'c2';
DELETE FROM cap_index;
INSERT INTO cap_keyless VALUES ('x');
UPDATE cap_keyless SET a = 'y';
DELETE FROM cap_keyless;
INSERT INTO cap_nothing VALUES (1, 'x');
UPDATE cap_nothing SET a = 'y';
DELETE FROM cap_nothing;
INSERT INTO cap_parts VALUES (1, 'x');
INSERT INTO cap_other VALUES (1);
-- Aborted work never appears; that of subtransactions does.
BEGIN;
INSERT INTO cap_default VALUES (10, 'kept', NULL);
SAVEPOINT s;
INSERT INTO cap_default VALUES (11, 'rolled back', NULL);
ROLLBACK TO s;
INSERT INTO cap_default VALUES (12, 'kept', NULL);
COMMIT;
BEGIN;
INSERT INTO cap_default VALUES (13, 'aborted', NULL);
ROLLBACK;
-- A prepared transaction appears when it is committed.
BEGIN;
INSERT INTO cap_default VALUES (14, 'prepared', NULL);
PREPARE TRANSACTION 'cap_prepared';
INSERT INTO cap_default VALUES (15, 'meanwhile', NULL);
COMMIT PREPARED 'cap_prepared';
TRUNCATE cap_default, cap_full;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'metadata'->>'table_name' AS "table",
       message->'metadata'->'record_pks' AS pks, message->'metadata'->'old_record_pks' AS old,
       message->'record' AS record, message->'changes' AS changes
  FROM sequin.receive('cap_changes', batch_size => 100);
SELECT sequin.drop_consumer('cap_changes');

-- Unchanged TOASTed values: not in the WAL under DEFAULT, taken from the old row under FULL.
CREATE TABLE cap_toast (id int PRIMARY KEY, n int, big text);
ALTER TABLE cap_toast ALTER big SET STORAGE EXTERNAL;
SELECT sequin.create_consumer('cap_toast', tables => '{public.cap_toast}') IS NOT NULL AS made;
INSERT INTO cap_toast VALUES (1, 1, repeat('x', 3000));
UPDATE cap_toast SET n = 2;
UPDATE cap_toast SET big = repeat('y', 3000);
ALTER TABLE cap_toast REPLICA IDENTITY FULL;
UPDATE cap_toast SET n = 3;
DELETE FROM cap_toast;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'record'->'n' AS n,
       left(message->'record'->>'big', 2) AS big, length(message->'record'->>'big') AS bytes,
       message->'metadata'->'unchanged_columns' AS unchanged, message->'changes' AS changes
  FROM sequin.receive('cap_toast', batch_size => 100);
SELECT sequin.drop_consumer('cap_toast');

DROP TABLE cap_default, cap_full, cap_index, cap_keyless, cap_nothing, cap_parts, cap_other, cap_toast;

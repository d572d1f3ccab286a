-- What cannot be written costs those who listen to it a dead letter; all others go on.
SELECT sequin.start();
CREATE SCHEMA cap_broken;
-- A type whose output function goes away, as when the library of an extension is removed.
SET client_min_messages = warning;
CREATE TYPE cap_broken.number;
CREATE FUNCTION cap_broken.number_in(cstring) RETURNS cap_broken.number LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION cap_broken.number_out(cap_broken.number) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE cap_broken.number (INPUT = cap_broken.number_in, OUTPUT = cap_broken.number_out, LIKE = int4);
RESET client_min_messages;
CREATE TABLE cap_broken.t (id int PRIMARY KEY, n cap_broken.number);
CREATE TABLE cap_broken.other (id int PRIMARY KEY);
SELECT sequin.create_consumer('b_all', tables => '{cap_broken.*}') IS NOT NULL AS all,
       sequin.create_consumer('b_deletes', tables => '{cap_broken.t}', actions => '{delete}') IS NOT NULL AS deletes,
       sequin.create_consumer('b_other', tables => '{cap_broken.other}') IS NOT NULL AS other;
SELECT worker_pid AS worker FROM sequin.status \gset
INSERT INTO cap_broken.t VALUES (1, '10');
UPDATE pg_proc SET prosrc = 'no_such_function' WHERE oid = 'cap_broken.number_out'::regproc;
-- Plans of tables keep what they have looked up: the next one is made without the function.
ALTER TABLE cap_broken.t ADD more int;
INSERT INTO cap_broken.t VALUES (2, '20');
INSERT INTO cap_broken.other VALUES (2);
UPDATE cap_broken.t SET id = 3 WHERE id = 2;
DELETE FROM cap_broken.t WHERE id = 3;
TRUNCATE cap_broken.t;
UPDATE pg_proc SET prosrc = 'int4out' WHERE oid = 'cap_broken.number_out'::regproc;
ALTER TABLE cap_broken.t DROP more;
INSERT INTO cap_broken.t VALUES (4, '40');
INSERT INTO cap_broken.other VALUES (4);
SELECT sequin.sync() IS NOT NULL AS synced;
-- The worker did not even stop.
SELECT worker_pid = :worker AS same_worker FROM sequin.status;
SELECT message->>'action' AS action, message->'record' AS record, message->'metadata'->'omitted_columns' AS omitted
  FROM sequin.receive('b_all', batch_size => 100) ORDER BY seq;
SELECT message->>'action' AS action, message->'record' AS record FROM sequin.receive('b_other', batch_size => 100) ORDER BY seq;
SELECT c.name, d.reason, d.last_error, d.message::json->>'action' AS action, d.message::json->'record' AS record,
       d.message::json->'metadata'->>'table_name' AS "table"
  FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer ORDER BY d.id;
-- A definition that somebody has damaged in our table stops its consumer only, also over a restart.
UPDATE sequin.consumer SET table_options = '{"nonsense": 1}' WHERE name = 'b_all';
INSERT INTO cap_broken.other VALUES (5);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT sequin.stop();
SELECT sequin.start();
INSERT INTO cap_broken.other VALUES (6);
SELECT sequin.alter_consumer('b_all', table_options => '{}');
INSERT INTO cap_broken.other VALUES (7);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'record' AS record FROM sequin.receive('b_other', batch_size => 100) ORDER BY seq;
SELECT message->>'action' AS action, message->'record' AS record FROM sequin.receive('b_all', batch_size => 100) ORDER BY seq;
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_broken CASCADE;

-- Databases of other encodings: messages are in the database's and are converted to the client's.
-- SQL_ASCII takes any bytes; what is not UTF-8 becomes hexadecimal.
SET client_min_messages = warning;
\set home :DBNAME
CREATE DATABASE types_latin1 ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE types_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;

\c types_latin1
SET client_min_messages = warning;
CREATE EXTENSION sequin;
SELECT sequin.start();
SET client_encoding = 'UTF8';
CREATE TABLE "tä" (id int PRIMARY KEY, "ü" text, a text[], j json);
SELECT sequin.create_consumer('latin1', tables => '{public.*}') IS NOT NULL AS made;
INSERT INTO "tä" VALUES (1, 'über', '{é}', '{"ä": "ö"}');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record, message->'metadata'->'table_name' AS table_name FROM sequin.receive('latin1');
SELECT sequin.drop_consumer('latin1');
DROP EXTENSION sequin CASCADE;

\c types_ascii
SET client_min_messages = warning;
CREATE EXTENSION sequin;
SELECT sequin.start();
CREATE TYPE pair AS (a text, b int);
CREATE TABLE ascii (id text PRIMARY KEY, t text, a text[], p pair, j json, b jsonb, c text);
ALTER TABLE ascii REPLICA IDENTITY FULL;
CREATE VIEW view AS SELECT * FROM ascii;
DO $$
BEGIN
  EXECUTE format('ALTER TABLE ascii RENAME c TO %I', 'c' || convert_from('\xfc', 'SQL_ASCII'));
  EXECUTE format('ALTER TABLE ascii RENAME TO %I', 't' || convert_from('\xfc', 'SQL_ASCII'));
END $$;
SELECT sequin.create_consumer('ascii', tables => '{public.*}') IS NOT NULL AS made;
INSERT INTO view SELECT 'k' || x, x, array[x], row(x, 1)::pair, to_json('a'::text || x), to_jsonb('b'::text || x), 'plain'
FROM (VALUES (convert_from('\xfc', 'SQL_ASCII')), (convert_from('\xc3bc', 'SQL_ASCII')), ('x'),
             (convert_from('\xeda080', 'SQL_ASCII')), (convert_from('\xf09f9c', 'SQL_ASCII'))) AS bytes (x);
UPDATE view SET t = 'y' WHERE t = convert_from('\xfc', 'SQL_ASCII');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record, message->'changes' AS changes, message->'metadata'->'table_name' AS name,
  message->'metadata'->'record_pks' AS pks,
  message->'metadata'->'hex_columns' AS hex_columns, message->'metadata'->'hex_changes' AS hex_changes
FROM sequin.receive('ascii', batch_size => 10);
-- Logical messages: their content may be any bytes, their prefix any text.
SELECT sequin.create_consumer('messages', tables => '{}', message_prefixes => '{p*}') IS NOT NULL AS made;
SELECT pg_logical_emit_message(true, 'p' || convert_from('\xfc', 'SQL_ASCII'), convert_from('\xfc', 'SQL_ASCII')) IS NOT NULL AS said;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT encode(convert_to(message->>'record', 'SQL_ASCII'), 'escape') AS record FROM sequin.receive('messages');
SELECT sequin.drop_consumer('messages');
SELECT sequin.drop_consumer('ascii');
DROP EXTENSION sequin CASCADE;

\c :home
SET client_min_messages = warning;
CREATE PROCEDURE pg_temp.drop_when_free(name text) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. 100 LOOP
    EXIT WHEN NOT EXISTS (SELECT FROM pg_replication_slots WHERE database = name);
    PERFORM pg_sleep(0.1);
  END LOOP;
END $$;
CALL pg_temp.drop_when_free('types_latin1');
CALL pg_temp.drop_when_free('types_ascii');
DROP DATABASE types_latin1 WITH (FORCE);
DROP DATABASE types_ascii WITH (FORCE);

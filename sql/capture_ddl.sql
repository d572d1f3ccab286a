-- Each change is described by the schema it was made under, however far capture lags behind.
SELECT sequin.start();
CREATE TABLE cap_ddl (id int PRIMARY KEY, a int, b text);
SELECT sequin.create_consumer('cap_ddl', tables => '{public.*}', actions => '{insert}') IS NOT NULL AS made;
SELECT sequin.stop();
INSERT INTO cap_ddl VALUES (1, 10, 'one');
ALTER TABLE cap_ddl RENAME COLUMN a TO z;
INSERT INTO cap_ddl VALUES (2, 20, 'two');
ALTER TABLE cap_ddl DROP COLUMN b;
ALTER TABLE cap_ddl ADD COLUMN c date DEFAULT '2026-01-01';
INSERT INTO cap_ddl VALUES (3, 30);
ALTER TABLE cap_ddl ALTER COLUMN z TYPE text USING 'n' || z;
INSERT INTO cap_ddl VALUES (4, 'forty');
ALTER TABLE cap_ddl RENAME TO cap_renamed;
INSERT INTO cap_renamed VALUES (5, 'fifty');
BEGIN;
ALTER TABLE cap_renamed ADD COLUMN d int;
INSERT INTO cap_renamed VALUES (6, 'sixty', NULL, 6);
ALTER TABLE cap_renamed RENAME COLUMN d TO e;
INSERT INTO cap_renamed VALUES (7, 'seventy', NULL, 7);
COMMIT;
DROP TABLE cap_renamed;
CREATE TABLE cap_ddl (other text PRIMARY KEY);
INSERT INTO cap_ddl VALUES ('new table');
SELECT sequin.start();
INSERT INTO cap_ddl VALUES ('after start');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'metadata'->>'table_name' AS "table", message->'record' AS record
  FROM sequin.receive('cap_ddl', batch_size => 100) ORDER BY seq;
SELECT sequin.drop_consumer('cap_ddl');
DROP TABLE cap_ddl;

-- Routing follows the WAL: a consumer gets exactly what commits after its creation, and no more
-- after its end, although capture decodes it all later.
CREATE TABLE cap_routing (id int PRIMARY KEY);
SELECT sequin.create_consumer('cap_first', tables => '{public.cap_routing}') IS NOT NULL AS made;
SELECT sequin.stop();
INSERT INTO cap_routing VALUES (1);
SELECT sequin.create_consumer('cap_second', tables => '{public.cap_routing}') IS NOT NULL AS made;
INSERT INTO cap_routing VALUES (2);
SELECT sequin.alter_consumer('cap_first', actions => '{delete}');
INSERT INTO cap_routing VALUES (3);
DELETE FROM cap_routing WHERE id = 1;
SELECT sequin.alter_consumer('cap_second', actions => '{delete}');
INSERT INTO cap_routing VALUES (4);
SELECT sequin.start();
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'record'->'id' AS id
  FROM sequin.receive('cap_first', batch_size => 100);
SELECT message->>'action' AS action, message->'record'->'id' AS id
  FROM sequin.receive('cap_second', batch_size => 100);
SELECT sequin.drop_consumer('cap_first');
SELECT sequin.drop_consumer('cap_second');
DROP TABLE cap_routing;

-- Old values that the replica identity has not any more, or not of tables that come later: a filter that looks at them
-- never takes others for them.
SET client_min_messages = warning;
CREATE SCHEMA filter_identity;
SET search_path = filter_identity;
CREATE TABLE t (id int PRIMARY KEY, v int);
ALTER TABLE t REPLICA IDENTITY FULL;
SELECT sequin.start();
SELECT count(sequin.create_consumer(name, '{filter_identity.*}', actions, filter, filter_transition => transition))
FROM (VALUES ('fi_old', '{update}'::text[], 'old.v IS DISTINCT FROM new.v', 'update'),
             ('fi_old_late', '{update}', '(SELECT old.v IS DISTINCT FROM new.v)', 'update'),
             ('fi_row_late', '{update,delete}', '(SELECT old IS DISTINCT FROM new)', 'update'),
             ('fi_changed', '{update}', 'changed(''v'')', 'update'),
             ('fi_plain', '{update,delete}', 'v = 2', 'update'),
             ('fi_plain_late', '{update,delete}', '(SELECT v = 2)', 'update'),
             ('fi_key', '{update,delete}', 'id = 1', 'update'),
             ('fi_turn', '{insert,update,delete}', 'v = 2', 'insert_delete')) AS consumer (name, actions, filter, transition);
INSERT INTO t VALUES (1, 1);
UPDATE t SET v = 2;
ALTER TABLE t REPLICA IDENTITY DEFAULT;
UPDATE t SET v = 3;
UPDATE t SET v = 2;
DELETE FROM t;
CREATE TABLE later (id int PRIMARY KEY, v int);
INSERT INTO later VALUES (1, 1);
UPDATE later SET v = 2;
DELETE FROM later;
SELECT sequin.sync() IS NOT NULL AS synced;
CREATE TEMP VIEW consumers AS SELECT id, name FROM sequin.consumer WHERE name LIKE 'fi\_%';
SELECT format('SELECT %L AS consumer, string_agg(concat_ws('' '', message #>> ''{metadata,table_name}'', message ->> ''action'', message ->> ''record''), '', '' ORDER BY seq) AS got FROM sequin.receive(%L, 100)', name, name)
FROM consumers ORDER BY id \gexec
SELECT c.name, d.message::json #>> '{metadata,table_name}' AS "table", d.message::json ->> 'action' AS action, d.last_error, count(*)
FROM sequin.dead_letter d JOIN consumers c ON c.id = d.consumer GROUP BY c.id, c.name, 2, 3, 4 ORDER BY c.id, 2 DESC, 3 DESC;
SELECT count(sequin.drop_consumer(name)) FROM consumers;
DROP VIEW consumers;
DROP SCHEMA filter_identity CASCADE;

-- What filters can say besides columns: action, table_schema, table_name, changed(…); and where names come from.
SET client_min_messages = warning;
CREATE SCHEMA filter_language;
SET search_path = filter_language;
CREATE TABLE t (id int PRIMARY KEY, status text, total numeric, place point, doc json, "Odd name" int);
ALTER TABLE t REPLICA IDENTITY FULL;
CREATE TABLE k (id int PRIMARY KEY, v int, place point);
CREATE TABLE own (id int PRIMARY KEY, action text, table_name text);
CREATE TABLE lookup (status text, id int);
CREATE FUNCTION explain(filter text, tab regclass DEFAULT 't') RETURNS text LANGUAGE sql AS $$
  SELECT evaluated_at FROM sequin.explain_filter($2, $1)
$$;

-- changed('column', …)
SELECT explain($$ changed('status') $$);
SELECT explain($$ changed('status', 'total', 'Odd name') AND action = 'update' $$);
SELECT explain($$ changed('place') OR changed('doc') $$);               -- types without equality
SELECT explain($$ NOT changed('status') OR CASE WHEN changed('id') THEN true END $$);
SELECT explain($$ changed('nope') $$);
SELECT explain($$ changed('odd name') $$);
SELECT explain($$ changed() $$);
SELECT explain($$ changed(status) $$);
SELECT explain($$ changed(1) $$);
SELECT explain($$ changed('status' || '') $$);
SELECT explain($$ changed(DISTINCT 'status') $$);
SELECT explain($$ changed('v') $$, 'k');                                -- its old value is not in the WAL
SELECT explain($$ changed('id') $$, 'k');
SELECT explain($$ filter_language.changed('id') $$, 'k');

-- action, table_schema, table_name
SELECT explain($$ action IN ('insert', 'delete') AND table_schema = 'filter_language' AND table_name = 't' $$);
SELECT explain($$ action = 1 $$);
SELECT explain($$ new.action = 'insert' $$);
SELECT explain($$ t.table_name = 't' $$);
SELECT explain($$ upper(action) LIKE 'INS%' $$);
SELECT explain($$ action = 'x' AND old.action = 'y' AND new.action = 'z' $$, 'own');

-- Subqueries: names are those of SQL, the innermost wins
SELECT explain($$ EXISTS (SELECT FROM filter_language.lookup l WHERE l.status = new.status AND l.id = t.id) $$);
SELECT explain($$ status IN (SELECT status FROM filter_language.lookup) $$);
SELECT explain($$ (SELECT count(*) > 1 FROM filter_language.lookup WHERE new.id = lookup.id) $$);
SELECT explain($$ EXISTS (SELECT * FROM filter_language.lookup new WHERE new.total = 1) $$);
SELECT explain($$ EXISTS (SELECT FROM lookup) $$);                      -- names need their schema
SELECT explain($$ EXISTS (SELECT FROM filter_language.lookup WHERE changed('total') AND action = 'update') $$);
SELECT explain($$ EXISTS (WITH x AS (INSERT INTO filter_language.lookup DEFAULT VALUES RETURNING 1) SELECT FROM x) $$);
SELECT explain($$ (SELECT 1) $$);
SELECT explain($$ EXISTS (SELECT 1 WHERE $1) $$);
SELECT explain($$ filter_language.nothing(new) $$);
SELECT explain($$ (SELECT sum(x) OVER () > 1 FROM (VALUES (1)) v (x)) $$);
SELECT explain($$ bool_and(EXISTS (SELECT 1)) $$);
SELECT explain($$ generate_series(1, (SELECT 2)) = 1 $$);
-- A constant that nobody wants in the memory of the worker
SELECT explain($$ status = repeat('x', 2000000) $$);

-- What they mean
ALTER TABLE own REPLICA IDENTITY FULL;
SELECT sequin.start();
CREATE PROCEDURE watch(consumer text, filter text, tables text[] DEFAULT '{filter_language.t}') LANGUAGE plpgsql AS $$
BEGIN PERFORM sequin.create_consumer('fl_' || consumer, tables, '{insert,update,delete}', filter); END
$$;
CALL watch('changed', $$ changed('status', 'place') $$);
CALL watch('changed_late', $$ changed('status', 'place') AND now() IS NOT NULL $$);
CALL watch('unchanged', $$ NOT changed('status', 'place', 'doc') $$);
CALL watch('unchanged_late', $$ NOT changed('status', 'place', 'doc') AND now() IS NOT NULL $$);
CALL watch('action', $$ action = 'delete' OR action = 'insert' AND new.id > 2 $$);
CALL watch('action_late', $$ (action = 'delete' OR action = 'insert' AND new.id > 2) AND now() IS NOT NULL $$);
CALL watch('table', $$ table_name = 'k' AND table_schema = 'filter_language' $$, '{filter_language.t,filter_language.k}');
CALL watch('table_late', $$ table_name = 'k' AND (SELECT table_schema = 'filter_language') $$, '{filter_language.t,filter_language.k}');
CALL watch('own', $$ action = 'mine' AND table_name = 'x' $$, '{filter_language.own}');
CALL watch('own_late', $$ action = 'mine' AND (SELECT table_name = 'x') $$, '{filter_language.own}');
INSERT INTO t VALUES (1, 'a', 1, '(1,1)', '{}'), (2, NULL, 1, NULL, NULL), (3, 'c', 1, '(3,3)', 'null');
UPDATE t SET total = total + 1;
UPDATE t SET place = '(2,2)' WHERE id = 2;
UPDATE t SET status = 'b' WHERE id = 1;
UPDATE t SET status = 'b', doc = '{ }' WHERE id = 1;
DELETE FROM t WHERE id = 2;
INSERT INTO k VALUES (1);
INSERT INTO own VALUES (1, 'mine', 'x'), (2, 'insert', 'own');
SELECT sequin.sync() IS NOT NULL AS synced;
\set received 'SELECT string_agg((message ->> ''action'') || '' '' || (message #>> ''{record,id}''), '', '') AS got FROM sequin.receive(''fl_'' || :''c'', 100);'
\set c changed
:received
\set c changed_late
:received
\set c unchanged
:received
\set c unchanged_late
:received
\set c action
:received
\set c action_late
:received
\set c table
:received
\set c table_late
:received
\set c own
:received
\set c own_late
:received
SELECT count(*) AS dead FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name LIKE 'fl\_%';
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'fl\_%';
DROP SCHEMA filter_language CASCADE;

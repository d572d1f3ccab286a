-- CREATE EXTENSION says at once what is in the way of capture; its objects are complete.
\set home :DBNAME
CREATE DATABASE regress_sequin_extension;
\c regress_sequin_extension
CREATE PUBLICATION "all of it" FOR ALL TABLES;
CREATE EXTENSION sequin;
DROP EXTENSION sequin;
DROP PUBLICATION "all of it";
CREATE EXTENSION sequin;
-- The first consumer starts capture, which waits for all transactions that have written: its own too
BEGIN;
CREATE TABLE written (id int PRIMARY KEY);
SELECT sequin.create_consumer('first');
ROLLBACK;
SELECT state, slot FROM sequin.status;
-- Every table has a primary key, so that a publication of it would not refuse our updates; the log is never updated
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'sequin'::regnamespace AND c.relkind = 'r' AND c.relname !~ '^log_\d+$'
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary);
-- Everything has a comment
SELECT p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = 'sequin'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'sequin'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL;
DROP EXTENSION sequin;
SELECT rolname FROM pg_roles WHERE rolname IN ('sequin_admin', 'sequin_agent', 'sequin_consumer', 'sequin_monitor')
ORDER BY rolname;
\c :home
DROP DATABASE regress_sequin_extension;

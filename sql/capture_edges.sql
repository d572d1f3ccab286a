-- Tables, values and commands that are not the usual ones.
SELECT sequin.start();
CREATE SCHEMA cap_edges;
SELECT sequin.create_consumer('cap_edges', tables => '{cap_edges.*}', actions => '{insert,update}')
       IS NOT NULL AS made;
SELECT sequin.create_consumer('cap_truncate', tables => '{cap_edges.*}', actions => '{truncate}')
       IS NOT NULL AS made;

-- A materialized view is in the WAL like a table, but it is none.
CREATE TABLE cap_edges.base (id int PRIMARY KEY);
INSERT INTO cap_edges.base VALUES (1);
CREATE MATERIALIZED VIEW cap_edges.view AS SELECT id FROM cap_edges.base;
CREATE UNIQUE INDEX ON cap_edges.view (id);
INSERT INTO cap_edges.base VALUES (2);
REFRESH MATERIALIZED VIEW CONCURRENTLY cap_edges.view;

-- A key that is stored out of line is not in the new row of an update that leaves it alone.
CREATE TABLE cap_edges.long_key (k text PRIMARY KEY, v int);
INSERT INTO cap_edges.long_key SELECT string_agg(md5(i::text), ''), 1 FROM generate_series(1, 70) i;
UPDATE cap_edges.long_key SET v = 2;

-- TRUNCATE of a partitioned table is one message; that of a partition says which one is empty now.
CREATE TABLE cap_edges.root (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE cap_edges.low PARTITION OF cap_edges.root FOR VALUES FROM (0) TO (10);
CREATE TABLE cap_edges.high PARTITION OF cap_edges.root FOR VALUES FROM (10) TO (20);
INSERT INTO cap_edges.root VALUES (1), (11);
TRUNCATE cap_edges.low;
TRUNCATE cap_edges.root;

SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'metadata'->>'table_name' AS "table", message->>'action' AS action,
       left(message->'record'->>'k', 8) AS k, message->'record'->'v' AS v,
       left(message->'metadata'->>'record_pks', 12) AS pks,
       message->'metadata'->'unchanged_columns' AS unchanged
  FROM sequin.receive('cap_edges', batch_size => 100) ORDER BY seq;
SELECT message->'metadata'->>'table_name' AS "table", message->>'action' AS action,
       message->'metadata'->'truncated_partition' AS part, ack_id
  FROM sequin.receive('cap_truncate', batch_size => 100) \gset
SELECT :'table' AS "table", :'action' AS action, :'part' AS part;
SELECT result FROM sequin.ack('cap_truncate', ARRAY[:'ack_id'::uuid]);
SELECT message->'metadata'->>'table_name' AS "table", message->>'action' AS action,
       message->'metadata'->'truncated_partition' AS part
  FROM sequin.receive('cap_truncate', batch_size => 100);
SELECT sequin.drop_consumer('cap_truncate');

-- A right that is taken away at the root of a partitioned table counts for its partitions.
CREATE ROLE cap_edges_reader;
GRANT sequin_admin TO cap_edges_reader;
GRANT USAGE ON SCHEMA cap_edges TO cap_edges_reader;
GRANT SELECT ON cap_edges.root TO cap_edges_reader;
SET ROLE cap_edges_reader;
SELECT sequin.create_consumer('cap_reader', tables => '{cap_edges.root}') IS NOT NULL AS made;
RESET ROLE;
INSERT INTO cap_edges.root VALUES (2);
REVOKE SELECT ON cap_edges.root FROM cap_edges_reader;
INSERT INTO cap_edges.root VALUES (3);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record FROM sequin.receive('cap_reader', batch_size => 10);
SELECT sequin.drop_consumer('cap_reader');
SELECT sequin.drop_consumer('cap_edges');

-- A large filter is stored out of line, too, and gone when capture comes to an update beside it.
SELECT sequin.stop();
SELECT sequin.create_consumer('cap_large', tables => '{cap_edges.base}', actions => '{insert}',
    filter => (SELECT format('new.id::text IN (%s)', string_agg(quote_literal(md5(i::text)), ','))
               FROM generate_series(1, 300) i)) IS NOT NULL AS made;
SELECT sequin.alter_consumer('cap_large', visibility_timeout => '5 s');
UPDATE sequin.consumer SET status = 'paused' WHERE name = 'cap_large';
SELECT sequin.drop_consumer('cap_large');
VACUUM sequin.consumer;
SELECT sequin.start();
INSERT INTO cap_edges.base VALUES (3);
SELECT sequin.sync() IS NOT NULL AS synced;

-- Capture goes on when a transaction that stopped and started it is rolled back.
BEGIN;
SELECT sequin.stop();
SELECT sequin.start();
ROLLBACK;
INSERT INTO cap_edges.base VALUES (4);
SELECT sequin.sync() IS NOT NULL AS synced;

-- So it does when only the savepoint is.
BEGIN;
SAVEPOINT before;
SELECT sequin.stop();
ROLLBACK TO before;
COMMIT;
INSERT INTO cap_edges.base VALUES (5);
SELECT sequin.sync() IS NOT NULL AS synced;
BEGIN;
SELECT sequin.stop();
SAVEPOINT before;
SELECT sequin.start();
ROLLBACK TO before;
COMMIT;
SELECT state FROM sequin.status;
SELECT sequin.start();
INSERT INTO cap_edges.base VALUES (6);
SELECT sequin.sync() IS NOT NULL AS synced;

-- Event triggers are about the users' DDL: segments come and go without them.
CREATE FUNCTION cap_edges.refuse() RETURNS event_trigger LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'no DDL today'; END $$;
CREATE EVENT TRIGGER cap_edges_refuse ON ddl_command_start
  WHEN TAG IN ('CREATE TABLE', 'DROP TABLE', 'ALTER EXTENSION') EXECUTE FUNCTION cap_edges.refuse();
CREATE TABLE cap_edges.refused ();
SELECT max(no) AS segment FROM sequin.segment \gset
SELECT sequin.create_consumer('cap_edges', tables => '{cap_edges.long_key}') IS NOT NULL AS made;
ALTER SYSTEM SET sequin.segment_size = '1MB';
SELECT pg_reload_conf();
INSERT INTO cap_edges.long_key SELECT repeat(md5(i::text), 50), i FROM generate_series(1, 1000) i;
SELECT sequin.sync() IS NOT NULL AS synced;
UPDATE cap_edges.long_key SET v = 0 WHERE v = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT max(no) > :segment AS rotated FROM sequin.segment;
ALTER SYSTEM RESET sequin.segment_size;
SELECT pg_reload_conf();
DROP EVENT TRIGGER cap_edges_refuse;

-- All forms of a change are written in one transaction: a restart goes on with the next change.
SELECT sequin.create_consumer('cap_edges_form', tables => '{cap_edges.long_key}', number_format => 'string') IS NOT NULL AS made;
ALTER SYSTEM SET sequin.batch_rows = 1;
SELECT pg_reload_conf();
INSERT INTO cap_edges.long_key SELECT i::text, i FROM generate_series(2001, 2010) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) AS changes, bool_and(forms = 2 AND transactions = 1) AS whole
FROM (SELECT count(*) AS forms, count(DISTINCT xmin::text) AS transactions
      FROM sequin.log_0 WHERE record LIKE '{"k":"20__",%' GROUP BY commit_lsn, commit_idx) one;
ALTER SYSTEM RESET sequin.batch_rows;
SELECT pg_reload_conf();
SELECT sequin.drop_consumer('cap_edges_form');

SELECT sequin.drop_consumer('cap_edges');
DROP SCHEMA cap_edges CASCADE;
DROP ROLE cap_edges_reader;

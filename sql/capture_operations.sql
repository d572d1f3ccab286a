-- Every way to commit a change appears once, in order; what is aborted, or no table of users, never.
SELECT sequin.start();
CREATE SCHEMA cap_op;
CREATE TABLE cap_op.t (id int PRIMARY KEY, v text);
SELECT sequin.create_consumer('o') IS NOT NULL AS made;

COPY cap_op.t FROM stdin;
1	one
2	two\tand tab
3	\N
\.
MERGE INTO cap_op.t USING (VALUES (1, 'merged'), (2, NULL), (4, 'new')) s (id, v) ON t.id = s.id
  WHEN MATCHED AND s.v IS NULL THEN DELETE
  WHEN MATCHED THEN UPDATE SET v = s.v
  WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v);
INSERT INTO cap_op.t VALUES (1, 'x'), (5, 'five') ON CONFLICT (id) DO UPDATE SET v = 'conflict ' || excluded.v;
INSERT INTO cap_op.t VALUES (1, 'x'), (6, 'six') ON CONFLICT DO NOTHING;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM cap_op.t ORDER BY id FOR UPDATE;
MOVE 2 FROM c;
UPDATE cap_op.t SET v = 'cursor' WHERE CURRENT OF c;
MOVE 1 FROM c;
DELETE FROM cap_op.t WHERE CURRENT OF c;
COMMIT;
WITH gone AS (DELETE FROM cap_op.t WHERE id = 5 RETURNING *) INSERT INTO cap_op.t SELECT id + 10, v FROM gone;
-- Not changes of rows: locks, updates of nothing, vacuum.
SELECT count(*) FROM (SELECT FROM cap_op.t FOR UPDATE) locked;
UPDATE cap_op.t SET v = 'none' WHERE false;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'record' AS record, message->'metadata'->'commit_idx' AS idx
  FROM sequin.receive('o', batch_size => 1000) ORDER BY seq;
SELECT sequin.drop_consumer('o');

-- Savepoints: what is rolled back to is gone, nested too; commit_idx counts what is left.
SELECT sequin.create_consumer('o') IS NOT NULL AS made;
BEGIN;
INSERT INTO cap_op.t VALUES (20, 'top');
SAVEPOINT a;
INSERT INTO cap_op.t VALUES (21, 'rolled back');
SAVEPOINT b;
INSERT INTO cap_op.t VALUES (22, 'released into what is rolled back');
RELEASE b;
ROLLBACK TO a;
INSERT INTO cap_op.t VALUES (23, 'in a, kept');
SAVEPOINT c;
UPDATE cap_op.t SET v = 'gone' WHERE id = 20;
ROLLBACK TO c;
UPDATE cap_op.t SET v = 'kept' WHERE id = 20;
COMMIT;
DO $$
BEGIN
  INSERT INTO cap_op.t VALUES (24, 'block');
  BEGIN
    INSERT INTO cap_op.t VALUES (25, 'lost');
    PERFORM 1 / 0;
  EXCEPTION WHEN division_by_zero THEN
    INSERT INTO cap_op.t VALUES (26, 'handler');
  END;
END $$;
BEGIN;
INSERT INTO cap_op.t VALUES (27, 'aborted');
ROLLBACK;
INSERT INTO cap_op.t VALUES (20, 'duplicate');
-- Two phases: at COMMIT PREPARED, behind what committed before that; never when rolled back.
BEGIN;
INSERT INTO cap_op.t VALUES (30, 'prepared');
SAVEPOINT s;
INSERT INTO cap_op.t VALUES (31, 'prepared in a savepoint');
PREPARE TRANSACTION 'cap_op_kept';
BEGIN;
INSERT INTO cap_op.t VALUES (32, 'never');
PREPARE TRANSACTION 'cap_op_lost';
INSERT INTO cap_op.t VALUES (33, 'meanwhile');
SELECT sequin.sync() IS NOT NULL AS synced;
-- A worker that comes new to it has it, too.
SELECT sequin.stop();
SELECT sequin.start();
ROLLBACK PREPARED 'cap_op_lost';
COMMIT PREPARED 'cap_op_kept';
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'record' AS record, message->'metadata'->'commit_idx' AS idx
  FROM sequin.receive('o', batch_size => 1000) ORDER BY seq;
SELECT sequin.drop_consumer('o');

-- Tables that are none of the user's, and what leaves no changes in the WAL.
SELECT sequin.create_consumer('o') IS NOT NULL AS made;
CREATE UNLOGGED TABLE cap_op.unlogged (id int PRIMARY KEY);
INSERT INTO cap_op.unlogged VALUES (1);
CREATE TEMP TABLE temporary (id int PRIMARY KEY);
INSERT INTO temporary VALUES (1);
CREATE VIEW cap_op.view AS SELECT * FROM cap_op.t;
INSERT INTO cap_op.view VALUES (40, 'through a view');
CREATE TABLE cap_op.filled AS SELECT 1 AS id;
CREATE SEQUENCE cap_op.numbers;
SELECT nextval('cap_op.numbers');
COMMENT ON TABLE cap_op.t IS 'catalogs change, too';
CREATE MATERIALIZED VIEW cap_op.matview AS SELECT * FROM cap_op.t;
REFRESH MATERIALIZED VIEW cap_op.matview;
SELECT lo_create(424242) = 424242 AS large_object;
SELECT lo_put(424242, 0, 'content');
SELECT lo_unlink(424242);
-- Logged from now on: the rows that it has then are not changes, later ones are.
ALTER TABLE cap_op.unlogged SET LOGGED;
INSERT INTO cap_op.unlogged VALUES (2);
ALTER TABLE cap_op.unlogged SET UNLOGGED;
INSERT INTO cap_op.unlogged VALUES (3);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'metadata'->>'table_name' AS "table", message->'record' AS record
  FROM sequin.receive('o', batch_size => 1000) ORDER BY seq;
SELECT sequin.drop_consumer('o');

-- Subtransactions by the ten thousand, every third one rolled back.
CREATE TABLE cap_op.many (id int PRIMARY KEY);
SELECT sequin.create_consumer('o', tables => '{cap_op.many}') IS NOT NULL AS made;
DO $$
BEGIN
  FOR i IN 1..100000 LOOP
    BEGIN
      INSERT INTO cap_op.many VALUES (i);
      IF i % 3 = 0 THEN RAISE division_by_zero; END IF;
    EXCEPTION WHEN division_by_zero THEN
    END;
  END LOOP;
END $$;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT format('sequin.log_%s', max(no)) AS log FROM sequin.segment \gset
SELECT count(*), count(DISTINCT commit_lsn) AS transactions, max(commit_idx) AS last_idx, count(*) FILTER (WHERE (record::json->>'id')::int % 3 = 0) AS aborted,
       bool_and(in_order) AS in_order
  FROM (SELECT commit_lsn, commit_idx, record, (record::json->>'id')::int > coalesce(lag((record::json->>'id')::int) OVER (ORDER BY seq), 0) AS in_order
          FROM :log JOIN sequin.relation r ON r.id = relation WHERE r.table_name = 'many') changes;
SELECT sequin.drop_consumer('o');
DROP SCHEMA cap_op CASCADE;

-- A large transaction is written in slices. A worker that ends between two of them goes on behind the
-- last change that is whole: no form of a change is lost or written twice.
SELECT sequin.start();
CREATE SCHEMA cap_slices;
CREATE TABLE cap_slices.t (id int PRIMARY KEY, a int, b int);
SELECT sequin.create_consumer('s_all', tables => '{cap_slices.t}') IS NOT NULL AS all,
       sequin.create_consumer('s_a', tables => '{cap_slices.t}', columns => '{id,a}') IS NOT NULL AS a,
       sequin.create_consumer('s_b', tables => '{cap_slices.t}', columns => '{id,b}') IS NOT NULL AS b;
ALTER SYSTEM SET sequin.batch_rows = 1;
SELECT pg_reload_conf();
SELECT sequin.stop();
INSERT INTO cap_slices.t SELECT i, i, i FROM generate_series(1, 1500) i;
-- Waits until some more rows are in the log, and stops in the midst of it.
CREATE FUNCTION cap_slices.progress() RETURNS bigint LANGUAGE sql AS 'SELECT next_seq FROM sequin.progress';
CREATE PROCEDURE cap_slices.interrupt() LANGUAGE plpgsql AS $$
DECLARE
  start bigint := cap_slices.progress();
BEGIN
  PERFORM sequin.start();
  COMMIT;
  WHILE cap_slices.progress() < start + 100 LOOP
    PERFORM pg_sleep(0.001);
    COMMIT;
  END LOOP;
  PERFORM sequin.stop();
END $$;
CALL cap_slices.interrupt();
SELECT part_idx > 0 AS in_the_midst FROM sequin.progress;
CALL cap_slices.interrupt();
CALL cap_slices.interrupt();
CALL cap_slices.interrupt();
CALL cap_slices.interrupt();
SELECT part_idx > 0 AS in_the_midst FROM sequin.progress;
SELECT sequin.start();
INSERT INTO cap_slices.t VALUES (0, 0, 0);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*), count(DISTINCT message->'record'->>'id') AS ids FROM sequin.receive('s_all', batch_size => 10000);
SELECT count(*), count(DISTINCT message->'record'->>'id') AS ids FROM sequin.receive('s_a', batch_size => 10000);
SELECT count(*), count(DISTINCT message->'record'->>'id') AS ids FROM sequin.receive('s_b', batch_size => 10000);
ALTER SYSTEM RESET sequin.batch_rows;
SELECT pg_reload_conf();
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_slices CASCADE;

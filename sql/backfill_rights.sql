-- Backfills read what capture may read: by the rights of the consumer's owner to the table that is captured.
CREATE SCHEMA brights;
CREATE FUNCTION brights.wait(id uuid) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE now_is text;
BEGIN
  LOOP
    SELECT concat_ws(' ', f.state, p.rows_read, p.rows_sent, f.error) INTO now_is FROM sequin.feed f LEFT JOIN sequin.feed_chunk p ON p.feed = f.id WHERE f.uuid = wait.id;
    EXIT WHEN now_is NOT LIKE 'running%' OR now_is IS NULL;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN now_is;
END
$$;
\set VERBOSITY terse
CREATE ROLE brights_app;
GRANT sequin_consumer TO brights_app;
GRANT USAGE ON SCHEMA brights, sequin TO brights_app;
CREATE ROLE brights_monitor;
GRANT sequin_monitor TO brights_monitor;
GRANT USAGE ON SCHEMA sequin TO brights_monitor;
CREATE TABLE brights.root (id int PRIMARY KEY, note text, secret text DEFAULT 'hidden') PARTITION BY RANGE (id);
CREATE TABLE brights.leaf PARTITION OF brights.root FOR VALUES FROM (0) TO (100);
CREATE TABLE brights.partly (id int PRIMARY KEY, note text, secret text DEFAULT 'hidden');
CREATE TABLE brights.heap (id int, note text, secret text DEFAULT 'hidden');
INSERT INTO brights.root SELECT i, 'n' || i FROM generate_series(1, 5) i;
INSERT INTO brights.partly SELECT i, 'n' || i FROM generate_series(1, 5) i;
INSERT INTO brights.heap SELECT i, 'n' || i FROM generate_series(1, 5) i;
-- Rights to the root of partitions, and to some columns
GRANT SELECT ON brights.root TO brights_app;
GRANT SELECT (id, note) ON brights.partly, brights.heap TO brights_app;
GRANT sequin_admin TO brights_app;
SET ROLE brights_app;
SELECT sequin.create_consumer('brights', tables => '{brights.root,brights.partly,brights.heap}') IS NOT NULL AS made;
SELECT sequin.backfill('brights', 'brights.root', filter => 'id > 1 AND secret <> note', chunk_rows => 2) AS id \gset
SELECT brights.wait(:'id');
SELECT sequin.backfill('brights', 'brights.partly', filter => 'id > 2', chunk_rows => 2) AS id \gset
SELECT brights.wait(:'id');
SELECT sequin.backfill('brights', 'brights.heap', filter => 'tableoid <> 0 AND ctid IS NOT NULL') AS id \gset
SELECT brights.wait(:'id');
SELECT message->>'action' AS action, message->'record' AS record FROM sequin.receive('brights', 100) ORDER BY seq;
-- What it may not read tells it nothing by being filtered
SELECT sequin.backfill('brights', 'brights.partly', filter => $$secret = 'hidden'$$) AS id \gset
SELECT brights.wait(:'id');
SELECT sequin.backfill('brights', 'brights.partly', filter => $$partly::text LIKE '%hidden%'$$) AS id \gset
SELECT brights.wait(:'id');
SELECT sequin.backfill('brights', 'brights.partly', filter => $$EXISTS (SELECT FROM brights.partly other WHERE other.secret = 'hidden')$$) AS id \gset
SELECT brights.wait(:'id');
-- Rights that are taken away, and given again
RESET ROLE;
REVOKE SELECT ON brights.root FROM brights_app;
SET ROLE brights_app;
SELECT sequin.backfill('brights', 'brights.root');
RESET ROLE;
GRANT SELECT ON brights.root TO brights_app;
SET ROLE brights_app;
SELECT sequin.backfill('brights', 'brights.root', filter => '1 / (id - 4) <> 9', chunk_rows => 2) AS id \gset
SELECT brights.wait(:'id');
RESET ROLE;
DELETE FROM brights.root WHERE id = 4;
REVOKE SELECT ON brights.root FROM brights_app;
SELECT sequin.resume_backfill(:'id');
SELECT brights.wait(:'id');
-- Monitors are not shown errors, which may have values of rows in them
SET ROLE brights_monitor;
SELECT state, error FROM sequin.backfills WHERE id = :'id';
RESET ROLE;
GRANT SELECT ON brights.root TO brights_app;
SELECT sequin.resume_backfill(:'id');
SELECT brights.wait(:'id');
-- Monitors see no values of rows
SET ROLE brights_monitor;
SELECT rows_read, position FROM sequin.backfills WHERE id = :'id';
RESET ROLE;

-- Types with checks of their own run these as the owner, too, when a place is read
CREATE FUNCTION brights.check_user(n int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
     AND (SELECT backend_type FROM pg_catalog.pg_stat_activity WHERE pid = pg_catalog.pg_backend_pid()) = 'sequin feeder' THEN
    RAISE 'ran as a superuser';
  END IF;
  RETURN true;
END
$$;
CREATE DOMAIN brights.checked AS int CHECK (brights.check_user(value));
CREATE TABLE brights.checks (id brights.checked[] PRIMARY KEY);
INSERT INTO brights.checks SELECT ARRAY[i] FROM generate_series(1, 5) i;
GRANT SELECT ON brights.checks TO brights_app;
SET ROLE brights_app;
SELECT sequin.alter_consumer('brights', tables => '{brights.checks}') IS NOT NULL AS altered;
SELECT sequin.backfill('brights', 'brights.checks', start_at => '{"{1}"}', chunk_rows => 2) AS id \gset
SELECT brights.wait(:'id');
RESET ROLE;

SELECT sequin.drop_consumer('brights');
SET client_min_messages = warning;
DROP SCHEMA brights CASCADE;
DROP OWNED BY brights_app, brights_monitor;
DROP ROLE brights_app, brights_monitor;

-- A filter that fits its table no more, or fails again and again, suspends its consumer: nothing is lost.
SET client_min_messages = warning;
CREATE SCHEMA filter_suspend;
SET search_path = filter_suspend;
CREATE TABLE t (id int PRIMARY KEY, k text);
CREATE TABLE allowed (k text);
CREATE FUNCTION good(k text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN k = 'good'; END $$;
SELECT sequin.start();
SELECT sequin.create_consumer('fs_other', '{filter_suspend.t}', '{insert}') IS NOT NULL AS made;
SELECT sequin.create_consumer('fs_column', '{filter_suspend.t}', '{insert}', '(SELECT new.k = ''good'')') IS NOT NULL AS made;
SELECT sequin.create_consumer('fs_function', '{filter_suspend.t}', '{insert}', 'filter_suspend.good(new.k)', push_url => 'http://127.0.0.1:9/') IS NOT NULL AS made;
SELECT sequin.create_consumer('fs_lookup', '{filter_suspend.t}', '{insert}', 'new.k IN (SELECT k FROM filter_suspend.allowed)') IS NOT NULL AS made;
CREATE VIEW states AS
SELECT name, status, ready, in_flight, parked, dead, regexp_replace(status_reason, 'since .* at commit [^,]+, position \d+', 'since …') AS status_reason
FROM sequin.consumers WHERE name LIKE 'fs\_%' ORDER BY name;
\set received 'SELECT string_agg((message ->> ''action'') || '' '' || (message #>> ''{record,id}''), '', '') AS got FROM sequin.receive(:''c'', 100);'
INSERT INTO t VALUES (1, 'good'), (2, 'good');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c fs_column
:received

-- Column, function and table go away while messages wait
INSERT INTO t VALUES (3, 'good'), (4, 'bad'), (5, 'good');
SELECT sequin.sync() IS NOT NULL AS synced;
ALTER TABLE t RENAME k TO kind;
DROP FUNCTION good;
DROP TABLE allowed;
:received
SELECT count(*) FROM sequin.agent_receive((SELECT id FROM sequin.consumer WHERE name = 'fs_function'), '{10}');
\set c fs_lookup
:received
SELECT * FROM states;
-- What an expression has raised may have values of rows in it: monitors are not shown it
CREATE ROLE filter_suspend_monitor IN ROLE sequin_monitor;
SET ROLE filter_suspend_monitor;
SELECT status, substring(status_reason from 'position \d+: (.*);') AS status_reason FROM sequin.consumers WHERE name = 'fs_column';
RESET ROLE;
DROP ROLE filter_suspend_monitor;
SELECT name, status FROM sequin.agent_consumers() WHERE name = 'fs_function';
SELECT c.name, s.commit_lsn > '0/0' AS has_lsn, s.seq > 0 AS has_seq, s.reason FROM sequin.suspension s JOIN sequin.consumer c ON c.id = s.consumer ORDER BY 1;
SELECT count(*) FROM sequin.receive('fs_column', 10, wait => '100 ms');
-- A change of something else is not enough
SELECT sequin.alter_consumer('fs_column', max_deliver => 7);
\set c fs_column
:received
-- Active again without a cure: suspended again, at the same place
SELECT sequin.alter_consumer('fs_column', status => 'active');
:received
SELECT status, ready, dead FROM states WHERE name = 'fs_column';
-- Cured: what waited comes, by the new filter, then what follows
ALTER TABLE t RENAME kind TO k;
SELECT sequin.alter_consumer('fs_column', status => 'active', filter => '(SELECT new.id > 3)');
:received
CREATE FUNCTION good(k text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RETURN k = 'good'; END $$;
SELECT sequin.alter_consumer('fs_function', status => 'active');
SELECT string_agg(message #>> '{record,id}', ',') FROM sequin.agent_receive((SELECT id FROM sequin.consumer WHERE name = 'fs_function'), '{10}');
-- Without a filter there is nothing to stand still for
SELECT sequin.alter_consumer('fs_lookup', filter => '');
\set c fs_lookup
:received
SELECT * FROM states;
\set c fs_other
:received

-- A hundred in a row
CREATE FUNCTION weak(id int) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF id BETWEEN 1001 AND 1150 THEN RAISE 'too hard: %', id; END IF;
  RETURN id % 2 = 0;
END
$$;
SELECT sequin.create_consumer('fs_weak', '{filter_suspend.t}', '{insert}', 'filter_suspend.weak(new.id)') IS NOT NULL AS made;
INSERT INTO t SELECT i FROM generate_series(990, 1060) i;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c fs_weak
:received
SELECT * FROM states WHERE name = 'fs_weak';
SELECT in_a_row, last_error FROM sequin.filter_failure f JOIN sequin.consumer c ON c.id = f.consumer WHERE c.name = 'fs_weak';
INSERT INTO t SELECT i FROM generate_series(1061, 1160) i;
SELECT sequin.sync() IS NOT NULL AS synced;
:received
SELECT * FROM states WHERE name = 'fs_weak';
:received
CREATE OR REPLACE FUNCTION weak(id int) RETURNS bool LANGUAGE sql AS 'SELECT id > 1155 OR id = 1100';
SELECT sequin.alter_consumer('fs_weak', status => 'active');
:received
SELECT in_a_row FROM sequin.filter_failure f JOIN sequin.consumer c ON c.id = f.consumer WHERE c.name = 'fs_weak';
SELECT * FROM states WHERE name = 'fs_weak';

-- A table that is gone cannot be looked at: dead letters, which keep the messages
SELECT sequin.create_consumer('fs_gone', '{filter_suspend.*}', '{insert}', '(SELECT true)') IS NOT NULL AS made;
CREATE TABLE gone (id int PRIMARY KEY);
INSERT INTO gone VALUES (1);
INSERT INTO t VALUES (2000);
SELECT sequin.sync() IS NOT NULL AS synced;
DROP TABLE gone;
\set c fs_gone
:received
SELECT d.last_error, d.message::json -> 'record' AS record FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fs_gone';

-- The owner is gone
CREATE ROLE regress_suspend IN ROLE sequin_admin;
GRANT USAGE ON SCHEMA filter_suspend TO regress_suspend;
GRANT SELECT ON t TO regress_suspend;
SET ROLE regress_suspend;
SELECT sequin.create_consumer('fs_owner', '{filter_suspend.t}', '{insert}', '(SELECT true)') IS NOT NULL AS made;
RESET ROLE;
INSERT INTO t VALUES (2001);
SELECT sequin.sync() IS NOT NULL AS synced;
DROP OWNED BY regress_suspend;
DROP ROLE regress_suspend;
\set c fs_owner
:received
SELECT status, reason FROM sequin.consumer c, sequin.suspension s WHERE s.consumer = c.id AND c.name = 'fs_owner';

-- A full disk is nobody's fault: the message waits until there is room
CREATE TABLE room (yes bool);
CREATE FUNCTION stored() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM filter_suspend.room) THEN RAISE disk_full; END IF;
  RETURN true;
END $$;
SELECT sequin.create_consumer('fs_disk', '{filter_suspend.t}', '{insert}', 'filter_suspend.stored()') IS NOT NULL AS made;
INSERT INTO t VALUES (5001, 'good');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c fs_disk
:received
SELECT status, dead FROM states WHERE name = 'fs_disk';
INSERT INTO room VALUES (true);
SELECT message #>> '{record,id}' AS id FROM sequin.receive('fs_disk', 100, wait => '30 s');
SELECT status, dead FROM states WHERE name = 'fs_disk';

SELECT state, last_error FROM sequin.status;
DROP VIEW states;
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumer WHERE name LIKE 'fs\_%';
SELECT count(*) FROM sequin.suspension;
SELECT count(*) FROM sequin.filter_failure;
DROP SCHEMA filter_suspend CASCADE;

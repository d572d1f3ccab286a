-- Filters of somebody who means no good: neither capture nor the session that receives is harmed.
SET client_min_messages = warning;
CREATE SCHEMA filter_hostile;
SET search_path = filter_hostile;
CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k text);
CREATE TABLE victim (a int);
CREATE SEQUENCE counter;
CREATE FUNCTION endless(text) RETURNS bool LANGUAGE plpgsql AS $$
BEGIN LOOP BEGIN PERFORM pg_sleep(10); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END
$$;
CREATE FUNCTION hostile(k text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
  t text;
BEGIN
  CASE k
    WHEN 'catches' THEN RETURN filter_hostile.endless(k);
    WHEN 'catches twice' THEN LOOP BEGIN RETURN filter_hostile.endless(k); EXCEPTION WHEN query_canceled OR OTHERS THEN LOOP END LOOP; END; END LOOP;
    WHEN 'sleeps' THEN PERFORM pg_sleep(100);
    WHEN 'regexp' THEN RETURN repeat('ab', 500) || 'c' ~ '^(.*)(.*)(.*)\1\2\3$';
    WHEN 'huge' THEN t := repeat('x', 1000000000); RETURN t || t = 'a';
    WHEN 'recursion' THEN RETURN filter_hostile.hostile(k);
    WHEN 'insert' THEN INSERT INTO filter_hostile.victim VALUES (1);
    WHEN 'nextval' THEN RETURN nextval('filter_hostile.counter') > 0;
    WHEN 'create' THEN CREATE TABLE filter_hostile.made (a int);
    WHEN 'temp' THEN CREATE TEMP TABLE made (a int);
    WHEN 'write mode' THEN SET transaction_read_only = off;
    WHEN 'commit' THEN COMMIT;
    WHEN 'rollback' THEN ROLLBACK;
    WHEN 'role' THEN SET ROLE pg_monitor;
    WHEN 'session user' THEN SET SESSION AUTHORIZATION pg_monitor;
    WHEN 'setting' THEN PERFORM set_config('work_mem', '77MB', false); RETURN true;
    WHEN 'search path' THEN SET search_path = filter_hostile; RETURN true;
    WHEN 'session lock' THEN PERFORM pg_advisory_lock(24);
    WHEN 'try lock' THEN EXECUTE 'SELECT pg_try_advisory_lock_shared(2, 4)';
    WHEN 'unlock' THEN PERFORM pg_advisory_unlock_all();
    WHEN 'transaction lock' THEN PERFORM pg_advisory_xact_lock(24); RETURN true;
    WHEN 'table lock' THEN LOCK TABLE filter_hostile.victim; RETURN true;
    WHEN 'message' THEN PERFORM pg_logical_emit_message(false, 'hostile', 'x');
    WHEN 'seed' THEN PERFORM setseed(0.5);
    WHEN 'receive' THEN PERFORM * FROM sequin.receive('fh_hostile');
    WHEN 'ack' THEN PERFORM sequin.ack('fh_hostile', '{00000000-0000-8000-8000-000000000000}');
    WHEN 'next due' THEN PERFORM sequin.agent_next_due((SELECT id FROM sequin.consumer WHERE name = 'fh_hostile'));
    WHEN 'nested' THEN RETURN (SELECT evaluated_at = 'claim' FROM sequin.explain_filter('filter_hostile.t', '(SELECT true)'));
    WHEN 'stop' THEN PERFORM sequin.stop();
    WHEN 'consumer' THEN PERFORM sequin.drop_consumer('fh_hostile');
    WHEN 'cursor' THEN DECLARE c CURSOR FOR SELECT 1; BEGIN OPEN c; RETURN true; END;
    WHEN 'listen' THEN LISTEN hostile;
    WHEN 'notify' THEN NOTIFY hostile; RETURN true;
    WHEN 'prepare' THEN EXECUTE 'PREPARE p AS SELECT 1';
    WHEN 'error' THEN RETURN 1 / 0 = 1;
    WHEN 'caught' THEN BEGIN RETURN 1 / 0 = 1; EXCEPTION WHEN division_by_zero THEN RETURN true; END;
    WHEN 'cancel' THEN RAISE EXCEPTION USING ERRCODE = '57014', MESSAGE = 'as if somebody cancelled';
    WHEN 'long error' THEN RAISE EXCEPTION '%', repeat('é', 10000000);
    WHEN 'fatal' THEN RAISE EXCEPTION USING ERRCODE = '57P01', MESSAGE = 'as if the server stopped';
    WHEN 'null' THEN RETURN NULL;
    ELSE RETURN true;
  END CASE;
  RETURN true;
END
$$;
SELECT sequin.start();
SELECT sequin.create_consumer('fh_hostile', '{filter_hostile.t}', '{insert}', 'filter_hostile.hostile(new.k)') IS NOT NULL AS made;
SELECT sequin.create_consumer('fh_other', '{filter_hostile.t}', '{insert}', 'new.k = ''harmless''') IS NOT NULL AS made;
SELECT sequin.create_consumer('fh_regexp', '{filter_hostile.t}', '{insert}', $$ repeat(new.k, 2) || repeat('ab', 500) || 'c' ~ '^(.*)(.*)(.*)\1\2\3$' $$) IS NOT NULL AS made;
SELECT sequin.create_consumer('fh_text', '{filter_hostile.t}', '{insert}', $$ length(repeat(new.k, 100000000)) = length(repeat(new.k, 99999999)) $$) IS NOT NULL AS made;
INSERT INTO t (k) VALUES
  ('harmless'), ('sleeps'), ('recursion'), ('insert'), ('nextval'), ('create'), ('temp'), ('write mode'), ('commit'), ('rollback'),
  ('role'), ('session user'), ('setting'), ('search path'), ('session lock'), ('try lock'), ('unlock'), ('transaction lock'), ('table lock'),
  ('message'), ('seed'), ('receive'), ('ack'), ('next due'), ('nested'), ('stop'), ('consumer'), ('cursor'), ('listen'), ('notify'), ('prepare'), ('error'), ('caught'), ('cancel'), ('long error'), ('fatal'), ('null'), ('harmless');
SELECT sequin.sync() IS NOT NULL AS synced;

-- The session, before
SELECT pg_advisory_lock(24);
SET work_mem = '5MB';
CREATE VIEW session AS
SELECT current_user = session_user AS same_user, current_setting('work_mem') AS work_mem, current_setting('search_path') AS search_path,
  current_setting('transaction_read_only') AS read_only, current_setting('lock_timeout') AS lock_timeout,
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS advisory_locks,
  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'filter_hostile.victim'::regclass) AS table_locks,
  (SELECT count(*) FROM pg_cursors WHERE name LIKE 'c%') AS cursors, (SELECT count(*) FROM pg_prepared_statements) AS statements;
SELECT * FROM session;
SELECT message #>> '{record,k}' AS k FROM sequin.receive('fh_hostile', 100);
SELECT * FROM session;
SELECT d.message::json #>> '{record,k}' AS k, replace(regexp_replace(d.last_error, ',boolean\)$', ')'), repeat('é', 4096), '4096 é') AS last_error
FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fh_hostile' ORDER BY d.id;
SELECT (SELECT count(*) FROM victim) AS victims, (SELECT is_called FROM counter) AS counted, to_regclass('filter_hostile.made') AS made;

-- What takes time: a limit for each, and one for a receive, which goes on with the next
INSERT INTO t (k) VALUES ('catches'), ('catches twice'), ('regexp'), ('huge'), ('harmless');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT clock_timestamp() AS started \gset
SELECT message #>> '{record,k}' AS k FROM sequin.receive('fh_hostile', 100);
SELECT clock_timestamp() - :'started' < '20 s' AS in_time;
SELECT d.message::json #>> '{record,k}' AS k, d.last_error ~ 'the filter was stopped after 1000 ms|invalid memory alloc|out of memory|too' AS stopped
FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer WHERE c.name = 'fh_hostile' ORDER BY d.id DESC LIMIT 4;
SELECT * FROM session;

-- Capture was not held up, and the others have what is theirs. What costs too much is left to those who receive.
SELECT (SELECT count(*) FROM t) = ready AS all_wait FROM sequin.consumers WHERE name = 'fh_regexp';
SELECT count(*) FROM sequin.receive('fh_regexp', 100);
SELECT dead BETWEEN 3 AND 9 AS some_dead, ready > 0 AS others_wait, in_flight FROM sequin.consumers WHERE name = 'fh_regexp';
SELECT message #>> '{record,k}' AS k FROM sequin.receive('fh_other', 100);
SELECT state, last_error FROM sequin.status;

-- Statement timeouts and cancels are for the whole receive, not for the filter
INSERT INTO t (k) VALUES ('sleeps'), ('harmless');
SELECT sequin.sync() IS NOT NULL AS synced;
SET statement_timeout = '300 ms';
SELECT count(*) FROM sequin.receive('fh_hostile', 100);
RESET statement_timeout;
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'fh_hostile';
SELECT message #>> '{record,k}' AS k FROM sequin.receive('fh_hostile', 100);
SELECT * FROM session;
SELECT pg_advisory_unlock(24);

-- What makes large values of small ones without looking for an interrupt is never evaluated while decoding.
SELECT evaluated_at, reason FROM unnest(ARRAY[$$ length(lpad(k, 100000000)) > 0 $$, $$ length(rpad(k, 100000000, 'xy')) > 0 $$,
  $$ array_length(array_fill(id, ARRAY[100000000]), 1) > 0 $$, $$ length(id::bit(80000000)) > 0 $$, $$ k::char(10000000) = 'x' $$,
  $$ k::char(20) = 'x' AND id::bit(8) = '11111111' $$]) AS f, sequin.explain_filter('t', f, '{insert}');

-- Tables are planned anew, and filters compiled, whenever somebody makes a type: not for ever, when that takes long.
CREATE TABLE folds (id int PRIMARY KEY, k text);
SELECT sequin.create_consumer('fh_folds', '{filter_hostile.folds}', '{insert}', $$ k = 'x' OR repeat('ab', 100) || 'c' ~ '^(.*)(.*)(.*)\1\2\3$' $$) IS NOT NULL AS made;
SELECT clock_timestamp() AS started \gset
\set ECHO none
SELECT format('CREATE TEMP TABLE folds_%s (a int)', i), format('INSERT INTO folds VALUES (%s, ''y'')', i) FROM generate_series(1, 60) i \gexec
\set ECHO all
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT clock_timestamp() - :'started' < '6 s' AS in_time;

DROP VIEW session;
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'fh\_%';
DROP SCHEMA filter_hostile CASCADE;

-- What capture missed, because the slot was lost, is declared for each consumer and settled by sequin.recover().
-- A database of its own: the others' capture goes on.
CREATE DATABASE regress_recover;
\set home :DBNAME
\c regress_recover
\set VERBOSITY default
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE EXTENSION sequin;
RESET client_min_messages;
CREATE SCHEMA missed;
CREATE TABLE missed.t (id int PRIMARY KEY, note text);
CREATE TABLE missed.other (id int PRIMARY KEY);
SELECT sequin.create_stream('missed_events') IS NOT NULL AS stream;
SELECT sequin.create_consumer('m_t', tables => '{missed.t}') IS NOT NULL AS m_t,
       sequin.create_consumer('m_both', tables => '{missed.*}') IS NOT NULL AS m_both,
       sequin.create_consumer('m_events', stream => 'missed_events') IS NOT NULL AS m_events;
CREATE FUNCTION missed.slot() RETURNS name LANGUAGE sql AS $$
  SELECT ('sequin_' || oid)::name FROM pg_database WHERE datname = current_database()
$$;
-- Until a gap is settled as it says; a minute at most
CREATE FUNCTION missed.wait(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE now_is text;
BEGIN
  FOR i IN 1 .. 6000 LOOP
    SELECT string_agg(DISTINCT state, ',') INTO now_is FROM sequin.gaps WHERE state NOT IN ('accepted', 'closed') OR what = state;
    EXIT WHEN now_is = what;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN now_is;
END
$$;
INSERT INTO missed.t VALUES (1, 'before');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT string_agg(message->>'record', ' ' ORDER BY seq) AS records, array_agg(ack_id) AS ids FROM sequin.receive('m_t', 10) \gset
\echo :records
SELECT result FROM sequin.ack('m_t', :'ids');
-- Nothing was missed: nothing is to be done
SELECT * FROM sequin.recover();
SELECT * FROM sequin.recover(gap => 'reload');
SELECT consumer, state FROM sequin.gaps;
-- The slot goes while nobody can make it anew, and what is committed then is in no log
SELECT sequin.stop();
SELECT pg_drop_replication_slot(missed.slot());
INSERT INTO missed.t VALUES (2, 'in the gap');
INSERT INTO missed.other VALUES (2);
SELECT sequin.publish('missed_events', 'k', '{"in": "the gap"}') IS NOT NULL AS published;
SELECT sequin.start();
INSERT INTO missed.t VALUES (3, 'behind the gap');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT consumer, state, reason, transactions >= 3 AS counted, from_lsn < to_lsn AS ordered, settled_at, backfills
  FROM sequin.gaps ORDER BY consumer;
SELECT open_gaps, gap_from_lsn < gap_to_lsn AS ordered, gap_reason FROM sequin.status;
SELECT string_agg(message->>'record', ' ' ORDER BY seq) AS records, array_agg(ack_id) AS ids FROM sequin.receive('m_t', 10) \gset
\echo :records
SELECT result FROM sequin.ack('m_t', :'ids');
-- What is refused
SELECT sequin.recover(gap => 'forget');
SELECT sequin.recover(gap => NULL);
SELECT sequin.recover('{m_t,nobody}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT sequin.recover();
ROLLBACK;
SELECT consumer, state FROM sequin.gaps ORDER BY consumer;
-- Whose it is: administrators settle gaps, consumers see their own, nobody else sees any
CREATE ROLE regress_recover_app;
CREATE ROLE regress_recover_admin;
GRANT sequin_consumer TO regress_recover_app;
GRANT sequin_admin TO regress_recover_admin;
GRANT USAGE ON SCHEMA sequin TO regress_recover_app, regress_recover_admin;
SET ROLE regress_recover_app;
SELECT sequin.recover();
SELECT consumer FROM sequin.gaps;
RESET ROLE;
SELECT sequin.grant_consumer('m_t', 'regress_recover_app');
SET ROLE regress_recover_app;
SELECT consumer, state FROM sequin.gaps;
-- accept: one consumer, by name
SET ROLE regress_recover_admin;
SELECT consumer, action, from_lsn < to_lsn AS ordered, "table", backfill FROM sequin.recover('{m_t}');
RESET ROLE;
SELECT consumer, state, settled_at IS NOT NULL AS settled FROM sequin.gaps ORDER BY consumer;
SELECT * FROM sequin.recover('{m_t}', gap => 'reload');
-- backfill: what was written since the gap began comes as reads; nobody can read an event again
SELECT consumer, action, "table", backfill IS NOT NULL AS backfill FROM sequin.recover(gap => 'backfill') ORDER BY 1, 3;
SELECT missed.wait('closed');
SELECT consumer, state, cardinality(backfills) AS backfills FROM sequin.gaps ORDER BY consumer;
SELECT open_gaps FROM sequin.status;
SELECT message->'metadata'->>'table_name' AS "table", message->'record'->>'id' AS id, message->>'action' AS action
  FROM sequin.receive('m_both', 100) WHERE message->'record'->>'id' = '2' ORDER BY 1;
SELECT message->>'action' AS action FROM sequin.receive('m_t', 100);
-- reload: all rows, for a receiver who wants to know which it has too many
SELECT sequin.stop();
SELECT pg_drop_replication_slot(missed.slot());
DELETE FROM missed.t WHERE id = 1;
SELECT sequin.start();
SELECT missed.wait('open');
SELECT consumer, action, "table" FROM sequin.recover('{m_t}', gap => 'reload');
SELECT consumer, action, "table" FROM sequin.recover('{m_both,m_events}', gap => 'accept') ORDER BY 1;
SELECT missed.wait('closed');
SELECT message->'record'->>'id' AS id, message->>'action' AS action FROM sequin.receive('m_t', 100) ORDER BY 1;
SELECT incarnation, consumer, state FROM sequin.gaps ORDER BY 1, 2;
\c :home
DROP DATABASE regress_recover WITH (FORCE);
DROP ROLE regress_recover_app, regress_recover_admin;

-- Who may do what: roles open the functions, and each function looks whose consumer it is.
SET client_min_messages = warning;
CREATE SCHEMA grants_test;
CREATE TABLE grants_test.t (id int PRIMARY KEY, a text);
CREATE TABLE grants_test.secret (id int PRIMARY KEY);
CREATE TABLE grants_test.guarded (id int PRIMARY KEY);
ALTER TABLE grants_test.guarded ENABLE ROW LEVEL SECURITY;
CREATE ROLE regress_admin IN ROLE sequin_admin;
CREATE ROLE regress_other_admin IN ROLE sequin_admin;
CREATE ROLE regress_reader IN ROLE sequin_consumer;
CREATE ROLE regress_stranger IN ROLE sequin_consumer;
CREATE ROLE regress_agent IN ROLE sequin_agent;
CREATE ROLE regress_monitor IN ROLE sequin_monitor;
CREATE ROLE regress_nobody;
GRANT USAGE ON SCHEMA grants_test TO regress_admin, regress_other_admin;
GRANT SELECT, INSERT ON grants_test.t TO regress_admin;
GRANT SELECT ON grants_test.guarded TO regress_admin;
SELECT sequin.start();

-- PUBLIC has nothing -------------------------------------------------------------------------
SELECT nspname, privilege_type FROM pg_namespace, aclexplode(nspacl)
WHERE nspname = 'sequin' AND grantee = 0;
SELECT relname, privilege_type FROM pg_class, aclexplode(relacl)
WHERE relnamespace = 'sequin'::regnamespace AND grantee = 0;
SELECT proname, privilege_type FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
WHERE pronamespace = 'sequin'::regnamespace AND grantee = 0;
-- Tables and sequences are nobody's but the owner's
SELECT relname, grantee::regrole, privilege_type FROM pg_class, aclexplode(relacl)
WHERE relnamespace = 'sequin'::regnamespace AND grantee <> relowner AND relkind NOT IN ('v')
ORDER BY 1, 2, 3;
SELECT relname, grantee::regrole, privilege_type FROM pg_class, aclexplode(relacl)
WHERE relnamespace = 'sequin'::regnamespace AND grantee <> relowner AND relkind = 'v'
ORDER BY 1, grantee::regrole::text COLLATE "C", 3;
SELECT proname, string_agg(grantee::regrole::text, ' ' ORDER BY grantee::regrole::text COLLATE "C") AS granted_to
FROM pg_proc, aclexplode(proacl)
WHERE pronamespace = 'sequin'::regnamespace AND grantee <> proowner GROUP BY proname, pg_proc.oid ORDER BY proname;
-- A definer's function must not be led astray by the caller's search_path
SELECT proname FROM pg_proc
WHERE pronamespace = 'sequin'::regnamespace AND prosecdef
  AND proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}';

SET ROLE regress_nobody;
SELECT * FROM sequin.status;
SELECT sequin.create_consumer('g_nobody');
SET ROLE regress_reader;
SELECT sequin.create_consumer('g_reader');
SELECT sequin.stop();
SELECT * FROM sequin.consumer;
SELECT * FROM sequin.agent_consumers();

-- A consumer captures as its owner -----------------------------------------------------------
SET ROLE regress_admin;
SELECT sequin.create_consumer('g_secret', tables => '{grants_test.secret}');
SELECT sequin.create_consumer('g_guarded', tables => '{grants_test.guarded}');
SELECT sequin.create_consumer('g_star', tables => '{grants_test.*}') IS NOT NULL AS made;
SELECT sequin.create_consumer('g_push', tables => '{grants_test.t}', push_url => 'http://127.0.0.1:9/',
  push_headers => '{"Authorization": "Bearer secret"}') IS NOT NULL AS made;
RESET ROLE;
INSERT INTO grants_test.t VALUES (1, 'x');
INSERT INTO grants_test.secret VALUES (2);
INSERT INTO grants_test.guarded VALUES (3);
SELECT sequin.sync() IS NOT NULL AS synced;
SET ROLE regress_admin;
SELECT message #>> '{metadata,table_name}' AS table, message #>> '{record,id}' AS id
FROM sequin.receive('g_star', 10);

-- Receive and settle: the owner, grantees, agents --------------------------------------------
SET ROLE regress_reader;
SELECT * FROM sequin.receive('g_star');
SELECT * FROM sequin.ack('g_star', '{0a0b0c0d-0000-4000-8000-000000000000}');
SELECT name FROM sequin.consumers WHERE name LIKE 'g\_%';
SELECT sequin.grant_consumer('g_star', 'regress_reader');
SET ROLE regress_other_admin;
SELECT sequin.grant_consumer('g_star', 'regress_other_admin');
SELECT * FROM sequin.receive('g_star');
SET ROLE regress_admin;
SELECT sequin.grant_consumer('g_star', 'regress_reader');
SELECT sequin.grant_consumer('g_star', 'regress_reader');
SELECT sequin.grant_consumer('g_star', NULL);
SELECT sequin.grant_consumer('g_star', 'regress_unknown');
SELECT sequin.grant_consumer('g_star', '4294967294');
SELECT grantees FROM sequin.consumers WHERE name = 'g_star';
SET ROLE regress_reader;
SELECT * FROM sequin.receive('g_star');
SELECT result FROM sequin.ack('g_star', '{0a0b0c0d-0000-4000-8000-000000000000}');
SELECT name FROM sequin.consumers WHERE name LIKE 'g\_%' ORDER BY name;
SELECT sequin.drop_consumer('g_star');
SELECT sequin.alter_consumer('g_star', status => 'paused');
SET ROLE regress_stranger;
SELECT * FROM sequin.receive('g_star');
SELECT name FROM sequin.consumers WHERE name LIKE 'g\_%';
-- Nor by way of the functions that views call
RESET ROLE;
SELECT id AS other FROM sequin.consumer WHERE name = 'g_star' \gset
SET ROLE regress_stranger;
SELECT ready FROM sequin.queue_counts(:other, 0);
SELECT count(*) FROM sequin.queue_in_flight(:other);
SET ROLE regress_reader;
SELECT ready IS NOT NULL AS seen FROM sequin.queue_counts(:other, 0);
SET ROLE regress_agent;
SELECT * FROM sequin.receive('g_star');
SELECT name, kind, headers FROM sequin.agent_consumers() WHERE name LIKE 'g\_%' ORDER BY name;
SELECT sequin.drop_consumer('g_star');
SET ROLE regress_admin;
SELECT sequin.revoke_consumer('g_star', 'regress_reader');
SET ROLE regress_reader;
SELECT * FROM sequin.receive('g_star');

-- Monitoring sees counts, not payloads, and no headers ---------------------------------------
SET ROLE regress_monitor;
SELECT name, owner, kind, dead FROM sequin.consumers WHERE name LIKE 'g\_%' ORDER BY name;
SELECT state FROM sequin.status;
SELECT * FROM sequin.receive('g_star');
SELECT * FROM sequin.log_0;
SELECT headers FROM sequin.endpoint;

-- Other admins: how, not what and where to ---------------------------------------------------
SET ROLE regress_other_admin;
SELECT sequin.alter_consumer('g_push', push_url => 'http://127.0.0.1:10/');
SELECT sequin.alter_consumer('g_push', tables => '{*}');
SELECT sequin.alter_consumer('g_push', push_headers => '{}');
SELECT sequin.alter_consumer('g_push', filter => '');
SELECT sequin.alter_consumer('g_push', status => 'paused', max_deliver => 3);
SELECT status, max_deliver FROM sequin.consumers WHERE name = 'g_push';
-- The owner's rights count, also when the owner changes it
SET ROLE regress_admin;
SELECT sequin.alter_consumer('g_push', tables => '{grants_test.secret}');
SELECT sequin.alter_consumer('g_push', tables => '{grants_test.*}', push_url => 'http://127.0.0.1:11/');

-- Rights that went away: nothing more is captured --------------------------------------------
RESET ROLE;
REVOKE SELECT ON grants_test.t FROM regress_admin;
INSERT INTO grants_test.t VALUES (4, 'unreadable');
GRANT SELECT ON grants_test.t TO regress_admin;
INSERT INTO grants_test.t VALUES (5, 'readable');
SELECT sequin.sync() IS NOT NULL AS synced;
SET ROLE regress_admin;
SELECT message #>> '{record,id}' AS id FROM sequin.receive('g_star', 10);

-- A function that runs as somebody else acts as that role
RESET ROLE;
CREATE FUNCTION grants_test.by_proxy() RETURNS bool SECURITY DEFINER LANGUAGE sql
AS $$ SELECT sequin.create_consumer('g_proxy', tables => '{grants_test.t}') IS NOT NULL $$;
ALTER FUNCTION grants_test.by_proxy() OWNER TO regress_admin;
GRANT USAGE ON SCHEMA grants_test TO regress_nobody;
SET ROLE regress_nobody;
SELECT grants_test.by_proxy();
RESET ROLE;
SELECT name, owner FROM sequin.consumers WHERE name = 'g_proxy';

-- Admins may drop what others made
SET ROLE regress_other_admin;
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'g\_%';
RESET ROLE;
DROP SCHEMA grants_test CASCADE;
DROP ROLE regress_admin, regress_other_admin, regress_reader, regress_stranger, regress_agent, regress_monitor,
  regress_nobody;

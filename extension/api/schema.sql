-- Sequin: change data capture and message delivery inside Postgres.
-- Complain if the script is sourced in psql rather than run by CREATE EXTENSION.
\echo Use "CREATE EXTENSION sequin" to load this file. \quit

-- Made here, not by the control file: so that it goes with the extension, and a schema of that name
-- that somebody else made is an error.
CREATE SCHEMA sequin;

-- Group roles are shared by all databases of the server; they stay when the extension goes.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY '{sequin_admin,sequin_agent,sequin_consumer,sequin_monitor}'::text[] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) role_name) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
  END LOOP;
END
$$;

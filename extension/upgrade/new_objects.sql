
-- Nothing is granted to PUBLIC (grants.sql), of what this update has made neither: it has no
-- privileges of its own yet. What was there keeps those that an administrator gave it. Segments of
-- the log are made without.
DO $$
DECLARE
  made text;
BEGIN
  FOR made IN
    SELECT CASE d.classid WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass
           THEN 'ROUTINE ' || d.objid::pg_catalog.regprocedure
           ELSE CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || d.objid::pg_catalog.regclass END
    FROM pg_catalog.pg_depend d
    LEFT JOIN pg_catalog.pg_proc p
      ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid
    LEFT JOIN pg_catalog.pg_class c
      ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.objid
    WHERE d.deptype = 'e' AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
      AND d.refobjid = (SELECT e.oid FROM pg_catalog.pg_extension e WHERE e.extname = 'sequin')
      AND (p.oid IS NOT NULL AND p.proacl IS NULL
           OR c.relkind IN ('r', 'v', 'S') AND c.relacl IS NULL
              AND NOT EXISTS (SELECT FROM sequin.segment s WHERE c.oid IN (s.log, s.route)))
  LOOP
    EXECUTE 'REVOKE ALL ON ' || made || ' FROM PUBLIC';
  END LOOP;
END
$$;

-- Messages do not depend on settings: not on those of the session that writes, of its role and
-- database, nor on those of the server, under all of which the capture worker is started here.
SET client_min_messages = warning;
SELECT sequin.start();
CREATE TABLE types_settings (id int PRIMARY KEY, d date, t time, tz timestamptz, tt timetz, iv interval,
  r tstzrange, f float8, f4 float4, p point, b bytea, m money, x xml, o regclass, a timestamptz[], ba bytea[],
  rr tstzrange[], n numeric);
SELECT sequin.create_consumer('types_settings', tables => '{public.types_settings}') IS NOT NULL AS made;
CREATE FUNCTION write_row(id int) RETURNS void LANGUAGE sql AS $$
  INSERT INTO types_settings VALUES (id, make_date(2026, 2, 3), make_time(4, 5, 6.5),
    to_timestamp(1770091506.789012), timetz '04:05:06.5+02', make_interval(1, -2, 3, 4, 5, 6, 7.5),
    tstzrange(to_timestamp(0), to_timestamp(1e9)), 0.1::float8 + 0.2::float8, 0.1, point(1e-30, 1 / 3::float8),
    decode('00ff5c', 'hex'), 1234.5::numeric::money, '<a b="c">d</a>', 'types_settings',
    array[to_timestamp(0)], array[decode('00ff5c', 'hex')], array[tstzrange(to_timestamp(0), NULL)], 1e20)
$$;
SELECT write_row(1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record FROM sequin.receive('types_settings') \gset
\echo :record

SELECT format('ALTER %s SET %s = %L', target, name, value)
FROM unnest(array['SYSTEM', 'DATABASE ' || current_database(), 'ROLE ' || current_user,
                  'ROLE ' || current_user || ' IN DATABASE ' || current_database()]) AS target,
  (VALUES ('datestyle', 'German, YMD'), ('timezone', 'Asia/Tokyo'), ('intervalstyle', 'sql_standard'),
          ('extra_float_digits', '-10'), ('bytea_output', 'escape'), ('lc_monetary', 'C.UTF-8'),
          ('lc_numeric', 'C.UTF-8'), ('xmloption', 'document'), ('xmlbinary', 'hex'),
          ('quote_all_identifiers', 'on'), ('array_nulls', 'off'),
          ('default_text_search_config', 'pg_catalog.german'), ('client_encoding', 'LATIN1')) AS setting (name, value)
\gexec
SELECT format('ALTER %s SET search_path = public, pg_catalog', target)
FROM unnest(array['DATABASE ' || current_database(), 'ROLE ' || current_user]) AS target
\gexec
SELECT pg_reload_conf();
SELECT sequin.stop();
SELECT sequin.start();
\c
SET client_min_messages = warning;
SHOW datestyle;
SHOW extra_float_digits;
SELECT write_row(2);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record2 FROM sequin.receive('types_settings') \gset
SELECT replace(:'record2', '"id":2', '"id":1') = :'record' AS same;

-- As it was: pg_regress has settings of its own at the database.
SELECT format('ALTER ROLE %s RESET ALL', target)
FROM unnest(array[current_user::text, current_user || ' IN DATABASE ' || current_database()]) AS target
\gexec
SELECT format('ALTER DATABASE %I RESET %s', current_database(), name)
FROM unnest('{datestyle,timezone,intervalstyle,extra_float_digits,xmloption,xmlbinary,quote_all_identifiers,array_nulls,default_text_search_config,client_encoding,search_path}'::text[]) AS name
\gexec
SELECT format('ALTER DATABASE %I SET %s', current_database(), setting)
FROM unnest('{lc_monetary = ''C'',lc_numeric = ''C'',bytea_output = hex}'::text[]) AS setting
\gexec
SELECT format('ALTER SYSTEM RESET %s', name)
FROM unnest('{datestyle,timezone,intervalstyle,extra_float_digits,bytea_output,lc_monetary,lc_numeric,xmloption,xmlbinary,quote_all_identifiers,array_nulls,default_text_search_config,client_encoding}'::text[]) AS name
\gexec
SELECT pg_reload_conf();
SELECT sequin.drop_consumer('types_settings');
DROP TABLE types_settings;
DROP FUNCTION write_row;

-- How values look in messages: one row of each common type, whatever the session's settings are.
SELECT sequin.start();
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET intervalstyle = 'iso_8601';
SET extra_float_digits = 0; SET bytea_output = 'escape';
CREATE TYPE mood AS ENUM ('fine', 'so "so"');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE TABLE cap_values (
  id int PRIMARY KEY, b bool, i2 int2, i8 int8, f4 float4, f8 float8, n numeric, t text,
  v varchar(10), c char(3), by bytea, d date, ts timestamp, tz timestamptz, ti time, iv interval,
  u uuid, j json, jb jsonb, a int[], ta text[], e mood, dm positive, r int4range, ip inet,
  o oid, g int GENERATED ALWAYS AS (i2 * 2) STORED);
SELECT sequin.create_consumer('cap_values', tables => '{public.cap_values}') IS NOT NULL AS made;
INSERT INTO cap_values VALUES
  (1, true, -32768, 9223372036854775807, 1.5, 0.1, 12345678901234567890.5, E'q"\\\n\t\x01ü', 'vc',
   'ch', '\x00ff', '2026-02-03', '2026-02-03 04:05:06.7', '2026-02-03 04:05:06.789012+00',
   '01:02:03', '1 day 2 hours', '00000000-0000-0000-0000-000000000001', '{"a": [1, 2]}',
   '{"b": 9007199254740993}', '{1,NULL,3}', '{{a,"b c"},{NULL,"\""}}', 'so "so"', 7, '[1,5)',
   '192.168.0.1/24', 4294967295),
  (2, NULL, NULL, NULL, 'NaN', '-Infinity', 'NaN', '', NULL, NULL, '', 'infinity', '-infinity',
   'infinity', NULL, NULL, NULL, NULL, NULL, '{}', '{}', NULL, NULL, 'empty', NULL, NULL),
  (3, NULL, NULL, NULL, 1e-30, 1e300, 'Infinity', NULL, NULL, NULL, NULL, '0044-03-15 BC',
   '0001-01-01 00:00:00 BC', '12026-01-01 00:00:00+00', NULL, NULL, NULL, NULL, NULL,
   '[0:1]={5,6}', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record' AS record FROM sequin.receive('cap_values', batch_size => 10);
SELECT sequin.drop_consumer('cap_values');
DROP TABLE cap_values;
DROP DOMAIN positive;
DROP TYPE mood;

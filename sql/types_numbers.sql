-- Numbers as number_format says, in arrays and composites as well; keys are the same in all forms.
SET client_min_messages = warning;
SELECT sequin.start();
CREATE TYPE types_priced AS (n numeric, i int, m money[]);
CREATE TABLE types_numbers (
  id numeric PRIMARY KEY, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric, m money,
  ia int[], na numeric[], nb numeric[], p types_priced, pa types_priced[], j json, jb jsonb, r numrange, t text);
SELECT sequin.create_consumer(format, tables => '{public.types_numbers}', number_format => format) IS NOT NULL AS made
FROM unnest('{standard,number,string}'::text[]) AS format;
INSERT INTO types_numbers VALUES
  (1.50, -1, 2, 9223372036854775807, 4294967295, 1.5, '-0', 1e20, '-0.05'::numeric::money, '{1,NULL}', '{1.0,NaN}',
   '[0:0]={1.0}', row(0.10, 1, array[1::money]), array[row(NULL, 2, '{}')::types_priced], '[1, 2.0]', '[1, 2.0]',
   '[1.0,2)', '1'),
  ('NaN', 0, 0, 0, 0, 'NaN', '-Infinity', 'Infinity', 0, '{}', '{-Infinity}', NULL, NULL, NULL, '1', '1', 'empty', '');
SELECT sequin.sync() IS NOT NULL AS synced;
\pset format unaligned
SELECT message->'record' AS standard, message->'metadata'->'record_pks' AS pks FROM sequin.receive('standard', batch_size => 2);
SELECT message->'record' AS number, message->'metadata'->'record_pks' AS pks FROM sequin.receive('number', batch_size => 2);
SELECT message->'record' AS string, message->'metadata'->'record_pks' AS pks FROM sequin.receive('string', batch_size => 2);
\pset format aligned
SELECT sequin.drop_consumer(name) FROM sequin.consumer WHERE name IN ('standard', 'number', 'string');
DROP TABLE types_numbers;
DROP TYPE types_priced;

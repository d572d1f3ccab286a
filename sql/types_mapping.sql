-- Every row of the table of docs/types.md: the message says what the table says, and the value can
-- be made again from it.
SELECT sequin.start();
SET client_min_messages = warning;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE EXTENSION cube;
CREATE TYPE mood AS ENUM ('fine', 'so "so"');
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN pair AS int[] CHECK (cardinality(value) = 2);
CREATE TYPE address AS (street text, zip int, tags text[]);
CREATE TYPE person AS (name text, home address, age numeric, doc jsonb);
CREATE TYPE span AS RANGE (subtype = timestamptz, multirange_type_name = spans);

\set doc `cat "$PG_ABS_SRCDIR/docs/types.md"`
CREATE TABLE types_doc AS
SELECT row_number() OVER (ORDER BY line)::int AS id, cell[1] AS type, cell[2] AS value, cell[3] AS json
FROM regexp_split_to_table(:'doc', E'\n') WITH ORDINALITY AS lines (text, line),
  regexp_match(text, '^\| `(.*?)` \| `(.*?)` \| `(.*)` \|') AS cell
WHERE cell IS NOT NULL;
SELECT count(*) > 100 AS many FROM types_doc;

-- Types of the server without a row. Nobody can read the last ones from text.
SELECT t.oid::regtype FROM pg_type t
WHERE t.oid < 16384 AND t.typtype IN ('b', 'r', 'm') AND t.typisdefined AND t.typname !~ '^_'
  AND t.oid NOT IN (SELECT type::regtype FROM types_doc)
ORDER BY t.typname COLLATE "C";

-- One table for each row; the session that writes has settings of its own.
CREATE SCHEMA types_map;
SELECT sequin.create_consumer('types_map', tables => '{types_map.*}') IS NOT NULL AS made;
SET lc_monetary = 'C';
DO $$
DECLARE doc types_doc;
BEGIN
  SET LOCAL datestyle = 'German'; SET LOCAL timezone = 'Asia/Tokyo'; SET LOCAL intervalstyle = 'sql_standard';
  SET LOCAL extra_float_digits = -10; SET LOCAL bytea_output = 'escape'; SET LOCAL lc_monetary = 'C';
  FOR doc IN SELECT * FROM types_doc ORDER BY id LOOP
    EXECUTE format('CREATE TABLE types_map.t%s (id int PRIMARY KEY, v %s)', doc.id, doc.type);
    EXECUTE format('INSERT INTO types_map.t%s VALUES (%s, %s)', doc.id, doc.id, doc.value);
  END LOOP;
END $$;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT json_agg(message) AS messages FROM sequin.receive('types_map', batch_size => 1000) \gset
CREATE TABLE types_got AS
SELECT message->'record' AS record, message->'metadata' AS metadata
FROM json_array_elements(:'messages') AS message;

-- The same number of messages as rows, each as the table says.
SELECT count(*) = (SELECT count(*) FROM types_doc) AS all_came FROM types_got;
SELECT doc.type, doc.value, doc.json, record->'v' AS got
FROM types_doc AS doc JOIN types_got ON (record->>'id')::int = doc.id
WHERE json IS DISTINCT FROM (record->'v')::text ORDER BY doc.id;

-- Made again by json_populate_record, it is the same value, byte by byte.
CREATE FUNCTION differs(id int, record json) RETURNS text LANGUAGE plpgsql AS $$
DECLARE same bool;
BEGIN
  SET LOCAL datestyle = 'German'; SET LOCAL timezone = 'Asia/Tokyo'; SET LOCAL intervalstyle = 'sql_standard';
  SET LOCAL lc_monetary = 'C'; SET LOCAL xmloption = 'document';
  EXECUTE format('SELECT t *= json_populate_record(NULL::types_map.t%s, $1) FROM types_map.t%s AS t', id, id)
    INTO same USING record;
  RETURN CASE WHEN same IS NOT TRUE THEN 'another value' END;
EXCEPTION WHEN others THEN
  RETURN sqlerrm;
END $$;
SELECT type, value, record->'v' AS json, differs
FROM types_doc AS doc JOIN types_got ON (record->>'id')::int = doc.id,
  differs(doc.id, record)
WHERE differs IS NOT NULL ORDER BY doc.id;
SELECT record, metadata->'json_null_columns' AS json_null_columns FROM types_got
WHERE metadata->'json_null_columns' IS NOT NULL OR metadata->'omitted_columns' IS NOT NULL
  OR metadata->'hex_columns' IS NOT NULL;

SELECT sequin.drop_consumer('types_map');
DROP SCHEMA types_map CASCADE;
DROP FUNCTION differs;
DROP TABLE types_doc, types_got;
DROP TYPE span, person, address;
DROP DOMAIN pair, positive;
DROP TYPE mood;
DROP EXTENSION cube, ltree, citext, hstore;

-- Backfills: in which order tables are read, and what becomes of it when the table changes meanwhile.
CREATE SCHEMA border;
CREATE FUNCTION border.wait(id uuid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE now_is text;
BEGIN
  LOOP
    SELECT concat_ws(' ', state, rows_read, rows_sent, error) INTO now_is FROM sequin.backfills b WHERE b.id = wait.id;
    EXIT WHEN now_is NOT LIKE 'running%' OR now_is IS NULL;
    PERFORM pg_sleep(0.01);
  END LOOP;
  RETURN now_is;
END
$$;
\set VERBOSITY terse

-- A type with an order of its own outside of pg_catalog, and a cast to one with another order: as an
-- only key, as a part of one, and with operators of several schemas
CREATE EXTENSION citext SCHEMA border;
CREATE TABLE border.ci (id border.citext PRIMARY KEY);
CREATE TABLE border.ci2 (a border.citext, b int, c border.citext, PRIMARY KEY (a, b, c));
INSERT INTO border.ci SELECT chr(CASE WHEN i % 2 = 0 THEN 65 ELSE 97 END + i / 2) || i FROM generate_series(0, 39) i;
INSERT INTO border.ci2 SELECT chr(CASE WHEN i % 2 = 0 THEN 65 ELSE 97 END + i / 8), i % 3, chr(CASE WHEN i % 2 = 1 THEN 65 ELSE 97 END + i) FROM generate_series(0, 29) i;
SELECT sequin.create_consumer('border_ci', tables => '{border.ci,border.ci2}') IS NOT NULL AS made;
SELECT sequin.backfill('border_ci', 'border.ci', chunk_rows => 3) AS id \gset
SELECT border.wait(:'id');
SELECT sequin.backfill('border_ci', 'border.ci2', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id');
SELECT sequin.backfill('border_ci', 'border.ci2', start_at => '{b,1}', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id') = 'done ' || n || ' ' || n AS as_many FROM (SELECT count(*) AS n FROM border.ci2 WHERE (a OPERATOR(border.>) 'b') OR (a OPERATOR(border.=) 'b' AND b >= 1)) x;

-- Values that sort in ways of their own
CREATE COLLATION border.odd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE border.edges (n numeric, t timestamptz, f float8, s text COLLATE border.odd, PRIMARY KEY (n, t, f, s));
INSERT INTO border.edges SELECT n, t, f, s FROM (VALUES ('NaN'::numeric), ('-Infinity'), (0)) a (n), (VALUES ('infinity'::timestamptz), ('-infinity'), ('4000-01-01 BC')) b (t),
  (VALUES ('NaN'::float8), ('-Infinity'), ('-0'), (1e-300)) c (f), (VALUES ('a'), ('B'), ('')) d (s);
SELECT sequin.create_consumer('border_edges', tables => '{border.edges}') IS NOT NULL AS made;
SELECT sequin.backfill('border_edges', 'border.edges', chunk_rows => 1) AS id \gset
SELECT border.wait(:'id');
SELECT count(*), count(DISTINCT message->>'record') FROM sequin.receive('border_edges', 1000);

-- start_at is read as the session reads it
CREATE TABLE border.times (at timestamptz PRIMARY KEY);
INSERT INTO border.times SELECT '2025-02-01 00:00:00+00'::timestamptz + i * interval '1 hour' FROM generate_series(-48, 48) i;
SELECT sequin.create_consumer('border_times', tables => '{border.times}') IS NOT NULL AS made;
SET timezone = 'Asia/Tokyo';
SET datestyle = 'ISO, DMY';
SELECT sequin.backfill('border_times', 'border.times', start_at => '{01/02/2025}') AS id \gset
SELECT border.wait(:'id') = 'done ' || n || ' ' || n AS as_many, n FROM (SELECT count(*) AS n FROM border.times WHERE at >= '01/02/2025') x;
RESET timezone;
RESET datestyle;

-- Limits
DO $$ BEGIN EXECUTE 'CREATE TABLE border.wide (id int PRIMARY KEY, ' || (SELECT string_agg('c' || i || ' int NOT NULL DEFAULT 0', ', ') FROM generate_series(1, 100) i) || ')'; END $$;
INSERT INTO border.wide SELECT generate_series(1, 10);
CREATE INDEX ON border.wide (c1);
SELECT sequin.create_consumer('border_wide', tables => '{border.wide}') IS NOT NULL AS made;
SELECT sequin.backfill('border_wide', 'border.wide', order_by => (SELECT array_agg('c' || i) FROM generate_series(1, 33) i));
SELECT sequin.backfill('border_wide', 'border.wide', order_by => '{c1,c2,c1}');
SELECT sequin.backfill('border_wide', 'border.wide', order_by => (SELECT array_agg('c' || i) FROM generate_series(1, 32) i), chunk_rows => 3) AS id \gset
SELECT border.wait(:'id');

-- A key that is changed meanwhile: the place would mean another one
CREATE TABLE border.moved (id int PRIMARY KEY, other int NOT NULL, stop int NOT NULL DEFAULT 1);
INSERT INTO border.moved SELECT i, 100 - i FROM generate_series(1, 10) i;
UPDATE border.moved SET stop = 0 WHERE id = 6;
SELECT sequin.create_consumer('border_moved', tables => '{border.moved}') IS NOT NULL AS made;
SELECT sequin.backfill('border_moved', 'border.moved', filter => '1 / stop = 1', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id');
UPDATE border.moved SET stop = 1;
ALTER TABLE border.moved DROP CONSTRAINT moved_pkey, ADD PRIMARY KEY (other);
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
ALTER TABLE border.moved DROP CONSTRAINT moved_pkey;
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
ALTER TABLE border.moved ALTER id TYPE text, ADD PRIMARY KEY (id);
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
-- The same columns under other names and in another index are the same order
ALTER TABLE border.moved DROP CONSTRAINT moved_pkey;
ALTER TABLE border.moved ALTER id TYPE int USING id::int;
ALTER TABLE border.moved RENAME id TO number;
ALTER TABLE border.moved ADD PRIMARY KEY (number);
ALTER TABLE border.moved RENAME TO moved_again;
SELECT sequin.alter_consumer('border_moved', tables => '{border.moved_again}') IS NOT NULL AS altered;
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
SELECT array_agg(coalesce(message->'record'->>'id', message->'record'->>'number') ORDER BY seq) AS ids FROM sequin.receive('border_moved', 100) WHERE message->>'action' = 'read';

-- Without a key it is read by blocks, and a key that comes meanwhile is no block
CREATE TABLE border.heap (id int NOT NULL, stop int NOT NULL DEFAULT 1, filler text);
ALTER TABLE border.heap ALTER filler SET STORAGE plain;
INSERT INTO border.heap SELECT i, 1, repeat('x', 3000) FROM generate_series(1, 20) i;
UPDATE border.heap SET stop = 0 WHERE id = 20;
SELECT sequin.create_consumer('border_heap', tables => '{border.heap}') IS NOT NULL AS made;
SELECT sequin.backfill('border_heap', 'border.heap', filter => '1 / stop = 1', chunk_rows => 1) AS id \gset
SELECT border.wait(:'id') LIKE 'failed%division by zero' AS failed;
SELECT position::text[] <> '{}' AS has_place FROM sequin.backfills WHERE id = :'id';
DELETE FROM border.heap WHERE id = 20;
ALTER TABLE border.heap ADD PRIMARY KEY (id);
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id') LIKE 'failed%the key of table border.heap was changed during its backfill' AS failed;

-- A column of order_by that may be NULL by now
CREATE TABLE border.nulls (id int PRIMARY KEY, at int NOT NULL, stop int NOT NULL DEFAULT 1);
CREATE INDEX ON border.nulls (at);
INSERT INTO border.nulls SELECT i, i FROM generate_series(1, 10) i;
UPDATE border.nulls SET stop = 0 WHERE id = 6;
SELECT sequin.create_consumer('border_nulls', tables => '{border.nulls}') IS NOT NULL AS made;
SELECT sequin.backfill('border_nulls', 'border.nulls', filter => '1 / stop = 1', order_by => '{at}', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id');
ALTER TABLE border.nulls ALTER at DROP NOT NULL;
UPDATE border.nulls SET stop = 1, at = nullif(at, 9);
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
DROP TABLE border.nulls;
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');

-- Children have no key of their own: equal values of order_by would be passed by
CREATE TABLE border.parent (id int PRIMARY KEY, at int NOT NULL);
CREATE TABLE border.child () INHERITS (border.parent);
CREATE INDEX ON border.parent (at);
CREATE INDEX ON border.child (at);
INSERT INTO border.parent SELECT i, i FROM generate_series(1, 3) i;
INSERT INTO border.child SELECT i, 5 FROM generate_series(11, 20) i;
SELECT sequin.create_consumer('border_children', tables => '{border.parent}', include_children => true) IS NOT NULL AS made;
SELECT sequin.backfill('border_children', 'border.parent', order_by => '{at}', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id');
SELECT sequin.backfill('border_children', 'border.parent', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id');

-- A partition that is detached while it is read belongs to the table no more, one that is dropped neither
CREATE TABLE border.parts (id int PRIMARY KEY, stop int NOT NULL DEFAULT 1) PARTITION BY RANGE (id);
CREATE TABLE border.parts_1 PARTITION OF border.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE border.parts_2 PARTITION OF border.parts FOR VALUES FROM (10) TO (20);
CREATE TABLE border.parts_3 PARTITION OF border.parts FOR VALUES FROM (20) TO (30);
INSERT INTO border.parts SELECT i FROM generate_series(0, 29) i;
UPDATE border.parts SET stop = 0 WHERE id IN (5, 15);
SELECT sequin.create_consumer('border_parts', tables => '{border.parts}') IS NOT NULL AS made;
SELECT sequin.backfill('border_parts', 'border.parts', filter => '1 / stop = 1', chunk_rows => 2) AS id \gset
SELECT border.wait(:'id');
ALTER TABLE border.parts DETACH PARTITION border.parts_1;
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
DROP TABLE border.parts_2;
SELECT sequin.resume_backfill(:'id');
SELECT border.wait(:'id');
SELECT array_agg(message->'record'->'id' ORDER BY seq) AS ids FROM sequin.receive('border_parts', 100) WHERE message->>'action' = 'read';

-- More tables than fit anywhere: backfills and replays of all of them
DO $$ BEGIN FOR i IN 1..150 LOOP EXECUTE format('CREATE TABLE border.many_%s (id int PRIMARY KEY)', i); EXECUTE format('INSERT INTO border.many_%s VALUES (%s)', i, i); END LOOP; END $$;
SELECT sequin.create_consumer('border_many', tables => (SELECT array_agg('border.many_' || i) FROM generate_series(1, 150) i), start => 'beginning') IS NOT NULL AS made;
SELECT count(*) FROM sequin.backfills WHERE consumer = 'border_many' AND border.wait(id) = 'done 1 1';
SELECT sequin.replay('border_many', rows_per_second => 0) AS id \gset
DO $$ BEGIN WHILE EXISTS (SELECT FROM sequin.replays WHERE consumer = 'border_many' AND state = 'running') LOOP PERFORM pg_sleep(0.01); COMMIT; END LOOP; END $$;
SELECT count(*), count(DISTINCT message->'metadata'->>'table_name') AS tables, count(*) FILTER (WHERE 'many_' || (message->'record'->>'id') = message->'metadata'->>'table_name') AS right_table
FROM sequin.receive('border_many', 1000);
SELECT state FROM sequin.status;

SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'border%';
SET client_min_messages = warning;
DROP SCHEMA border CASCADE;

-- Each mistake in a declaration has its own SQLSTATE, message and hint. Nothing here starts capture.
SET client_min_messages = warning;
CREATE SCHEMA consumer_errors;
SET search_path = consumer_errors;
CREATE TABLE t (id int PRIMARY KEY, a text, "Odd Name" text);
CREATE TABLE "Odd.Table" (id int PRIMARY KEY);
CREATE VIEW v AS SELECT 1 AS x;
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x;
CREATE SEQUENCE s;
CREATE UNLOGGED TABLE u (id int);
CREATE TABLE root (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE leaf PARTITION OF root FOR VALUES FROM (0) TO (10);
-- What an error says, without its place in the statement.
CREATE FUNCTION attempt(statement text) RETURNS TABLE (state text, message text, detail text, hint text)
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  state := 'no error';
  RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
    detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN NEXT;
END
$$;
CREATE FUNCTION attempt_create(arguments text)
RETURNS TABLE (state text, message text, detail text, hint text)
LANGUAGE sql AS $$ SELECT * FROM consumer_errors.attempt('SELECT sequin.create_consumer(' || arguments || ')') $$;
\x on

-- Names
SELECT * FROM attempt_create($$ NULL $$);
SELECT * FROM attempt_create($$ '' $$);
SELECT * FROM attempt_create($$ 'two words' $$);
SELECT * FROM attempt_create($$ 'größe' $$);
SELECT * FROM attempt_create($$ repeat('x', 64) $$);
SELECT * FROM attempt_create($$ '0a0b0c0d-0000-4000-8000-000000000000' $$);

-- Tables
SELECT * FROM attempt_create($$ 'c', tables => '{}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{NULL}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{t}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{*.t}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{db.consumer_errors.t}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t*}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.two words}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.nothing}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.Odd.Table}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{nowhere.t}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{nowhere.*}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.v}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.mv}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.s}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.u}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.leaf}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{pg_catalog.pg_class}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{sequin.consumer}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{information_schema.sql_parts}' $$);

-- Actions
SELECT * FROM attempt_create($$ 'c', actions => '{upsert}' $$);
SELECT * FROM attempt_create($$ 'c', actions => '{}' $$);

-- URLs and headers
SELECT * FROM attempt_create($$ 'c', push_url => '' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'ftp://example.com' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http:///hook' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'https://me:secret@example.com/' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_headers => '[]' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_headers => '{"X": 1}' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_headers => '{"X Y": "1"}' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_headers => '{"X": "1\r\nHost: b"}' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_headers => '{"Webhook-Id": "1"}' $$);
SELECT * FROM attempt_create($$ 'c', push_headers => '{"X": "1"}' $$);
SELECT * FROM attempt_create($$ 'c', push_batch_size => 10 $$);

-- Numbers
SELECT * FROM attempt_create($$ 'c', visibility_timeout => '0' $$);
SELECT * FROM attempt_create($$ 'c', visibility_timeout => '1 day' $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_timeout => '2 hours' $$);
SELECT * FROM attempt_create($$ 'c', backoff_base => '-1 s' $$);
SELECT * FROM attempt_create($$ 'c', backoff_base => '1 min', backoff_max => '1 s' $$);
SELECT * FROM attempt_create($$ 'c', max_deliver => -1 $$);
SELECT * FROM attempt_create($$ 'c', max_in_flight => -1 $$);
SELECT * FROM attempt_create($$ 'c', push_url => 'http://a/', push_batch_size => 1001 $$);
SELECT * FROM attempt_create($$ 'c', annotations => '"x"' $$);

-- Filters and group columns name the table that they do not fit
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t}', filter => 'new.b = 1' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.*}', filter => 'new.a = ''x''' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t}', filter => 'a = ''x''' $$);
SELECT * FROM attempt_create($$ 'c', filter => repeat(' ', 20000) $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t}', group_columns => '{b}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t}', group_columns => '{ctid}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t}', group_columns => '{id,id}' $$);
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors.t}', group_columns => '{"Odd Name"}' $$);
-- Also when no table matches yet, the text must be one expression
CREATE SCHEMA consumer_errors_empty;
SELECT * FROM attempt_create($$ 'c', tables => '{consumer_errors_empty.*}', filter => 'true; DROP TABLE t' $$);

-- Unknown consumers
SELECT * FROM attempt($$ SELECT sequin.alter_consumer('nobody', status => 'paused') $$);
SELECT * FROM attempt($$ SELECT sequin.drop_consumer('nobody') $$);
SELECT * FROM attempt($$ SELECT sequin.drop_consumer('0a0b0c0d-0000-4000-8000-000000000000') $$);
SELECT * FROM attempt($$ SELECT sequin.drop_consumer(NULL) $$);
SELECT * FROM attempt($$ SELECT sequin.grant_consumer('nobody', 'pg_monitor') $$);

SELECT count(*) FROM sequin.consumer WHERE name = 'c';
DROP SCHEMA consumer_errors, consumer_errors_empty CASCADE;

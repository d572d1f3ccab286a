-- Which columns are in messages, and in which form: each form of a change is one row of the log,
-- shared by the consumers that want it so.
SELECT sequin.start();
CREATE SCHEMA cap_col;
CREATE TABLE cap_col.people (id int PRIMARY KEY, name text, secret text, team int NOT NULL, pay numeric);
ALTER TABLE cap_col.people REPLICA IDENTITY FULL;
CREATE TABLE cap_col.notes (code text PRIMARY KEY, body text);
CREATE FUNCTION cap_col.make(name text, tables text[] DEFAULT '{cap_col.people}', columns text[] DEFAULT NULL,
  exclude_columns text[] DEFAULT NULL, number_format text DEFAULT 'standard', group_columns text[] DEFAULT NULL,
  table_options jsonb DEFAULT '{}') RETURNS bool LANGUAGE sql AS $$
  SELECT sequin.create_consumer(name, tables => tables, columns => columns, exclude_columns => exclude_columns,
    number_format => number_format, group_columns => group_columns, table_options => table_options) IS NOT NULL $$;
\set got 'SELECT message->>''action'' AS action, message->''record'' AS record, message->''changes'' AS changes, message->''metadata''->''record_pks'' AS pks, message->''metadata''->''old_record_pks'' AS old_pks, group_key FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'

SELECT cap_col.make('c_all'), cap_col.make('c_same'), cap_col.make('c_names', columns => '{id,name}'),
       cap_col.make('c_hidden', exclude_columns => '{secret,id}'),
       cap_col.make('c_numbers', number_format => 'number'),
       cap_col.make('c_strings', columns => '{id,pay}', number_format => 'string'),
       cap_col.make('c_team', columns => '{name}', group_columns => '{team}'),
       cap_col.make('c_options', tables => '{cap_col.*}', exclude_columns => '{secret}', table_options =>
         '{"cap_col.notes": {"columns": ["body"], "group_columns": []},
           "cap_col.people": {"group_columns": ["team", "name"]}}');
BEGIN;
INSERT INTO cap_col.people VALUES (1, 'Ann', 'x', 7, 12.50);
UPDATE cap_col.people SET name = 'Anna', secret = 'y', id = 2;
DELETE FROM cap_col.people;
COMMIT;
INSERT INTO cap_col.notes VALUES ('n1', 'text');
SELECT sequin.sync() IS NOT NULL AS synced;
-- One row for each form; c_all and c_same share theirs. With the index of the change it is unique.
SELECT format('sequin.log_%s', max(no)) AS log FROM sequin.segment \gset
SELECT count(*) AS rows, count(DISTINCT (commit_lsn, commit_idx, form)) AS different,
       count(DISTINCT form) AS forms, count(DISTINCT commit_idx) AS changes
  FROM :log WHERE record LIKE '%"Ann%';
\set c c_all
:got
\set c c_same
:got
\set c c_names
:got
-- The key stays the identity of the row, also when its columns are left out.
\set c c_hidden
:got
\set c c_numbers
:got
\set c c_strings
:got
-- The name of the group is that of the row's columns, also when they are left out.
\set c c_team
:got
\set c c_options
:got
SELECT sequin.drop_consumer(name) FROM sequin.consumers;

-- What is wrong with columns and table_options.
SELECT cap_col.make('c', columns => '{id,nme}');
SELECT cap_col.make('c', exclude_columns => '{Secret}');
SELECT cap_col.make('c', columns => '{id}', exclude_columns => '{secret}');
SELECT cap_col.make('c', tables => '{cap_col.*}', columns => '{id,name}');
SELECT cap_col.make('c', tables => '{cap_col.*}', exclude_columns => '{secret,body}') AS fits_together;
SELECT sequin.drop_consumer('c');
SELECT cap_col.make('c', table_options => '{"cap_col.notes": {}}');
SELECT cap_col.make('c', tables => '{cap_col.*}', table_options => '{"cap_col.note": {}}');
SELECT cap_col.make('c', table_options => '{"people": {}}');
SELECT cap_col.make('c', table_options => '{"cap_col.*": {}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": []}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"column": ["id"]}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"columns": "id"}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"columns": [1]}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"filter": 1}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"filter": "new.nme = 1"}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"exclude_columns": ["nme"]}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {"columns": ["id"], "exclude_columns": ["name"]}}');
SELECT cap_col.make('c', table_options => '{"cap_col.people": {}, "CAP_COL.People": {}}');
SELECT sequin.create_consumer('c', tables => '{}');
SELECT sequin.create_consumer('c', table_options => '[]');
-- Names are kept as SQL writes them.
SELECT cap_col.make('c', table_options => '{"CAP_COL.People": {"columns": ["id"], "filter": null}}');
SELECT table_options FROM sequin.consumer;
-- A filter for one table, none for the other.
SELECT sequin.alter_consumer('c', tables => '{cap_col.*}', filter => 'new.body = ''x''',
  table_options => '{"cap_col.people": {"filter": "new.team = 1", "columns": ["id"]}}');
SELECT sequin.alter_consumer('c', table_options => '{}');
INSERT INTO cap_col.people VALUES (3, 'Bob', NULL, 1, 1), (4, 'Cid', NULL, 2, 1);
INSERT INTO cap_col.notes VALUES ('n2', 'x'), ('n3', 'y');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c c
:got
SELECT sequin.drop_consumer('c');

-- A role that may read some columns gets exactly those, and what it cannot read it cannot name.
CREATE ROLE cap_col_reader;
GRANT sequin_admin TO cap_col_reader;
GRANT USAGE ON SCHEMA cap_col TO cap_col_reader;
GRANT SELECT (name, team) ON cap_col.people TO cap_col_reader;
SET ROLE cap_col_reader;
SELECT cap_col.make('c', columns => '{name,secret}');
SELECT cap_col.make('c', group_columns => '{id}');
SELECT cap_col.make('c', tables => '{cap_col.notes}');
SELECT cap_col.make('c'), cap_col.make('c_group', group_columns => '{team}');
RESET ROLE;
SELECT cap_col.make('c_all');
INSERT INTO cap_col.people VALUES (5, 'Dan', 'x', 7, 12.50);
UPDATE cap_col.people SET id = 6, name = 'Don' WHERE id = 5;
GRANT SELECT (id) ON cap_col.people TO cap_col_reader;
REVOKE SELECT (team) ON cap_col.people FROM cap_col_reader;
UPDATE cap_col.people SET id = 7 WHERE id = 6;
GRANT SELECT ON cap_col.people TO cap_col_reader;
DELETE FROM cap_col.people WHERE id = 7;
REVOKE ALL ON cap_col.people FROM cap_col_reader;
INSERT INTO cap_col.people VALUES (8, 'Eve', 'x', 7, 12.50);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c c
:got
\set c c_group
:got
SELECT count(*) FROM sequin.receive('c_all', batch_size => 100);
SELECT sequin.drop_consumer(name) FROM sequin.consumers;

-- Rights that come by way of another role end with the membership.
CREATE ROLE cap_col_group;
GRANT SELECT ON cap_col.people TO cap_col_group;
GRANT cap_col_group TO cap_col_reader;
SET ROLE cap_col_reader;
SELECT cap_col.make('c');
RESET ROLE;
INSERT INTO cap_col.people VALUES (20, 'member', 'x', 7, 1);
REVOKE cap_col_group FROM cap_col_reader;
INSERT INTO cap_col.people VALUES (21, 'no member', 'x', 7, 1);
ALTER ROLE cap_col_reader SUPERUSER;
INSERT INTO cap_col.people VALUES (22, 'superuser', 'x', 7, 1);
ALTER ROLE cap_col_reader NOSUPERUSER;
INSERT INTO cap_col.people VALUES (23, 'nobody', 'x', 7, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c c
:got
SELECT sequin.drop_consumer('c');
DROP OWNED BY cap_col_group;
DROP ROLE cap_col_group;

-- Columns that are dropped or renamed are simply not there; a name that comes back is.
SELECT cap_col.make('c', columns => '{id,name}'), cap_col.make('c_not', exclude_columns => '{name}', columns => '{}');
ALTER TABLE cap_col.people RENAME name TO called;
INSERT INTO cap_col.people VALUES (9, 'Fay', 'x', 7, 1);
ALTER TABLE cap_col.people ADD name text;
INSERT INTO cap_col.people VALUES (10, 'Gil', 'x', 7, 1, 'new');
ALTER TABLE cap_col.people DROP COLUMN id, DROP COLUMN name;
INSERT INTO cap_col.people VALUES ('Hal', 'x', 7, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c c
:got
\set c c_not
:got
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_col CASCADE;
DROP ROLE cap_col_reader;

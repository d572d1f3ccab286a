-- Generated columns whose values are not stored (as of 18; on older servers they are, here): not in the record, but
-- filters may use them.
SELECT sequin.start();
SELECT CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'VIRTUAL' ELSE 'STORED' END AS kind,
       current_setting('server_version_num')::int >= 180000 AS virtual \gset
CREATE TABLE virtual_columns (
  id int PRIMARY KEY, n int, doubled int GENERATED ALWAYS AS (n * 2) :kind,
  name text, upper_name text GENERATED ALWAYS AS (upper(name)) :kind);
ALTER TABLE virtual_columns REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('virtual_plain', tables => '{public.virtual_columns}') IS NOT NULL AS made;
SELECT sequin.create_consumer('virtual_new', tables => '{public.virtual_columns}',
  filter => $$ new.doubled > 4 OR upper_name = 'ANN' $$) IS NOT NULL AS made;
SELECT sequin.create_consumer('virtual_old', tables => '{public.virtual_columns}',
  filter => $$ old.doubled IS DISTINCT FROM new.doubled $$) IS NOT NULL AS made;
SELECT sequin.create_consumer('virtual_row', tables => '{public.virtual_columns}', actions => '{update}',
  filter => $$ new = ROW(3, 7, 14, 'cid'::text, 'CID'::text) $$) IS NOT NULL AS made;
-- What only reads stored values refuses them.
CREATE FUNCTION pg_temp.outcome(options text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SELECT sequin.create_consumer(''virtual_refused'', tables => ''{public.virtual_columns}'', %s)', options);
  PERFORM sequin.drop_consumer('virtual_refused');
  RETURN 'made';
EXCEPTION WHEN feature_not_supported THEN RETURN SQLERRM;
END $$;
SELECT pg_temp.outcome($$group_columns => '{doubled}'$$) = CASE WHEN :'virtual'
  THEN 'group column doubled of table public.virtual_columns is a virtual generated column' ELSE 'made' END AS by_group,
       pg_temp.outcome($$columns => '{id,doubled}'$$) = CASE WHEN :'virtual'
  THEN 'column doubled of table public.virtual_columns is a virtual generated column' ELSE 'made' END AS by_columns;
INSERT INTO virtual_columns VALUES (1, 1, DEFAULT, 'ann'), (2, 2, DEFAULT, 'bob'), (3, 3, DEFAULT, 'cid');
UPDATE virtual_columns SET n = 1 WHERE id = 1;
UPDATE virtual_columns SET n = 7 WHERE id = 3;
DELETE FROM virtual_columns WHERE id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;

SELECT message->>'action' AS action, (message->'record')::jsonb - '{doubled,upper_name}'::text[] AS record,
       NULLIF((message->'changes')::jsonb, 'null') - '{doubled,upper_name}'::text[] AS changes,
       ((message->'record')::jsonb ? 'doubled') <> :'virtual' AS stored_if_not_virtual
  FROM sequin.receive('virtual_plain', batch_size => 100) ORDER BY seq;
SELECT message->>'action' AS action, message->'record'->'id' AS id
  FROM sequin.receive('virtual_new', batch_size => 100) ORDER BY seq;
SELECT message->>'action' AS action, message->'record'->'id' AS id
  FROM sequin.receive('virtual_old', batch_size => 100) ORDER BY seq;
SELECT message->>'action' AS action, message->'record'->'id' AS id
  FROM sequin.receive('virtual_row', batch_size => 100) ORDER BY seq;
SELECT count(*) AS dead_letters FROM sequin.dead_letter WHERE consumer IN
  (SELECT id FROM sequin.consumer WHERE name LIKE 'virtual%');
SELECT sequin.drop_consumer(name) FROM sequin.consumer WHERE name LIKE 'virtual%';
DROP TABLE virtual_columns;

-- Declarations as JSON, names, and consumers of another home.
CREATE TABLE consumer_sync (id int PRIMARY KEY, n int);
ALTER TABLE consumer_sync REPLICA IDENTITY FULL;
SELECT sequin.start();
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.consumer_sync"]}');
SELECT jsonb_pretty(sequin.consumer_definition('consumer_sync'));
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.consumer_sync"]}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.consumer_sync"], "actions": ["update", "insert"],
  "filter": "n > 1", "max_deliver": 5, "backoff": ["1 s", "1 min"], "visibility_timeout": "00:01:00", "group_columns": ["n"],
  "annotations": {"team": "x"}, "include_children": true, "max_in_flight": null}');
-- The same, written otherwise.
SELECT * FROM sequin.sync_consumer('{"visibility_timeout": "60 s", "tables": ["\"public\".\"consumer_sync\""], "name": "consumer_sync",
  "filter": "n > 1", "max_deliver": 5, "backoff": ["1000 ms", "60 s"], "group_columns": ["n"], "actions": ["insert", "update", "insert"],
  "annotations": {"team": "x"}, "include_children": true}');
-- What is missing goes back to its default, but an operator's pause stays.
SELECT sequin.alter_consumer('consumer_sync', status => 'paused');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.consumer_sync"]}');
SELECT status, filter, max_deliver, backoff_ms, group_columns, annotations FROM sequin.consumers WHERE name = 'consumer_sync';
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.consumer_sync"], "status": "active"}');
-- There and back.
SELECT * FROM sequin.sync_consumer(sequin.consumer_definition('consumer_sync'));
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync_push", "tables": ["public.consumer_sync"], "push_url": "http://127.0.0.1:9/",
  "push_headers": {"X-Team": "x"}, "push_timeout": "5 s", "push_batch_size": 10, "order_mode": "none"}');
SELECT max_deliver FROM sequin.consumers WHERE name = 'consumer_sync_push';
SELECT * FROM sequin.sync_consumer(sequin.consumer_definition('consumer_sync_push'));
SELECT * FROM sequin.sync_consumer(sequin.consumer_definition('consumer_sync_push') || '{"push_url": "http://127.0.0.1:10/", "push_headers": {}}');

-- Refusals: nothing is changed.
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tabels": ["public.consumer_sync"]}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "destination": 1}');
SELECT * FROM sequin.sync_consumer('{"tables": ["public.consumer_sync"]}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": "public.consumer_sync"}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": [1]}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "max_deliver": "5"}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "max_deliver": 99999999999}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "visibility_timeout": 30}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "visibility_timeout": "soon"}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "include_children": "yes"}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "push_url": "http://127.0.0.1:9/"}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "backoff": ["1 s"], "backoff_base": "1 s"}');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.nowhere"]}');
SELECT * FROM sequin.sync_consumer('["consumer_sync"]');
SELECT * FROM sequin.sync_consumer('{"name": "consumer_sync", "tables": ["public.consumer_sync"]}');

-- Another name: the messages stay.
INSERT INTO consumer_sync VALUES (1, 1), (2, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ack_id FROM sequin.receive('consumer_sync', 1) \gset
SELECT sequin.rename_consumer('consumer_sync', 'consumer_sync_2');
SELECT result FROM sequin.ack('consumer_sync_2', ARRAY[:'ack_id'::uuid]);
SELECT result FROM sequin.ack('consumer_sync', ARRAY[:'ack_id'::uuid]);
SELECT message #>> '{metadata,consumer,name}' AS consumer FROM sequin.receive('consumer_sync_2', 10);
SELECT sequin.rename_consumer('consumer_sync_2', 'consumer_sync_2');
SELECT sequin.rename_consumer('consumer_sync_2', 'consumer_sync_push');
SELECT sequin.rename_consumer('consumer_sync_2', 'not a name');
SELECT sequin.rename_consumer('consumer_sync_2', NULL);
SELECT sequin.rename_consumer('consumer_sync', 'consumer_sync_3');
SELECT sequin.rename_consumer('consumer_sync_push', 'consumer_sync_push_2');
SELECT c.name = e.name AS endpoint_too FROM sequin.consumer c JOIN sequin.endpoint e ON e.id = c.endpoint WHERE c.name = 'consumer_sync_push_2';

-- In another database it is paused, and says why, until it is made active there.
UPDATE sequin.consumer SET home = '1:1' WHERE name LIKE 'consumer\_sync%';
INSERT INTO consumer_sync VALUES (3, 1);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT name, status, status_reason FROM sequin.consumers WHERE name LIKE 'consumer\_sync%' ORDER BY name;
SELECT name, status FROM sequin.agent_consumers() WHERE name LIKE 'consumer\_sync%' ORDER BY name;
SELECT count(*) FROM sequin.receive('consumer_sync_2', 10);
SELECT sequin.alter_consumer('consumer_sync_2', max_in_flight => 5);
SELECT status FROM sequin.consumers WHERE name = 'consumer_sync_2';
SELECT sequin.alter_consumer('consumer_sync_2', status => 'active');
SELECT status, status_reason FROM sequin.consumers WHERE name = 'consumer_sync_2';
SELECT count(*) FROM sequin.receive('consumer_sync_2', 10);
SELECT * FROM sequin.sync_consumer(sequin.consumer_definition('consumer_sync_push_2') - 'status');
SELECT * FROM sequin.sync_consumer(sequin.consumer_definition('consumer_sync_push_2') || '{"status": "active"}');
SELECT status FROM sequin.consumers WHERE name = 'consumer_sync_push_2';
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'consumer\_sync%';
DROP TABLE consumer_sync;

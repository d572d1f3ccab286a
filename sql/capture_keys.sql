-- Keys and groups under each replica identity: what record_pks and old_record_pks say, and what
-- waits for what. A message of another group may be received while one is out; a barrier may not.
SELECT sequin.start();
CREATE SCHEMA cap_key;
\set got 'SELECT message->''metadata''->>''table_name'' AS "table", message->>''action'' AS action, message->''record'' AS record, message->''changes'' AS changes, message->''metadata''->''record_pks'' AS pks, message->''metadata''->''old_record_pks'' AS old_pks, group_key FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'

-- Composite, deferrable, none; the columns of a key in its own order.
CREATE TABLE cap_key.composite (b int, a text, v int, PRIMARY KEY (a, b));
CREATE TABLE cap_key.deferrable (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v int);
CREATE TABLE cap_key.none (v int);
ALTER TABLE cap_key.none REPLICA IDENTITY FULL;
CREATE TABLE cap_key.covering (id int, v int, PRIMARY KEY (id) INCLUDE (v));
SELECT sequin.create_consumer('k', tables => '{cap_key.*}') IS NOT NULL AS made;
INSERT INTO cap_key.composite VALUES (1, 'x', 1);
UPDATE cap_key.composite SET b = 2;
UPDATE cap_key.composite SET v = 2;
DELETE FROM cap_key.composite;
INSERT INTO cap_key.deferrable VALUES (1, 1), (2, 2);
UPDATE cap_key.deferrable SET id = 3 - id;
DELETE FROM cap_key.deferrable;
INSERT INTO cap_key.none VALUES (1), (1);
UPDATE cap_key.none SET v = 2;
DELETE FROM cap_key.none;
INSERT INTO cap_key.covering VALUES (1, 1);
UPDATE cap_key.covering SET id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c k
:got
SELECT sequin.drop_consumer('k');

-- A change of the key has two groups: it waits for what is out of the old key, and what comes of
-- either key waits for it. So under each identity that has the old key.
CREATE TABLE cap_key.moved (id int PRIMARY KEY, code int NOT NULL UNIQUE, v int);
SELECT sequin.create_consumer('k', tables => '{cap_key.moved}') IS NOT NULL AS made;
CREATE PROCEDURE cap_key.move() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO cap_key.moved VALUES (1, 1, 1), (5, 5, 5);
  COMMIT;
  UPDATE cap_key.moved SET id = 2, code = 2 WHERE id = 1;
  COMMIT;
  UPDATE cap_key.moved SET v = 2 WHERE id = 2;
  COMMIT;
  UPDATE cap_key.moved SET v = 6 WHERE id = 5;
  COMMIT;
  DELETE FROM cap_key.moved WHERE id = 2;
  DELETE FROM cap_key.moved WHERE id = 5;
  COMMIT;
END $$;
CALL cap_key.move();
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT ack_id AS first, group_key FROM sequin.receive('k', batch_size => 1) \gset
SELECT message->>'action' AS action, message->'metadata'->'record_pks' AS pks, message->'metadata'->'old_record_pks' AS old_pks
  FROM sequin.receive('k', batch_size => 10) ORDER BY seq;
SELECT result FROM sequin.ack('k', ARRAY[:'first'::uuid]);
SELECT message->>'action' AS action, message->'metadata'->'record_pks' AS pks, message->'metadata'->'old_record_pks' AS old_pks
  FROM sequin.receive('k', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('k');
SELECT sequin.create_consumer('k', tables => '{cap_key.moved}') IS NOT NULL AS made;
ALTER TABLE cap_key.moved REPLICA IDENTITY FULL;
CALL cap_key.move();
ALTER TABLE cap_key.moved REPLICA IDENTITY USING INDEX moved_code_key;
CALL cap_key.move();
-- Without the old key an update goes by the new one, and a delete by none: it is a barrier.
ALTER TABLE cap_key.moved REPLICA IDENTITY NOTHING;
CALL cap_key.move();
SELECT sequin.sync() IS NOT NULL AS synced;
:got
SELECT sequin.drop_consumer('k');

-- Group columns that leave the replica identity: an update may come from any group, a delete is of
-- an unknown one, so both wait for all that is out and hold back all that follows. An insert does not.
CREATE TABLE cap_key.teams (id int PRIMARY KEY, team int, v int);
ALTER TABLE cap_key.teams REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('k', tables => '{cap_key.teams}', group_columns => '{team}') IS NOT NULL AS made;
INSERT INTO cap_key.teams VALUES (1, 1, 0), (2, 2, 0);
ALTER TABLE cap_key.teams REPLICA IDENTITY DEFAULT;
INSERT INTO cap_key.teams VALUES (3, 3, 0);
UPDATE cap_key.teams SET team = 1 WHERE id = 2;
INSERT INTO cap_key.teams VALUES (4, 4, 0);
DELETE FROM cap_key.teams WHERE id = 3;
INSERT INTO cap_key.teams VALUES (5, 5, 0);
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS acks, string_agg(message->>'action' || ' ' || (message->'record'->>'id') || ' ' || coalesce(group_key, '-'), ', ' ORDER BY seq) AS got FROM sequin.receive('k', batch_size => 10) \gset one_
\echo :one_got
SELECT count(*) FROM sequin.receive('k', batch_size => 10);
SELECT count(*) FROM sequin.ack('k', :'one_acks') WHERE result = 'ACKED';
SELECT array_agg(ack_id) AS acks, string_agg(message->>'action' || ' ' || (message->'record'->>'id') || ' ' || coalesce(group_key, '-'), ', ' ORDER BY seq) AS got FROM sequin.receive('k', batch_size => 10) \gset two_
\echo :two_got
SELECT count(*) FROM sequin.ack('k', :'two_acks') WHERE result = 'ACKED';
SELECT array_agg(ack_id) AS acks, string_agg(message->>'action' || ' ' || (message->'record'->>'id') || ' ' || coalesce(group_key, '-'), ', ' ORDER BY seq) AS got FROM sequin.receive('k', batch_size => 10) \gset three_
\echo :three_got
SELECT count(*) FROM sequin.ack('k', :'three_acks') WHERE result = 'ACKED';
SELECT array_agg(ack_id) AS acks, string_agg(message->>'action' || ' ' || (message->'record'->>'id') || ' ' || coalesce(group_key, '-'), ', ' ORDER BY seq) AS got FROM sequin.receive('k', batch_size => 10) \gset four_
\echo :four_got
SELECT count(*) FROM sequin.ack('k', :'four_acks') WHERE result = 'ACKED';
SELECT message->>'action' AS action, group_key FROM sequin.receive('k', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('k');

-- So with a group column whose large value the WAL does not repeat.
CREATE TABLE cap_key.large (id int PRIMARY KEY, team text, v int);
ALTER TABLE cap_key.large ALTER team SET STORAGE EXTERNAL;
ALTER TABLE cap_key.large REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('k', tables => '{cap_key.large}', group_columns => '{team}') IS NOT NULL AS made;
INSERT INTO cap_key.large VALUES (1, repeat('a', 3000), 0), (2, repeat('b', 3000), 0);
UPDATE cap_key.large SET v = 1;
ALTER TABLE cap_key.large REPLICA IDENTITY DEFAULT;
UPDATE cap_key.large SET v = 2 WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS acks, string_agg(message->>'action' || ' ' || (message->'record'->>'id') || ' ' || left(group_key, 4), ', ' ORDER BY seq) AS got FROM sequin.receive('k', batch_size => 10) \gset
\echo :got
SELECT count(*) FROM sequin.ack('k', :'acks') WHERE result = 'ACKED';
SELECT message->>'action' AS action, message->'metadata'->'unchanged_columns' AS unchanged, group_key
  FROM sequin.receive('k', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('k');
DROP SCHEMA cap_key CASCADE;

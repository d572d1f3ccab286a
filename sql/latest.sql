-- mode latest: of each key only the newest message that is pending.
SELECT sequin.start();
CREATE TABLE latest_rows (id int PRIMARY KEY, v text);
CREATE TABLE latest_others (id int PRIMARY KEY, v text);
SELECT sequin.create_consumer('l_rows', tables => '{public.latest_rows,public.latest_others}', mode => 'latest',
                              visibility_timeout => '1 h') IS NOT NULL AS made;
INSERT INTO latest_rows SELECT i, 'first' FROM generate_series(1, 3) i;
INSERT INTO latest_others VALUES (1, 'other');
UPDATE latest_rows SET v = 'second' WHERE id <= 2;
UPDATE latest_rows SET v = 'third' WHERE id = 1;
DELETE FROM latest_rows WHERE id = 3;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, message->'metadata'->>'table_name' AS "table", group_key, message->'record'->>'v' AS v
  FROM sequin.receive('l_rows', 10);
-- All of them are in flight: what comes now waits, and of it only the newest is delivered.
UPDATE latest_rows SET v = 'fourth' WHERE id = 1;
UPDATE latest_rows SET v = 'fifth' WHERE id = 1;
INSERT INTO latest_rows VALUES (4, 'new');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT group_key, message->'record'->>'v' AS v FROM sequin.receive('l_rows', 10);
UPDATE latest_rows SET v = 'sixth' WHERE id = 1;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) FROM sequin.receive('l_rows', 10);
-- The ids of what is out, from what is stored.
CREATE FUNCTION latest_ids(consumer text) RETURNS uuid[] LANGUAGE sql AS $$
  SELECT array_agg((lpad(to_hex(c.no), 12, '0') || '8' || lpad(to_hex(pos >> 4), 3, '0') ||
                    to_hex((1::bigint << 63) | ((pos & 15)::bigint << 58) | c.nonce))::uuid ORDER BY c.no, pos)
  FROM sequin.claim c, generate_series(0, c.n - 1) pos
  WHERE c.consumer = (SELECT id FROM sequin.consumer WHERE name = $1)
    AND NOT EXISTS (SELECT FROM sequin.settle s WHERE s.consumer = c.consumer AND s.no = c.no AND s.pos IN (pos, -1))
$$;
-- A refused message is not delivered again when a newer one waits, and its delay is nobody's.
SELECT result, count(*) FROM sequin.nack('l_rows', latest_ids('l_rows'), delay => '1 h') GROUP BY 1;
SELECT group_key, message->'record'->>'v' AS v, deliver_count FROM sequin.receive('l_rows', 10);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'l_rows';
UPDATE latest_rows SET v = 'seventh' WHERE id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT group_key, message->'record'->>'v' AS v FROM sequin.receive('l_rows', 10);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'l_rows';
-- A key that is changed: the change is delivered, earlier messages of the old key are not.
SELECT count(*) FROM sequin.ack('l_rows', latest_ids('l_rows'));
UPDATE latest_others SET v = 'before';
UPDATE latest_others SET id = 2;
UPDATE latest_others SET v = 'after';
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT group_key, message->'record'->>'v' AS v, message->'metadata'->'old_record_pks' AS old FROM sequin.receive('l_rows', 10);
SELECT group_key, message->'record'->>'v' AS v FROM sequin.receive('l_rows', 10);
-- A truncate does not wait for what was superseded, though that rests for long: it is the next message.
SELECT sequin.create_consumer('l_emptied', tables => '{public.latest_others}', mode => 'latest') IS NOT NULL AS made;
UPDATE latest_others SET v = 'fails';
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'v' AS v FROM sequin.receive('l_emptied', 10);
SELECT result FROM sequin.nack('l_emptied', latest_ids('l_emptied'), delay => '1 h');
SELECT count(*) FROM sequin.receive('l_emptied', 10);
TRUNCATE latest_others;
INSERT INTO latest_others VALUES (2, 'again');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action FROM sequin.receive('l_emptied', 10);
SELECT ready, in_flight, parked FROM sequin.consumers WHERE name = 'l_emptied';
SELECT result FROM sequin.ack('l_emptied', latest_ids('l_emptied'));
SELECT message->'record'->>'v' AS v FROM sequin.receive('l_emptied', 10);
-- A table without a key has no newest message.
CREATE TABLE latest_keyless (v text);
SELECT sequin.create_consumer('l_keyless', tables => '{public.latest_keyless}', mode => 'latest') IS NOT NULL AS made;
INSERT INTO latest_keyless VALUES ('a'), ('a');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'v' AS v FROM sequin.receive('l_keyless', 10);
-- The mode can be changed.
SELECT sequin.create_consumer('l_both', tables => '{public.latest_rows}') IS NOT NULL AS made;
UPDATE latest_rows SET v = 'one' WHERE id = 2;
UPDATE latest_rows SET v = 'two' WHERE id = 2;
SELECT sequin.alter_consumer('l_both', mode => 'latest');
UPDATE latest_rows SET v = 'three' WHERE id = 2;
UPDATE latest_rows SET v = 'four' WHERE id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'v' AS v FROM sequin.receive('l_both', 10);
SELECT sequin.alter_consumer('l_both', mode => 'all');
UPDATE latest_rows SET v = 'five' WHERE id = 4;
UPDATE latest_rows SET v = 'six' WHERE id = 4;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'v' AS v FROM sequin.receive('l_both', 10);

-- Streams: upserts of a key.
SELECT sequin.create_stream('l_state', one_message_per_key => true) IS NOT NULL AS made;
SELECT sequin.create_stream('l_events') IS NOT NULL AS made;
SELECT sequin.create_consumer('l_s', stream => 'l_state', visibility_timeout => '1 h') IS NOT NULL AS made;
SELECT sequin.create_consumer('l_e', stream => 'l_events', mode => 'latest') IS NOT NULL AS made;
SELECT sequin.publish(s, k, v) FROM (VALUES ('l_state'), ('l_events')) streams (s),
  (VALUES (1, 'a', 'a1'), (2, 'b', 'b1'), (3, 'a', 'a2')) messages (n, k, v) ORDER BY s, n;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'data' AS data FROM sequin.receive('l_s', 10);
SELECT message->'record'->>'data' AS data FROM sequin.receive('l_e', 10);
-- An upsert of a key that is in flight is not visible until that is settled.
SELECT sequin.publish('l_state', 'a', 'a3');
SELECT sequin.publish('l_state', 'a', 'a4');
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->'record'->>'data' AS data FROM sequin.receive('l_s', 10);
SELECT result, count(*) FROM sequin.nack('l_s', latest_ids('l_s'), delay => '1 h') GROUP BY 1;
SELECT message->'record'->>'data' AS data FROM sequin.receive('l_s', 10);

-- What does not go together.
SELECT sequin.create_consumer('l_no', tables => '{public.latest_rows}', mode => 'newest');
SELECT sequin.create_consumer('l_no', tables => '{public.latest_rows}', mode => 'latest', order_mode => 'none');
SELECT sequin.create_consumer('l_no', tables => '{public.latest_rows}', mode => 'latest', group_columns => '{v}');
SELECT sequin.create_consumer('l_no', tables => '{public.latest_rows}', mode => 'latest',
                              table_options => '{"public.latest_rows": {"group_columns": ["id"]}}');
SELECT count(sequin.drop_consumer(name)) FROM sequin.consumers WHERE name LIKE 'l\_%';
SELECT count(sequin.drop_stream(name)) FROM sequin.streams;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*) FROM sequin.latest;
DROP FUNCTION latest_ids;
DROP TABLE latest_rows, latest_others, latest_keyless;

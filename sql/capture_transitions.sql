-- filter_transition => insert_delete: to the consumer the rows that match are the table.
SELECT sequin.start();
CREATE SCHEMA cap_turn;
CREATE TABLE cap_turn.t (id int PRIMARY KEY, state text, v int);
CREATE TABLE cap_turn.by_key (id int PRIMARY KEY, v int);
\set got 'SELECT message->>''action'' AS action, message->''record'' AS record, message->''changes'' AS changes, message->''metadata''->''record_pks'' AS pks, message->''metadata''->''old_record_pks'' AS old_pks FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'
-- Whether the old row matched must be in the WAL.
SELECT sequin.create_consumer('c', tables => '{cap_turn.t}', filter => 'state = ''on''', actions => '{insert,update}', filter_transition => 'insert_delete');
SELECT sequin.create_consumer('c', tables => '{cap_turn.t}', filter_transition => 'upsert');
ALTER TABLE cap_turn.t REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('turn', tables => '{cap_turn.t}', filter => 'state = ''on''', filter_transition => 'insert_delete') IS NOT NULL AS turn,
       sequin.create_consumer('plain', tables => '{cap_turn.t}', filter => 'state = ''on''') IS NOT NULL AS plain,
       sequin.create_consumer('all', tables => '{cap_turn.t}') IS NOT NULL AS all,
       -- The actions are those of the rows that match.
       sequin.create_consumer('comes', tables => '{cap_turn.t}', filter => 'state = ''on''', filter_transition => 'insert_delete', actions => '{insert}') IS NOT NULL AS comes,
       sequin.create_consumer('changes', tables => '{cap_turn.t}', filter => 'state = ''on''', filter_transition => 'insert_delete', actions => '{update}') IS NOT NULL AS changes,
       -- Without a filter nothing begins or ceases to match.
       sequin.create_consumer('no_filter', tables => '{cap_turn.t}', filter_transition => 'insert_delete', actions => '{insert,delete}') IS NOT NULL AS no_filter,
       -- The old row is known as far as the identity goes.
       sequin.create_consumer('by_key', tables => '{cap_turn.by_key}', filter => 'id > 10', filter_transition => 'insert_delete') IS NOT NULL AS by_key;
INSERT INTO cap_turn.t VALUES (1, 'off', 1), (2, 'on', 2);
UPDATE cap_turn.t SET v = 10 WHERE id = 1;
UPDATE cap_turn.t SET v = 20 WHERE id = 2;
UPDATE cap_turn.t SET state = 'on' WHERE id = 1;
UPDATE cap_turn.t SET state = 'off', id = 3 WHERE id = 2;
UPDATE cap_turn.t SET state = 'on', id = 4 WHERE id = 3;
UPDATE cap_turn.t SET state = NULL WHERE id = 4;
DELETE FROM cap_turn.t;
INSERT INTO cap_turn.by_key VALUES (1, 1);
UPDATE cap_turn.by_key SET v = 2;
UPDATE cap_turn.by_key SET id = 11;
UPDATE cap_turn.by_key SET v = 3;
UPDATE cap_turn.by_key SET id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c turn
:got
\set c plain
:got
\set c all
:got
\set c comes
:got
\set c changes
:got
\set c no_filter
:got
\set c by_key
:got
-- One row of the log for each form that somebody takes.
SELECT format('sequin.log_%s', max(no)) AS log FROM sequin.segment \gset
SELECT count(*) - count(DISTINCT (commit_lsn, commit_idx, form)) AS doubles FROM :log;
-- When the table stops logging it, a row that does not match any more may have matched.
ALTER TABLE cap_turn.t REPLICA IDENTITY DEFAULT;
INSERT INTO cap_turn.t VALUES (5, 'on', 5), (6, 'off', 6);
UPDATE cap_turn.t SET state = CASE state WHEN 'on' THEN 'off' ELSE 'on' END;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c turn
:got

-- A filter that raises, however often: what can be told of an update is told. An old row on which it raises may have
-- matched.
CREATE TABLE cap_turn.raises (id int PRIMARY KEY, v int);
ALTER TABLE cap_turn.raises REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('raises', '{cap_turn.raises}', filter => '100 / v > 10', filter_transition => 'insert_delete') IS NOT NULL AS made;
SELECT sequin.create_consumer('raises_new', '{cap_turn.raises}', '{insert}', '100 / v > 10', filter_transition => 'insert_delete') IS NOT NULL AS made;
INSERT INTO cap_turn.raises VALUES (1, 5), (2, 50);
INSERT INTO cap_turn.raises SELECT i, 0 FROM generate_series(10, 30) i;
UPDATE cap_turn.raises SET v = 50 WHERE id = 1;
UPDATE cap_turn.raises SET v = 5 WHERE id = 2;
UPDATE cap_turn.raises SET v = 6 WHERE id = 2;
UPDATE cap_turn.raises SET v = 5 WHERE id = 10;
UPDATE cap_turn.raises SET v = 50 WHERE id = 11;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c raises
:got
\set c raises_new
:got
SELECT c.name, d.reason, d.last_error, count(*) FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer
WHERE c.name LIKE 'raises%' GROUP BY 1, 2, 3 ORDER BY 1;

-- When it costs too much to be evaluated while decoding nothing is left out silently: claims cannot tell whether an
-- update takes a row away.
CREATE TABLE cap_turn.slow (id int PRIMARY KEY, k text);
ALTER TABLE cap_turn.slow REPLICA IDENTITY FULL;
SELECT sequin.create_consumer('slow', '{cap_turn.slow}', filter => $$ k = 'on' OR k = 'slow' AND repeat(k, 2) || repeat('ab', 500) || 'c' ~ '^(.*)(.*)(.*)\1\2\3$' $$,
  filter_transition => 'insert_delete') IS NOT NULL AS made;
SELECT sequin.create_consumer('slow_new', '{cap_turn.slow}', '{insert}', $$ k = 'on' OR k = 'slow' AND repeat(k, 2) || repeat('ab', 500) || 'c' ~ '^(.*)(.*)(.*)\1\2\3$' $$,
  filter_transition => 'insert_delete') IS NOT NULL AS made;
INSERT INTO cap_turn.slow VALUES (1, 'on'), (2, 'off'), (3, 'slow');
UPDATE cap_turn.slow SET k = 'off' WHERE id = 1;
UPDATE cap_turn.slow SET k = 'on' WHERE id = 2;
DELETE FROM cap_turn.slow WHERE id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
\set c slow
:got
\set c slow_new
:got
SELECT c.name, d.message::json #>> '{record,id}' AS id, d.last_error FROM sequin.dead_letter d JOIN sequin.consumer c ON c.id = d.consumer
WHERE c.name LIKE 'slow%' ORDER BY d.id;
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_turn CASCADE;

-- Partitioned tables under the name of the root and of the partition, and inheritance.
SELECT sequin.start();
CREATE SCHEMA cap_part;
CREATE TABLE cap_part.root (id int, kind text, a text, PRIMARY KEY (id, kind)) PARTITION BY LIST (kind);
CREATE TABLE cap_part.low PARTITION OF cap_part.root FOR VALUES IN ('low');
-- Other columns at other places, and a level between.
CREATE TABLE cap_part.mid (a text, gone int, kind text NOT NULL, id int NOT NULL) PARTITION BY RANGE (id);
ALTER TABLE cap_part.mid DROP COLUMN gone;
CREATE TABLE cap_part.mid_1 PARTITION OF cap_part.mid FOR VALUES FROM (0) TO (100);
ALTER TABLE cap_part.root ATTACH PARTITION cap_part.mid FOR VALUES IN ('mid');
\set got 'SELECT message->>''action'' AS action, message->''metadata''->>''table_name'' AS "table", message->''record'' AS record, message->''metadata''->''record_pks'' AS pks, message->''metadata''->''old_record_pks'' AS old_pks, group_key FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'
SELECT sequin.create_consumer('c', tables => '{cap_part.low}');
SELECT sequin.create_consumer('p_root', tables => '{cap_part.root}') IS NOT NULL AS root,
       sequin.create_consumer('p_leaf', tables => '{cap_part.root}', publish_via_partition_root => false) IS NOT NULL AS leaf,
       sequin.create_consumer('p_options', tables => '{cap_part.*}', publish_via_partition_root => false,
         table_options => '{"cap_part.root": {"columns": ["a", "id"], "group_columns": ["kind"], "filter": "new.id < 50"}}')
         IS NOT NULL AS options;
BEGIN;
INSERT INTO cap_part.root VALUES (1, 'low', 'x'), (2, 'mid', 'y');
UPDATE cap_part.root SET a = 'z' WHERE id = 2;
-- A row that moves is a delete and an insert, as it is in the WAL.
UPDATE cap_part.root SET kind = 'low' WHERE id = 2;
UPDATE cap_part.root SET id = 3 WHERE id = 1;
DELETE FROM cap_part.mid_1;
INSERT INTO cap_part.low VALUES (60, 'low', 'direct');
COMMIT;
-- Partitions that come later, and one that leaves.
CREATE TABLE cap_part.high (id int NOT NULL, kind text NOT NULL, a text);
INSERT INTO cap_part.high VALUES (4, 'high', 'before');
ALTER TABLE cap_part.root ATTACH PARTITION cap_part.high FOR VALUES IN ('high');
INSERT INTO cap_part.root VALUES (5, 'high', 'attached');
CREATE TABLE cap_part.mid_2 PARTITION OF cap_part.mid FOR VALUES FROM (100) TO (200);
INSERT INTO cap_part.root VALUES (106, 'mid', 'created');
ALTER TABLE cap_part.root DETACH PARTITION cap_part.high;
INSERT INTO cap_part.high VALUES (7, 'high', 'detached');
ALTER TABLE cap_part.root RENAME TO trunk;
ALTER TABLE cap_part.low RENAME TO deep;
INSERT INTO cap_part.trunk VALUES (8, 'low', 'renamed');
ALTER TABLE cap_part.trunk RENAME TO root;
INSERT INTO cap_part.root VALUES (9, 'low', 'renamed back');
SELECT sequin.sync() IS NOT NULL AS synced;
\set c p_root
:got
\set c p_leaf
:got
\set c p_options
:got
SELECT sequin.drop_consumer(name) FROM sequin.consumers;

-- Messages of a row stay in order when it moves: its key is that of the root.
SELECT sequin.create_consumer('p', tables => '{cap_part.root}') IS NOT NULL AS made;
INSERT INTO cap_part.root VALUES (20, 'low', 'moves');
UPDATE cap_part.root SET kind = 'mid' WHERE id = 20;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT message->>'action' AS action, group_key FROM sequin.receive('p', batch_size => 10) ORDER BY seq;
SELECT sequin.drop_consumer('p');

-- Inheritance: children are tables of their own, with the columns and keys they have.
CREATE TABLE cap_part.parent (id int PRIMARY KEY, a text);
CREATE TABLE cap_part.child (b int) INHERITS (cap_part.parent);
CREATE TABLE cap_part.grandchild (PRIMARY KEY (b)) INHERITS (cap_part.child);
CREATE TABLE cap_part.later (id int NOT NULL, a text);
CREATE ROLE cap_part_reader;
GRANT sequin_admin TO cap_part_reader;
GRANT USAGE ON SCHEMA cap_part TO cap_part_reader;
GRANT SELECT ON cap_part.parent, cap_part.grandchild TO cap_part_reader;
SELECT sequin.create_consumer('p_parent', tables => '{cap_part.parent}') IS NOT NULL AS parent,
       sequin.create_consumer('p_children', tables => '{cap_part.parent}', include_children => true,
         table_options => '{"cap_part.parent": {"exclude_columns": ["a"]}}') IS NOT NULL AS children;
SET ROLE cap_part_reader;
SELECT sequin.create_consumer('p_some', tables => '{cap_part.parent}', include_children => true) IS NOT NULL AS some;
RESET ROLE;
INSERT INTO cap_part.parent VALUES (1, 'parent');
INSERT INTO cap_part.child VALUES (1, 'child', 10);
INSERT INTO cap_part.grandchild VALUES (1, 'grandchild', 11);
INSERT INTO cap_part.later VALUES (2, 'not yet');
ALTER TABLE cap_part.later INHERIT cap_part.parent;
INSERT INTO cap_part.later VALUES (3, 'later');
UPDATE cap_part.parent SET a = 'all' WHERE id = 1;
ALTER TABLE cap_part.child NO INHERIT cap_part.parent;
INSERT INTO cap_part.grandchild VALUES (4, 'no more', 12);
SELECT sequin.sync() IS NOT NULL AS synced;
\set c p_parent
:got
\set c p_children
:got
\set c p_some
:got
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_part CASCADE;
DROP ROLE cap_part_reader;

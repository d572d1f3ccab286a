-- Large values that an update leaves alone, under each replica identity and in each form.
SELECT sequin.start();
CREATE SCHEMA cap_toast;
CREATE TABLE cap_toast.t (id int PRIMARY KEY, code text NOT NULL UNIQUE, big text, other text, n int);
ALTER TABLE cap_toast.t ALTER big SET STORAGE EXTERNAL, ALTER other SET STORAGE EXTERNAL, ALTER code SET STORAGE EXTERNAL;
\set got 'SELECT message->>''action'' AS action, message->''record''->''n'' AS n, length(message->''record''->>''big'') AS big, length(message->''record''->>''other'') AS other, length(message->''record''->>''code'') AS code, message->''metadata''->''unchanged_columns'' AS unchanged, (SELECT json_object_agg(key, left(value, 6)) FROM json_each_text(CASE WHEN json_typeof(message->''changes'') = ''object'' THEN message->''changes'' ELSE ''{}'' END)) AS changes FROM sequin.receive(:''c'', batch_size => 100) ORDER BY seq;'
SELECT sequin.create_consumer('all', tables => '{cap_toast.t}') IS NOT NULL AS all,
       sequin.create_consumer('some', tables => '{cap_toast.t}', columns => '{id,big,n}') IS NOT NULL AS some,
       sequin.create_consumer('none', tables => '{cap_toast.t}', exclude_columns => '{big,other}') IS NOT NULL AS none;
INSERT INTO cap_toast.t VALUES (1, repeat('c', 2500), repeat('x', 3000), repeat('y', 3000), 1);
UPDATE cap_toast.t SET n = 2;
UPDATE cap_toast.t SET n = 3, big = repeat('z', 4000);
UPDATE cap_toast.t SET n = 4, other = NULL;
ALTER TABLE cap_toast.t REPLICA IDENTITY FULL;
UPDATE cap_toast.t SET n = 5;
UPDATE cap_toast.t SET n = 6, big = 'short';
UPDATE cap_toast.t SET n = 7, big = repeat('x', 3000);
ALTER TABLE cap_toast.t REPLICA IDENTITY USING INDEX t_code_key;
UPDATE cap_toast.t SET n = 8;
UPDATE cap_toast.t SET n = 9, code = repeat('d', 2600);
ALTER TABLE cap_toast.t REPLICA IDENTITY NOTHING;
UPDATE cap_toast.t SET n = 10;
-- The row is gone from the table, and its large values with it, before capture comes to it.
SELECT sequin.stop();
ALTER TABLE cap_toast.t REPLICA IDENTITY DEFAULT;
UPDATE cap_toast.t SET n = 11;
ALTER TABLE cap_toast.t REPLICA IDENTITY FULL;
UPDATE cap_toast.t SET n = 12;
DELETE FROM cap_toast.t;
VACUUM cap_toast.t;
SELECT sequin.start();
SELECT sequin.sync() IS NOT NULL AS synced;
\set c all
:got
\set c some
:got
\set c none
:got
SELECT count(*) AS dead FROM sequin.dead_letter;
SELECT sequin.drop_consumer(name) FROM sequin.consumers;
DROP SCHEMA cap_toast CASCADE;

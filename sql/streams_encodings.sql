-- Streams in databases of other encodings: messages are UTF-8 for whoever gets them.
SET client_min_messages = warning;
\set home :DBNAME
CREATE DATABASE streams_euc ENCODING 'EUC_JP' LOCALE 'C' TEMPLATE template0;
CREATE DATABASE streams_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;

-- Characters of several bytes
\c streams_euc
SET client_min_messages = warning;
CREATE EXTENSION sequin;
SELECT sequin.start();
SET client_encoding = 'UTF8';
SELECT sequin.create_stream('euc') IS NOT NULL AS made;
SELECT sequin.create_consumer('euc', stream => 'euc', key_pattern => '言葉.*') IS NOT NULL AS made;
SELECT sequin.publish('euc', '言葉.一', 'あ'), sequin.publish('euc', '別.一', 'い');
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT message->'record' AS record FROM sequin.receive('euc', 10);
SELECT key, data, data_hash = encode(sha256('\xe38182'), 'hex') AS hash FROM sequin.stream_messages('euc', '言葉.>');
SELECT sequin.drop_consumer('euc');
DROP EXTENSION sequin CASCADE;

-- A text that is nothing for those who receive is refused where it comes from
\c streams_ascii
SET client_min_messages = warning;
CREATE EXTENSION sequin;
SELECT sequin.start();
SELECT sequin.create_stream('ascii') IS NOT NULL AS made;
SELECT sequin.publish('ascii', 'k', convert_from('\xfc', 'SQL_ASCII'));
SELECT sequin.publish('ascii', 'k' || convert_from('\xfc', 'SQL_ASCII'), 'x'::text);
SELECT sequin.publish('ascii', 'k', to_jsonb(convert_from('\xfc', 'SQL_ASCII')));
SELECT sequin.publish('ascii', 'k', 'x'::text, jsonb_build_object('h', convert_from('\xfc', 'SQL_ASCII')));
SELECT sequin.publish_batch('ascii', '{a,b}', array['x', convert_from('\xeda080', 'SQL_ASCII')]);
SELECT sequin.publish('ascii', 'k', convert_from('\xfc', 'SQL_ASCII'), deliver_at => now() + interval '1 day');
SELECT sequin.create_consumer('ascii', stream => 'ascii', annotations => jsonb_build_object('a', convert_from('\xfc', 'SQL_ASCII')));
SELECT sequin.create_consumer('ascii', stream => 'ascii') IS NOT NULL AS made;
SELECT sequin.publish('ascii', 'k', convert_from('\xc3bc', 'SQL_ASCII'));
SELECT sequin.sync('60 s') IS NOT NULL AS synced;
SELECT message->'record' AS record FROM sequin.receive('ascii', 10);
SELECT key, data, data_hash = encode(sha256('\xc3bc'), 'hex') AS hash FROM sequin.stream_messages('ascii');
SELECT sequin.drop_consumer('ascii');
DROP EXTENSION sequin CASCADE;

\c :home
SET client_min_messages = warning;
DROP DATABASE streams_euc;
DROP DATABASE streams_ascii;

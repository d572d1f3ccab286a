-- What the agent uses: several claims in a statement, outcomes of its own, when to look again.
CREATE TABLE queue_agent (id int PRIMARY KEY, n int);
SELECT sequin.create_consumer('queue_agent', tables => '{public.queue_agent}',
  push_url => 'http://127.0.0.1:1/none') IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_agent' \gset
SELECT sequin.agent_next_due(:id) IS NULL AS never;
INSERT INTO queue_agent SELECT i, 0 FROM generate_series(1, 5) i;
UPDATE queue_agent SET id = 10 WHERE id = 1;
UPDATE queue_agent SET n = 1 WHERE id = 10;
SELECT sequin.sync() IS NOT NULL AS synced;

-- Element i of the sizes is a claim of its own; the last ones get what is left.
SELECT array_agg(ack_id) AS ids, array_agg(claim || ' ' || group_key) AS got, array_agg(message_id) AS message_ids
  FROM sequin.agent_receive(:id, '{2,1,100,3}') \gset
\echo :got
SELECT sequin.agent_next_due(:id) BETWEEN now() AND now() + interval '31 s' AS when_claims_end;
SELECT bool_and(message_id !~ '[^A-Za-z0-9_-]') AS url_safe, count(DISTINCT message_id) AS different
  FROM unnest(:'message_ids'::text[]) message_id;

-- Outcomes.
SELECT result FROM sequin.agent_settle(:id, (:'ids'::uuid[])[1:5], '{ack,nack,release,dead_letter,nack}',
  '{NULL,1 h,NULL,NULL,0}', '{NULL,"timed out",NULL,"410 Gone","again"}');
SELECT group_key, deliver_count, message_id = ANY (:'message_ids') AS same_id
  FROM sequin.agent_receive(:id, '{1,1}') ORDER BY seq;
SELECT reason, attempts, last_error, group_key FROM sequin.dead_letter WHERE consumer = :id;
SELECT sequin.drop_consumer('queue_agent');

-- Entries of a claim that a changed key ties together have one hash: they are sent in order.
SELECT sequin.create_consumer('queue_agent', tables => '{public.queue_agent}') IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_agent' \gset
UPDATE queue_agent SET n = 2 WHERE id = 10;
UPDATE queue_agent SET id = 11 WHERE id = 10;
UPDATE queue_agent SET n = 3 WHERE id = 11;
UPDATE queue_agent SET n = 3 WHERE id = 2;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT count(*), count(DISTINCT group_hash) AS hashes FROM sequin.agent_receive(:id, '{8}');
SELECT sequin.drop_consumer('queue_agent');

-- max_in_flight.
SELECT sequin.create_consumer('queue_agent', tables => '{public.queue_agent}', max_in_flight => 3) IS NOT NULL AS made;
SELECT id FROM sequin.consumer WHERE name = 'queue_agent' \gset
INSERT INTO queue_agent SELECT i, 0 FROM generate_series(20, 29) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id) AS ids, array_agg(claim) AS claims FROM sequin.agent_receive(:id, '{2,2,2}') \gset
\echo :claims
SELECT count(*) AS full FROM sequin.receive('queue_agent', 10);
SELECT result FROM sequin.ack('queue_agent', (:'ids'::uuid[])[1:2]);
SELECT count(*) AS two_more FROM sequin.receive('queue_agent', 10);

-- Many acks over many claims in one call, each told its own.
SELECT sequin.alter_consumer('queue_agent', max_in_flight => 0);
INSERT INTO queue_agent SELECT i, 0 FROM generate_series(1000, 3999) i;
SELECT sequin.sync() IS NOT NULL AS synced;
SELECT array_agg(ack_id ORDER BY md5(ack_id::text)) AS ids FROM sequin.agent_receive(:id, array_fill(3, '{1000}')) \gset
SELECT result, count(*), count(DISTINCT ack_id) FROM sequin.ack('queue_agent', :'ids') GROUP BY 1;
SELECT result, count(*) FROM sequin.ack('queue_agent', :'ids') GROUP BY 1;
SELECT ready, parked FROM sequin.consumers WHERE name = 'queue_agent';
SELECT sequin.drop_consumer('queue_agent');
DROP TABLE queue_agent;

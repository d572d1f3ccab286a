-- Declaring consumers. These functions run as their caller, whose rights to the tables count, and
-- write as the owner of the extension; every error is in docs/errors.md.

-- Makes a consumer owned by the calling role. It gets every change that commits after this
-- transaction has; the first consumer of a database starts capture and waits for it (25001 when
-- this transaction has already written: call sequin.start() before).
--   tables         schema.table, schema.* or *; with stars, what the caller can read
--   actions        of insert, update, delete, truncate
--   filter         boolean expression over new.column, old.column and column; '' means none
--   push_url       where webhooks go; NULL: a pull consumer
--   group_columns  messages with equal values are in order; NULL: primary key; {}: whole table
--   max_deliver    attempts before a message becomes a dead letter; 0: no limit;
--                  NULL: 12 for push, no limit for pull
--   backoff_base, backoff_max
--                  delay after a failed attempt: base, doubling up to max, each time 20 % more or less
--                  by chance; NULL: 5 s and 24 h
--   max_in_flight  messages; 0 or NULL: no limit
--   columns, exclude_columns
--                  which columns of the tables go into messages; not both; NULL: all
--   table_options  by table: {"public.orders": {"filter": ..., "group_columns": [...], "columns": [...],
--                  "exclude_columns": [...]}}, each instead of the argument of that name
--   number_format  standard: numeric and money as strings, other numbers as numbers; number: numeric
--                  as numbers, too; string: all numbers as strings
--   publish_via_partition_root
--                  false: changes of a partition carry its own name
--   include_children
--                  also the tables that inherit from a table that is named
--   filter_transition
--                  an update that begins or ceases to match the filter is an update, or
--                  insert_delete: an insert, a delete
--   fill_unchanged true: values that an update left out of the WAL (TOAST) are looked up when the
--                  message is received
--   message_prefixes
--                  messages of pg_logical_emit_message with these prefixes; x* means all that begin
--                  with x
--   order_mode     group: messages of a group one after the other; none: no order, nothing waits for
--                  another message; strict: all messages of the consumer are one group
--   backoff        instead of backoff_base and backoff_max: the delays after the first, second, ...
--                  failed attempt, to the letter; the last one repeats
--   mode           all: every message; latest: of each key only the newest that is not delivered yet,
--                  see docs/streams.md; NULL: latest for streams with one_message_per_key, else all
--   key_pattern    which messages of the stream: orders.*.created, orders.>; NULL: all
--   stream         name or uuid: a consumer of that stream instead of tables. It begins with the
--                  messages that are there. Arguments that are about tables cannot be given
--   retain_time, retain_bytes
--                  so long, and so much of the log, messages that it was not handed out are kept for
--                  it; then they are dropped and counted as lost. 0 or NULL: without limit
--   start          now: what commits from now on; beginning: also the rows that its tables have now,
--                  by a backfill of each
-- Writes: endpoint, consumer, feed.
CREATE FUNCTION sequin.create_consumer(
  name               text,
  tables             text[]   DEFAULT '{*}',
  actions            text[]   DEFAULT '{insert,update,delete,truncate}',
  filter             text     DEFAULT NULL,
  push_url           text     DEFAULT NULL,
  group_columns      text[]   DEFAULT NULL,
  visibility_timeout interval DEFAULT '30 s',
  max_deliver        int      DEFAULT NULL,
  backoff_base       interval DEFAULT NULL,
  backoff_max        interval DEFAULT NULL,
  max_in_flight      int      DEFAULT NULL,
  push_batch_size    int      DEFAULT 1,
  push_timeout       interval DEFAULT '30 s',
  push_headers       jsonb    DEFAULT '{}',
  annotations        jsonb    DEFAULT '{}',
  status             text     DEFAULT 'active',
  columns            text[]   DEFAULT NULL,
  exclude_columns    text[]   DEFAULT NULL,
  table_options      jsonb    DEFAULT '{}',
  number_format      text     DEFAULT 'standard',
  publish_via_partition_root bool DEFAULT true,
  include_children   bool     DEFAULT false,
  filter_transition  text     DEFAULT 'update',
  fill_unchanged     bool     DEFAULT false,
  message_prefixes   text[]   DEFAULT NULL,
  order_mode         text     DEFAULT 'group',
  backoff            interval[] DEFAULT NULL,
  mode               text     DEFAULT NULL,
  key_pattern        text     DEFAULT NULL,
  retain_time        interval DEFAULT NULL,
  retain_bytes       bigint   DEFAULT NULL,
  stream             text     DEFAULT NULL,
  start              text     DEFAULT 'now')
RETURNS uuid LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_create_consumer';
COMMENT ON FUNCTION sequin.create_consumer IS
  'Makes a consumer: from the next commit on it gets the changes it asks for; returns its uuid';

-- Changes a consumer; NULL leaves a value as it is, filter => '' removes the filter, {} of columns,
-- exclude_columns, message_prefixes and backoff removes them, max_deliver, max_in_flight, retain_time
-- and retain_bytes => 0 remove the limit. What is sent, and where to, only the owner may change.
-- Changes of tables, actions, filter, group_columns and key_pattern are in force for what commits
-- later; of order_mode for messages that were neither handed out nor parked before; of a filter also for
-- messages that wait and whose filter is evaluated when they are received. status => 'active' also
-- brings up a consumer that was restored into this database from a dump, and lets one go on that its
-- filter has suspended.
-- Writes: endpoint, consumer, suspension.
CREATE FUNCTION sequin.alter_consumer(
  name               text,
  tables             text[]   DEFAULT NULL,
  actions            text[]   DEFAULT NULL,
  filter             text     DEFAULT NULL,
  push_url           text     DEFAULT NULL,
  group_columns      text[]   DEFAULT NULL,
  visibility_timeout interval DEFAULT NULL,
  max_deliver        int      DEFAULT NULL,
  backoff_base       interval DEFAULT NULL,
  backoff_max        interval DEFAULT NULL,
  max_in_flight      int      DEFAULT NULL,
  push_batch_size    int      DEFAULT NULL,
  push_timeout       interval DEFAULT NULL,
  push_headers       jsonb    DEFAULT NULL,
  annotations        jsonb    DEFAULT NULL,
  status             text     DEFAULT NULL,
  columns            text[]   DEFAULT NULL,
  exclude_columns    text[]   DEFAULT NULL,
  table_options      jsonb    DEFAULT NULL,
  number_format      text     DEFAULT NULL,
  publish_via_partition_root bool DEFAULT NULL,
  include_children   bool     DEFAULT NULL,
  filter_transition  text     DEFAULT NULL,
  fill_unchanged     bool     DEFAULT NULL,
  message_prefixes   text[]   DEFAULT NULL,
  order_mode         text     DEFAULT NULL,
  backoff            interval[] DEFAULT NULL,
  mode               text     DEFAULT NULL,
  key_pattern        text     DEFAULT NULL,
  retain_time        interval DEFAULT NULL,
  retain_bytes       bigint   DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_alter_consumer';
COMMENT ON FUNCTION sequin.alter_consumer IS
  'Changes a consumer; NULL means unchanged; status is active or paused';

-- Gives a consumer another name; everything else of it stays. Writes: consumer, endpoint.
CREATE FUNCTION sequin.rename_consumer(name text, new_name text)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_rename_consumer';
COMMENT ON FUNCTION sequin.rename_consumer IS 'Gives a consumer another name';

-- For configuration kept as code: makes the consumer that the JSON object declares, or alters the
-- one of that name to be exactly that, or does nothing when it is. Members are the arguments of
-- create_consumer, with their defaults when they are missing; lists are arrays, intervals strings.
-- Only the status stays as it is when it is not named. Says what was done (created, altered,
-- unchanged) and which members were changed. Kind and stream of a consumer cannot be changed
-- (55000). Writes: endpoint, consumer.
CREATE FUNCTION sequin.sync_consumer(declaration jsonb, OUT action text, OUT changed text[])
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sequin_sync_consumer';
COMMENT ON FUNCTION sequin.sync_consumer(jsonb) IS
  'Makes or alters a consumer so that it is exactly what is declared';

-- The object from which sync_consumer makes the same consumer. For its owner: it has the headers.
CREATE FUNCTION sequin.consumer_definition(name text) RETURNS jsonb
LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_consumer_definition';
COMMENT ON FUNCTION sequin.consumer_definition(text) IS
  'What sequin.sync_consumer needs to make the same consumer';

-- Forgets a consumer, its messages whatever their state, and its dead letters.
-- Writes: settle, claim, held, dead_letter, consumer_grantee, consumer, endpoint.
CREATE FUNCTION sequin.drop_consumer(name text)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_drop_consumer';
COMMENT ON FUNCTION sequin.drop_consumer IS
  'Drops a consumer with all its messages and dead letters';

-- Lets another role receive and settle; only the owner may. The role sees the payloads of tables
-- that it may be unable to read itself. Writes: consumer_grantee.
CREATE FUNCTION sequin.grant_consumer(name text, role regrole)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_grant_consumer';
COMMENT ON FUNCTION sequin.grant_consumer IS
  'Lets a role receive from a consumer and settle its messages';

CREATE FUNCTION sequin.revoke_consumer(name text, role regrole)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_revoke_consumer';
COMMENT ON FUNCTION sequin.revoke_consumer IS
  'Takes back what sequin.grant_consumer gave';

-- How a filter would be evaluated for a table. evaluated_at: 'decode' while the WAL is decoded,
-- 'claim' when a message is received; reason says what decoding cannot evaluate. Raises what
-- create_consumer would.
CREATE FUNCTION sequin.explain_filter(
  "table" regclass, filter text, actions text[] DEFAULT '{insert,update,delete,truncate}',
  OUT evaluated_at text, OUT reason text)
LANGUAGE c VOLATILE STRICT
AS 'MODULE_PATHNAME', 'sequin_explain_filter';
COMMENT ON FUNCTION sequin.explain_filter IS
  'Says how a filter is evaluated for a table, or why it cannot be';

-- Which database this is: another one after a restore from a dump, also into the same cluster.
CREATE FUNCTION sequin.home() RETURNS text
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sequin_home';
COMMENT ON FUNCTION sequin.home() IS 'internal: names this database; consumers are active only where they were made active';

CREATE FUNCTION sequin.is_home(home text) RETURNS bool
LANGUAGE c STRICT STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'sequin_is_home';
COMMENT ON FUNCTION sequin.is_home(text) IS 'internal: whether what was active there is active here';

-- What an agent needs to know to deliver. A push consumer has a url.
CREATE FUNCTION sequin.agent_consumers()
RETURNS TABLE (
  consumer int, id uuid, name text, kind text, status text, url text, headers jsonb,
  batch_size int, max_in_flight int, visibility_timeout_ms bigint, request_timeout_ms bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.id, c.uuid, c.name, CASE WHEN c.endpoint IS NULL THEN 'pull' ELSE 'push' END,
         CASE WHEN NOT sequin.is_home(c.home) THEN 'paused'
              WHEN c.status = 'active' AND s.consumer IS NOT NULL THEN 'suspended'
              ELSE c.status END,
         e.url, coalesce(e.headers, '{}'), c.push_batch_size, c.max_in_flight,
         c.visibility_timeout_ms, coalesce(e.timeout_ms, 30000)
  FROM sequin.consumer c
  LEFT JOIN sequin.endpoint e ON e.id = c.endpoint
  LEFT JOIN sequin.suspension s ON s.consumer = c.id
  ORDER BY c.id
$$;
COMMENT ON FUNCTION sequin.agent_consumers() IS 'For agents: all consumers and how to deliver';

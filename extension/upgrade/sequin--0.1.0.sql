-- Sequin: change data capture and message delivery inside Postgres.
-- Complain if the script is sourced in psql rather than run by CREATE EXTENSION.
\echo Use "CREATE EXTENSION sequin" to load this file. \quit

-- Made here, not by the control file: so that it goes with the extension, and a schema of that name
-- that somebody else made is an error.
CREATE SCHEMA sequin;

-- Group roles are shared by all databases of the server; they stay when the extension goes.
DO $$
DECLARE
  role_name text;
BEGIN
  FOREACH role_name IN ARRAY '{sequin_admin,sequin_agent,sequin_consumer,sequin_monitor}'::text[] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) role_name) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
    END IF;
  END LOOP;
END
$$;
-- Streams. What the user declares is part of a dump and changed only through the functions of
-- streams.sql; the state of a stream is written by the capture worker alone, in the transactions
-- that append its messages to the log.

CREATE TABLE sequin.stream (
  id                  int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid                uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  name                text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-zA-Z0-9_]{1,63}$'),
  owner               regrole NOT NULL,
  one_message_per_key bool NOT NULL DEFAULT false,
  retention_ms        bigint CHECK (retention_ms > 0),
  created_at          timestamptz NOT NULL DEFAULT now(),
  updated_at          timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sequin.stream IS 'Streams as declared';
COMMENT ON COLUMN sequin.stream.one_message_per_key IS 'a message replaces the earlier one of its key';
COMMENT ON COLUMN sequin.stream.retention_ms IS 'how long messages are kept at least; NULL: the newest of each key for ever, all others as long as the log';

CREATE TABLE sequin.stream_grantee (
  stream    int REFERENCES sequin.stream ON DELETE CASCADE,
  grantee   regrole,
  privilege text CHECK (privilege IN ('publish', 'read')),
  PRIMARY KEY (stream, grantee, privilege)
);
COMMENT ON TABLE sequin.stream_grantee IS 'Roles besides the owner that may publish or read';

-- Inserted by those who publish, deleted by the capture worker when it publishes them.
CREATE TABLE sequin.delayed (
  deliver_at   timestamptz NOT NULL,
  id           bigint GENERATED ALWAYS AS IDENTITY,
  stream       int NOT NULL,
  data_is_json bool NOT NULL,
  key          text NOT NULL,
  data         text NOT NULL,
  headers      text NOT NULL,
  PRIMARY KEY (deliver_at, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE sequin.delayed IS 'Messages of streams that are published later, by the order in which they will be';
COMMENT ON COLUMN sequin.delayed.headers IS 'JSON object';

-- What a stream holds, beyond the log: its messages by key and by position. The message itself is
-- in the log, or in log_kept when its segment was dropped. A row of one_message_per_key streams
-- that is replaced is deleted and inserted: the newest row of a key comes last in the index, so
-- that no dead row of a snapshot held elsewhere is ever in the way.
CREATE TABLE sequin.stream_message (
  stream     int NOT NULL,
  bytes      int NOT NULL,
  seq        bigint NOT NULL,
  first_time timestamptz NOT NULL,
  time       timestamptz NOT NULL,
  alone      bool NOT NULL,
  key        text COLLATE "C" NOT NULL,
  PRIMARY KEY (stream, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE UNIQUE INDEX stream_message_key ON sequin.stream_message (stream, key, seq);
COMMENT ON TABLE sequin.stream_message IS 'Messages that streams hold';
COMMENT ON COLUMN sequin.stream_message.bytes IS 'of key, data and headers';
COMMENT ON COLUMN sequin.stream_message.alone IS 'no earlier message of the key is here';
COMMENT ON COLUMN sequin.stream_message.first_time IS 'commit time of the first message of the key, as long as there was one';

CREATE TABLE sequin.stream_count (
  stream   int PRIMARY KEY,
  messages bigint NOT NULL,
  bytes    bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE sequin.stream_count IS 'How much is in stream_message';

-- A new consumer of a stream gets what the stream holds first. Meanwhile the stream alone says what
-- comes next, then the route does; it remains known until the consumer has gone past these
-- messages, for they are older than its route.
CREATE TABLE sequin.stream_start (
  consumer    int PRIMARY KEY,
  stream      int NOT NULL,
  seq         bigint NOT NULL,
  end_ord     bigint,
  key_pattern text NOT NULL
);
COMMENT ON TABLE sequin.stream_start IS 'Consumers that began with messages that were there before them';
COMMENT ON COLUMN sequin.stream_start.seq IS 'messages up to this one are in the route';
COMMENT ON COLUMN sequin.stream_start.end_ord IS 'ordinal at which the route took over; NULL: not yet';

-- The newest message of each key, for consumers of tables with mode latest.
CREATE TABLE sequin.latest (
  consumer int NOT NULL,
  relation oid NOT NULL,
  hash     bigint NOT NULL,
  seq      bigint NOT NULL,
  key      text NOT NULL,
  PRIMARY KEY (consumer, hash, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
COMMENT ON TABLE sequin.latest IS 'Newest message of each key; keys are compared in full, the hash only finds them';

SELECT pg_catalog.pg_extension_config_dump('sequin.stream', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.stream_grantee', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.delayed', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.stream_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.delayed_id_seq', '');
-- What the user declares. Part of a dump; changed only through the functions of definitions.sql.
-- The capture worker reads changes of sequin.consumer from the WAL, so that a definition is in
-- force for exactly the changes that commit after it: hence REPLICA IDENTITY FULL.

CREATE TABLE sequin.endpoint (
  id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid        uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  name        text COLLATE "C" NOT NULL UNIQUE,
  url         text NOT NULL,
  headers     jsonb NOT NULL DEFAULT '{}',
  timeout_ms  bigint NOT NULL DEFAULT 30000 CHECK (timeout_ms BETWEEN 100 AND 3600000),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sequin.endpoint IS 'Where webhooks are sent';

CREATE TABLE sequin.consumer (
  id                    int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid                  uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  name                  text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-zA-Z0-9_-]{1,63}$'),
  owner                 regrole NOT NULL,
  status                text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
  tables                text[] NOT NULL,
  actions               text[] NOT NULL,
  filter                text,
  group_columns         text[],
  order_mode            text NOT NULL DEFAULT 'group' CHECK (order_mode IN ('group', 'none', 'strict')),
  visibility_timeout_ms bigint NOT NULL DEFAULT 30000
                        CHECK (visibility_timeout_ms BETWEEN 100 AND 43200000),
  max_deliver           int CHECK (max_deliver > 0),
  backoff_base_ms       bigint NOT NULL DEFAULT 5000 CHECK (backoff_base_ms >= 0),
  backoff_max_ms        bigint NOT NULL DEFAULT 86400000 CHECK (backoff_max_ms >= backoff_base_ms),
  max_in_flight         int CHECK (max_in_flight > 0),
  push_batch_size       int NOT NULL DEFAULT 1 CHECK (push_batch_size BETWEEN 1 AND 1000),
  annotations           jsonb NOT NULL DEFAULT '{}',
  columns               text[],
  exclude_columns       text[],
  table_options         jsonb NOT NULL DEFAULT '{}',
  number_format         text NOT NULL DEFAULT 'standard'
                        CHECK (number_format IN ('standard', 'number', 'string')),
  publish_via_partition_root bool NOT NULL DEFAULT true,
  include_children      bool NOT NULL DEFAULT false,
  filter_transition     text NOT NULL DEFAULT 'update'
                        CHECK (filter_transition IN ('update', 'insert_delete')),
  fill_unchanged        bool NOT NULL DEFAULT false,
  message_prefixes      text[],
  backoff_ms            bigint[],
  home                  text NOT NULL,
  mode                  text NOT NULL DEFAULT 'all' CHECK (mode IN ('all', 'latest')),
  key_pattern           text,
  stream                int REFERENCES sequin.stream,
  retain_ms             bigint CHECK (retain_ms > 0),
  retain_bytes          bigint CHECK (retain_bytes > 0),
  endpoint              int REFERENCES sequin.endpoint,
  created_at            timestamptz NOT NULL DEFAULT now(),
  updated_at            timestamptz NOT NULL DEFAULT now(),
  CHECK ((stream IS NULL) = (key_pattern IS NULL)),
  CHECK (stream IS NULL OR tables = '{}')
);
ALTER TABLE sequin.consumer REPLICA IDENTITY FULL;
COMMENT ON TABLE sequin.consumer IS 'Consumers as declared; endpoint IS NULL means pull';
COMMENT ON COLUMN sequin.consumer.backoff_ms IS 'rests after the first, second, … failed attempt; NULL: backoff_base_ms doubling up to backoff_max_ms';
COMMENT ON COLUMN sequin.consumer.stream IS 'the source, in the place of tables';
COMMENT ON COLUMN sequin.consumer.home IS 'sequin.home() of the database it was made active in; in another one it is paused';

CREATE TABLE sequin.consumer_grantee (
  consumer int REFERENCES sequin.consumer ON DELETE CASCADE,
  grantee  regrole,
  PRIMARY KEY (consumer, grantee)
);
COMMENT ON TABLE sequin.consumer_grantee IS 'Roles besides the owner that may receive and settle';

-- What the capture worker writes. -----------------------------------------------------------

CREATE TABLE sequin.progress (
  one           bool PRIMARY KEY DEFAULT true CHECK (one),
  slot          name NOT NULL,
  system_id     bigint NOT NULL,
  timeline      int NOT NULL,
  fingerprint   text NOT NULL,
  incarnation   int NOT NULL,
  lsn           pg_lsn NOT NULL,
  part_lsn      pg_lsn NOT NULL,
  part_idx      bigint NOT NULL,
  next_seq      bigint NOT NULL,
  confirm_limit pg_lsn,
  stopped       bool NOT NULL DEFAULT false
);
COMMENT ON TABLE sequin.progress IS 'How far capture has come; written in the transaction that appends to the log';
COMMENT ON COLUMN sequin.progress.lsn IS 'every transaction whose commit record ends here or before is in the log';
COMMENT ON COLUMN sequin.progress.part_lsn IS 'commit LSN of a transaction whose first slices are in the log; 0/0: none';
COMMENT ON COLUMN sequin.progress.part_idx IS 'its changes with a smaller index are in the log';
COMMENT ON COLUMN sequin.progress.confirm_limit IS 'the slot is never confirmed past this; NULL: no limit';

COMMENT ON COLUMN sequin.progress.stopped IS 'sequin.stop() was called';

CREATE TABLE sequin.gap (
  declared_at timestamptz PRIMARY KEY,
  from_lsn    pg_lsn NOT NULL,
  to_lsn      pg_lsn NOT NULL,
  reason      text NOT NULL
);
COMMENT ON TABLE sequin.gap IS 'Stretches of the WAL that were not captured';

CREATE TABLE sequin.consumer_gap (
  consumer    int,
  from_ord    bigint,
  declared_at timestamptz NOT NULL,
  messages    bigint NOT NULL,
  reason      text NOT NULL,
  PRIMARY KEY (consumer, from_ord)
);
COMMENT ON TABLE sequin.consumer_gap IS 'Messages that were dropped with the log before their consumer was handed them out';
COMMENT ON COLUMN sequin.consumer_gap.reason IS 'the limit of the consumer that was over: retain_time, retain_bytes';

CREATE TABLE sequin.routing (
  consumer   int PRIMARY KEY,
  since      pg_lsn NOT NULL,
  definition text NOT NULL
);
COMMENT ON TABLE sequin.routing IS 'Definitions in force for capture, and the commit since which they are';

CREATE TABLE sequin.relation (
  id            int PRIMARY KEY,
  reloid        oid NOT NULL,
  table_schema  text NOT NULL,
  table_name    text NOT NULL,
  since         pg_lsn NOT NULL
);
COMMENT ON TABLE sequin.relation IS 'Tables as they were called when their changes were captured';

CREATE TABLE sequin.segment (
  no          int PRIMARY KEY,
  log         oid NOT NULL,
  route       oid NOT NULL,
  incarnation int NOT NULL,
  first_seq   bigint NOT NULL,
  created_at  timestamptz NOT NULL
);
COMMENT ON TABLE sequin.segment IS 'Segments of log and route; the last one is being written';

CREATE TABLE sequin.segment_start (
  consumer int,
  segment  int,
  ord      bigint NOT NULL,
  PRIMARY KEY (consumer, segment)
);
COMMENT ON TABLE sequin.segment_start IS 'First ordinal of each consumer in each segment of the route';

-- The shape of every segment. They are never updated and dropped whole.
CREATE TABLE sequin.log_0 (
  seq         bigint NOT NULL,
  commit_lsn  pg_lsn NOT NULL,
  commit_time timestamptz NOT NULL,
  commit_idx  bigint NOT NULL,
  xid         xid NOT NULL,
  relation    int NOT NULL,
  form        smallint NOT NULL,
  action      "char" NOT NULL,
  key         text NOT NULL,
  record      text NOT NULL,
  changes     text NOT NULL,
  meta        text NOT NULL,
  PRIMARY KEY (seq)
) WITH (autovacuum_enabled = off);
COMMENT ON TABLE sequin.log_0 IS 'Template of a log segment; segments inherit from it';
COMMENT ON COLUMN sequin.log_0.commit_idx IS 'counts all row changes and messages of the transaction, routed or not';
COMMENT ON COLUMN sequin.log_0.form IS 'of the rows that one change has for consumers who want it in different forms; negative: could not be encoded';
COMMENT ON COLUMN sequin.log_0.action IS 'i insert, u update, d delete, t truncate, r read, m message';
COMMENT ON COLUMN sequin.log_0.key IS 'JSON array of the primary key values as strings, empty: none; behind a line feed the group, where the record does not tell it';
COMMENT ON COLUMN sequin.log_0.record IS 'JSON object: the row after the change (delete: before); null for truncate';
COMMENT ON COLUMN sequin.log_0.changes IS 'JSON object: previous values of changed columns; empty: null';
COMMENT ON COLUMN sequin.log_0.meta IS 'further members of metadata, as JSON members with a leading comma; empty: none';

CREATE TABLE sequin.log_kept (
  seq         bigint PRIMARY KEY,
  incarnation int NOT NULL,
  commit_lsn  pg_lsn NOT NULL,
  commit_time timestamptz NOT NULL,
  commit_idx  bigint NOT NULL,
  xid         xid NOT NULL,
  relation    int NOT NULL,
  form        smallint NOT NULL,
  action      "char" NOT NULL,
  key         text NOT NULL,
  record      text NOT NULL,
  changes     text NOT NULL,
  meta        text NOT NULL,
  kept_at     timestamptz NOT NULL,
  consumer    int
);
COMMENT ON COLUMN sequin.log_kept.consumer IS 'whose dead letter it was; NULL: it was in a segment';
COMMENT ON TABLE sequin.log_kept IS 'Log rows that are needed although their segment is gone; as in the segments';
COMMENT ON COLUMN sequin.log_kept.seq IS 'as in the segment; below 0: a dead letter that was put back, minus its id';

CREATE TABLE sequin.route_0 (
  consumer int NOT NULL,
  ord      bigint NOT NULL,
  n        smallint NOT NULL,
  entries  bytea NOT NULL,
  PRIMARY KEY (consumer, ord)
) WITH (autovacuum_enabled = off, toast_tuple_target = 8160);
ALTER TABLE sequin.route_0 ALTER entries SET STORAGE EXTERNAL;
COMMENT ON TABLE sequin.route_0 IS 'Template of a route segment: which log entries a consumer must get';
COMMENT ON COLUMN sequin.route_0.ord IS 'ordinal of the first entry; the next row continues at ord + n';

CREATE TABLE sequin.dead_letter (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  consumer    int NOT NULL,
  ord         bigint,
  seq         bigint,
  dead_at     timestamptz NOT NULL,
  reason      text NOT NULL,
  attempts    int NOT NULL,
  last_error  text,
  group_key   text,
  message     text,
  entry       bytea,
  incarnation int,
  commit_lsn  pg_lsn,
  commit_time timestamptz,
  commit_idx  bigint,
  relation    text,
  form        smallint,
  action      "char",
  key         text,
  record      text,
  changes     text,
  meta        text
);
CREATE INDEX dead_letter_consumer ON sequin.dead_letter (consumer, id);
COMMENT ON TABLE sequin.dead_letter IS 'Messages given up, with their own copy of the envelope';
COMMENT ON COLUMN sequin.dead_letter.message IS 'the envelope as it was delivered; NULL: the log had it no more';
COMMENT ON COLUMN sequin.dead_letter.entry IS 'what it was in the queue (extension/change/entry_codec.h, base ordinal 0); NULL: it never was. With the columns after it, which are those of its log row, the message can be put back';
COMMENT ON COLUMN sequin.dead_letter.relation IS 'table_schema and table_name as JSON members';
COMMENT ON COLUMN sequin.dead_letter.reason IS 'attempts_exhausted, rejected, filter_error, capture_error, log_dropped';

SELECT pg_catalog.pg_extension_config_dump('sequin.endpoint', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.consumer', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.consumer_grantee', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.endpoint_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.consumer_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.dead_letter', '');
SELECT pg_catalog.pg_extension_config_dump('sequin.dead_letter_id_seq', '');
-- State of the queue. Where an entry is, is its state: at or after next_ord: ready; in a claim
-- without settle: in flight; in held: parked; nowhere: done. extension/queue is the only writer.

-- Never updated: an extended claim has rows in settle (pos <= -3), a rewind is a row of its own.
CREATE TABLE sequin.claim (
  consumer    int NOT NULL,
  epoch       int NOT NULL,
  no          bigint NOT NULL,
  nonce       bigint NOT NULL,
  next_ord    bigint NOT NULL,
  low_no      bigint NOT NULL,
  keep        bigint NOT NULL,
  last_rewind bigint NOT NULL,
  taken_at    timestamptz NOT NULL,
  expires     timestamptz NOT NULL,
  n           int NOT NULL,
  kind        "char" NOT NULL,
  entries     bytea NOT NULL,
  open_claims bytea,
  request     uuid,
  PRIMARY KEY (consumer, no)
) WITH (toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE sequin.claim ALTER entries SET STORAGE EXTERNAL;
ALTER TABLE sequin.claim ALTER open_claims SET STORAGE EXTERNAL;
COMMENT ON TABLE sequin.claim IS 'Batches handed out, one row each; the newest row of a consumer holds its position';
COMMENT ON COLUMN sequin.claim.kind IS 'c claim, r rewind';
COMMENT ON COLUMN sequin.claim.nonce IS 'part of each ack_id of the claim; 58 random bits';
COMMENT ON COLUMN sequin.claim.next_ord IS 'ordinals before it were claimed, are held or were passed by';
COMMENT ON COLUMN sequin.claim.low_no IS 'all claims with a smaller number are settled';
COMMENT ON COLUMN sequin.claim.keep IS 'rewind: entries of older claims from this ordinal on are void';
COMMENT ON COLUMN sequin.claim.last_rewind IS 'the newest rewind row before this one; 0: none';
COMMENT ON COLUMN sequin.claim.entries IS 'format: extension/change/entry_codec.h, base ordinal 0';
COMMENT ON COLUMN sequin.claim.request IS 'what the client called the claim';
COMMENT ON COLUMN sequin.claim.open_claims IS 'in some rows: numbers of all older claims that may be unsettled, as differences, each a varint';

CREATE TABLE sequin.held (
  consumer int NOT NULL,
  relation oid NOT NULL,
  grp      bigint NOT NULL,
  ord      bigint NOT NULL,
  ready_at timestamptz NOT NULL,
  wait     bigint NOT NULL,
  n        int NOT NULL,
  barrier  bool NOT NULL,
  entries  bytea NOT NULL,
  error    text,
  PRIMARY KEY (consumer, grp, ord)
) WITH (fillfactor = 80, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE sequin.held ALTER entries SET STORAGE EXTERNAL;
CREATE INDEX held_front ON sequin.held (consumer, wait, ready_at, ord) WHERE wait >= 0;
CREATE INDEX held_relation ON sequin.held (consumer, barrier, relation, ord);
COMMENT ON TABLE sequin.held IS 'Parked entries: each group is a queue of rows, each row an array';
COMMENT ON COLUMN sequin.held.ord IS 'ordinal of the first entry that is left in the row';
COMMENT ON COLUMN sequin.held.ready_at IS 'not before; -infinity: at once';
COMMENT ON COLUMN sequin.held.wait IS 'first row of a group: 0 can be taken, n waits for claim n; others -1';
COMMENT ON COLUMN sequin.held.error IS 'why the first entry was not accepted last time';

-- Insert-only for those who settle; receive marks what it has taken back into the queue.
CREATE TABLE sequin.settle (
  consumer int NOT NULL,
  pos      int NOT NULL,
  no       bigint NOT NULL,
  ready_at timestamptz NOT NULL,
  outcome  "char" NOT NULL,
  absorbed bool NOT NULL,
  error    text,
  PRIMARY KEY (consumer, no, pos)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX settle_returned ON sequin.settle (consumer, no, pos) WHERE NOT absorbed;
COMMENT ON TABLE sequin.settle IS 'How claims ended, position by position';
COMMENT ON COLUMN sequin.settle.pos IS 'place in the claim; -1: all without an own row, -2: fence, -3 and below: the claim was extended';
COMMENT ON COLUMN sequin.settle.ready_at IS 'nacked: not again before; extended: until when';
COMMENT ON COLUMN sequin.settle.outcome IS 'a acked, n nacked, r released, d dead, t taken back, x expired, f fence, e extended';
COMMENT ON COLUMN sequin.settle.absorbed IS 'nothing is left to do; false only for entries that must return to the queue';

-- Filters that are evaluated when a message is claimed. Written by receive; sequin.alter_consumer
-- ends a suspension.
CREATE TABLE sequin.suspension (
  consumer   int PRIMARY KEY,
  since      timestamptz NOT NULL,
  commit_lsn pg_lsn NOT NULL,
  seq        bigint NOT NULL,
  reason     text NOT NULL
);
COMMENT ON TABLE sequin.suspension IS 'Consumers that stand still because their filter fails or does not fit its table';
COMMENT ON COLUMN sequin.suspension.commit_lsn IS 'commit of the first change that waits';
COMMENT ON COLUMN sequin.suspension.seq IS 'its position in the log';

CREATE TABLE sequin.filter_failure (
  consumer   int PRIMARY KEY,
  in_a_row   int NOT NULL,
  last_at    timestamptz NOT NULL,
  last_error text
);
COMMENT ON TABLE sequin.filter_failure IS 'How many changes the filter of a consumer failed on lately, one after the other';
-- What is to be read or republished besides what capture sees: backfills and replays. Made and
-- changed by the functions of feeds.sql; the feeder ends them.

CREATE TABLE sequin.feed (
  id              int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uuid            uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  kind            text NOT NULL CHECK (kind IN ('backfill', 'replay')),
  consumer        int NOT NULL REFERENCES sequin.consumer ON DELETE CASCADE,
  relation        oid,
  filter          text,
  order_by        text[],
  start_at        text[],
  chunk_rows      int NOT NULL CHECK (chunk_rows BETWEEN 1 AND 10000),
  rows_per_second int CHECK (rows_per_second > 0),
  upto_lsn        pg_lsn NOT NULL,
  rows_total      bigint,
  state           text NOT NULL DEFAULT 'running'
                  CHECK (state IN ('running', 'paused', 'done', 'cancelled', 'failed')),
  error           text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  changed_at      timestamptz NOT NULL DEFAULT now(),
  changed_lsn     pg_lsn NOT NULL
);
CREATE INDEX feed_open ON sequin.feed (id) WHERE state = 'running';
CREATE INDEX feed_consumer ON sequin.feed (consumer);
COMMENT ON TABLE sequin.feed IS 'Backfills and replays';
COMMENT ON COLUMN sequin.feed.upto_lsn IS 'where the WAL was when it was asked for; a replay takes what committed before';
COMMENT ON COLUMN sequin.feed.rows_total IS 'estimate of what there is to read';
COMMENT ON COLUMN sequin.feed.changed_lsn IS 'its last chunk was committed before';

-- Written by the feeder only, in the transaction of each chunk: a chunk and the place where the next
-- one goes on are one. Capture takes messages of the feeder for true because they come with a
-- change of this table.
CREATE TABLE sequin.feed_chunk (
  feed           int PRIMARY KEY REFERENCES sequin.feed ON DELETE CASCADE,
  consumer       int NOT NULL,
  low_ord        bigint NOT NULL,
  snapshot       bytea,
  held_ord       bigint NOT NULL,
  leaf           oid,
  filenode       oid,
  position       text[],
  first_snapshot bytea,
  rows_read      bigint NOT NULL DEFAULT 0,
  rows_sent      bigint NOT NULL DEFAULT 0,
  complete       bool NOT NULL DEFAULT false
);
COMMENT ON TABLE sequin.feed_chunk IS 'How far each backfill and replay has come';
COMMENT ON COLUMN sequin.feed_chunk.low_ord IS 'changes that overtook the chunk are in the route from here on';
COMMENT ON COLUMN sequin.feed_chunk.held_ord IS 'low_ord of the chunk before: the route from here on is not dropped';
COMMENT ON COLUMN sequin.feed_chunk.snapshot IS 'format: extension/decode/feed_message.h';
COMMENT ON COLUMN sequin.feed_chunk.leaf IS 'table or partition that is being read';
COMMENT ON COLUMN sequin.feed_chunk.filenode IS 'tables without a key: the file that position belongs to';
COMMENT ON COLUMN sequin.feed_chunk.position IS 'of the last row read; tables without a key: the next block; replays: the next ordinal';
COMMENT ON COLUMN sequin.feed_chunk.first_snapshot IS 'tables without a key: only rows that it saw are read';
-- Starting, stopping and watching capture.

CREATE FUNCTION sequin.capture_ensure() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_ensure';
COMMENT ON FUNCTION sequin.capture_ensure() IS
  'internal: waits until capture of this database has its slot; 25001 in a transaction that has written';

CREATE FUNCTION sequin.capture_halt() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_halt';
COMMENT ON FUNCTION sequin.capture_halt() IS 'internal: sends the capture worker away';

CREATE FUNCTION sequin.capture_resume() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_resume';
COMMENT ON FUNCTION sequin.capture_resume() IS 'internal: calls the capture worker when this transaction commits';

CREATE FUNCTION sequin.capture_definitions_changed() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_definitions_changed';
COMMENT ON FUNCTION sequin.capture_definitions_changed() IS
  'internal: tells agents, when this transaction commits, that definitions changed';

CREATE FUNCTION sequin.capture_status(
  OUT state text, OUT worker_pid int, OUT slot name, OUT lsn pg_lsn, OUT confirmed_lsn pg_lsn,
  OUT lag_bytes bigint, OUT lag_seconds float8, OUT next_seq bigint, OUT incarnation int,
  OUT last_error text, OUT last_error_at timestamptz)
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_status';
COMMENT ON FUNCTION sequin.capture_status() IS 'internal: the row of sequin.status';

-- Starts capture of this database, or goes on after stop(). Waits until the slot is consistent:
-- until transactions that are writing now have ended. Everything committed later is captured.
-- Errors: 25001 when this transaction has already written and the slot does not exist yet;
-- 55000 when the server is not set up for it.
CREATE FUNCTION sequin.start() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sequin.capture_ensure();
  IF EXISTS (SELECT FROM sequin.progress WHERE stopped) THEN
    UPDATE sequin.progress SET stopped = false;
    PERFORM sequin.capture_resume();
  END IF;
END
$$;
COMMENT ON FUNCTION sequin.start() IS 'Starts capture of this database, or goes on after stop()';

-- Stops capture until start(). The slot stays, and with it all WAL from here on: nothing is lost,
-- but the disk fills.
CREATE FUNCTION sequin.stop() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sequin.capture_halt();
  UPDATE sequin.progress SET stopped = true;
END
$$;
COMMENT ON FUNCTION sequin.stop() IS
  'Stops capture until start(); the slot keeps the WAL meanwhile';

-- Waits until capture has passed the last commit of this session: until its messages can be
-- received. Returns the end of that commit. Errors: 25001 in a transaction that has written;
-- 57014 when the time is over; 55000 when capture is not running.
CREATE FUNCTION sequin.sync(timeout interval DEFAULT '10 s') RETURNS pg_lsn
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_sync';
COMMENT ON FUNCTION sequin.sync(interval) IS
  'Waits until capture has passed the last commit of this session';
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
--   table_options  by table: {"public.orders": {"filter": …, "group_columns": […], "columns": […],
--                  "exclude_columns": […]}}, each instead of the argument of that name
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
--   backoff        instead of backoff_base and backoff_max: the delays after the first, second, …
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

-- What an agent needs to know to deliver. A push consumer has a url.
CREATE FUNCTION sequin.agent_consumers()
RETURNS TABLE (
  consumer int, id uuid, name text, kind text, status text, url text, headers jsonb,
  batch_size int, max_in_flight int, visibility_timeout_ms bigint, request_timeout_ms bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.id, c.uuid, c.name, CASE WHEN c.endpoint IS NULL THEN 'pull' ELSE 'push' END,
         CASE WHEN c.home <> sequin.home() THEN 'paused'
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
-- Besides what is captured: the rows that tables have already (backfills), and messages once more
-- (replays).

-- Sends the rows that a table has to a consumer, as messages with action read, while writes go on.
-- A row comes never after a newer change of its key that the consumer got. Only the consumer's
-- owner may. Returns the number of the backfill.
--   consumer    name or id
--   table       one that the consumer captures; a partitioned table with all its partitions
--   filter      boolean expression over the columns of the table: only these rows. The consumer's
--               own filter applies besides. Runs as the consumer's owner, without writing, and may
--               use any function (with its schema: names are looked up in pg_catalog only)
--   order_by    read in the order of these columns instead of the primary key; they must be NOT
--               NULL, and the first one must lead an index
--   start_at    begin at these values of the order_by columns, or of the primary key
--   chunk_rows  rows read at once, 1 to 10000; NULL: 2000
-- A table without primary key and replica identity index is read block by block.
-- Errors: 42501 not the owner, 55000 the consumer does not capture the table, or the order cannot
-- be kept; 42703 no such column; 22023 chunk_rows or start_at.
-- Writes: feed.
CREATE FUNCTION sequin.backfill(
  consumer   text,
  "table"    regclass,
  filter     text   DEFAULT NULL,
  order_by   text[] DEFAULT NULL,
  start_at   text[] DEFAULT NULL,
  chunk_rows int    DEFAULT NULL)
RETURNS uuid LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_backfill';
COMMENT ON FUNCTION sequin.backfill IS
  'Sends the rows that a table has now to a consumer, as messages with action read; returns the id of the backfill';

-- A paused backfill keeps its place. Waits for the chunk that is being read. Errors: 42704 no such
-- backfill, 42501 not yours, 55000 it has ended. Writes: feed.
CREATE FUNCTION sequin.pause_backfill(id uuid)
RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sequin_pause_backfill';
COMMENT ON FUNCTION sequin.pause_backfill IS 'Stops a backfill; it keeps its place';

CREATE FUNCTION sequin.resume_backfill(id uuid)
RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sequin_resume_backfill';
COMMENT ON FUNCTION sequin.resume_backfill IS 'Goes on with a backfill that was paused or has failed';

CREATE FUNCTION sequin.cancel_backfill(id uuid)
RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sequin_cancel_backfill';
COMMENT ON FUNCTION sequin.cancel_backfill IS 'Ends a backfill; messages it has sent stay';

-- Of backfills one sees those of one's own consumers; sequin_admin, sequin_agent and sequin_monitor
-- see all.
CREATE VIEW sequin.backfills WITH (security_barrier) AS
SELECT f.uuid AS id, c.name AS consumer, f.relation::regclass AS "table", f.state, f.error,
       coalesce(p.rows_read, 0) AS rows_read, coalesce(p.rows_sent, 0) AS rows_sent, f.rows_total,
       f.filter, f.order_by, f.start_at, f.chunk_rows, p.leaf::regclass AS reading, p.position,
       f.created_at, f.changed_at
FROM sequin.feed f
JOIN sequin.consumer c ON c.id = f.consumer
LEFT JOIN sequin.feed_chunk p ON p.feed = f.id
WHERE f.kind = 'backfill'
  AND (pg_catalog.pg_has_role(c.owner, 'USAGE')
       OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
       OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
       OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE'));
COMMENT ON VIEW sequin.backfills IS 'Backfills and how far they are';
COMMENT ON COLUMN sequin.backfills.state IS 'running, paused, done (all of it is in the log), cancelled, failed (error says why)';
COMMENT ON COLUMN sequin.backfills.rows_read IS 'rows looked at';
COMMENT ON COLUMN sequin.backfills.rows_sent IS 'rows that filters let through; some of them may have been overtaken by newer changes';
COMMENT ON COLUMN sequin.backfills.rows_total IS 'rows of the table, as estimated at the beginning';

-- Messages of a consumer once more, chosen by a filter, in their order, behind those that wait. They
-- keep commit_lsn, commit_idx, idempotency_key and message id, and carry the replay in
-- metadata.replay_id. Chosen from what the log still holds of the consumer's messages and what
-- committed before the call, whether they were delivered or not. Only the consumer's owner may.
-- Returns the number of the replay.
--   filter           boolean expression over seq, commit_lsn, commit_time, commit_idx, action,
--                    table_schema, table_name, record_pks, record, changes, metadata (the last four
--                    jsonb); NULL: all messages. Runs as the consumer's owner, without writing; names
--                    are looked up in pg_catalog only
--   rows_per_second  no more messages a second; 0: as fast as it goes
-- Errors: 42501 not the owner, 55000 a consumer of mode latest, 22023 rows_per_second.
-- Writes: feed.
CREATE FUNCTION sequin.replay(
  consumer        text,
  filter          text DEFAULT NULL,
  rows_per_second int  DEFAULT 1000)
RETURNS uuid LANGUAGE c VOLATILE CALLED ON NULL INPUT
AS 'MODULE_PATHNAME', 'sequin_replay';
COMMENT ON FUNCTION sequin.replay IS
  'Sends messages of a consumer once more, chosen by a filter; returns the id of the replay';

CREATE FUNCTION sequin.pause_replay(id uuid)
RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sequin_pause_replay';
COMMENT ON FUNCTION sequin.pause_replay IS
  'Stops a replay; it keeps its place, but not the log behind it';

CREATE FUNCTION sequin.resume_replay(id uuid)
RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sequin_resume_replay';
COMMENT ON FUNCTION sequin.resume_replay IS 'Goes on with a replay that was paused or has failed';

CREATE FUNCTION sequin.cancel_replay(id uuid)
RETURNS void LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'sequin_cancel_replay';
COMMENT ON FUNCTION sequin.cancel_replay IS 'Ends a replay; messages it has sent stay';

CREATE VIEW sequin.replays WITH (security_barrier) AS
SELECT f.uuid AS id, c.name AS consumer, f.filter, f.state, f.error,
       coalesce(p.rows_read, 0) AS rows_read, coalesce(p.rows_sent, 0) AS rows_sent,
       f.rows_per_second, f.upto_lsn, f.created_at, f.changed_at
FROM sequin.feed f
JOIN sequin.consumer c ON c.id = f.consumer
LEFT JOIN sequin.feed_chunk p ON p.feed = f.id
WHERE f.kind = 'replay'
  AND (pg_catalog.pg_has_role(c.owner, 'USAGE')
       OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
       OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
       OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE'));
COMMENT ON VIEW sequin.replays IS 'Replays and how far they are';
COMMENT ON COLUMN sequin.replays.rows_read IS 'messages looked at';
COMMENT ON COLUMN sequin.replays.rows_sent IS 'messages sent once more';
-- The queue: receive messages, and say how their deliveries ended.
--
-- `consumer` is the name or the uuid of a consumer. Errors of all of them: 42704 no such consumer,
-- 42501 not allowed, 22004 an argument is NULL, 22023 an argument is out of range.
-- All of them write sequin.claim, sequin.held, sequin.settle and sequin.dead_letter.

-- Takes up to batch_size (1 to 10,000) messages for visibility_timeout (100 ms to 12 h; NULL: the
-- consumer's). Without messages it waits up to `wait` (at most 30 s), and may return none before
-- that time when it has passed by a million messages that must wait for others.
--   max_bytes      no more than fit into so many bytes of the log, but at least one; NULL: no limit.
--                  Envelopes are some hundred bytes larger than their messages in the log.
--   request_id     names the claim. While it lasts, a receive with the same name gets its messages
--                  again that are not settled, with the same ack_ids and until the same time,
--                  whatever its other arguments: for a client that has lost the answer. When it is
--                  over (all settled, or its time), the name is free and makes a new claim.
--
--   ack_id         names this delivery; every delivery has a new one
--   message        the envelope: record, changes, action, metadata
--   group_key      messages with the same one are delivered in order; NULL: a group of its own
--   deliver_count  deliveries so far, this one included
--   seq            position in the log
-- It commits by itself: errors 25001 in a transaction block, in a function, or in a statement that
-- writes. Messages that are not settled in time are delivered again.
CREATE FUNCTION sequin.receive(
  consumer text,
  batch_size int DEFAULT 1,
  visibility_timeout interval DEFAULT NULL,
  wait interval DEFAULT '0',
  max_bytes bigint DEFAULT NULL,
  request_id uuid DEFAULT NULL)
RETURNS TABLE (ack_id uuid, message json, group_key text, deliver_count int, seq bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_receive';
COMMENT ON FUNCTION sequin.receive(text, int, interval, interval, bigint, uuid) IS
  'takes messages of a consumer, in order in each group';

-- Accepts messages. In your own transaction, your writes and the ack happen together or not at
-- all. One row for each ack_id, in their order:
--   ACKED          now accepted
--   ALREADY_ACKED  it was before
--   STALE          the delivery is over: given back, expired or overtaken; nothing was changed
--   UNKNOWN        no such delivery of this consumer
-- Results are exact until 10 minutes after the claim ended, then STALE. Waits only for another
-- open transaction that settles the same message.
CREATE FUNCTION sequin.ack(consumer text, ack_ids uuid[])
RETURNS TABLE (ack_id uuid, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_ack';
COMMENT ON FUNCTION sequin.ack(text, uuid[]) IS 'accepts messages';

-- Refuses messages: a failed attempt, delivered again after `delay` (at most 365 days; NULL: as the
-- consumer's backoff says) or, after the last attempt, kept as a dead letter with `error`.
-- Later messages of its group that came with it are taken back. Result as of ack, with NACKED.
CREATE FUNCTION sequin.nack(
  consumer text,
  ack_ids uuid[],
  delay interval DEFAULT NULL,
  error text DEFAULT NULL)
RETURNS TABLE (ack_id uuid, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_nack';
COMMENT ON FUNCTION sequin.nack(text, uuid[], interval, text) IS 'refuses messages: they come again';

-- Gives messages back as if they had not been delivered: no delay, no attempt counted. Later
-- messages of its group that came with it are taken back. Result as of ack, with RELEASED.
CREATE FUNCTION sequin.release(consumer text, ack_ids uuid[])
RETURNS TABLE (ack_id uuid, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_release';
COMMENT ON FUNCTION sequin.release(text, uuid[]) IS 'gives messages back unworked';

-- Rejects messages for good: each becomes a dead letter (reason rejected) with `error`, whatever
-- attempts it has left. Later messages of its group that came with it are taken back, and follow.
-- Result as of ack, with DEAD_LETTERED.
CREATE FUNCTION sequin.dead_letter(
  consumer text,
  ack_ids uuid[],
  error text DEFAULT NULL)
RETURNS TABLE (ack_id uuid, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_dead_letter';
COMMENT ON FUNCTION sequin.dead_letter(text, uuid[], text) IS 'rejects messages for good';

-- Keeps the claims of these deliveries for visibility_timeout (100 ms to 12 h) from now on; never
-- makes the time shorter. It is the whole claim that is kept: all that came in one receive. Result
-- as of ack, with EXTENDED.
CREATE FUNCTION sequin.extend(consumer text, ack_ids uuid[], visibility_timeout interval)
RETURNS TABLE (ack_id uuid, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_extend';
COMMENT ON FUNCTION sequin.extend(text, uuid[], interval) IS 'more time for messages that are worked on';

-- Sets the position of a consumer, back or forward, at any backlog at the same cost: the next
-- receives begin with the first of its messages that is
--   to_place  'beginning': in the log at all; 'end': not captured yet
--   to_lsn    of a transaction with this commit_lsn or a greater one
--   to_time   committed at this time or later
--   to_seq    at this position of the log or after it
-- Back: messages from there on are delivered again, with no failed attempts, also those that are
-- out: their ack_ids are STALE from now on. What is out or parked before the place stays.
-- Forward: what lies between is skipped, with all that is parked; what is out may still be acked,
-- with the answer STALE, but does not come again.
-- One row: the direction (back, forward, nowhere), how many messages it passes, and how many are
-- ready then. dry_run only says so. Errors: 55000 the log does not go back so far (what is the
-- oldest, is in the detail), 25001 in a transaction block. For the owner, sequin_admin and
-- sequin_agent.
CREATE FUNCTION sequin.rewind(
  consumer text,
  to_place text DEFAULT NULL,
  to_lsn pg_lsn DEFAULT NULL,
  to_time timestamptz DEFAULT NULL,
  to_seq bigint DEFAULT NULL,
  dry_run bool DEFAULT false)
RETURNS TABLE (direction text, messages bigint, ready bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_rewind';
COMMENT ON FUNCTION sequin.rewind(text, text, pg_lsn, timestamptz, bigint, bool) IS
  'sets the position of a consumer, back or forward';

-- Messages that were given up, oldest first, with their envelopes: for those who may receive from
-- the consumer. With a reason only those of that reason; after_id and max_rows page through them.
-- In a transaction block those that died since the last receive may be missing.
CREATE FUNCTION sequin.dead_letters(
  consumer text,
  reason text DEFAULT NULL,
  after_id bigint DEFAULT 0,
  max_rows int DEFAULT NULL)
RETURNS TABLE (id bigint, dead_at timestamptz, reason text, attempts int, last_error text,
               group_key text, seq bigint, message json)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_dead_letters';
COMMENT ON FUNCTION sequin.dead_letters(text, text, bigint, int) IS
  'messages of a consumer that were given up';

-- Puts dead letters back: they are delivered again, before what else waits in their groups, in the
-- order in which they first died, with no failed attempts, the same message ids and a seq below 0. Chosen
-- by id, reason and when they died; at most 100,000 in one call, the oldest ones. A row for each:
--   REQUEUED    it is in the queue again, and no dead letter any more
--   NO_MESSAGE  there is nothing to deliver; it stays
-- For the owner, sequin_admin and sequin_agent. It commits by itself: 25001 in a transaction block.
-- Writes: dead_letter, log_kept, relation, held.
CREATE FUNCTION sequin.requeue_dead_letters(
  consumer text,
  ids bigint[] DEFAULT NULL,
  reason text DEFAULT NULL,
  dead_after timestamptz DEFAULT NULL,
  dead_before timestamptz DEFAULT NULL)
RETURNS TABLE (id bigint, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_requeue_dead_letters';
COMMENT ON FUNCTION sequin.requeue_dead_letters(text, bigint[], text, timestamptz, timestamptz) IS
  'puts messages that were given up back into the queue';

-- Deletes dead letters, chosen in the same way, and returns how many. Writes: dead_letter.
CREATE FUNCTION sequin.purge_dead_letters(
  consumer text,
  ids bigint[] DEFAULT NULL,
  reason text DEFAULT NULL,
  dead_after timestamptz DEFAULT NULL,
  dead_before timestamptz DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_purge_dead_letters';
COMMENT ON FUNCTION sequin.purge_dead_letters(text, bigint[], text, timestamptz, timestamptz) IS
  'deletes messages that were given up';

-- What the agent uses. `consumer` is the number of sequin.agent_consumers(). -----------------------

-- receive for several batches at once: element i of batch_sizes (at most 1,000, in sum 10,000)
-- becomes a claim of its own, whose rows have claim = i.
--   group_hash     messages of a claim with the same one must be delivered one after the other
--   message_id     the same at every delivery of a message
-- When there are fewer messages than asked for, the next possible work is told by NOTIFY.
CREATE FUNCTION sequin.agent_receive(
  consumer int,
  batch_sizes int[],
  visibility_timeout interval DEFAULT NULL)
RETURNS TABLE (claim int, ack_id uuid, message json, group_key text, group_hash bigint,
               deliver_count int, seq bigint, message_id text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_agent_receive';
COMMENT ON FUNCTION sequin.agent_receive(int, int[], interval) IS 'internal: receive for the agent';

-- Settles with an outcome for each ack_id: ack, nack, release or dead_letter. delays and errors
-- have as many elements; a NULL delay means the consumer's backoff. Result as of ack, with NACKED,
-- RELEASED or DEAD_LETTERED in its place.
CREATE FUNCTION sequin.agent_settle(
  consumer int,
  ack_ids uuid[],
  outcomes text[],
  delays interval[],
  errors text[])
RETURNS TABLE (ack_id uuid, result text)
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_agent_settle';
COMMENT ON FUNCTION sequin.agent_settle(int, uuid[], text[], interval[], text[]) IS
  'internal: settles for the agent';

-- When something may become deliverable although nobody does anything: a delay or a claim ends.
-- NULL: never.
CREATE FUNCTION sequin.agent_next_due(consumer int) RETURNS timestamptz
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_agent_next_due';
COMMENT ON FUNCTION sequin.agent_next_due(int) IS 'internal: when to look again at the latest';

-- Where the messages of a consumer are: ready (never handed out), in_flight (handed out), parked
-- (waiting for a time or for an earlier message of their group), dying (given up, and dead letters
-- when the queue is next looked at); oldest_at: when the oldest of the first three was committed.
-- Costs nothing per ready message. max_deliver: the consumer's, 0: no limit.
CREATE FUNCTION sequin.queue_counts(
  consumer int, max_deliver int, OUT ready bigint, OUT in_flight bigint, OUT parked bigint,
  OUT dying bigint, OUT oldest_at timestamptz)
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_queue_counts';
COMMENT ON FUNCTION sequin.queue_counts(int, int) IS 'internal: counts of sequin.consumers';

CREATE FUNCTION sequin.queue_in_flight(consumer int)
RETURNS TABLE (seq bigint, claim bigint, deliver_count int, attempts int, taken_at timestamptz,
               expires_at timestamptz, overtaken bool)
LANGUAGE c STRICT VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'sequin_queue_in_flight';
COMMENT ON FUNCTION sequin.queue_in_flight(int) IS 'internal: rows of sequin.in_flight';
-- Streams: messages that applications publish themselves. These functions run as their caller;
-- `stream` is the name or the uuid of a stream. Errors of all of them: 42704 no such stream, 42501
-- not allowed, 22004 an argument is NULL, 22023 an argument is not valid.

-- Makes a stream owned by the calling role. Starts capture if it is not running (25001 when this
-- transaction has already written: call sequin.start() before).
--   one_message_per_key  a message replaces the earlier one of its key
--   retention            how long messages are kept at least. NULL: the newest of each key for
--                        ever with one_message_per_key, else as long as the log keeps them
-- Writes: stream.
CREATE FUNCTION sequin.create_stream(
  name                text,
  one_message_per_key bool     DEFAULT false,
  retention           interval DEFAULT NULL)
RETURNS uuid LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_create_stream';
COMMENT ON FUNCTION sequin.create_stream IS 'Makes a stream; returns its uuid';

-- Changes a stream; NULL leaves a value as it is, retention => '0' removes it. For the owner.
-- Waits for transactions that have published to the stream. When one_message_per_key is switched
-- on, a key's earlier messages go when it gets a new one. Writes: stream.
CREATE FUNCTION sequin.alter_stream(
  name                text,
  one_message_per_key bool     DEFAULT NULL,
  retention           interval DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_alter_stream';
COMMENT ON FUNCTION sequin.alter_stream IS 'Changes a stream; NULL means unchanged';

-- Drops a stream with all its messages, delayed ones too. Error 2BP01 while it has consumers.
-- Waits for transactions that have published to it. Writes: delayed, stream_grantee, stream.
CREATE FUNCTION sequin.drop_stream(name text)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_drop_stream';
COMMENT ON FUNCTION sequin.drop_stream IS 'Drops a stream with all its messages';

-- Lets another role use the stream; only the owner may. Privileges: publish; read (its messages,
-- and consumers on it). Writes: stream_grantee.
CREATE FUNCTION sequin.grant_stream(name text, role regrole, privileges text[] DEFAULT '{publish,read}')
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_grant_stream';
COMMENT ON FUNCTION sequin.grant_stream IS 'Lets a role publish to a stream, read from it, or both';

-- Consumers of a role that may no longer read receive nothing more: 42501.
CREATE FUNCTION sequin.revoke_stream(name text, role regrole, privileges text[] DEFAULT '{publish,read}')
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_revoke_stream';
COMMENT ON FUNCTION sequin.revoke_stream IS 'Takes back what sequin.grant_stream gave';

-- Publishes a message when this transaction commits, in the order of its other writes. Two
-- transactions that publish the same key do not wait for each other: the order is that of commits.
--   key         up to 255 characters, up to 16 tokens separated by dots, without * and >
--   data        up to sequin.max_value_size; jsonb is nested in the message, text is a string
--   headers     a JSON object of up to 64 kB
--   deliver_at  when later than now: it is published then, by the capture worker
-- Errors: 25006 in a read-only transaction or on a standby; 54000 too large.
-- Writes: the WAL; delayed.
CREATE FUNCTION sequin.publish(
  stream     text,
  key        text,
  data       text,
  headers    jsonb       DEFAULT '{}',
  deliver_at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_publish';
COMMENT ON FUNCTION sequin.publish(text, text, text, jsonb, timestamptz) IS
  'Publishes a message, when this transaction commits';

CREATE FUNCTION sequin.publish(
  stream     text,
  key        text,
  data       jsonb,
  headers    jsonb       DEFAULT '{}',
  deliver_at timestamptz DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_publish_json';
COMMENT ON FUNCTION sequin.publish(text, text, jsonb, jsonb, timestamptz) IS
  'Publishes a message, when this transaction commits';

-- Many messages at once, in the order of the arrays, which have as many elements each; headers =>
-- NULL: none. With _json data is JSON; two names, so that an array without a type fits. Returns how many. Nothing is published when one is refused.
CREATE FUNCTION sequin.publish_batch(
  stream     text,
  keys       text[],
  datas      text[],
  headers    jsonb[]     DEFAULT NULL,
  deliver_at timestamptz DEFAULT NULL)
RETURNS int LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_publish_batch';
COMMENT ON FUNCTION sequin.publish_batch IS
  'Publishes messages, when this transaction commits';

CREATE FUNCTION sequin.publish_batch_json(
  stream     text,
  keys       text[],
  datas      jsonb[],
  headers    jsonb[]     DEFAULT NULL,
  deliver_at timestamptz DEFAULT NULL)
RETURNS int LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_publish_batch_json';
COMMENT ON FUNCTION sequin.publish_batch_json IS
  'Publishes messages, when this transaction commits';

CREATE FUNCTION sequin.stream_records(stream text, key_pattern text, sort text, "limit" int)
RETURNS TABLE (key text, seq bigint, record json, inserted_at timestamptz, updated_at timestamptz)
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_stream_records';
COMMENT ON FUNCTION sequin.stream_records IS 'internal: stream_messages, as they are in the log';

CREATE FUNCTION sequin.stream_record(stream text, key text)
RETURNS TABLE (key text, seq bigint, record json, inserted_at timestamptz, updated_at timestamptz)
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'sequin_stream_record';
COMMENT ON FUNCTION sequin.stream_record IS 'internal: stream_message, as it is in the log';

-- What the stream holds, as far as capture has come (sequin.sync()). For the owner and those who
-- may read. `data` is the text, or the JSON as text; data_hash its SHA-256 in hex. updated_at is
-- when the message was committed, inserted_at when the first one of its key was.
--   key_pattern  * stands for one token, a trailing > for the rest
--   sort         seq_asc or seq_desc
--   limit        1 to 10,000
CREATE FUNCTION sequin.stream_messages(
  stream      text,
  key_pattern text DEFAULT '>',
  sort        text DEFAULT 'seq_asc',
  "limit"     int  DEFAULT 100)
RETURNS TABLE (key text, seq bigint, data text, headers jsonb, data_hash text,
               inserted_at timestamptz, updated_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.key, r.seq, r.record->>'data', (r.record->'headers')::jsonb,
         encode(sha256(convert_to(r.record->>'data', 'UTF8')), 'hex'), r.inserted_at, r.updated_at
  FROM sequin.stream_records($1, $2, $3, $4) r
$$;
COMMENT ON FUNCTION sequin.stream_messages IS 'Messages that a stream holds';

-- The newest message of a key; no row: there is none.
CREATE FUNCTION sequin.stream_message(stream text, key text)
RETURNS TABLE (key text, seq bigint, data text, headers jsonb, data_hash text,
               inserted_at timestamptz, updated_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.key, r.seq, r.record->>'data', (r.record->'headers')::jsonb,
         encode(sha256(convert_to(r.record->>'data', 'UTF8')), 'hex'), r.inserted_at, r.updated_at
  FROM sequin.stream_record($1, $2) r
$$;
COMMENT ON FUNCTION sequin.stream_message IS 'The newest message of a key';
-- What there is to see. Counts and settings, never payloads or headers.

-- Of consumers one sees one's own and those one may receive from; sequin_admin, sequin_agent and
-- sequin_monitor see all. Where a message is counted: ready (not handed out since it became
-- ready), in_flight (handed out), parked (waits for a time or for its group), dead.
CREATE FUNCTION sequin.held_log_bytes(consumer int) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(sum(pg_total_relation_size(s.log) + pg_total_relation_size(s.route)), 0)::bigint
  FROM sequin.segment s
  WHERE s.no >= (SELECT max(st.segment) FROM sequin.segment_start st
                 WHERE st.consumer = held_log_bytes.consumer
                   AND (st.ord <= (SELECT k.next_ord FROM sequin.claim k
                                   WHERE k.consumer = held_log_bytes.consumer
                                   ORDER BY k.no DESC LIMIT 1)
                        OR st.segment = (SELECT min(f.segment) FROM sequin.segment_start f
                                         WHERE f.consumer = held_log_bytes.consumer)))
$$;
COMMENT ON FUNCTION sequin.held_log_bytes(int) IS 'internal: sequin.consumers.log_bytes';

CREATE VIEW sequin.consumers WITH (security_barrier) AS
SELECT c.name, c.uuid AS id, c.owner,
       CASE WHEN c.endpoint IS NULL THEN 'pull' ELSE 'push' END AS kind,
       CASE WHEN c.home <> sequin.home() THEN 'paused'
            WHEN c.status = 'active' AND u.consumer IS NOT NULL THEN 'suspended'
            ELSE c.status END AS status,
       CASE WHEN c.home <> sequin.home() THEN
         'restored from another database; sequin.alter_consumer(…, status => ''active'') makes it active here'
            WHEN u.consumer IS NOT NULL THEN
         pg_catalog.format('suspended since %s at commit %s, position %s: %s; sequin.alter_consumer(…, status => ''active'') lets it go on there',
                           u.since, u.commit_lsn, u.seq, u.reason)
       END AS status_reason,
       c.tables, c.actions, c.filter, c.group_columns, c.order_mode, c.mode,
       (SELECT s.name FROM sequin.stream s WHERE s.id = c.stream) AS stream, c.key_pattern, e.url AS push_url,
       counts.ready, counts.in_flight, counts.parked,
       (SELECT count(*) FROM sequin.dead_letter d WHERE d.consumer = c.id) + counts.dying AS dead,
       counts.ready + counts.in_flight + counts.parked AS lag_messages,
       greatest(extract(epoch FROM clock_timestamp() - counts.oldest_at), 0)::float8 AS lag_seconds,
       counts.oldest_at,
       c.visibility_timeout_ms, c.max_deliver, c.backoff_base_ms, c.backoff_max_ms, c.backoff_ms,
       c.max_in_flight,
       CASE WHEN c.endpoint IS NOT NULL THEN c.push_batch_size END AS push_batch_size,
       e.timeout_ms AS push_timeout_ms,
       ARRAY(SELECT g.grantee FROM sequin.consumer_grantee g
             WHERE g.consumer = c.id ORDER BY g.grantee::text) AS grantees,
       c.annotations, c.created_at, c.updated_at,
       c.columns, c.exclude_columns, c.table_options, c.number_format,
       c.publish_via_partition_root, c.include_children, c.filter_transition, c.fill_unchanged,
       c.message_prefixes,
       ARRAY(SELECT t FROM unnest(c.tables) WITH ORDINALITY AS named (t, n)
             WHERE CASE WHEN t LIKE '%*' THEN false ELSE NOT EXISTS (
                     SELECT FROM pg_catalog.pg_class r
                     JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace
                     WHERE s.nspname = (pg_catalog.parse_ident(t))[1]
                       AND r.relname = (pg_catalog.parse_ident(t))[2]
                       AND r.relkind IN ('r', 'p') AND r.relpersistence = 'p') END
             ORDER BY n) AS missing_tables,
       sequin.held_log_bytes(c.id) AS log_bytes,
       (SELECT coalesce(pg_catalog.sum(g.messages), 0)::bigint FROM sequin.consumer_gap g
        WHERE g.consumer = c.id) AS lost,
       (SELECT max(g.declared_at) FROM sequin.consumer_gap g WHERE g.consumer = c.id) AS lost_at,
       c.retain_ms, c.retain_bytes
FROM sequin.consumer c
LEFT JOIN sequin.endpoint e ON e.id = c.endpoint
LEFT JOIN sequin.suspension u ON u.consumer = c.id
CROSS JOIN LATERAL sequin.queue_counts(c.id, coalesce(c.max_deliver, 0)) counts
WHERE pg_catalog.pg_has_role(c.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.consumer_grantee g
              WHERE g.consumer = c.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW sequin.consumers IS 'Consumers that you may see, with where their messages are';
COMMENT ON COLUMN sequin.consumers.status IS 'active, paused, or suspended: it stands still because of its filter';
COMMENT ON COLUMN sequin.consumers.status_reason IS 'why it is suspended, or paused though nobody paused it';
COMMENT ON COLUMN sequin.consumers.ready IS 'messages that the next receive may hand out, but for those parked';
COMMENT ON COLUMN sequin.consumers.in_flight IS 'messages handed out and not settled';
COMMENT ON COLUMN sequin.consumers.parked IS 'messages that wait for a time or for an earlier one of their group';
COMMENT ON COLUMN sequin.consumers.dead IS 'dead letters';
COMMENT ON COLUMN sequin.consumers.lag_messages IS 'messages that are not done: ready, in flight and parked';
COMMENT ON COLUMN sequin.consumers.lag_seconds IS 'age of the oldest message that is not done, since its commit; 0: there is none';
COMMENT ON COLUMN sequin.consumers.oldest_at IS 'when the oldest message that is not done was committed';
COMMENT ON COLUMN sequin.consumers.log_bytes IS 'disk space of the log from the oldest message on that it was not handed out';
COMMENT ON COLUMN sequin.consumers.lost IS 'messages that were dropped before it was handed them out, because a limit of its own was over (sequin.consumer_gap)';
COMMENT ON COLUMN sequin.consumers.missing_tables IS 'tables it names that do not exist, or not any more';

-- Of streams one sees one's own and those one was granted; sequin_admin, sequin_agent and
-- sequin_monitor see all. Messages and bytes are what the stream holds, as far as capture has come.
CREATE VIEW sequin.streams WITH (security_barrier) AS
SELECT s.name, s.uuid AS id, s.owner, s.one_message_per_key, s.retention_ms,
       coalesce(c.messages, 0) AS messages, coalesce(c.bytes, 0) AS bytes,
       (SELECT count(*) FROM sequin.delayed d WHERE d.stream = s.id) AS delayed,
       (SELECT count(*) FROM sequin.consumer k WHERE k.stream = s.id) AS consumers,
       ARRAY(SELECT g.grantee::text || ':' || g.privilege FROM sequin.stream_grantee g
             WHERE g.stream = s.id ORDER BY 1) AS grants,
       s.created_at, s.updated_at
FROM sequin.stream s
LEFT JOIN sequin.stream_count c ON c.stream = s.id
WHERE pg_catalog.pg_has_role(s.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.stream_grantee g
              WHERE g.stream = s.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW sequin.streams IS 'Streams that you may see, with how much they hold';
COMMENT ON COLUMN sequin.streams.messages IS 'messages that the stream holds';
COMMENT ON COLUMN sequin.streams.bytes IS 'of their keys, data and headers';
COMMENT ON COLUMN sequin.streams.delayed IS 'messages that are published later';

-- Consumers that the reader may see, for the views.
CREATE VIEW sequin.seen_consumer WITH (security_barrier) AS
SELECT c.*
FROM sequin.consumer c
WHERE pg_catalog.pg_has_role(c.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.consumer_grantee g
              WHERE g.consumer = c.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW sequin.seen_consumer IS 'internal: consumers that the reader of a view may see';

CREATE VIEW sequin.dead_letter_counts WITH (security_barrier) AS
SELECT c.name AS consumer, d.reason, count(*) AS dead, min(d.dead_at) AS first_dead_at,
       max(d.dead_at) AS last_dead_at
FROM sequin.seen_consumer c
JOIN sequin.dead_letter d ON d.consumer = c.id
GROUP BY c.name, d.reason;
COMMENT ON VIEW sequin.dead_letter_counts IS 'Dead letters by consumer and reason';

-- Messages that are out now.
CREATE VIEW sequin.in_flight WITH (security_barrier) AS
SELECT c.name AS consumer, f.seq, f.claim, f.deliver_count, f.attempts, f.taken_at, f.expires_at,
       f.overtaken
FROM sequin.seen_consumer c
CROSS JOIN LATERAL sequin.queue_in_flight(c.id) f;
COMMENT ON VIEW sequin.in_flight IS 'Messages that were handed out and are not settled, without their contents';
COMMENT ON COLUMN sequin.in_flight.seq IS 'position in the log; below 0: a dead letter that was put back';
COMMENT ON COLUMN sequin.in_flight.claim IS 'number of the receive that took it';
COMMENT ON COLUMN sequin.in_flight.deliver_count IS 'deliveries so far, this one included';
COMMENT ON COLUMN sequin.in_flight.attempts IS 'failed attempts before this one';
COMMENT ON COLUMN sequin.in_flight.expires_at IS 'when it is delivered again unless it is settled or extended';
COMMENT ON COLUMN sequin.in_flight.overtaken IS 'a rewind has passed it: its ack will answer STALE';

-- The log, for those who may see everything: nobody is granted it. Segments come and go behind it;
-- conditions on seq are looked up in their indexes.
CREATE VIEW sequin.log AS
SELECT l.seq, s.no AS segment, s.incarnation, l.commit_lsn, l.commit_time, l.commit_idx, l.xid,
       r.table_schema, r.table_name,
       CASE l.action WHEN 'i' THEN 'insert' WHEN 'u' THEN 'update' WHEN 'd' THEN 'delete'
         WHEN 't' THEN 'truncate' WHEN 'r' THEN 'read' WHEN 'm' THEN 'message' ELSE 'error'
       END AS action,
       nullif(split_part(l.key, E'\n', 1), '')::json AS record_pks, l.record::json AS record,
       nullif(l.changes, '')::json AS changes, ('{' || ltrim(l.meta, ',') || '}')::json AS metadata
FROM sequin.log_0 l
JOIN sequin.segment s ON s.log = l.tableoid
LEFT JOIN sequin.relation r ON r.id = l.relation
UNION ALL
SELECT l.seq, NULL, l.incarnation, l.commit_lsn, l.commit_time, l.commit_idx, l.xid,
       r.table_schema, r.table_name,
       CASE l.action WHEN 'i' THEN 'insert' WHEN 'u' THEN 'update' WHEN 'd' THEN 'delete'
         WHEN 't' THEN 'truncate' WHEN 'r' THEN 'read' WHEN 'm' THEN 'message' ELSE 'error'
       END,
       nullif(split_part(l.key, E'\n', 1), '')::json, l.record::json,
       nullif(l.changes, '')::json, ('{' || ltrim(l.meta, ',') || '}')::json
FROM sequin.log_kept l
LEFT JOIN sequin.relation r ON r.id = l.relation;
COMMENT ON VIEW sequin.log IS 'All captured changes that are kept, in the order of seq; for administrators';
COMMENT ON COLUMN sequin.log.segment IS 'NULL: kept although its segment was dropped, or a dead letter that was put back';
COMMENT ON COLUMN sequin.log.metadata IS 'what the log has of it; the rest of an envelope''s metadata is in the other columns';

CREATE VIEW sequin.status AS
SELECT state, worker_pid, slot, lsn, confirmed_lsn, lag_bytes, lag_seconds, next_seq, incarnation,
       last_error, last_error_at
FROM sequin.capture_status();
COMMENT ON VIEW sequin.status IS 'Capture of this database, in one row';
-- Who may do what. Nothing is granted to PUBLIC; docs/roles.md is the table in words.
-- The roles only open the functions: whose consumer it is, is checked by each of them.

REVOKE ALL ON SCHEMA sequin FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA sequin FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA sequin FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA sequin FROM PUBLIC;

GRANT USAGE ON SCHEMA sequin TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;

GRANT SELECT ON sequin.consumers, sequin.streams, sequin.status, sequin.dead_letter_counts,
  sequin.in_flight, sequin.backfills, sequin.replays
  TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;
-- Functions in a view run as the one who reads it.
GRANT EXECUTE ON FUNCTION sequin.queue_counts, sequin.queue_in_flight, sequin.held_log_bytes,
  sequin.capture_status, sequin.home
  TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;

GRANT EXECUTE ON FUNCTION sequin.start, sequin.stop, sequin.create_consumer, sequin.sync_consumer,
  sequin.create_stream TO sequin_admin;

-- Owners keep these when they are no longer admins.
GRANT EXECUTE ON FUNCTION sequin.alter_consumer, sequin.rename_consumer,
  sequin.consumer_definition, sequin.drop_consumer, sequin.grant_consumer,
  sequin.revoke_consumer, sequin.explain_filter, sequin.alter_stream, sequin.drop_stream,
  sequin.grant_stream, sequin.revoke_stream TO sequin_admin, sequin_consumer;

GRANT EXECUTE ON FUNCTION sequin.backfill, sequin.pause_backfill, sequin.resume_backfill,
  sequin.cancel_backfill, sequin.replay, sequin.pause_replay, sequin.resume_replay,
  sequin.cancel_replay TO sequin_admin, sequin_consumer;

GRANT EXECUTE ON FUNCTION sequin.receive, sequin.ack, sequin.nack, sequin.release,
  sequin.dead_letter, sequin.extend, sequin.sync TO sequin_admin, sequin_consumer, sequin_agent;

GRANT EXECUTE ON FUNCTION sequin.rewind, sequin.dead_letters, sequin.requeue_dead_letters,
  sequin.purge_dead_letters TO sequin_admin, sequin_consumer, sequin_agent;

GRANT EXECUTE ON FUNCTION sequin.publish(text, text, text, jsonb, timestamptz),
  sequin.publish(text, text, jsonb, jsonb, timestamptz),
  sequin.publish_batch, sequin.publish_batch_json, sequin.stream_messages, sequin.stream_message,
  sequin.stream_records, sequin.stream_record
  TO sequin_admin, sequin_consumer, sequin_agent;

GRANT EXECUTE ON FUNCTION sequin.agent_consumers, sequin.agent_receive, sequin.agent_settle,
  sequin.agent_next_due TO sequin_agent;

-- What would keep capture from working, said at once.
DO $$
DECLARE
  publication text;
BEGIN
  IF current_setting('wal_level') <> 'logical' THEN
    RAISE WARNING USING
      MESSAGE = format('wal_level is %s: changes cannot be captured', current_setting('wal_level')),
      HINT = 'Run ALTER SYSTEM SET wal_level = ''logical''; and restart the server.';
  END IF;
  IF NOT 'sequin' = ANY (regexp_split_to_array(current_setting('shared_preload_libraries'),
                                               '\s*,\s*')) THEN
    RAISE WARNING USING
      MESSAGE = 'the library of sequin is not in shared_preload_libraries: changes cannot be captured',
      HINT = 'Add sequin to shared_preload_libraries and restart the server.';
  END IF;
  FOR publication IN SELECT pubname FROM pg_publication WHERE puballtables LOOP
    RAISE WARNING USING
      MESSAGE = format('publication %I is FOR ALL TABLES and publishes the tables of sequin too',
                       publication),
      HINT = 'Publish your schemas instead: CREATE PUBLICATION … FOR TABLES IN SCHEMA ….';
  END LOOP;
END
$$;

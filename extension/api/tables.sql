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
COMMENT ON COLUMN sequin.consumer.backoff_ms IS 'rests after the first, second, ... failed attempt; NULL: backoff_base_ms doubling up to backoff_max_ms';
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
  stopped       bool NOT NULL DEFAULT false,
  oldest_xid    xid8
);
COMMENT ON TABLE sequin.progress IS 'How far capture has come; written in the transaction that appends to the log';
COMMENT ON COLUMN sequin.progress.lsn IS 'every transaction whose commit record ends here or before is in the log';
COMMENT ON COLUMN sequin.progress.part_lsn IS 'commit LSN of a transaction whose first slices are in the log; 0/0: none';
COMMENT ON COLUMN sequin.progress.part_idx IS 'its changes with a smaller index are in the log';
COMMENT ON COLUMN sequin.progress.confirm_limit IS 'the slot is never confirmed past this; NULL: no limit';

COMMENT ON COLUMN sequin.progress.stopped IS 'sequin.stop() was called';
COMMENT ON COLUMN sequin.progress.fingerprint IS 'the place it was captured in: another one is a copy (extension/capture/place.h)';
COMMENT ON COLUMN sequin.progress.oldest_xid IS 'no transaction that ends behind lsn is older';

CREATE TABLE sequin.gap (
  declared_at  timestamptz NOT NULL,
  from_lsn     pg_lsn NOT NULL,
  to_lsn       pg_lsn NOT NULL,
  reason       text NOT NULL,
  incarnation  int PRIMARY KEY,
  transactions bigint,
  since_xid    xid8
);
COMMENT ON TABLE sequin.gap IS 'Stretches of the WAL that were not captured';
COMMENT ON COLUMN sequin.gap.incarnation IS 'of the messages behind it';
COMMENT ON COLUMN sequin.gap.transactions IS 'of this database that committed in it, at most; NULL: not known';
COMMENT ON COLUMN sequin.gap.since_xid IS 'rows written in it have no older xmin; NULL: not known';

CREATE TABLE sequin.gap_consumer (
  incarnation int REFERENCES sequin.gap ON DELETE CASCADE,
  consumer    int,
  ord         bigint NOT NULL,
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'accepted', 'backfilling')),
  settled_at  timestamptz,
  backfills   uuid[],
  PRIMARY KEY (incarnation, consumer)
);
COMMENT ON TABLE sequin.gap_consumer IS 'Whom a gap concerns, and what became of it';
COMMENT ON COLUMN sequin.gap_consumer.ord IS 'ordinal of the first message behind the gap';

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
  meta        text NOT NULL
) WITH (autovacuum_enabled = off);
-- Rows stand in the order of seq: one entry in 16 leads to all of them (extension/log/log_indexes.h).
CREATE UNIQUE INDEX log_0_places ON sequin.log_0 (seq) WHERE seq % 16 = 0;
-- For people's queries.
CREATE INDEX log_0_ranges ON sequin.log_0 USING brin (seq) WITH (pages_per_range = 128);
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

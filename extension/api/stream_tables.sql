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

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
  changed_lsn     pg_lsn NOT NULL,
  turns_begun     int NOT NULL DEFAULT 0
);
CREATE INDEX feed_open ON sequin.feed (id) WHERE state = 'running';
CREATE INDEX feed_consumer ON sequin.feed (consumer);
COMMENT ON TABLE sequin.feed IS 'Backfills and replays';
COMMENT ON COLUMN sequin.feed.upto_lsn IS 'where the WAL was when it was asked for; a replay takes what committed before';
COMMENT ON COLUMN sequin.feed.rows_total IS 'estimate of what there is to read';
COMMENT ON COLUMN sequin.feed.turns_begun IS 'by feeders that have not come to their end: more than a few have crashed at it';
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
  complete       bool NOT NULL DEFAULT false,
  position_of    text
);
COMMENT ON TABLE sequin.feed_chunk IS 'How far each backfill and replay has come';
COMMENT ON COLUMN sequin.feed_chunk.low_ord IS 'changes that overtook the chunk are in the route from here on';
COMMENT ON COLUMN sequin.feed_chunk.held_ord IS 'low_ord of the chunk before: the route from here on is not dropped';
COMMENT ON COLUMN sequin.feed_chunk.snapshot IS 'format: extension/decode/feed_message.h';
COMMENT ON COLUMN sequin.feed_chunk.leaf IS 'table or partition that is being read';
COMMENT ON COLUMN sequin.feed_chunk.filenode IS 'tables without a key: the file that position belongs to';
COMMENT ON COLUMN sequin.feed_chunk.position IS 'of the last row read; tables without a key: the next block; replays: the next ordinal';
COMMENT ON COLUMN sequin.feed_chunk.position_of IS 'which columns position has values of: number, type and collation of each; empty: it is a block';
COMMENT ON COLUMN sequin.feed_chunk.first_snapshot IS 'tables without a key: only rows that it saw are read';

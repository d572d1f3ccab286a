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
SELECT f.uuid AS id, c.name AS consumer, f.relation::regclass AS "table", f.state,
       -- What an expression raises may have values of rows in it.
       CASE WHEN f.error IS NULL OR pg_catalog.pg_has_role(c.owner, 'USAGE')
              OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
              OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
            THEN f.error ELSE 'shown to the owner of the consumer' END AS error,
       coalesce(p.rows_read, 0) AS rows_read, coalesce(p.rows_sent, 0) AS rows_sent, f.rows_total,
       f.filter, f.order_by, f.start_at, f.chunk_rows, p.leaf::regclass AS reading,
       CASE WHEN pg_catalog.pg_has_role(c.owner, 'USAGE')
              OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
              OR pg_catalog.pg_has_role('sequin_agent', 'USAGE') THEN p.position END AS position,
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
COMMENT ON COLUMN sequin.backfills.position IS 'key of the last row read; NULL for sequin_monitor, which sees no values of rows';
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
SELECT f.uuid AS id, c.name AS consumer, f.filter, f.state,
       -- What an expression raises may have values of rows in it.
       CASE WHEN f.error IS NULL OR pg_catalog.pg_has_role(c.owner, 'USAGE')
              OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
              OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
            THEN f.error ELSE 'shown to the owner of the consumer' END AS error,
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

-- 0.1.0 to 0.2.0: what must change before the functions and views of 0.2.0 take the place of the
-- old ones (extension/upgrade/README.md tells what belongs here).

COMMENT ON COLUMN sequin.consumer.backoff_ms IS 'rests after the first, second, ... failed attempt; NULL: backoff_base_ms doubling up to backoff_max_ms';
COMMENT ON COLUMN sequin.settle.outcome IS 'a acked, n nacked, r released, d dead, t taken back, x expired, f fence, e extended, u claimed but not answered';

ALTER TABLE sequin.feed ADD COLUMN turns_begun int NOT NULL DEFAULT 0;
COMMENT ON COLUMN sequin.feed.turns_begun IS 'by feeders that have not come to their end: more than a few have crashed at it';
ALTER TABLE sequin.feed_chunk ADD COLUMN position_of text;
COMMENT ON COLUMN sequin.feed_chunk.position_of IS 'which columns position has values of: number, type and collation of each; empty: it is a block';
COMMENT ON COLUMN sequin.backfills.position IS 'key of the last row read; NULL for sequin_monitor, which sees no values of rows';

-- Segments that are there keep the index of all their rows.
ALTER TABLE ONLY sequin.log_0 DROP CONSTRAINT log_0_pkey;
CREATE UNIQUE INDEX log_0_places ON sequin.log_0 (seq) WHERE seq % 16 = 0;
CREATE INDEX log_0_ranges ON sequin.log_0 USING brin (seq) WITH (pages_per_range = 128);

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

-- Where a database is captured, and what was missed. Gaps that were declared before had no number.
ALTER TABLE sequin.progress ADD COLUMN oldest_xid xid8;
COMMENT ON COLUMN sequin.progress.fingerprint IS 'the place it was captured in: another one is a copy (extension/capture/place.h)';
COMMENT ON COLUMN sequin.progress.oldest_xid IS 'no transaction that ends behind lsn is older';
ALTER TABLE sequin.gap DROP CONSTRAINT gap_pkey;
ALTER TABLE sequin.gap ALTER declared_at SET NOT NULL;
ALTER TABLE sequin.gap ADD COLUMN incarnation int, ADD COLUMN transactions bigint, ADD COLUMN since_xid xid8;
UPDATE sequin.gap g SET incarnation = 1 + n.number
FROM (SELECT declared_at, row_number() OVER (ORDER BY declared_at)::int AS number FROM sequin.gap) n
WHERE n.declared_at = g.declared_at;
ALTER TABLE sequin.gap ADD PRIMARY KEY (incarnation);
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

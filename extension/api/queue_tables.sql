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
COMMENT ON COLUMN sequin.settle.outcome IS 'a acked, n nacked, r released, d dead, t taken back, x expired, f fence, e extended, u claimed but not answered';
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

-- The queue: receive messages, and say how their deliveries ended.
--
-- `consumer` is the name or the uuid of a consumer. Errors of all of them: 42704 no such consumer,
-- 42501 not allowed, 22004 an argument is NULL, 22023 an argument is out of range.
-- All of them write sequin.claim, sequin.held, sequin.settle and sequin.dead_letter.

-- Takes up to batch_size (1 to 10,000) messages for visibility_timeout (100 ms to 12 h; NULL: the
-- consumer's). Without messages it waits up to `wait` (at most 30 s), and may return none before
-- that time when it has passed by a million messages that must wait for others.
--   max_bytes      no more than fit into so many bytes of the log, but at least one; NULL: 256 MB,
--                  which no answer has more of. Envelopes are some hundred bytes larger than their
--                  messages in the log.
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
-- consumer's backoff says) or, after the last attempt, kept as a dead letter with `error` (8 kB of
-- it).
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

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

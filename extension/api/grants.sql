-- Who may do what. Nothing is granted to PUBLIC; docs/roles.md is the table in words.
-- The roles only open the functions: whose consumer it is, is checked by each of them.

REVOKE ALL ON SCHEMA sequin FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA sequin FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA sequin FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA sequin FROM PUBLIC;

GRANT USAGE ON SCHEMA sequin TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;

GRANT SELECT ON sequin.consumers, sequin.streams, sequin.status, sequin.dead_letter_counts,
  sequin.in_flight, sequin.backfills, sequin.replays, sequin.gaps
  TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;
-- Functions in a view run as the one who reads it.
GRANT EXECUTE ON FUNCTION sequin.queue_counts, sequin.queue_in_flight, sequin.held_log_bytes,
  sequin.capture_status, sequin.home, sequin.is_home, sequin.gap_state, sequin.gap_status
  TO sequin_admin, sequin_agent, sequin_consumer, sequin_monitor;

GRANT EXECUTE ON FUNCTION sequin.start, sequin.stop, sequin.recover, sequin.create_consumer, sequin.sync_consumer,
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

GRANT EXECUTE ON FUNCTION sequin.agent_capture, sequin.agent_consumers, sequin.agent_receive, sequin.agent_settle,
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
      HINT = 'Publish your schemas instead: CREATE PUBLICATION ... FOR TABLES IN SCHEMA ....';
  END LOOP;
END
$$;

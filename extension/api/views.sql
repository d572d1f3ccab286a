-- What there is to see. Counts and settings, never payloads or headers.

-- Of consumers one sees one's own and those one may receive from; sequin_admin, sequin_agent and
-- sequin_monitor see all. Where a message is counted: ready (not handed out since it became
-- ready), in_flight (handed out), parked (waits for a time or for its group), dead.
CREATE FUNCTION sequin.held_log_bytes(consumer int) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(sum(pg_total_relation_size(s.log) + pg_total_relation_size(s.route)), 0)::bigint
  FROM sequin.segment s
  WHERE s.no >= (SELECT max(st.segment) FROM sequin.segment_start st
                 WHERE st.consumer = held_log_bytes.consumer
                   AND (st.ord <= (SELECT k.next_ord FROM sequin.claim k
                                   WHERE k.consumer = held_log_bytes.consumer
                                   ORDER BY k.no DESC LIMIT 1)
                        OR st.segment = (SELECT min(f.segment) FROM sequin.segment_start f
                                         WHERE f.consumer = held_log_bytes.consumer)))
$$;
COMMENT ON FUNCTION sequin.held_log_bytes(int) IS 'internal: sequin.consumers.log_bytes';

CREATE VIEW sequin.consumers WITH (security_barrier) AS
SELECT c.name, c.uuid AS id, c.owner,
       CASE WHEN c.endpoint IS NULL THEN 'pull' ELSE 'push' END AS kind,
       CASE WHEN NOT sequin.is_home(c.home) THEN 'paused'
            WHEN c.status = 'active' AND u.consumer IS NOT NULL THEN 'suspended'
            ELSE c.status END AS status,
       CASE WHEN NOT sequin.is_home(c.home) THEN
         'restored from another database or a copy of it; sequin.recover() makes all consumers active here, sequin.alter_consumer(..., status => ''active'') this one'
            WHEN u.consumer IS NOT NULL THEN
         pg_catalog.format('suspended since %s at commit %s, position %s: %s; sequin.alter_consumer(..., status => ''active'') lets it go on there',
                           u.since, u.commit_lsn, u.seq,
                           -- What an expression raises may have values of rows in it.
                           CASE WHEN pg_catalog.pg_has_role(c.owner, 'USAGE')
                                  OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
                                  OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
                                  OR EXISTS (SELECT FROM sequin.consumer_grantee g
                                             WHERE g.consumer = c.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'))
                                THEN u.reason ELSE 'its filter failed (its owner is shown how)' END)
       END AS status_reason,
       c.tables, c.actions, c.filter, c.group_columns, c.order_mode, c.mode,
       (SELECT s.name FROM sequin.stream s WHERE s.id = c.stream) AS stream, c.key_pattern, e.url AS push_url,
       counts.ready, counts.in_flight, counts.parked,
       (SELECT count(*) FROM sequin.dead_letter d WHERE d.consumer = c.id) + counts.dying AS dead,
       counts.ready + counts.in_flight + counts.parked AS lag_messages,
       greatest(extract(epoch FROM clock_timestamp() - counts.oldest_at), 0)::float8 AS lag_seconds,
       counts.oldest_at,
       c.visibility_timeout_ms, c.max_deliver, c.backoff_base_ms, c.backoff_max_ms, c.backoff_ms,
       c.max_in_flight,
       CASE WHEN c.endpoint IS NOT NULL THEN c.push_batch_size END AS push_batch_size,
       e.timeout_ms AS push_timeout_ms,
       ARRAY(SELECT g.grantee FROM sequin.consumer_grantee g
             WHERE g.consumer = c.id ORDER BY g.grantee::text) AS grantees,
       c.annotations, c.created_at, c.updated_at,
       c.columns, c.exclude_columns, c.table_options, c.number_format,
       c.publish_via_partition_root, c.include_children, c.filter_transition, c.fill_unchanged,
       c.message_prefixes,
       ARRAY(SELECT t FROM unnest(c.tables) WITH ORDINALITY AS named (t, n)
             WHERE CASE WHEN t LIKE '%*' THEN false ELSE NOT EXISTS (
                     SELECT FROM pg_catalog.pg_class r
                     JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace
                     WHERE s.nspname = (pg_catalog.parse_ident(t))[1]
                       AND r.relname = (pg_catalog.parse_ident(t))[2]
                       AND r.relkind IN ('r', 'p') AND r.relpersistence = 'p') END
             ORDER BY n) AS missing_tables,
       sequin.held_log_bytes(c.id) AS log_bytes,
       (SELECT coalesce(pg_catalog.sum(g.messages), 0)::bigint FROM sequin.consumer_gap g
        WHERE g.consumer = c.id) AS lost,
       (SELECT max(g.declared_at) FROM sequin.consumer_gap g WHERE g.consumer = c.id) AS lost_at,
       c.retain_ms, c.retain_bytes
FROM sequin.consumer c
LEFT JOIN sequin.endpoint e ON e.id = c.endpoint
LEFT JOIN sequin.suspension u ON u.consumer = c.id
CROSS JOIN LATERAL sequin.queue_counts(c.id, coalesce(c.max_deliver, 0)) counts
WHERE pg_catalog.pg_has_role(c.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.consumer_grantee g
              WHERE g.consumer = c.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW sequin.consumers IS 'Consumers that you may see, with where their messages are';
COMMENT ON COLUMN sequin.consumers.status IS 'active, paused, or suspended: it stands still because of its filter';
COMMENT ON COLUMN sequin.consumers.status_reason IS 'why it is suspended, or paused though nobody paused it';
COMMENT ON COLUMN sequin.consumers.ready IS 'messages that the next receive may hand out, but for those parked';
COMMENT ON COLUMN sequin.consumers.in_flight IS 'messages handed out and not settled';
COMMENT ON COLUMN sequin.consumers.parked IS 'messages that wait for a time or for an earlier one of their group';
COMMENT ON COLUMN sequin.consumers.dead IS 'dead letters';
COMMENT ON COLUMN sequin.consumers.lag_messages IS 'messages that are not done: ready, in flight and parked';
COMMENT ON COLUMN sequin.consumers.lag_seconds IS 'age of the oldest message that is not done, since its commit; 0: there is none';
COMMENT ON COLUMN sequin.consumers.oldest_at IS 'when the oldest message that is not done was committed';
COMMENT ON COLUMN sequin.consumers.log_bytes IS 'disk space of the log from the oldest message on that it was not handed out';
COMMENT ON COLUMN sequin.consumers.lost IS 'messages that were dropped before it was handed them out, because a limit of its own was over (sequin.consumer_gap)';
COMMENT ON COLUMN sequin.consumers.missing_tables IS 'tables it names that do not exist, or not any more';

-- Of streams one sees one's own and those one was granted; sequin_admin, sequin_agent and
-- sequin_monitor see all. Messages and bytes are what the stream holds, as far as capture has come.
CREATE VIEW sequin.streams WITH (security_barrier) AS
SELECT s.name, s.uuid AS id, s.owner, s.one_message_per_key, s.retention_ms,
       coalesce(c.messages, 0) AS messages, coalesce(c.bytes, 0) AS bytes,
       (SELECT count(*) FROM sequin.delayed d WHERE d.stream = s.id) AS delayed,
       (SELECT count(*) FROM sequin.consumer k WHERE k.stream = s.id) AS consumers,
       ARRAY(SELECT g.grantee::text || ':' || g.privilege FROM sequin.stream_grantee g
             WHERE g.stream = s.id ORDER BY 1) AS grants,
       s.created_at, s.updated_at
FROM sequin.stream s
LEFT JOIN sequin.stream_count c ON c.stream = s.id
WHERE pg_catalog.pg_has_role(s.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.stream_grantee g
              WHERE g.stream = s.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW sequin.streams IS 'Streams that you may see, with how much they hold';
COMMENT ON COLUMN sequin.streams.messages IS 'messages that the stream holds';
COMMENT ON COLUMN sequin.streams.bytes IS 'of their keys, data and headers';
COMMENT ON COLUMN sequin.streams.delayed IS 'messages that are published later';

-- Consumers that the reader may see, for the views.
CREATE VIEW sequin.seen_consumer WITH (security_barrier) AS
SELECT c.*
FROM sequin.consumer c
WHERE pg_catalog.pg_has_role(c.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.consumer_grantee g
              WHERE g.consumer = c.id AND pg_catalog.pg_has_role(g.grantee, 'USAGE'));
COMMENT ON VIEW sequin.seen_consumer IS 'internal: consumers that the reader of a view may see';

CREATE VIEW sequin.dead_letter_counts WITH (security_barrier) AS
SELECT c.name AS consumer, d.reason, count(*) AS dead, min(d.dead_at) AS first_dead_at,
       max(d.dead_at) AS last_dead_at
FROM sequin.seen_consumer c
JOIN sequin.dead_letter d ON d.consumer = c.id
GROUP BY c.name, d.reason;
COMMENT ON VIEW sequin.dead_letter_counts IS 'Dead letters by consumer and reason';

-- Messages that are out now.
CREATE VIEW sequin.in_flight WITH (security_barrier) AS
SELECT c.name AS consumer, f.seq, f.claim, f.deliver_count, f.attempts, f.taken_at, f.expires_at,
       f.overtaken
FROM sequin.seen_consumer c
CROSS JOIN LATERAL sequin.queue_in_flight(c.id) f;
COMMENT ON VIEW sequin.in_flight IS 'Messages that were handed out and are not settled, without their contents';
COMMENT ON COLUMN sequin.in_flight.seq IS 'position in the log; below 0: a dead letter that was put back';
COMMENT ON COLUMN sequin.in_flight.claim IS 'number of the receive that took it';
COMMENT ON COLUMN sequin.in_flight.deliver_count IS 'deliveries so far, this one included';
COMMENT ON COLUMN sequin.in_flight.attempts IS 'failed attempts before this one';
COMMENT ON COLUMN sequin.in_flight.expires_at IS 'when it is delivered again unless it is settled or extended';
COMMENT ON COLUMN sequin.in_flight.overtaken IS 'a rewind has passed it: its ack will answer STALE';

-- The log, for those who may see everything: nobody is granted it. Segments come and go behind it;
-- conditions on seq are looked up in their indexes, an order by it is not.
CREATE VIEW sequin.log AS
SELECT l.seq, s.no AS segment, s.incarnation, l.commit_lsn, l.commit_time, l.commit_idx, l.xid,
       r.table_schema, r.table_name,
       CASE l.action WHEN 'i' THEN 'insert' WHEN 'u' THEN 'update' WHEN 'd' THEN 'delete'
         WHEN 't' THEN 'truncate' WHEN 'r' THEN 'read' WHEN 'm' THEN 'message' WHEN 'p' THEN 'publish'
         ELSE 'error'
       END AS action,
       nullif(split_part(l.key, E'\n', 1), '')::json AS record_pks, l.record::json AS record,
       nullif(l.changes, '')::json AS changes, ('{' || ltrim(l.meta, ',') || '}')::json AS metadata
FROM sequin.log_0 l
JOIN sequin.segment s ON s.log = l.tableoid
LEFT JOIN sequin.relation r ON r.id = l.relation
UNION ALL
SELECT l.seq, NULL, l.incarnation, l.commit_lsn, l.commit_time, l.commit_idx, l.xid,
       r.table_schema, r.table_name,
       CASE l.action WHEN 'i' THEN 'insert' WHEN 'u' THEN 'update' WHEN 'd' THEN 'delete'
         WHEN 't' THEN 'truncate' WHEN 'r' THEN 'read' WHEN 'm' THEN 'message' WHEN 'p' THEN 'publish'
         ELSE 'error'
       END,
       nullif(split_part(l.key, E'\n', 1), '')::json, l.record::json,
       nullif(l.changes, '')::json, ('{' || ltrim(l.meta, ',') || '}')::json
FROM sequin.log_kept l
LEFT JOIN sequin.relation r ON r.id = l.relation;
COMMENT ON VIEW sequin.log IS 'All captured changes that are kept, in the order of seq; for administrators';
COMMENT ON COLUMN sequin.log.segment IS 'NULL: kept although its segment was dropped, or a dead letter that was put back';
COMMENT ON COLUMN sequin.log.metadata IS 'what the log has of it; the rest of an envelope''s metadata is in the other columns';

CREATE VIEW sequin.status AS
SELECT CASE WHEN c.state = 'not started' AND g.is_copy THEN 'copy' ELSE c.state END AS state,
       c.worker_pid, c.slot, c.lsn, c.confirmed_lsn, c.lag_bytes, c.lag_seconds, c.next_seq, c.incarnation,
       c.last_error, c.last_error_at, g.open_gaps, g.gap_from_lsn, g.gap_to_lsn, g.gap_reason, g.gap_at
FROM sequin.capture_status() c, sequin.gap_status() g;
COMMENT ON VIEW sequin.status IS 'Capture of this database, in one row';
COMMENT ON COLUMN sequin.status.state IS 'running, starting, creating slot, failing, stopped, suspended, not started, or copy: it was captured in the place it was copied from';
COMMENT ON COLUMN sequin.status.open_gaps IS 'gaps that some consumer has neither accepted nor closed by backfill (sequin.gaps)';
COMMENT ON COLUMN sequin.status.gap_from_lsn IS 'of the newest gap: where capture ended before it';
COMMENT ON COLUMN sequin.status.gap_to_lsn IS 'where capture began behind it';

-- Going on behind WAL that was not captured, and in another place. The capture worker goes on by itself;
-- what is here shows what was missed, and settles it.

CREATE FUNCTION sequin.capture_recover() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_recover';
COMMENT ON FUNCTION sequin.capture_recover() IS
  'internal: waits until capture of this database runs; 25001 in a transaction that has written';

CREATE FUNCTION sequin.capture_is_copy() RETURNS bool
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_is_copy';
COMMENT ON FUNCTION sequin.capture_is_copy() IS
  'internal: the database was captured in another place, and is not captured in this one';

CREATE FUNCTION sequin.backfill_again(consumer int, filter text) RETURNS uuid[]
LANGUAGE c VOLATILE CALLED ON NULL INPUT AS 'MODULE_PATHNAME', 'sequin_backfill_again';
COMMENT ON FUNCTION sequin.backfill_again(int, text) IS
  'internal: asks for a backfill of every table of the consumer';

-- What has become of a gap, by its backfills. A backfill that was cancelled or has failed leaves it open.
CREATE FUNCTION sequin.gap_state(state text, backfills uuid[]) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN gap_state.state <> 'backfilling' THEN gap_state.state
              WHEN pg_catalog.bool_and(f.state = 'done') THEN 'closed'
              WHEN pg_catalog.bool_or(f.state IN ('cancelled', 'failed')) THEN 'open'
              ELSE 'backfilling' END
  FROM sequin.feed f WHERE f.uuid = ANY (gap_state.backfills)
$$;
COMMENT ON FUNCTION sequin.gap_state(text, uuid[]) IS 'internal: sequin.gaps.state';

CREATE FUNCTION sequin.gap_status(
  OUT open_gaps bigint, OUT gap_from_lsn pg_lsn, OUT gap_to_lsn pg_lsn, OUT gap_reason text,
  OUT gap_at timestamptz, OUT is_copy bool)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT (SELECT count(DISTINCT c.incarnation) FROM sequin.gap_consumer c
          WHERE c.state <> 'accepted' AND sequin.gap_state(c.state, c.backfills) = 'open'),
         g.from_lsn, g.to_lsn, g.reason, g.declared_at, sequin.capture_is_copy()
  FROM (VALUES (true)) AS one (row)
  LEFT JOIN (SELECT * FROM sequin.gap ORDER BY incarnation DESC LIMIT 1) g ON true
$$;
COMMENT ON FUNCTION sequin.gap_status() IS 'internal: columns of sequin.status';

-- One row for each gap and each consumer that it concerns and that one may see.
CREATE VIEW sequin.gaps WITH (security_barrier) AS
SELECT g.incarnation, g.from_lsn, g.to_lsn, g.reason, g.transactions, g.declared_at,
       c.name AS consumer, sequin.gap_state(o.state, o.backfills) AS state, o.settled_at, o.backfills
FROM sequin.gap g
JOIN sequin.gap_consumer o USING (incarnation)
JOIN sequin.consumer c ON c.id = o.consumer
WHERE pg_catalog.pg_has_role(c.owner, 'USAGE')
   OR pg_catalog.pg_has_role('sequin_admin', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_agent', 'USAGE')
   OR pg_catalog.pg_has_role('sequin_monitor', 'USAGE')
   OR EXISTS (SELECT FROM sequin.consumer_grantee e
              WHERE e.consumer = c.id AND pg_catalog.pg_has_role(e.grantee, 'USAGE'));
COMMENT ON VIEW sequin.gaps IS 'WAL that was not captured, by consumer';
COMMENT ON COLUMN sequin.gaps.incarnation IS 'of the messages behind the gap: metadata of none before it has it';
COMMENT ON COLUMN sequin.gaps.from_lsn IS 'everything that was committed before is in the log';
COMMENT ON COLUMN sequin.gaps.to_lsn IS 'everything that was committed from here on is in the log';
COMMENT ON COLUMN sequin.gaps.transactions IS 'of this database that committed in between, at most; NULL: the WAL was gone';
COMMENT ON COLUMN sequin.gaps.state IS 'open; accepted; backfilling; closed: the backfills are done';
COMMENT ON COLUMN sequin.gaps.backfills IS 'of sequin.recover: rows of sequin.backfills';

-- Sees to it that capture runs and delivers in this database, and settles the gaps that are open.
-- A copy of a database takes the place of the original: capture begins, and its consumers become active.
--   consumers  names or ids; NULL: all
--   gap        accept: nothing of it is looked for any more; backfill: rows that were written since the
--              gap began, and are still there, are sent as messages with action read; reload: all rows
--              of the consumers' tables, so that a receiver can tell which ones it has too many
-- Returns what was done. action is activated (the consumer was of another place), accepted, backfill (of
-- the table), or nothing to read (the consumer has no table: what it missed cannot be found again).
-- Errors: 22023 gap; 42704 no such consumer; 25001 in a transaction that has written or that is not READ
-- COMMITTED; 25006 on a standby; 55000 capture cannot run.
-- Writes: consumer, gap_consumer, feed.
CREATE FUNCTION sequin.recover(
  consumers text[] DEFAULT NULL,
  gap       text   DEFAULT 'accept')
RETURNS TABLE (consumer text, action text, from_lsn pg_lsn, to_lsn pg_lsn, "table" regclass, backfill uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  chosen record;
  since  xid8;
  filter text;
  feeds  uuid[];
  unknown text;
BEGIN
  IF recover.gap IS NULL OR recover.gap NOT IN ('accept', 'backfill', 'reload') THEN
    RAISE EXCEPTION USING ERRCODE = '22023',
      MESSAGE = format('gap must be accept, backfill or reload, not %s', coalesce(quote_literal(recover.gap), 'NULL'));
  END IF;
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION USING ERRCODE = '25001',
      MESSAGE = 'sequin.recover() needs a transaction that is READ COMMITTED',
      DETAIL = 'It has to see what capture writes meanwhile.';
  END IF;
  PERFORM sequin.capture_recover();
  SELECT n INTO unknown FROM unnest(recover.consumers) n
  WHERE NOT EXISTS (SELECT FROM sequin.consumer c WHERE c.name = n OR c.uuid::text = n) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('consumer "%s" does not exist', unknown),
      HINT = 'SELECT name FROM sequin.consumers shows those that you may see.';
  END IF;
  FOR chosen IN
    SELECT c.id, c.name, NOT sequin.is_home(c.home) AS elsewhere FROM sequin.consumer c
    WHERE recover.consumers IS NULL OR c.name = ANY (recover.consumers) OR c.uuid::text = ANY (recover.consumers)
    ORDER BY c.id FOR UPDATE
  LOOP
    IF chosen.elsewhere THEN
      UPDATE sequin.consumer c SET home = sequin.home(), updated_at = now() WHERE c.id = chosen.id;
      PERFORM sequin.capture_definitions_changed();
      RETURN QUERY SELECT chosen.name, 'activated', NULL::pg_lsn, NULL::pg_lsn, NULL::regclass, NULL::uuid;
    END IF;
    CONTINUE WHEN NOT EXISTS (
      SELECT FROM sequin.gap_consumer o
      WHERE o.consumer = chosen.id AND sequin.gap_state(o.state, o.backfills) = 'open');
    feeds := '{}';
    IF recover.gap <> 'accept' THEN
      SELECT CASE WHEN count(*) = count(g.since_xid) THEN min(g.since_xid::text::numeric)::text::xid8 END INTO since
      FROM sequin.gap g JOIN sequin.gap_consumer o USING (incarnation)
      WHERE o.consumer = chosen.id AND sequin.gap_state(o.state, o.backfills) = 'open';
      -- Further back than that, numbers of transactions begin to repeat.
      filter := NULL;
      IF recover.gap = 'backfill'
         AND pg_snapshot_xmax(pg_current_snapshot())::text::numeric - since::text::numeric < 1500000000 THEN
        filter := format('pg_catalog.age(xmin) <= pg_catalog.age(%L::pg_catalog.xid)',
                         (since::text::numeric % 4294967296)::text);
      END IF;
      feeds := sequin.backfill_again(chosen.id, filter);
    END IF;
    RETURN QUERY
      WITH settled AS (
        UPDATE sequin.gap_consumer o
        SET state = CASE WHEN feeds = '{}' THEN 'accepted' ELSE 'backfilling' END, settled_at = clock_timestamp(),
            backfills = nullif(feeds, '{}')
        WHERE o.consumer = chosen.id AND sequin.gap_state(o.state, o.backfills) = 'open'
        RETURNING o.incarnation)
      SELECT chosen.name,
             CASE WHEN recover.gap = 'accept' THEN 'accepted' WHEN feeds = '{}' THEN 'nothing to read' ELSE 'backfill' END,
             g.from_lsn, g.to_lsn, f.relation::regclass, f.uuid
      FROM settled s JOIN sequin.gap g USING (incarnation)
      LEFT JOIN sequin.feed f ON f.uuid = ANY (feeds)
      ORDER BY g.incarnation, f.id;
  END LOOP;
END
$$;
COMMENT ON FUNCTION sequin.recover IS
  'Sees to it that capture runs and delivers here, and accepts or backfills what it missed; returns what was done';

-- What agents show in their metrics.
CREATE FUNCTION sequin.agent_capture()
RETURNS TABLE (state text, lag_bytes bigint, lag_seconds float8, incarnation int, elsewhere bigint, gaps json)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN c.state = 'not started' AND sequin.capture_is_copy() THEN 'copy' ELSE c.state END,
         c.lag_bytes, c.lag_seconds, c.incarnation,
         (SELECT count(*) FROM sequin.consumer k WHERE NOT sequin.is_home(k.home)),
         (SELECT coalesce(json_agg(json_build_object('incarnation', g.incarnation, 'from_lsn', g.from_lsn,
                                                     'to_lsn', g.to_lsn, 'consumers', g.consumers)), '[]')
          FROM (SELECT g.incarnation, g.from_lsn, g.to_lsn, count(*) AS consumers
                FROM sequin.gap g JOIN sequin.gap_consumer o USING (incarnation)
                WHERE sequin.gap_state(o.state, o.backfills) = 'open'
                GROUP BY g.incarnation ORDER BY g.incarnation DESC LIMIT 20) g)
  FROM sequin.capture_status() c
$$;
COMMENT ON FUNCTION sequin.agent_capture() IS 'For agents: how capture does, and the gaps that are open';

-- Starting, stopping and watching capture.

CREATE FUNCTION sequin.capture_ensure() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_ensure';
COMMENT ON FUNCTION sequin.capture_ensure() IS
  'internal: waits until capture of this database has its slot; 25001 in a transaction that has written';

CREATE FUNCTION sequin.capture_halt() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_halt';
COMMENT ON FUNCTION sequin.capture_halt() IS 'internal: sends the capture worker away';

CREATE FUNCTION sequin.capture_resume() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_resume';
COMMENT ON FUNCTION sequin.capture_resume() IS 'internal: calls the capture worker when this transaction commits';

CREATE FUNCTION sequin.capture_definitions_changed() RETURNS void
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_definitions_changed';
COMMENT ON FUNCTION sequin.capture_definitions_changed() IS
  'internal: tells agents, when this transaction commits, that definitions changed';

CREATE FUNCTION sequin.capture_status(
  OUT state text, OUT worker_pid int, OUT slot name, OUT lsn pg_lsn, OUT confirmed_lsn pg_lsn,
  OUT lag_bytes bigint, OUT lag_seconds float8, OUT next_seq bigint, OUT incarnation int,
  OUT last_error text, OUT last_error_at timestamptz)
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_capture_status';
COMMENT ON FUNCTION sequin.capture_status() IS 'internal: the row of sequin.status';

-- Starts capture of this database, or goes on after stop(). Waits until the slot is consistent:
-- until transactions that are writing now have ended. Everything committed later is captured.
-- Errors: 25001 when this transaction has already written and the slot does not exist yet;
-- 55000 when the server is not set up for it.
CREATE FUNCTION sequin.start() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sequin.capture_ensure();
  IF EXISTS (SELECT FROM sequin.progress WHERE stopped) THEN
    UPDATE sequin.progress SET stopped = false;
    PERFORM sequin.capture_resume();
  END IF;
END
$$;
COMMENT ON FUNCTION sequin.start() IS 'Starts capture of this database, or goes on after stop()';

-- Stops capture until start(). The slot stays, and with it all WAL from here on: nothing is lost,
-- but the disk fills.
CREATE FUNCTION sequin.stop() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM sequin.capture_halt();
  UPDATE sequin.progress SET stopped = true;
END
$$;
COMMENT ON FUNCTION sequin.stop() IS
  'Stops capture until start(); the slot keeps the WAL meanwhile';

-- Waits until capture has passed the last commit of this session: until its messages can be
-- received. Returns the end of that commit. Errors: 25001 in a transaction that has written;
-- 57014 when the time is over; 55000 when capture is not running.
CREATE FUNCTION sequin.sync(timeout interval DEFAULT '10 s') RETURNS pg_lsn
LANGUAGE c STRICT VOLATILE AS 'MODULE_PATHNAME', 'sequin_sync';
COMMENT ON FUNCTION sequin.sync(interval) IS
  'Waits until capture has passed the last commit of this session';

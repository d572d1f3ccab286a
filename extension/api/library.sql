-- The library that the server runs must be of the version of this script: the functions below are in
-- it. A new one is loaded by a restart of the server. Part of updates, too.
LOAD 'MODULE_PATHNAME';

DO $$
BEGIN
  IF pg_catalog.current_setting('sequin.library_version', true) IS DISTINCT FROM '@VERSION@' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = 'the server runs the library of sequin in another version than @VERSION@',
      HINT = 'Restart the server: it loads the library that is installed when it starts.';
  END IF;
END
$$;

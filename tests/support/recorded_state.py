"""Brings what tests/upgrade/record has written into a database with the extension in that version: as if it had been there."""

from .paths import ROOT

# Numbers and times of the server it was recorded on.
_AT_HOME = """
UPDATE sequin.segment SET log = ('sequin.log_' || no)::regclass, route = ('sequin.route_' || no)::regclass;
UPDATE sequin.relation SET reloid = to_regclass(format('%%I.%%I', table_schema, table_name))
  WHERE to_regclass(format('%%I.%%I', table_schema, table_name)) IS NOT NULL;
UPDATE sequin.latest SET relation = 'public.orders'::regclass;
UPDATE sequin.held SET relation = 'public.orders'::regclass;
UPDATE sequin.feed SET relation = 'public.orders'::regclass;
UPDATE sequin.held SET ready_at = now() + interval '300 days' WHERE ready_at > '-infinity';
UPDATE sequin.settle SET ready_at = now() + interval '1 hour' WHERE pos <= -3;
UPDATE sequin.claim SET taken_at = now(), expires = now() + interval '1 hour' WHERE expires > taken_at;
UPDATE sequin.consumer SET home = (SELECT system_identifier FROM pg_control_system()) || ':' ||
  (SELECT oid FROM pg_database WHERE datname = current_database());
UPDATE sequin.progress SET slot = %s, lsn = %s, part_lsn = '0/0', confirm_limit = NULL, stopped = false,
  system_id = (SELECT system_identifier FROM pg_control_system()), fingerprint = %s;
UPDATE sequin.routing SET since = %s;
"""


def load_recorded_state(server, database, version):
    """The database has the extension in that version, and is otherwise empty. It has no slot: WAL cannot be recorded."""
    server.run("psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", ROOT / f"tests/upgrade/state-{version}.sql",
               database=database)
    place = f"{server.value('SELECT pg_read_file(%s)', '/proc/sys/kernel/hostname').strip()}:{server.data}"
    lsn = server.wal_lsn()
    server.sql(_AT_HOME, server.slot_name(database), lsn, place, lsn, database=database)

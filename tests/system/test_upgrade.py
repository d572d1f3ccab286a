"""ALTER EXTENSION sequin UPDATE: the catalogs of a new installation, and what was under way goes on."""

import itertools

import psycopg2
import pytest

from tests.support.agent import Agent
from tests.support.catalogs import catalogs, differences, segment_shapes
from tests.support.process import Process
from tests.support.recorded_state import load_recorded_state
from tests.support.waiting import wait_until

OLD = "0.1.0"
_numbers = itertools.count(1)


class Database:
    def __init__(self, server, version=None):
        self.server, self.name = server, f"upgrade{next(_numbers)}"
        server.sql(f"CREATE DATABASE {self.name}")
        self.sql("CREATE EXTENSION sequin" + (f" VERSION '{version}'" if version else ""))

    def sql(self, query, *parameters):
        return self.server.sql(query, *parameters, database=self.name)

    def value(self, query, *parameters):
        return self.server.value(query, *parameters, database=self.name)

    def refused(self, query):
        """The error of a query, with its hint."""
        with pytest.raises(psycopg2.Error) as error:
            self.sql(query)
        return error.value.pgcode, str(error.value)

    def drain(self, consumer):
        """All that can be received now, acked: [(seq, action, id), …]."""
        taken = []
        while rows := self.sql("SELECT ack_id::text, seq, message->>'action', coalesce(message->'record'->>'id',"
                               " message->'record'->>'key') FROM sequin.receive(%s, 100)", consumer):
            self.sql("SELECT sequin.ack(%s, %s::uuid[])", consumer, [row[0] for row in rows])
            taken += [tuple(row[1:]) for row in rows]
        return taken

    def drop(self):
        self.server.sql(f"DROP DATABASE {self.name} WITH (FORCE)")


@pytest.fixture
def new(server):
    database = Database(server)
    yield database
    database.drop()


@pytest.fixture
def old(server):
    """In the version before, in the middle of its work: tests/upgrade/record tells what there is."""
    database = Database(server, OLD)
    load_recorded_state(server, database.name, OLD)
    yield database
    database.drop()


def running(database):
    return database.value("SELECT state FROM sequin.status") == "running"


def test_catalogs_are_those_of_a_new_installation(old, new):
    installed = catalogs(new.sql)
    assert len(installed) > 1500
    assert differences(installed, catalogs(old.sql))
    old.sql("ALTER EXTENSION sequin UPDATE")
    assert differences(installed, catalogs(old.sql)) == []
    for kind, shapes in segment_shapes(old.sql).items():
        assert len(shapes) == 1, f"segments of the {kind} differ"


def test_what_administrators_granted_stays(old):
    old.sql("GRANT SELECT ON sequin.log TO sequin_monitor")
    old.sql("GRANT EXECUTE ON FUNCTION sequin.rewind TO sequin_monitor")
    old.sql("ALTER EXTENSION sequin UPDATE")
    dump = old.server.run("pg_dump", "--schema-only", "--extension=sequin", database=old.name)
    assert "GRANT SELECT ON TABLE sequin.log TO sequin_monitor" in dump
    assert "FUNCTION sequin.rewind(" in dump and dump.count("TO sequin_monitor") == 2


def test_library_and_catalogs_of_other_versions_do_not_work_together(old):
    for query in ("SELECT * FROM sequin.receive('grouped')", "SELECT sequin.ack('grouped', '{}')", "SELECT sequin.start()",
                  "SELECT sequin.create_consumer('another')", "SELECT * FROM sequin.consumers",
                  "SELECT * FROM sequin.agent_consumers()", "SELECT sequin.publish('events', 'k', '{}'::jsonb)",
                  "SELECT sequin.backfill('everything', 'public.orders')", "SELECT * FROM sequin.in_flight"):
        code, message = old.refused(query)
        assert code == "55000" and f"has version {OLD}" in message and "ALTER EXTENSION sequin UPDATE" in message, query


    session = old.server.connect(old.name)
    with session.cursor() as cursor:
        # Taken back, it is the old version again, for those too who have seen the new one.
        cursor.execute("BEGIN")
        cursor.execute("ALTER EXTENSION sequin UPDATE")
        cursor.execute("SELECT sequin.home()")
        cursor.execute("ROLLBACK")
        with pytest.raises(psycopg2.Error):
            cursor.execute("SELECT sequin.home()")
        cursor.execute("ALTER EXTENSION sequin UPDATE")
        cursor.execute("SELECT sequin.home()")
    session.close()


def test_metrics_answer_before_and_after_the_update(old):
    agent = Agent(old.server, database=old.name)
    Process.start(agent)  # it is not healthy
    try:
        wait_until(lambda: answers(agent), "the agent answers", 60)
        assert agent.metrics()["sequin_agent_database_facts_known"] == 0
        old.sql("ALTER EXTENSION sequin UPDATE")
        wait_until(lambda: agent.metrics()["sequin_agent_database_facts_known"] == 1, "the database is known", 60)
        assert any(name.startswith("sequin_consumer_messages{") for name in agent.metrics())
        wait_until(lambda: "sequin_capture_up" in agent.metrics(), "so is capture", 120)
    finally:
        agent.kill9()


def answers(agent):
    try:
        return agent.get("/metrics")[0] == 200
    except OSError:
        return False


def test_worker_waits_for_the_update(new):
    new.sql("SELECT sequin.start()")
    version = new.value("SELECT extversion FROM pg_extension WHERE extname = 'sequin'")
    new.sql("UPDATE pg_extension SET extversion = %s WHERE extname = 'sequin'", OLD)  # as after a restart with a new library

    def failing():
        pid = new.server.worker_pid(new.name)
        if pid:
            new.sql("SELECT pg_terminate_backend(%s)", pid)
        return f"has version {OLD}" in (new.value("SELECT last_error FROM sequin.status WHERE state = 'failing'") or "")

    wait_until(failing, "the worker says which version it has found", 90)
    new.sql("UPDATE pg_extension SET extversion = %s WHERE extname = 'sequin'", version)
    new.sql("ALTER EXTENSION sequin UPDATE")
    wait_until(lambda: running(new), "the worker runs", 90)


def changes():
    """What the recorded database has captured of its table: (action, id)."""
    inserts = [("insert", str(n)) for n in range(1, 25)]
    return inserts + [("update", str(n)) for n in range(1, 7)] + [("delete", "7")]


def handled(database, consumer, *how):
    rows = database.sql("SELECT action, id FROM public.handled WHERE consumer = %s AND how = ANY (%s)", consumer, list(how))
    return [tuple(row) for row in rows]


def ack_what_is_out(database, consumer):
    return {row[0] for row in database.sql(
        "SELECT result FROM sequin.ack(%s, ARRAY(SELECT ack_id FROM public.handled WHERE consumer = %s AND how = 'out'))",
        consumer, consumer)}


def test_what_was_under_way_goes_on(old):
    old.sql("ALTER EXTENSION sequin UPDATE")
    old.sql("SELECT sequin.start()")
    counts = dict((row[0], row[1:]) for row in old.sql("SELECT name, status, in_flight, parked, dead FROM sequin.consumers"))
    assert counts["grouped"] == ("active", 3, 1, 1)
    assert counts["filtered"] == ("active", 3, 1, 0)
    assert counts["paused"] == ("paused", 0, 0, 0)

    # In flight, parked, dead, ready.
    assert ack_what_is_out(old, "grouped") == {"ACKED"}
    taken = old.drain("grouped")
    behind = [("insert", n) for n in ("3", "8", "13", "18", "23")] + [("update", "3")]  # of customer 3, who waits
    gone = handled(old, "grouped", "ack", "dead_letter", "out") + behind
    assert sorted(row[1:] for row in taken) == sorted(change for change in changes() if change not in gone)
    assert [row[0] for row in taken] == sorted(row[0] for row in taken)
    assert [row[0] for row in old.sql("SELECT result FROM sequin.requeue_dead_letters('grouped')")] == ["REQUEUED"]
    assert [row[1:] for row in old.drain("grouped")] == handled(old, "grouped", "dead_letter")

    # A rewind before the update: from the beginning, what is out is void.
    assert ack_what_is_out(old, "filtered") == {"STALE"}
    assert ack_what_is_out(old, "latest") == {"ACKED"}
    assert {row[2] for row in old.drain("latest")} == {str(n) for n in range(1, 25) if n not in (8, 9, 10)}
    assert sorted(row[2] for row in old.drain("listener")) == ["a.1", "a.2"]
    assert len(old.drain("everything")) == len(changes()) + 12  # and a backfill
    old.sql("SELECT sequin.alter_consumer('paused', status => 'active')")
    assert sorted(row[1:] for row in old.drain("paused")) == sorted(changes())

    # What comes now, in the old segments and in new ones.
    last = old.value("SELECT max(no) FROM sequin.segment")
    old.server.set("sequin.segment_size", "1MB")
    try:
        for number in itertools.count(100):
            old.sql("INSERT INTO public.orders SELECT %s, 'new', 'new', 1, string_agg(md5(n::text || %s), '')"
                    " FROM generate_series(1, 8000) n", number, str(number))
            old.sql("SELECT sequin.sync('60 s')")
            if old.value("SELECT max(no) FROM sequin.segment") > last + 1:
                break
    finally:
        old.server.set("sequin.segment_size", "1GB")
    expected = [("insert", str(n)) for n in range(100, number + 1)]
    assert [row[1:] for row in old.drain("paused")] == expected
    assert all(len(shapes) == 1 for shapes in segment_shapes(old.sql).values())
    old.sql("SELECT sequin.publish('events', 'a.3', '{}'::jsonb)")
    old.sql("SELECT sequin.sync('60 s')")
    assert [row[2] for row in old.drain("listener")] == ["a.3"]


# One for each kind of thing that the comparison must not overlook.
CHANGES = [
    "ALTER TABLE sequin.claim ADD COLUMN more int",
    "ALTER TABLE sequin.claim ALTER entries SET STORAGE PLAIN",
    "ALTER TABLE sequin.claim ALTER nonce SET STATISTICS 10",
    "ALTER TABLE sequin.claim ALTER kind SET DEFAULT 'c'",
    "ALTER TABLE sequin.claim ALTER kind DROP NOT NULL",
    "ALTER TABLE sequin.claim SET (fillfactor = 90)",
    "ALTER TABLE sequin.claim SET (toast.autovacuum_enabled = off)",
    "ALTER TABLE sequin.consumer REPLICA IDENTITY DEFAULT",
    "ALTER TABLE sequin.consumer RENAME CONSTRAINT consumer_name_check TO another",
    "ALTER TABLE sequin.consumer DROP CONSTRAINT consumer_name_check",
    "ALTER TABLE sequin.consumer DISABLE TRIGGER ALL",
    "CREATE INDEX ON sequin.claim (consumer, taken_at)",
    "DROP INDEX sequin.held_front",
    "ALTER SEQUENCE sequin.consumer_id_seq INCREMENT 2",
    "ALTER FUNCTION sequin.ack(text, uuid[]) COST 7",
    "ALTER FUNCTION sequin.start() RESET search_path",
    "ALTER FUNCTION sequin.start() SECURITY INVOKER",
    "CREATE OR REPLACE FUNCTION sequin.stop() RETURNS void LANGUAGE sql AS 'SELECT'",
    "CREATE FUNCTION sequin.more() RETURNS void LANGUAGE sql AS 'SELECT'",
    "ALTER VIEW sequin.streams RESET (security_barrier)",
    "DO $$ BEGIN EXECUTE format('CREATE OR REPLACE VIEW sequin.status AS SELECT s.*, 1 AS more FROM (%s) s', "
    "rtrim(pg_get_viewdef('sequin.status'::regclass), ';')); END $$",
    "GRANT SELECT ON sequin.claim TO sequin_monitor",
    "GRANT SELECT (no) ON sequin.claim TO sequin_monitor",
    "REVOKE EXECUTE ON FUNCTION sequin.ack FROM sequin_agent",
    "GRANT EXECUTE ON FUNCTION sequin.capture_halt() TO PUBLIC",
    "GRANT USAGE ON SCHEMA sequin TO PUBLIC",
    "COMMENT ON TABLE sequin.claim IS 'another'",
    "COMMENT ON COLUMN sequin.claim.no IS 'another'",
    "COMMENT ON FUNCTION sequin.ack(text, uuid[]) IS NULL",
    "ALTER TABLE sequin.claim OWNER TO sequin_admin",
    "CREATE DOMAIN sequin.more AS int",
    "ALTER EXTENSION sequin DROP FUNCTION sequin.stop()",
    "UPDATE pg_extension SET extconfig = extconfig[2:], extcondition = extcondition[2:] WHERE extname = 'sequin'",
    "DELETE FROM pg_init_privs WHERE objoid = 'sequin.consumers'::regclass",
    "CREATE POLICY more ON sequin.claim",
    "CREATE RULE more AS ON DELETE TO sequin.claim DO NOTHING",
]


def test_the_comparison_overlooks_nothing(new):
    connection = new.server.connect(new.name, autocommit=False)

    def sql(query, *parameters):
        with connection.cursor() as cursor:
            cursor.execute(query, parameters or None)
            return cursor.fetchall()

    installed = catalogs(sql)
    overlooked = []
    for change in CHANGES:
        with connection.cursor() as cursor:
            cursor.execute(change)
        if not differences(installed, catalogs(sql)):
            overlooked.append(change)
        connection.rollback()
    connection.close()
    assert overlooked == []

"""The server's clock is put back: nothing rests until it has caught up."""

import pytest

from tests.support.clock import Clock
from tests.support.server import Server
from tests.support.waiting import wait_until

HOUR = 3600


@pytest.fixture(scope="module")
def clock():
    clock = Clock()
    yield clock
    clock.remove()


@pytest.fixture(scope="module")
def server(clock):
    server = Server(settings={"fsync": "off", "sequin.batch_rows": 100}, name="clock", env=clock.environment).start()
    server.sql("CREATE EXTENSION sequin")
    server.sql("CREATE TABLE t (id int PRIMARY KEY)")
    server.sql("SELECT sequin.create_consumer('c', tables => ARRAY['public.t'])")
    yield server
    server.remove()


def received(server):
    return server.value("SELECT count(*) FROM sequin.receive('c', 10)")


def test_the_server_has_the_clock_that_was_set(server, clock):
    before = clock.now()
    clock.move(HOUR)
    assert server.value("SELECT extract(epoch FROM clock_timestamp())::float8") - before >= HOUR
    clock.move(-HOUR)


def test_capture_comes_back_at_once_after_it_ended(server, clock):
    clock.move(-HOUR)
    first = server.worker_pid()
    server.sql("SELECT pg_terminate_backend(%s)", first)
    wait_until(lambda: server.worker_pid() not in (None, first), "another capture worker", 60)
    server.sql("INSERT INTO t VALUES (1)")
    server.sql("SELECT sequin.sync('60 s')")
    assert received(server) == 1


def test_the_slot_of_an_idle_database_goes_on(server, clock):
    server.wait_for_capture()
    clock.move(-HOUR)
    server.sql("CREATE TABLE of_no_interest (id int)")
    server.sql("INSERT INTO of_no_interest SELECT generate_series(1, 1000)")
    server.wait_for_capture(seconds=60)


def test_backfill_begins(server, clock):
    server.sql("CREATE TABLE old AS SELECT i AS id FROM generate_series(1, 500) i")
    server.sql("ALTER TABLE old ADD PRIMARY KEY (id)")
    for name in ("first", "second"):
        clock.move(-HOUR)
        server.sql(f"SELECT sequin.create_consumer('{name}', tables => ARRAY['public.old'], start => 'beginning')")
        wait_until(lambda: server.value(f"SELECT ready FROM sequin.consumers WHERE name = '{name}'") == 500,
                   "all rows of the table", 60)
        # The feeder ends when it has had nothing to do for some time; it has to be started again.
        wait_until(lambda: not server.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'sequin feeder'"),
                   "the feeder has ended", 60)


def test_a_consumer_goes_on_that_was_used_while_the_clock_was_years_ahead(server, clock):
    server.sql("CREATE TABLE ahead (id int PRIMARY KEY)")
    server.sql("SELECT sequin.create_consumer('ahead', tables => ARRAY['public.ahead'])")
    server.sql("INSERT INTO ahead VALUES (1)")
    server.sql("SELECT sequin.sync('60 s')")

    def receive():
        return server.sql("SELECT ack_id::text, deliver_count FROM sequin.receive('ahead', 10, '60 s')")

    clock.move(10 * 365 * 24 * HOUR)
    (first, count), = receive()
    assert count == 1
    clock.move(-10 * 365 * 24 * HOUR)
    (second, count), = receive()
    assert count == 2 and server.value("SELECT result FROM sequin.ack('ahead', ARRAY[%s]::uuid[])", first) == "STALE"
    assert receive() == []
    clock.move(61)
    (third, count), = receive()
    assert count == 3
    # Less far ahead, time stands still for it, so that two never have one message.
    clock.move(-HOUR)
    assert receive() == []
    assert server.value("SELECT result FROM sequin.ack('ahead', ARRAY[%s]::uuid[])", third) == "ACKED"

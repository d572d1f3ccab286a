"""What the queue says on a standby, and to those who wait for capture."""

import os
import signal

import psycopg2
import pytest

from tests.support.standby import Standby

REFUSED = ["SELECT * FROM sequin.receive('c')", "SELECT * FROM sequin.ack('c', '{}')",
           "SELECT * FROM sequin.rewind('c', 'beginning')", "SELECT * FROM sequin.requeue_dead_letters('c')",
           "SELECT sequin.purge_dead_letters('c')", "SELECT sequin.publish('s', 'k', 'x'::text)", "SELECT sequin.sync()",
           "SELECT sequin.create_consumer('d')", "SELECT sequin.alter_consumer('c', max_deliver => 1)",
           "SELECT sequin.rename_consumer('c', 'd')", "SELECT sequin.drop_consumer('c')",
           "SELECT sequin.create_stream('t')", "SELECT sequin.drop_stream('s')"]


@pytest.fixture
def server_with_queue(own_server):
    own_server.sql("CREATE TABLE t (id int PRIMARY KEY)")
    own_server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    own_server.sql("SELECT sequin.create_stream('s')")
    own_server.sql("INSERT INTO t VALUES (1)")
    own_server.sql("SELECT sequin.sync('60 s')")
    return own_server


def test_a_standby_refuses_what_it_cannot_do_and_shows_the_rest(server_with_queue):
    standby = Standby(server_with_queue).start()
    try:
        for statement in REFUSED:
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
                standby.sql(statement)
        assert standby.value("SELECT ready FROM sequin.consumers WHERE name = 'c'") == 1
    finally:
        standby.remove()


def test_sync_waits_for_months_if_it_is_asked_to(server_with_queue):
    worker = server_with_queue.worker_pid()
    os.kill(worker, signal.SIGSTOP)
    try:
        session = server_with_queue.connect()
        with session.cursor() as cursor:
            cursor.execute("SET statement_timeout = '500ms'")
            cursor.execute("INSERT INTO t VALUES (2)")
            with pytest.raises(psycopg2.errors.QueryCanceled, match="statement timeout"):
                cursor.execute("SELECT sequin.sync('1 month')")
        session.close()
    finally:
        os.kill(worker, signal.SIGCONT)

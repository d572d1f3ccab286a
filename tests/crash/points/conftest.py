"""Servers that are killed at chosen points: the module with crash points has to be installed (make CRASH_POINTS=1)."""

import pathlib
import signal
import sys

import psycopg2
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.support import module_with_points  # noqa: E402
from tests.support.process import clean_up_on_signals  # noqa: E402
from tests.support.server import Server, is_disconnect  # noqa: E402
from tests.support.waiting import wait_until  # noqa: E402

SECONDS = 120  # of patience


class CrashingServer(Server):
    """Comes back by itself after each crash of one of its processes."""

    def until(self, query, *parameters, seconds=SECONDS):
        """Its value, as soon as there is a true one. Between two crashes a query has to be short to be answered."""
        def value():
            try:
                return self.value(query, *parameters)
            except psycopg2.Error as error:
                if not is_disconnect(error):
                    raise
                return None
        return wait_until(value, query, seconds)

    def crashes(self):
        return self.output().count("was terminated by signal 9")

    def crash_no_more(self, setting):
        """By the file: no session may live long enough to say it."""
        with open(self.data / "postgresql.auto.conf", "a") as config:
            config.write(f"{setting} = ''\n")
        self.send(signal.SIGHUP)

    def commit(self, query, *parameters):
        """What the worker decodes was committed, also if the crash comes before the answer."""
        try:
            self.sql(query, *parameters)
        except psycopg2.Error as error:
            if not is_disconnect(error):
                raise


@pytest.fixture
def crashing():
    """A new server with a table t that consumer c gets, and which dies as a setting says."""
    if not module_with_points.is_installed():
        pytest.fail("the module without crash points is installed")
    clean_up_on_signals()
    servers = []

    def start(setting, value):
        servers.append(CrashingServer(settings={"fsync": "off", setting: value}, name="points").start())
        servers[0].sql("CREATE EXTENSION sequin")
        servers[0].sql("CREATE TABLE t (id int PRIMARY KEY, text text)")
        servers[0].sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
        return servers[0]
    yield start
    for server in servers:
        server.remove()

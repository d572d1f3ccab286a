"""One server for all system tests; a database with the extension and an agent for each file of tests."""

import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.agent import Agent, Receiver  # noqa: E402
from tests.support.process import clean_up_on_signals  # noqa: E402
from tests.support.server import Server  # noqa: E402
from tests.support.sql_client import SqlClient  # noqa: E402

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    clean_up_on_signals()
    server = Server(settings={"fsync": "off"}, name="system").start()
    yield server
    server.remove()


class Database:
    """A database with the extension, and short ways to use it."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        server.sql(f"CREATE DATABASE {name}")
        self.sql("CREATE EXTENSION sequin")

    def sql(self, query, *parameters):
        return self.server.sql(query, *parameters, database=self.name)

    def value(self, query, *parameters):
        return self.server.value(query, *parameters, database=self.name)

    def connect(self, **options):
        return self.server.connect(self.name, **options)

    def table(self, columns="id int PRIMARY KEY, note text"):
        """A new table; its name."""
        name = f"t{next(_numbers)}"
        self.sql(f"CREATE TABLE {name} ({columns})")
        return name

    def consumer(self, table, **options):
        """A new consumer of one table; its name. Options as create_consumer's."""
        name = f"c{next(_numbers)}"
        named = "".join(f", {option} => %s" for option in options)
        self.sql(f"SELECT sequin.create_consumer(%s, tables => %s{named})", name, [f"public.{table}"],
                 *options.values())
        return name

    def client(self, consumer):
        return SqlClient(self.server, consumer, self.name)

    def drop(self):
        self.server.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database(server):
    database = Database(server, f"db{next(_numbers)}")
    yield database
    database.drop()


@pytest.fixture
def own_database(server):
    """For tests that drop it or disturb its capture."""
    database = Database(server, f"db{next(_numbers)}")
    yield database
    database.drop()


@pytest.fixture
def own_server():
    """For tests that kill it."""
    server = Server(settings={"fsync": "off"}, name="own").start()
    server.sql("CREATE EXTENSION sequin")
    yield server
    server.remove()


@pytest.fixture(scope="module")
def agent(server, database):
    agent = Agent(server, database=database.name).start()
    yield agent
    agent.stop()


@pytest.fixture
def receiver(server):
    receiver = Receiver(server.folder).start()
    yield receiver
    receiver.stop()

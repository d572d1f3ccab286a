"""The agent and a network between it and the database that loses connections without telling anybody."""

import pytest

from tests.support.agent import Agent
from tests.support.tcp_proxy import BlackHole, Proxy, Swallow
from tests.support.waiting import wait_until

LONG_MS = 3600 * 1000


@pytest.fixture
def proxy(server):
    proxy = Proxy(("127.0.0.1", server.port)).start()
    yield proxy
    proxy.close()


def agent_behind(proxy, server, database, *options):
    agent = Agent(server, database=database.name, options=options)
    agent.command[agent.command.index("--database") + 1] = (
        f"host=127.0.0.1 port={proxy.port} dbname={database.name} user=postgres")
    return agent.start()


def sessions(server, database):
    return {pid for pid, in server.sql("SELECT pid FROM pg_stat_activity WHERE datname = %s "
                                       "AND application_name = 'sequin agent'", database.name)}


def all_ready(agent, work_connections):
    metrics = agent.metrics()
    return (metrics["sequin_agent_database_connections_ready"] == work_connections
            and metrics["sequin_agent_listen_connection_ready"] == 1)


def test_a_connection_that_something_forgot_is_found_by_asking(server, database, proxy, receiver):
    """Keepalives are answered and no statement is under way: without questions the agent would listen for ever."""
    agent = agent_behind(proxy, server, database, "--poll-interval-ms", LONG_MS, "--probe-interval-ms", 500,
                         "--statement-timeout-ms", 2000)
    table = database.table()
    database.consumer(table, push_url=receiver.url)
    database.sql(f"INSERT INTO {table} VALUES (1, 'before')")
    wait_until(lambda: len(receiver.messages()) == 1, "the first message", 60)
    proxy.spoil(Swallow())
    proxy.heal()
    database.sql(f"INSERT INTO {table} VALUES (2, 'after')")
    wait_until(lambda: len(receiver.messages()) == 2, "the message after the connections were forgotten", 60)
    agent.stop()


def test_sessions_of_an_agent_that_vanished_end(server, database, proxy):
    """Nobody tells the server that they are half-open, and what they hold they would hold for hours."""
    agent = agent_behind(proxy, server, database, "--work-connections", 2)
    wait_until(lambda: all_ready(agent, 2), "all sessions of the agent are set up", 60)
    before = sessions(server, database)
    assert len(before) == 3
    proxy.spoil(BlackHole())
    agent.kill9()
    wait_until(lambda: not sessions(server, database) & before, "the server has given them up", 120)
    proxy.heal()

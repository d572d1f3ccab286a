"""The agent as a process: how it starts, refuses to start, ends, and comes back."""

import socket
import subprocess

import pytest

from tests.support import judge, record, truth, workload
from tests.support.agent import Agent, Receiver
from tests.support.paths import PULL_WORKER, SEQUIN, free_port
from tests.support.process import Process
from tests.support.pull_client import PullClient
from tests.support.record import MessageCount
from tests.support.server import PATIENT, fetch
from tests.support.waiting import wait_until, wait_while_progress


def run(*arguments):
    return subprocess.run([SEQUIN, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)


def test_a_busy_port_is_a_clear_error(server, database):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        address = f"127.0.0.1:{busy.getsockname()[1]}"
        done = run("agent", "--database", server.conninfo(database.name), "--listen", address)
    assert done.returncode != 0
    assert address in done.stdout + done.stderr


def test_an_unknown_option_is_refused(server):
    done = run("agent", "--databse", "x")
    assert done.returncode != 0 and "databse" in done.stdout + done.stderr


def test_the_agent_waits_for_a_database_that_is_dead_at_its_start(own_server):
    own_server.stop()
    agent = Agent(own_server)
    Process.start(agent)
    agent.wait_for_output(str(own_server.folder))
    assert not agent.healthy()
    own_server.start()
    wait_until(agent.healthy, "the agent has found the server")
    agent.stop()


def test_the_agent_does_not_mind_what_the_database_sets_for_all_sessions(server, own_database):
    """With array_nulls off, for one, no outcome of a delivery could be written down."""
    table = own_database.table()
    for setting in ("statement_timeout = 1", "lock_timeout = 1", "idle_session_timeout = 1", "array_nulls = off",
                    "idle_in_transaction_session_timeout = 1", "default_transaction_read_only = on",
                    "DateStyle = 'SQL, DMY'", "IntervalStyle = iso_8601", "search_path = nowhere",
                    "default_transaction_isolation = serializable", "bytea_output = escape"):
        server.sql(f"ALTER DATABASE {own_database.name} SET {setting}")
    receiver = Receiver(server.folder).start()
    agent = Agent(server, database=own_database.name).start()
    connection = own_database.connect(options=f"{PATIENT} -c default_transaction_read_only=off -c search_path=public")
    fetch(connection, "SELECT sequin.create_consumer('c', tables => %s, push_url => %s)", [f"public.{table}"],
          receiver.url)
    fetch(connection, f"INSERT INTO {table} SELECT generate_series(1, 10)")
    wait_until(lambda: len(receiver.messages()) >= 10, "all is delivered", 60)
    wait_until(lambda: fetch(connection, "SELECT lag_messages + dead FROM sequin.consumers") == [(0,)], "and settled", 60)
    connection.close()
    assert len(receiver.messages()) == 10
    agent.stop()
    receiver.stop()


def test_the_agent_comes_back_after_all_its_connections_are_terminated(server, database, agent):
    table = database.table()
    client = PullClient(agent.port, database.consumer(table))
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s "
               "AND backend_type = 'client backend'", database.name)
    database.sql(f"INSERT INTO {table} VALUES (1)")

    def delivered():
        status, answer = client.request("POST", f"{client.base}/receive", {"wait_for": 1000})
        return status == 200 and answer["data"]

    wait_until(delivered, "delivery after the reconnect")
    client.close()


def test_sigterm_ends_waiting_polls_and_the_process(server, database):
    agent = Agent(server, database=database.name).start()
    client = PullClient(agent.port, database.consumer(database.table()))
    client.receive(1)  # the connection is there
    client.connection.request("POST", f"{client.base}/receive", b'{"wait_for": 60000}')
    wait_until(lambda: any("waiter" in name or "waiting" in name for name in agent.metrics()), "the poll is known")
    assert agent.terminate(20) == 0
    assert client.connection.getresponse().status in (200, 503)
    client.close()


@pytest.fixture
def loaded(own_server):
    """A server under pgbench's load, with a push and a pull consumer, its clients and its witness."""
    workload.initialize(own_server)
    witness = truth.Truth(own_server, workload.TABLES)
    receiver = Receiver(own_server.folder).start()
    own_server.sql("SELECT sequin.create_consumer('push', tables => %s, push_url => %s)", workload.TABLES,
                   receiver.url)
    own_server.sql("SELECT sequin.create_consumer('pull', tables => %s)", workload.TABLES)
    load = workload.Load(own_server, rate=200)
    load.start()
    yield own_server, witness, receiver, load
    load.stop()
    receiver.stop()


def test_restarts_under_load_redeliver_nothing(loaded):
    server, witness, receiver, load = loaded
    agent = Agent(server).start()
    records = [server.folder / f"pull-{thread}.jsonl" for thread in range(4)]
    pulled = MessageCount(records)
    worker = Process([PULL_WORKER, "--port", agent.port, "--consumer", "pull", "--record",
                      server.folder, "--threads", 4], server.folder / "pull.log").start()
    for _ in range(4):
        goals = receiver.count() + 300, pulled() + 300
        wait_until(lambda: receiver.count() >= goals[0] and pulled() >= goals[1], "delivery goes on", 60)
        assert agent.terminate() == 0
        agent.start()
    load.stop()
    changes = len(witness.read())
    wait_while_progress(lambda: min(receiver.count(), pulled()), changes, "delivery")
    worker.terminate()
    agent.terminate()
    for deliveries in (judge.deliveries_of_receiver(receiver.messages()),
                       judge.deliveries_of_records(record.read_records(records))):
        verdict = judge.Judgement(witness, deliveries, workload.KEY_COLUMNS)
        assert verdict.lost() == []
        assert verdict.duplicates() == []
        assert verdict.out_of_order() == []
        assert verdict.altered() + verdict.phantoms == []


def test_two_agents_share_the_work(server, database, receiver):
    table = database.table()
    database.consumer(table, push_url=receiver.url)
    agents = [Agent(server, database=database.name, port=free_port()).start() for _ in range(2)]
    database.sql(f"INSERT INTO {table} SELECT i, 'x' FROM generate_series(1, 500) i")
    wait_until(lambda: receiver.count.distinct() >= 500, "all webhooks")
    for agent in agents:
        assert agent.terminate() == 0
    assert receiver.count() == 500, "none came twice"

"""Eight HTTP clients and four SQL clients on one consumer."""

import pytest

from tests.support import judge, record, truth, workload
from tests.support.agent import Agent
from tests.support.paths import PULL_WORKER, SQL_WORKER
from tests.support.process import Process
from tests.support.server import Server
from tests.support.waiting import wait_while_progress


@pytest.fixture(scope="module")
def verdict():
    """One run under load; the tests below look at it from different sides."""
    server = Server(settings={"fsync": "off"}, name="shared").start()
    server.sql("CREATE EXTENSION sequin")
    workload.initialize(server)
    witness = truth.Truth(server, workload.TABLES)
    server.sql("SELECT sequin.create_consumer('shared', tables => %s)", workload.TABLES)
    agent = Agent(server).start()
    common = ["--consumer", "shared", "--record", server.folder, "--batch", 20]
    workers = [Process([PULL_WORKER, "--port", agent.port, "--threads", 4, "--name", f"http{one}",
                        *common], server.folder / f"http{one}.log").start() for one in range(2)]
    workers.append(Process([SQL_WORKER, "--database", server.conninfo(), "--threads", 4, *common],
                           server.folder / "sql.log").start())
    records = [server.folder / f"{name}-{thread}.jsonl" for name in ("http0", "http1", "sql") for thread in range(4)]
    workload.Pgbench(server, server.folder / "pgbench.log", seconds=6, options=["--rate", 300]).start().finish()
    changes = len(witness.read())
    wait_while_progress(record.MessageCount(records).distinct, changes, "delivery")
    for one in (*workers, agent):
        one.terminate()
    events = record.read_records(records)
    yield judge.Judgement(witness, judge.deliveries_of_records(events), workload.KEY_COLUMNS)
    server.remove()


def test_every_client_has_got_something(verdict):
    assert len({delivery.client for delivery in verdict.deliveries}) == 12


def test_nothing_is_lost_or_altered(verdict):
    assert verdict.lost() == [] and verdict.altered() == [] and verdict.phantoms == []


def test_no_message_has_two_live_holders(verdict):
    assert verdict.duplicates() == []


def test_no_key_has_two_live_holders(verdict):
    assert verdict.two_holders() == []


def test_order_per_key_is_kept(verdict):
    assert verdict.out_of_order() == []

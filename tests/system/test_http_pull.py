"""The HTTP pull API of the agent, as clients of other languages see it."""

import threading
import time

import pytest

from tests.support.pull_client import PullClient
from tests.support.waiting import wait_until

PREFIXES = ["/api/http_pull_consumers", "/api/sequin_streams"]


@pytest.fixture
def table(database):
    return database.table()


@pytest.fixture
def consumer(database, table):
    return database.consumer(table)


@pytest.fixture
def client(agent, consumer):
    client = PullClient(agent.port, consumer)
    yield client
    client.close()


def insert(database, table, *ids):
    for number in ids:
        database.sql(f"INSERT INTO {table} VALUES (%s, 'x')", number)


def ids(entries):
    return [entry["data"]["record"]["id"] for entry in entries]


def test_a_change_arrives_in_the_documented_envelope(database, table, consumer, client):
    database.sql(f"ALTER TABLE {table} REPLICA IDENTITY FULL")  # or previous values are not in the WAL
    insert(database, table, 7)
    database.sql(f"UPDATE {table} SET note = 'y' WHERE id = 7")
    first = client.receive(1, 5000)[0]
    client.ack([first["ack_id"]])
    second = client.receive(1, 5000)[0]
    assert set(first) == {"ack_id", "data"}
    envelope = second["data"]
    assert envelope["record"] == {"id": 7, "note": "y"}
    assert envelope["changes"] == {"note": "x"}
    assert envelope["action"] == "update"
    assert first["data"]["changes"] is None
    metadata = envelope["metadata"]
    assert metadata["table_schema"] == "public" and metadata["table_name"] == table
    assert metadata["database_name"] == database.name
    assert metadata["record_pks"] == ["7"]
    assert metadata["consumer"]["name"] == consumer
    assert isinstance(metadata["commit_lsn"], int) and metadata["commit_idx"] == 0
    assert set(metadata) >= {"commit_timestamp", "idempotency_key", "transaction_annotations"}


def test_an_acked_message_does_not_come_again(database, table, client):
    insert(database, table, 1, 2, 3)
    assert sorted(ids([{"data": data} for data in client.drain()])) == [1, 2, 3]
    assert client.receive(10, 500) == []


def test_ack_answers_success_and_nothing_else(database, table, client):
    insert(database, table, 1)
    entry = client.receive(1, 5000)[0]
    assert client.ack([entry["ack_id"]]) == {"success": True}
    assert client.ack([entry["ack_id"]]) == {"success": True}, "repeating an ack is no error"


def test_a_nacked_message_comes_again_with_a_new_ack_id(agent, database, table):
    consumer = database.consumer(table, backoff_base="200 ms")
    client = PullClient(agent.port, consumer)
    insert(database, table, 1)
    first = client.receive(1, 5000)[0]
    assert client.nack([first["ack_id"]]) == {"success": True}
    again = client.receive(1, 10000)[0]
    assert again["data"] == first["data"]
    assert again["ack_id"] != first["ack_id"]
    client.ack([first["ack_id"]])  # stale: answers 200 but changes nothing
    client.ack([again["ack_id"]])
    client.close()


def test_ack_tokens_are_another_name_of_ack_ids(database, table, client):
    insert(database, table, 1)
    entry = client.receive(1, 5000)[0]
    assert client.call("ack", {"ack_tokens": [entry["ack_id"]]}) == {"success": True}


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("by", ["name", "uuid"])
def test_both_prefixes_take_the_name_and_the_uuid(agent, database, table, prefix, by):
    consumer = database.consumer(table)
    if by == "uuid":
        consumer = database.value("SELECT id::text FROM sequin.consumers WHERE name = %s", consumer)
    client = PullClient(agent.port, consumer, prefix)
    insert(database, table, 1)
    assert ids({"data": data} for data in client.drain(1)) == [1]
    client.close()


def test_receive_by_get_takes_the_query(database, table, client):
    insert(database, table, 1, 2, 3)
    status, answer = client.request("GET", f"{client.base}/receive?batch_size=2&wait_for=5000")
    assert status == 200 and 1 <= len(answer["data"]) <= 2
    assert client.request("GET", f"{client.base}/receive?max_batch_size=5")[0] == 200


def test_the_base_path_may_be_doubled_as_one_sdk_does(agent, consumer):
    client = PullClient(agent.port, consumer, "/api/api/http_pull_consumers")
    assert client.receive(1) == []
    client.close()


def test_a_long_poll_answers_as_soon_as_there_is_something(database, table, client):
    answer = {}

    def poll():
        answer["entries"] = client.receive(1, 20000)
        answer["at"] = time.monotonic()

    poller = threading.Thread(target=poll)
    poller.start()
    poller.join(0.5)
    assert poller.is_alive(), "it waits"
    insert(database, table, 5)
    committed = time.monotonic()
    poller.join(20)
    assert ids(answer["entries"]) == [5]
    assert answer["at"] - committed < 5


def test_a_long_poll_without_a_message_ends_in_time(client):
    started = time.monotonic()
    assert client.receive(1, 700) == []
    assert 0.6 <= time.monotonic() - started < 5


@pytest.mark.parametrize("wait_for", ["1s", "700ms", 500])
def test_wait_for_has_its_documented_forms(client, wait_for):
    assert client.receive(1, wait_for) == []


@pytest.mark.parametrize("body", [
    b"{", b"[]", b'{"batch_size": 0}', b'{"batch_size": 1001}', b'{"batch_size": "many"}', b'{"wait_for": 100}',
    b'{"wait_for": "5 hours"}', b'{"wait_for": 300001}'])
def test_a_receive_that_makes_no_sense_is_a_400(client, body):
    status, answer = client.request("POST", f"{client.base}/receive", body)
    assert status == 400 and answer["summary"]


@pytest.mark.parametrize("body", [b"", b"null", b'{"ack_ids": "x"}', b'{"ack_ids": ["not-a-uuid"]}', b'{"ids": []}'])
@pytest.mark.parametrize("verb", ["ack", "nack"])
def test_a_settle_that_makes_no_sense_is_a_400(client, verb, body):
    status, answer = client.request("POST", f"{client.base}/{verb}", body)
    assert status == 400 and answer["summary"]


@pytest.mark.parametrize("verb,body", [("receive", {}), ("ack", {"ack_ids": []})])
def test_an_unknown_consumer_is_a_404(agent, verb, body):
    client = PullClient(agent.port, "nobody_of_this_name")
    status, answer = client.request("POST", f"{client.base}/{verb}", body)
    assert status == 404 and answer["summary"]
    client.close()


def test_a_push_consumer_cannot_be_pulled(agent, database, table):
    consumer = database.consumer(table, push_url="http://127.0.0.1:9/hook")
    client = PullClient(agent.port, consumer)
    assert client.request("POST", f"{client.base}/receive", {})[0] == 404
    client.close()


def test_an_unknown_path_is_a_404_and_a_wrong_method_a_405(agent, client):
    assert client.request("GET", "/api/nothing")[0] == 404
    assert client.request("DELETE", f"{client.base}/receive")[0] == 405


def test_health_and_metrics_answer(agent):
    status, body = agent.get("/health")
    assert status == 200 and '"ok"' in body
    assert any(name.startswith("sequin_") for name in agent.metrics())


def test_metrics_show_where_the_messages_of_a_consumer_are(agent, database, table):
    consumer = database.consumer(table, visibility_timeout="1 hour")
    client = PullClient(agent.port, consumer)

    def messages(state):
        return agent.metrics().get(f'sequin_consumer_messages{{consumer="{consumer}",state="{state}"}}')

    insert(database, table, 1, 2, 3)
    [entry] = client.receive(1, 10000)
    wait_until(lambda: (messages("ready"), messages("in_flight")) == (2, 1), "two are ready, one is in flight")
    metrics = agent.metrics()
    assert metrics[f'sequin_consumer_oldest_age_seconds{{consumer="{consumer}"}}'] > 0
    assert metrics[f'sequin_consumer_status{{consumer="{consumer}",kind="pull",status="active"}}'] == 1
    assert metrics["sequin_agent_database_facts_known"] == 1
    client.ack([entry["ack_id"]])
    wait_until(lambda: messages("in_flight") == 0, "none is in flight")
    database.sql("SELECT sequin.drop_consumer(%s)", consumer)
    wait_until(lambda: not any(f'consumer="{consumer}"' in name for name in agent.metrics()), "its series are gone")
    client.close()


def test_a_new_consumer_is_known_at_once(agent, database, table):
    client = PullClient(agent.port, database.consumer(table))
    assert client.receive(1) == [], "no 404 for a consumer created a moment ago"
    client.close()


def test_a_dropped_consumer_is_gone(agent, database, table):
    consumer = database.consumer(table)
    client = PullClient(agent.port, consumer)
    client.receive(1)
    database.sql("SELECT sequin.drop_consumer(%s)", consumer)
    wait_until(lambda: client.request("POST", f"{client.base}/receive", {})[0] == 404, "the consumer is gone")
    client.close()

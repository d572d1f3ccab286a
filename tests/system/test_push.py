"""Webhooks: the real agent against endpoints that behave and that do not."""

import socket

import psycopg2
import pytest

from tests.support.endpoint import Endpoint
from tests.support.waiting import wait_until


@pytest.fixture
def table(database, agent):
    return database.table()


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def insert(database, table, *ids):
    for number in ids:
        database.sql(f"INSERT INTO {table} VALUES (%s, 'x')", number)


def test_each_change_is_one_post(database, table, receiver):
    database.consumer(table, push_url=receiver.url)
    insert(database, table, *range(1, 21))
    wait_until(lambda: receiver.count() >= 20, "20 webhooks")
    assert sorted(line["message"]["record"]["id"] for line in receiver.messages()) == list(range(1, 21))


def test_a_webhook_carries_its_id_and_the_declared_headers(database, table, endpoint):
    database.consumer(table, push_url=endpoint.url, push_headers='{"X-Tenant": "blue"}')
    insert(database, table, 1)
    request = wait_until(lambda: endpoint.requests, "a webhook")[0]
    assert request["headers"]["content-type"].startswith("application/json")
    assert request["headers"]["x-tenant"] == "blue"
    assert request["headers"]["webhook-id"] and "." not in request["headers"]["webhook-id"]
    assert request["body"]["record"] == {"id": 1, "note": "x"}


def test_a_batching_consumer_gets_a_list(database, table, endpoint):
    database.consumer(table, push_url=endpoint.url, push_batch_size=10)
    database.sql(f"INSERT INTO {table} SELECT i, 'x' FROM generate_series(1, 25) i")
    wait_until(lambda: sum(len(body["data"]) for body in endpoint.bodies()) >= 25, "25 messages")
    assert max(len(body["data"]) for body in endpoint.bodies()) <= 10
    assert sorted(m["record"]["id"] for body in endpoint.bodies() for m in body["data"]) == list(range(1, 26))


@pytest.mark.parametrize("status", [500, 503, 404, 301])
def test_a_refused_webhook_comes_again_under_the_same_id(database, table, endpoint, status):
    endpoint.answer = lambda request: (200 if endpoint.requests else status, {"Location": "/elsewhere"})
    database.consumer(table, push_url=endpoint.url, backoff_base="100 ms", backoff_max="200 ms")
    insert(database, table, 1)
    wait_until(lambda: len(endpoint.requests) >= 2, "a second attempt")
    first, second = endpoint.requests[:2]
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert second["path"] == "/hook", "redirects are not followed"


def test_a_failing_key_blocks_only_itself(database, table, endpoint):
    endpoint.answer = lambda request: (500 if request["body"]["record"]["id"] == 1 else 200, {})
    database.consumer(table, push_url=endpoint.url, backoff_base="30 s")
    insert(database, table, 1, 2, 3)
    database.sql(f"UPDATE {table} SET note = 'y'")
    wait_until(lambda: len(endpoint.requests) >= 5, "the other keys")
    delivered = [(body["record"]["id"], body["action"]) for body in endpoint.bodies()]
    assert (1, "update") not in delivered
    assert [one for one in delivered if one[0] == 2] == [(2, "insert"), (2, "update")]


def test_one_key_is_delivered_one_after_the_other_in_order(database, table, endpoint):
    database.consumer(table, push_url=endpoint.url)
    insert(database, table, 1)
    for number in range(50):
        database.sql(f"UPDATE {table} SET note = %s", str(number))
    wait_until(lambda: len(endpoint.requests) >= 51, "all of them")
    assert [body["record"]["note"] for body in endpoint.bodies()] == ["x"] + [str(n) for n in range(50)]


def test_attempts_end_in_a_dead_letter(database, table, endpoint):
    endpoint.answer = lambda request: (500, {})
    database.consumer(table, push_url=endpoint.url, max_deliver=2, backoff_base="50 ms", backoff_max="100 ms")
    insert(database, table, 1)
    wait_until(lambda: database.value("SELECT count(*) FROM sequin.dead_letter d JOIN sequin.consumer c "
                                      "ON c.id = d.consumer WHERE c.endpoint IS NOT NULL AND c.tables = %s",
                                      [f"public.{table}"]) == 1, "a dead letter")
    assert len(endpoint.requests) == 2


def test_an_endpoint_that_is_down_does_not_hold_the_slot(server, database, table):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        database.consumer(table, push_url=f"http://127.0.0.1:{closed.getsockname()[1]}/hook")
        database.sql(f"INSERT INTO {table} SELECT i, repeat('x', 100) FROM generate_series(1, 5000) i")
        server.wait_for_capture(database.name)


def test_a_paused_consumer_gets_its_messages_after_the_pause(database, table, endpoint):
    consumer = database.consumer(table, push_url=endpoint.url)
    database.sql("SELECT sequin.alter_consumer(%s, status => 'paused')", consumer)
    insert(database, table, 1)
    other = database.table()
    database.consumer(other, push_url=endpoint.url)
    insert(database, other, 2)
    wait_until(lambda: endpoint.requests, "the consumer that is not paused")
    assert [body["record"]["id"] for body in endpoint.bodies()] == [2]
    database.sql("SELECT sequin.alter_consumer(%s, status => 'active')", consumer)
    wait_until(lambda: len(endpoint.requests) == 2, "the one that was")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "127.0.0.1:9000", "http://", "http://user name@x/", "file:///etc"])
def test_a_bad_url_is_refused_when_the_consumer_is_made(database, table, url):
    with pytest.raises(psycopg2.Error) as refused:
        database.consumer(table, push_url=url)
    assert refused.value.pgcode == "22023"

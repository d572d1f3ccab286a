"""What a dump takes along, and what becomes of it in another database."""

import itertools

import pytest

from tests.support.waiting import wait_until

_numbers = itertools.count(1)


@pytest.fixture
def restored(server, database, tmp_path):
    """Restores a dump of the database into a new one; its name."""
    names = []

    def restore():
        dump = server.run("pg_dump", "--no-owner", database=database.name)
        (tmp_path / "dump.sql").write_text(dump)
        names.append(f"restored{next(_numbers)}")
        server.sql(f"CREATE DATABASE {names[-1]}")
        server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", tmp_path / "dump.sql", database=names[-1])
        return names[-1]

    yield restore
    for name in names:
        server.sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_consumers_come_up_paused_and_say_why(server, database, restored):
    table = database.table()
    consumer = database.consumer(table)
    database.sql("SELECT sequin.create_consumer('hook', tables => %s, push_url => 'http://127.0.0.1:9/')",
                 [f"public.{table}"])
    name = restored()

    def sql(query, *parameters):
        return server.sql(query, *parameters, database=name)

    rows = sql("SELECT status, status_reason FROM sequin.consumers WHERE name IN (%s, 'hook')", consumer)
    assert len(rows) == 2 and all(row[0] == "paused" and "restored from another database" in row[1] for row in rows)
    assert {row[0] for row in sql("SELECT status FROM sequin.agent_consumers()")} == {"paused"}
    assert server.worker_pid(name) is None  # nothing is captured either

    # Made active there, it gets what commits from then on.
    sql(f"INSERT INTO {table} VALUES (1, 'before')")
    sql("SELECT sequin.alter_consumer(%s, status => 'active')", consumer)
    sql(f"INSERT INTO {table} VALUES (2, 'after')")
    taken = wait_until(lambda: sql("SELECT message->'record'->>'id' FROM sequin.receive(%s, 10)", consumer),
                       "the message arrives")
    assert [row[0] for row in taken] == ["2"]
    assert sql("SELECT status FROM sequin.consumers WHERE name = 'hook'")[0][0] == "paused"
    sql("SELECT sequin.stop()")


def test_dead_letters_come_along_and_can_be_put_back(server, database, restored):
    table = database.table()
    consumer = database.consumer(table)
    connection = database.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (1, 'dead')")
        cursor.execute("SELECT sequin.sync()")
        cursor.execute("SELECT ack_id::text, message::text FROM sequin.receive(%s)", (consumer,))
        ack_id, message = cursor.fetchone()
        cursor.execute("SELECT result FROM sequin.dead_letter(%s, ARRAY[%s::uuid])", (consumer, ack_id))
        cursor.execute("SELECT count(*) FROM sequin.dead_letters(%s)", (consumer,))
        assert cursor.fetchone()[0] == 1
    connection.close()
    name = restored()
    server.sql("SELECT sequin.alter_consumer(%s, status => 'active')", consumer, database=name)
    rows = server.sql("SELECT result FROM sequin.requeue_dead_letters(%s)", consumer, database=name)
    assert [row[0] for row in rows] == ["REQUEUED"]
    again = server.sql("SELECT message::text, seq < 0 FROM sequin.receive(%s)", consumer, database=name)
    assert [tuple(row) for row in again] == [(message.replace(database.name, name), True)]
    server.sql("SELECT sequin.stop()", database=name)

"""Fairness among groups at a large backlog: a group with a million messages in front delays nobody else."""

import time

import pytest

NOISY = 1_000_000
QUIET = 8


@pytest.fixture(scope="module")
def backlog(database):
    """A consumer with a million messages of one group, and after them a few of others."""
    table = database.table("id int PRIMARY KEY, grp text")
    consumer = database.consumer(table, actions=["insert"], group_columns=["grp"])
    connection = database.connect()
    with connection.cursor() as cursor:  # in one session, whose last commit sync() waits for
        cursor.execute(f"INSERT INTO {table} SELECT i, 'noisy' FROM generate_series(1, {NOISY}) i")
        cursor.execute(f"INSERT INTO {table} SELECT {NOISY} + i, 'quiet ' || i FROM generate_series(1, {QUIET}) i")
        cursor.execute("SELECT sequin.sync('5 min')")
    connection.close()
    return consumer


def receive(database, consumer, batch, wait="0"):
    started = time.monotonic()
    rows = database.sql("SELECT ack_id::text, message->'record'->>'grp' FROM sequin.receive(%s, %s, wait => %s)",
                        consumer, batch, wait)
    return rows, time.monotonic() - started


def counts(database, consumer):
    """The counts of a consumer, and how long they took."""
    started = time.monotonic()
    row = database.sql("SELECT ready, in_flight, parked, lag_messages FROM sequin.consumers WHERE name = %s", consumer)[0]
    return tuple(row), time.monotonic() - started


def test_others_are_delivered_while_the_noisy_group_is_out(database, backlog):
    assert counts(database, backlog)[0] == (NOISY + QUIET, 0, 0, NOISY + QUIET)
    first, _ = receive(database, backlog, 100)
    assert {group for _, group in first} == {"noisy"} and len(first) == 100

    # The group is out. One receive passes all of it by; it is parked, and not looked at again.
    rows, _ = receive(database, backlog, 100, wait="20 s")
    assert sorted(group for _, group in rows) == [f"quiet {i}" for i in range(1, QUIET + 1)]
    (ready, in_flight, parked, lag), seconds = counts(database, backlog)
    assert (ready, in_flight, parked, lag) == (0, 100 + QUIET, NOISY - 100, NOISY + QUIET)
    assert seconds < 5

    # And in its turn, as fast as any: nothing is read twice.
    assert database.sql("SELECT DISTINCT result FROM sequin.ack(%s, %s::uuid[])", backlog,
                        [ack_id for ack_id, _ in first])[0][0] == "ACKED"
    rows, seconds = receive(database, backlog, 100)
    assert len(rows) == 100 and {group for _, group in rows} == {"noisy"}
    assert seconds < 5


def test_a_position_is_set_at_any_backlog(database, backlog):
    direction, messages, ready = database.sql("SELECT * FROM sequin.rewind(%s, 'beginning')", backlog)[0]
    assert (direction, messages, ready) == ("back", NOISY + QUIET, NOISY + QUIET)
    assert counts(database, backlog)[0][2] == 0  # nothing is parked any more
    seq = database.value("SELECT max(seq) - 3 FROM sequin.log")
    assert database.sql("SELECT * FROM sequin.rewind(%s, to_seq => %s)", backlog, seq)[0][0] == "forward"
    assert counts(database, backlog)[0][0] == 4

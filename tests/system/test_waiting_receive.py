"""A SQL receive that waits."""

import contextlib
import threading

import psycopg2

from tests.support.waiting import wait_until


def test_a_receive_that_is_woken_often_keeps_its_memory(database):
    """Each look of it needs memory for the parked groups that it looks at; none outlives the look."""
    table = database.table("id int PRIMARY KEY, n int")
    name = database.consumer(table)
    database.sql(f"INSERT INTO {table} SELECT i, 0 FROM generate_series(1, 200) i")
    for n in (1, 2):
        database.sql(f"UPDATE {table} SET n = {n}")
    database.sql("SELECT sequin.sync('60 s')")
    database.sql(f"SELECT count(*) FROM sequin.receive('{name}', 200, '1 h')")
    database.sql(f"SELECT count(*) FROM sequin.receive('{name}', 10)")  # parks what came later

    waiting = database.connect()
    cursor = waiting.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    pid = cursor.fetchone()[0]
    before = private_kilobytes(pid)
    receive = threading.Thread(target=wait_for_messages, args=(cursor, name))
    receive.start()
    sleeps = "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = %s"
    wait_until(lambda: database.value(sleeps, pid), "it waits", 60)
    waker = database.connect()
    with waker.cursor() as other:
        for _ in range(1500):
            other.execute(f"SELECT sequin.alter_consumer('{name}', visibility_timeout => '1 h')")
    grown = private_kilobytes(pid) - before
    database.sql("SELECT pg_cancel_backend(%s)", pid)
    receive.join()
    waiting.close()
    waker.close()
    assert grown < 16 * 1024


def wait_for_messages(cursor, name):
    with contextlib.suppress(psycopg2.errors.QueryCanceled):
        cursor.execute(f"SELECT * FROM sequin.receive('{name}', 10, wait => '30 s')")


def private_kilobytes(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))

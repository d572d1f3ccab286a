"""Streams against a real server that is killed: every committed publish comes once, now or when it is due."""

import random
import threading
import time

import psycopg2

from tests.support.sql_client import SqlClient
from tests.support.waiting import wait_until

KEYS = 5


class Publisher(threading.Thread):
    """Publishes numbers under its own keys, at once and with delays, as fast as it can, over any disconnect."""

    def __init__(self, server, name):
        super().__init__()
        self.server, self.name = server, name
        self.stopping = threading.Event()
        self.sent = 0
        self.certain = set()  # committed for sure; all others may have been, or not

    def run(self):
        chance = random.Random(self.name)
        while not self.stopping.is_set():
            try:
                connection = self.server.connect(autocommit=False)
                cursor = connection.cursor()
                while not self.stopping.is_set():
                    batch = []
                    for _ in range(chance.randint(1, 4)):
                        delay = chance.choice([None, None, 0.05, 0.3, 1])
                        cursor.execute(
                            "SELECT sequin.publish('events', %s, %s, deliver_at => clock_timestamp() + %s * interval '1 s')",
                            (f"{self.name}.{chance.randrange(KEYS)}", f"{self.name}-{self.sent}", delay))
                        batch.append(f"{self.name}-{self.sent}")
                        self.sent += 1
                    if chance.random() < 0.1:
                        connection.rollback()
                        continue
                    connection.commit()
                    self.certain.update(batch)
                    time.sleep(0.002)
            except psycopg2.Error:
                time.sleep(0.05)


def sync(connect):
    """Waits until capture has passed all that is committed now."""
    def passed():
        try:
            connection = connect()
            cursor = connection.cursor()
            cursor.execute("SELECT pg_logical_emit_message(true, 'last', '')")
            cursor.execute("SELECT sequin.sync('30 s')")
            connection.close()
            return True
        except psycopg2.Error:
            return False

    wait_until(passed, "capture has passed everything", 60)


def everything(server, consumer):
    """The data of all messages that a consumer has not received yet."""
    return [message["record"]["data"] for _, message in SqlClient(server, consumer).drain(10_000)]


def test_every_publish_comes_once_whatever_is_killed(own_server):
    own_server.sql("SELECT sequin.create_stream('events')")
    own_server.sql("SELECT sequin.create_consumer('early', stream => 'events')")
    publishers = [Publisher(own_server, name) for name in ("a", "b", "c")]
    for publisher in publishers:
        publisher.start()
    try:
        for kill in range(6):
            time.sleep(0.7)
            if kill % 2:
                own_server.kill9_postmaster()
                own_server.start()
            else:
                worker = own_server.value("SELECT worker_pid FROM sequin.status")
                if worker:
                    own_server.sql("SELECT pg_terminate_backend(%s)", worker)
        time.sleep(0.5)
    finally:
        for publisher in publishers:
            publisher.stopping.set()
        for publisher in publishers:
            publisher.join()
    wait_until(lambda: own_server.value("SELECT count(*) FROM sequin.delayed") == 0, "all delayed messages are published", 30)
    sync(own_server.connect)
    own_server.sql("SELECT sequin.create_consumer('late', stream => 'events')")
    wait_until(lambda: own_server.value("SELECT count(*) FROM sequin.stream_start WHERE end_ord IS NULL") == 0,
               "the late consumer has its start", 30)
    committed = set().union(*(publisher.certain for publisher in publishers))
    early, late = everything(own_server, "early"), everything(own_server, "late")
    assert len(early) == len(set(early)) and len(late) == len(set(late))
    assert set(early) == set(late) and committed <= set(early)
    assert own_server.value("SELECT messages FROM sequin.streams") == len(early)


def test_a_snapshot_held_elsewhere_does_not_slow_the_upserts_of_a_key(own_database):
    own_database.sql("SELECT sequin.start()")
    own_database.sql("SELECT sequin.create_stream('hot', one_message_per_key => true)")

    def upserts(rounds):
        """Seconds that capture needs for so many transactions that publish one key."""
        own_database.sql("SELECT sequin.stop()")
        connection = own_database.connect()
        for _ in range(rounds):
            connection.cursor().execute("SELECT sequin.publish('hot', 'key', 'x')")
        connection.close()
        begun = time.monotonic()
        own_database.sql("SELECT sequin.start()")
        sync(own_database.connect)
        return time.monotonic() - begun

    holder = own_database.connect(autocommit=False)
    cursor = holder.cursor()
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    cursor.execute("SELECT count(*) FROM sequin.streams")
    own_database.server.sql("ALTER SYSTEM SET sequin.batch_rows = 1")
    own_database.server.sql("SELECT pg_reload_conf()")
    try:
        first = upserts(1500)
        for _ in range(3):
            last = upserts(1500)
    finally:
        own_database.server.sql("ALTER SYSTEM RESET sequin.batch_rows")
        own_database.server.sql("SELECT pg_reload_conf()")
        holder.close()
    assert last < 3 * first + 1

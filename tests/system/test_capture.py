"""Capture against a real server: no hole, no loss under readers, DDL, crashes and huge transactions."""

import threading

import psycopg2
import pytest

from tests.support.paths import postgres_bin
from tests.support.process import Process, rss_bytes
from tests.support.sql_client import SqlClient
from tests.support.waiting import wait_until

MIB = 1024 * 1024


def test_the_first_insert_after_the_first_consumer_is_delivered(own_database):
    table = own_database.table()
    consumer = own_database.consumer(table)
    own_database.sql(f"INSERT INTO {table} VALUES (1, 'first')")
    messages = own_database.client(consumer).drain()
    assert [message["record"]["id"] for _, message in messages] == [1]


def test_a_consumer_gets_exactly_what_commits_after_it(database):
    table = database.table()
    database.consumer(table)
    database.sql("SELECT sequin.stop()")
    database.sql(f"INSERT INTO {table} VALUES (1)")
    late = database.consumer(table)
    database.sql(f"INSERT INTO {table} VALUES (2)")
    database.sql("SELECT sequin.start()")
    assert [message["record"]["id"] for _, message in database.client(late).drain()] == [2]


def test_routing_follows_the_wal_however_far_capture_lags(own_database):
    """Each consumer gets exactly what commits between its creation, its changes and its end, a million changes later."""
    step = 250_000
    table = own_database.table("id int PRIMARY KEY, n int")

    def insert(first):
        own_database.sql(f"INSERT INTO {table} SELECT i, i % 10 FROM generate_series({first}, {first + step - 1}) i")

    whole = own_database.consumer(table)
    own_database.sql("SELECT sequin.stop()")
    insert(0)
    altered = own_database.consumer(table, filter="new.n = 1", actions=["insert"])
    brief = own_database.consumer(table)
    insert(step)
    own_database.sql("SELECT sequin.alter_consumer(%s, filter => 'new.n = 2')", altered)
    own_database.sql("SELECT sequin.drop_consumer(%s)", brief)
    insert(2 * step)
    own_database.sql("SELECT sequin.create_consumer(%s, tables => %s)", brief, [f"public.{table}"])
    own_database.sql("SELECT sequin.alter_consumer(%s, actions => '{delete}')", altered)
    insert(3 * step)
    own_database.sql("SELECT sequin.start()")

    assert own_database.client(whole).count_all() == (4 * step, 4 * step)
    assert own_database.client(brief).count_all() == (step, step)
    got = own_database.client(altered).drain(10_000)
    ids = [message["record"]["id"] for _, message in got]
    assert ids == [*range(step + 1, 2 * step, 10), *range(2 * step + 2, 3 * step, 10)]


def test_a_rolled_back_transaction_and_savepoint_deliver_nothing(database):
    table = database.table()
    consumer = database.consumer(table)
    connection = database.connect(autocommit=False)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (1)")
        connection.rollback()
        cursor.execute(f"INSERT INTO {table} VALUES (2); SAVEPOINT a; INSERT INTO {table} VALUES (3); "
                       f"ROLLBACK TO a; INSERT INTO {table} VALUES (4)")
        connection.commit()
    connection.close()
    assert [message["record"]["id"] for _, message in database.client(consumer).drain()] == [2, 4]


def test_concurrent_readers_destroy_no_row_of_a_long_batch(own_database):
    """T1: were the worker's transaction missing from others' snapshots, readers would mark its rows as aborted."""
    rows = 300_000
    table = own_database.table("id int PRIMARY KEY, note text")
    consumer = own_database.consumer(table)
    ended = threading.Event()
    failures = []

    def read_and_commit():
        connection = own_database.connect()
        try:
            with connection.cursor() as cursor:
                while not ended.is_set():
                    cursor.execute("SELECT pg_current_xact_id()")  # other xids end meanwhile
                    cursor.execute("SELECT oid::regclass::text FROM pg_class WHERE relname ~ '^(log|route)_[1-9]' "
                                   "AND relkind = 'r' AND relnamespace = 'sequin'::regnamespace")
                    for (segment,) in cursor.fetchall():
                        cursor.execute(f"SELECT count(*) FROM {segment}")
                        cursor.execute(f"ANALYZE {segment}")
        except psycopg2.Error as error:
            failures.append(error)
        finally:
            connection.close()

    readers = [threading.Thread(target=read_and_commit) for _ in range(2)]
    for reader in readers:
        reader.start()
    own_database.sql(f"INSERT INTO {table} SELECT i, repeat('x', 50) FROM generate_series(1, {rows}) i")
    own_database.server.wait_for_capture(own_database.name)
    ended.set()
    for reader in readers:
        reader.join()
    assert own_database.client(consumer).count_all() == (rows, rows)
    assert not [error for error in failures if error.pgcode != "42P01"], "a segment may go, nothing else"


def test_payloads_are_of_their_time_when_capture_lags_behind_ddl(own_database):
    """T3: catalog caches of the present must not leak into the decoding of the past."""
    table = own_database.table("id int PRIMARY KEY, b text")
    consumer = own_database.consumer(table)
    own_database.sql(f"INSERT INTO {table} VALUES (0, 'zero')")
    client = own_database.client(consumer)
    expected = [{"id": 0, "b": "zero"}]
    assert [message["record"] for _, message in client.drain()] == expected
    own_database.sql("SELECT sequin.stop()")
    connection = own_database.connect()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} VALUES (1, 'one')")
        cursor.execute(f"ALTER TABLE {table} DROP COLUMN b, ADD COLUMN z int, ADD COLUMN c text")
        cursor.execute(f"INSERT INTO {table} VALUES (2, 22, 'two')")
        cursor.execute(f"ALTER TABLE {table} RENAME c TO d")
        cursor.execute(f"INSERT INTO {table} VALUES (3, 33, 'three')")
        cursor.execute(f"ALTER TABLE {table} ALTER z TYPE text, ALTER COLUMN d SET DEFAULT 'four'")
        cursor.execute(f"INSERT INTO {table} (id, z) VALUES (4, 'x')")
    connection.close()
    own_database.sql("SELECT sequin.start()")
    records = {message["record"]["id"]: message["record"] for _, message in client.drain()}
    assert records[1] == {"id": 1, "b": "one"}
    assert records[2] == {"id": 2, "z": 22, "c": "two"}
    assert records[3] == {"id": 3, "z": 33, "d": "three"}
    assert records[4] == {"id": 4, "z": "x", "d": "four"}


def test_ddl_and_changes_in_turns_while_the_worker_keeps_writing(database):
    table = database.table("id int PRIMARY KEY")
    consumer = database.consumer(table)
    connection = database.connect()
    expected = []
    with connection.cursor() as cursor:
        for number in range(60):
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN c{number} int DEFAULT {number}")
            cursor.execute(f"INSERT INTO {table} (id) VALUES ({2 * number})")
            cursor.execute(f"ALTER TABLE {table} DROP COLUMN c{number}")
            cursor.execute(f"INSERT INTO {table} (id) VALUES ({2 * number + 1})")
            expected += [{"id": 2 * number, f"c{number}": number}, {"id": 2 * number + 1}]
    connection.close()
    records = [message["record"] for _, message in database.client(consumer).drain()]
    assert sorted(records, key=lambda record: record["id"]) == expected


def test_a_crash_with_an_old_slot_position_repeats_nothing(own_server):
    """T6: the slot's position on disk is older than what is in the log; the stored position decides."""
    own_server.sql("CREATE TABLE t (id int PRIMARY KEY)")
    own_server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    expected = []
    for turn in range(3):
        connection = own_server.connect()
        with connection.cursor() as cursor:
            for number in range(turn * 1000, turn * 1000 + 200):
                cursor.execute("INSERT INTO t VALUES (%s)", (number,))
                expected.append(number)
        connection.close()
        own_server.wait_for_capture()
        own_server.kill9_postmaster()
        own_server.start()
    own_server.sql("INSERT INTO t VALUES (-1)")
    received = SqlClient(own_server, "c").drain(wait="5 s")
    assert [message["record"]["id"] for _, message in received] == expected + [-1]
    positions = [(message["metadata"]["commit_lsn"], message["metadata"]["commit_idx"]) for _, message in received]
    assert len(set(positions)) == len(positions)


def test_a_million_row_transaction_passes_in_bounded_memory(own_server):
    rows = 1_000_000
    own_server.sql("CREATE TABLE big (id int PRIMARY KEY, a text, b numeric, c timestamptz)")
    own_server.sql("SELECT sequin.create_consumer('c', tables => '{public.big}')")
    own_server.sql("INSERT INTO big VALUES (0)")
    worker = wait_until(own_server.worker_pid, "there is a worker")
    own_server.sql("INSERT INTO big SELECT i, repeat('x', 80), i * 1.5, now() FROM generate_series(1, %s) i", rows)
    end, slot, peak = own_server.wal_lsn(), own_server.slot_name(), 0
    watch = own_server.connect()
    with watch.cursor() as cursor:
        def captured():
            nonlocal peak
            peak = max(peak, rss_bytes(worker))
            cursor.execute("SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                           (end, slot))
            return cursor.fetchone()[0]
        wait_until(captured, "the big transaction is captured", 240)
    watch.close()
    assert peak < 512 * MIB, f"{peak / MIB:.0f} MiB"
    assert own_server.worker_pid() == worker, "one worker did it all"
    assert SqlClient(own_server, "c").count_all() == (rows + 1, rows + 1)


def test_drop_extension_leaves_no_slot_and_no_worker(server, own_database):
    own_database.consumer(own_database.table())
    slot = server.slot_name(own_database.name)
    assert server.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", slot) == 1
    own_database.sql("DROP EXTENSION sequin CASCADE")
    wait_until(lambda: server.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", slot) == 0,
               "the slot is gone")
    wait_until(lambda: server.worker_pid(own_database.name) is None, "the worker is gone")
    own_database.sql("CREATE EXTENSION sequin")
    table = own_database.table()
    consumer = own_database.consumer(table)
    own_database.sql(f"INSERT INTO {table} VALUES (1)")
    assert len(own_database.client(consumer).drain()) == 1, "a second life works"


def test_drop_extension_does_not_deadlock_with_the_worker(own_database):
    """The worker holds the log's segment and wants its progress; the command locks table by table in an order of its own."""
    table = own_database.table()
    own_database.consumer(table)
    blocker = own_database.connect(autocommit=False)
    with blocker.cursor() as cursor:
        cursor.execute("LOCK TABLE sequin.relation IN ACCESS EXCLUSIVE MODE")
    own_database.sql(f"INSERT INTO {table} VALUES (1)")  # its name is new to the log
    wait_until(lambda: own_database.value("SELECT count(*) FROM pg_locks WHERE NOT granted"), "the worker waits", 30)
    failures = []

    def drop():
        try:
            own_database.sql("DROP EXTENSION sequin")
        except psycopg2.Error as error:
            failures.append(str(error))
    dropping = threading.Thread(target=drop)
    dropping.start()
    wait_until(lambda: own_database.value("SELECT count(*) FROM pg_stat_activity WHERE query = 'DROP EXTENSION sequin' "
                                          "AND wait_event_type = 'Lock'"), "the command waits", 30)
    blocker.rollback()
    dropping.join()
    assert failures == []


def test_drop_database_leaves_no_slot(server, own_database):
    own_database.consumer(own_database.table())
    slot = server.slot_name(own_database.name)
    server.sql(f"DROP DATABASE {own_database.name}")
    assert server.value("SELECT count(*) FROM pg_replication_slots WHERE slot_name = %s", slot) == 0


def test_a_database_can_be_a_template_and_be_renamed_while_captured(server, own_database):
    table = own_database.table()
    consumer = own_database.consumer(table)
    name = own_database.name
    server.sql(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    server.sql(f"DROP DATABASE {name}_copy")
    server.sql(f"ALTER DATABASE {name} RENAME TO {name}_new")
    own_database.name = f"{name}_new"
    own_database.sql(f"INSERT INTO {table} VALUES (1)")
    assert len(own_database.client(consumer).drain(wait="5 s")) == 1


def test_a_terminated_worker_comes_back_and_goes_on(server, own_database):
    table = own_database.table()
    consumer = own_database.consumer(table)
    first = wait_until(lambda: server.worker_pid(own_database.name), "a worker")
    server.sql("SELECT pg_terminate_backend(%s)", first)
    own_database.sql(f"INSERT INTO {table} VALUES (1)")
    assert len(own_database.client(consumer).drain(wait="10 s")) == 1
    assert server.worker_pid(own_database.name) != first


def test_a_session_terminated_while_it_copies_a_database_does_not_keep_capture_away(server, own_database):
    table = own_database.table()
    consumer = own_database.consumer(table)
    name = own_database.name

    def copy():
        with pytest.raises(psycopg2.Error):
            server.sql(f"CREATE DATABASE {name}_copy TEMPLATE {name}")

    busy = own_database.connect()  # the copy waits some seconds for it to leave
    copying = threading.Thread(target=copy)
    copying.start()
    # Asked from elsewhere: nobody gets into a database that is being copied.
    workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'sequin capture' AND datname = %s"
    wait_until(lambda: server.value(workers, name) == 0, "the worker is away")
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE%%' "
               "AND query LIKE %s AND pid <> pg_backend_pid()", f"%{name}_copy%")
    copying.join()
    busy.close()
    own_database.sql(f"INSERT INTO {table} VALUES (1)")
    assert len(own_database.client(consumer).drain(wait="10 s")) == 1


def test_a_message_that_would_be_too_large_comes_without_what_makes_it_so(own_database):
    table = own_database.table("id int PRIMARY KEY, a text, b text, c text")
    consumer = own_database.consumer(table)
    # Each of these characters is six in JSON: three such columns do not fit into what Postgres can have in one value.
    own_database.sql(f"INSERT INTO {table} SELECT 1, v, v, v FROM repeat(chr(1), 32 * 1024 * 1024) v")
    own_database.sql(f"INSERT INTO {table} VALUES (2)")
    # Half a gigabyte is looked at where it is.
    look = ("SELECT left(message::text, 17), message::text LIKE '%%\"omitted_columns\":[\"c\"]%%' "
            "FROM sequin.receive(%s, wait => '30 s')")
    assert own_database.sql(look, consumer) == [('{"record":{"id":1', True)]
    assert own_database.sql(look, consumer) == [('{"record":{"id":2', False)]
    assert own_database.value("SELECT count(*) FROM sequin.dead_letter") == 0


@pytest.mark.parametrize("statement", ["INSERT INTO {0} VALUES (1, 'a')", "COPY {0} FROM PROGRAM 'echo 1,a' CSV",
                                       "MERGE INTO {0} t USING (VALUES (1)) v(id) ON t.id = v.id "
                                       "WHEN NOT MATCHED THEN INSERT VALUES (1, 'a')",
                                       "INSERT INTO {0} VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET note = 'b'"])
def test_every_way_to_insert_is_captured(database, statement):
    table = database.table()
    consumer = database.consumer(table)
    database.sql(statement.format(table))
    assert [message["record"] for _, message in database.client(consumer).drain()] == [{"id": 1, "note": "a"}]


def test_message_is_not_seen_before_its_row(database):
    table = database.table()
    client = database.client(database.consumer(table))
    for number in range(100):
        database.sql(f"INSERT INTO {table} VALUES (%s)", number)
        (ack_id, message, *_), = client.receive(1, "10 s")
        assert database.value(f"SELECT count(*) FROM {table} WHERE id = %s", message["record"]["id"]) == 1
        client.settle("ack", [ack_id])


def test_a_locked_table_holds_up_nobody_elses_changes(own_database):
    """Somebody's long ALTER TABLE must not stop capture, which plans tables without locks."""
    locked = own_database.table("id int PRIMARY KEY, n int")
    own_database.sql(f"ALTER TABLE {locked} REPLICA IDENTITY FULL")
    typed = own_database.table(f"id int PRIMARY KEY, value {locked}, list {locked}[]")
    other = own_database.table()
    all_changes, values, others = (own_database.consumer(table) for table in (locked, typed, other))
    filtered = own_database.consumer(locked, filter="n > 0", filter_transition="insert_delete")
    own_database.sql("SELECT sequin.stop()")
    own_database.sql(f"INSERT INTO {locked} VALUES (1, 1)")
    own_database.sql(f"UPDATE {locked} SET n = 0")
    own_database.sql(f"INSERT INTO {typed} VALUES (1, ROW(1, 2), ARRAY[ROW(3, 4)::{locked}, ROW(5, 6)::{locked}])")
    own_database.sql(f"INSERT INTO {other} VALUES (2)")
    with own_database.connect(autocommit=False) as session, session.cursor() as cursor:
        cursor.execute(f"TRUNCATE {locked}")
        own_database.sql("SELECT sequin.start()")
        got = {name: [message["action"] for _, message in own_database.client(name).drain()]
               for name in (others, all_changes, filtered)}
        [(_, message)] = own_database.client(values).drain()
        assert message["record"] == {"id": 1, "value": {"id": 1, "n": 2},
                                     "list": [{"id": 3, "n": 4}, {"id": 5, "n": 6}]}
        assert got == {others: ["insert"], all_changes: ["insert", "update"], filtered: ["insert", "delete"]}
        session.rollback()


def test_a_consumer_may_be_altered_ever_so_often_in_a_transaction(own_database):
    """Only its last definition counts, and only that is kept in memory."""
    table = own_database.table()
    consumer = own_database.consumer(table)
    own_database.sql("SELECT sequin.sync()")
    own_database.sql(f"""DO $$ BEGIN
        FOR i IN 1..20000 LOOP UPDATE sequin.consumer SET max_deliver = i WHERE name = '{consumer}'; END LOOP;
        UPDATE sequin.consumer SET filter = 'new.id = 2' WHERE name = '{consumer}';
        END $$""")
    own_database.sql(f"INSERT INTO {table} VALUES (1), (2)")
    assert [message["record"]["id"] for _, message in own_database.client(consumer).drain()] == [2]
    worker = own_database.server.worker_pid(own_database.name)
    assert rss_bytes(worker, peak=True) < 300 * MIB


def test_a_stream_of_asynchronous_commits_is_captured_while_it_lasts(own_server):
    """Nobody else flushes the WAL here, and the next commit always comes before one could call it quiet."""
    own_server.set("wal_writer_delay", "10s")
    own_server.set("wal_writer_flush_after", "1GB")
    own_server.sql("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    own_server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    script = own_server.folder / "insert.sql"
    script.write_text("INSERT INTO t DEFAULT VALUES;\n")
    stream = Process([postgres_bin("pgbench"), "-n", "-f", script, "-c", 4, "-t", 15_000], own_server.folder / "pgbench.log",
                     {**own_server.environment(), "PGOPTIONS": "-c synchronous_commit=off"}).start()
    most, rows = 0, 0
    connection = own_server.connect()
    with connection.cursor() as cursor:
        while stream.running():
            cursor.execute("SELECT last_value, last_value - (SELECT next_seq FROM sequin.progress) FROM t_id_seq")
            rows, behind = cursor.fetchone()
            most = max(most, behind)
    connection.close()
    stream.stop()
    assert rows > 50_000, stream.output()
    # A few hundred; where the WAL is flushed only by its writer, tens of thousands.
    assert most < 10_000


def lossy_blocks(connection, segment):
    """What is read of a segment of the log to find one row by seq, without the index for capture's own use."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        cursor.execute(f"SELECT min(seq) FROM {segment}")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM {segment} WHERE seq = {cursor.fetchone()[0]}")
        return cursor.fetchone()[0][0]["Plan"].get("Lossy Heap Blocks", 0)


def test_a_row_of_the_log_is_found_by_seq_without_reading_its_segment(own_server):
    """Whether the segment was filled while capture was catching up, or is still being filled."""
    own_server.set("sequin.segment_size", "4MB")
    own_server.sql("CREATE TABLE t (id int PRIMARY KEY, filler text)")
    own_server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    own_server.sql("SELECT sequin.stop()")
    for first in range(0, 40_000, 5_000):
        own_server.sql("INSERT INTO t SELECT i, repeat('x', 300) FROM generate_series(%s, %s) i", first, first + 4_999)
    own_server.sql("SELECT sequin.start()")
    own_server.wait_for_capture()
    connection = own_server.connect()
    segments = own_server.sql("SELECT log::regclass FROM sequin.segment WHERE pg_relation_size(log) > 384 * 8192")
    assert len(segments) >= 3
    for (segment,) in segments:
        # Two ranges of 128 pages: that of the row, and the last one, which is being filled.
        wait_until(lambda: lossy_blocks(connection, segment) <= 256, f"the ranges of {segment} are described")
    connection.close()

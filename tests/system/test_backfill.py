"""Backfills while writes go on: no stale row after a newer change, nothing lost, nothing twice."""

import os
import random
import signal
import threading

import psycopg2
import pytest

from tests.support.waiting import wait_until

NOBODY = "a standby that does not answer"


class Held:
    """Commits that are in the WAL and on disk, but that no snapshot sees: they wait for a standby."""

    def __init__(self, server, database):
        self.server, self.database = server, database
        self.threads = []

    def __enter__(self):
        self.answer(NOBODY)
        return self

    def __exit__(self, *_):
        self.release()

    def answer(self, standby):
        self.server.sql(f"ALTER SYSTEM SET synchronous_standby_names = '\"{standby}\"'" if standby else
                        "ALTER SYSTEM RESET synchronous_standby_names")
        self.server.sql("SELECT pg_reload_conf()")
        wanted = f'"{standby}"' if standby else ""
        wait_until(lambda: self.server.value("SHOW synchronous_standby_names") == wanted, "the setting is in force")

    def commit(self, *statements):
        """Writes in a session of its own; returns when its commit waits."""
        connection = self.database.connect()
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit = on")

        def run():
            for statement in statements:
                cursor.execute(statement)
            connection.close()

        pid = connection.get_backend_pid()
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.threads.append(thread)
        wait_until(lambda: self.server.value("SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = %s", pid),
                   "the commit waits for the standby")

    def release(self):
        self.answer(None)
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()


@pytest.fixture
def local(own_database):
    """The database, with its own commits not waiting for a standby."""
    own_database.sql(f"ALTER DATABASE {own_database.name} SET synchronous_commit = local")
    return own_database


def progress(database, backfill):
    return database.sql("SELECT state, rows_read, position, error FROM sequin.backfills WHERE id = %s", backfill)[0]


def done(database, backfill, seconds=60):
    wait_until(lambda: progress(database, backfill)[0] != "running", "the backfill ends", seconds)
    assert progress(database, backfill)[0] == "done", progress(database, backfill)


def start(database, consumer, table, **options):
    named = "".join(f", {option} => %s" for option in options)
    return database.value(f"SELECT sequin.backfill(%s, %s{named})", consumer, table, *options.values())


def messages_of(database, consumer):
    return [message for _, message in database.client(consumer).drain(1000)]


def paused_in_the_middle(database, consumer, table):
    """A backfill that has sent some rows, one chunk each, and stands. Its definition is in force: it goes on at once."""
    backfill = start(database, consumer, table, chunk_rows=1)
    wait_until(lambda: progress(database, backfill)[1] > 2, "some rows are read")
    database.sql("SELECT sequin.pause_backfill(%s)", backfill)
    state, rows_read, position, _ = progress(database, backfill)
    assert state == "paused" and 2 < rows_read < 1000
    return backfill, int(position[0])


def test_a_backfill_waits_for_commits_before_it_that_are_not_visible_yet(server, local):
    """What such a commit wrote is neither captured for the new consumer nor seen by the backfill that does not wait."""
    table = local.table()
    local.consumer(local.table())  # capture runs; nobody listens to the table
    local.sql(f"INSERT INTO {table} VALUES (1, 'old')")
    with Held(server, local) as held:
        held.commit(f"INSERT INTO {table} VALUES (2, 'held')")
        consumer = local.consumer(table)
        backfill = start(local, consumer, table)
        local.sql(f"INSERT INTO {table} VALUES (3, 'later')")
        wait_until(lambda: local.value("SELECT count(*) FROM sequin.feed_chunk") == 1, "the low mark is written")
        assert local.value("SELECT rows_read FROM sequin.backfills") == 0
        held.release()
        done(local, backfill)
    ids = [message["record"]["id"] for message in messages_of(local, consumer) if message["action"] == "read"]
    assert sorted(ids)[:2] == [1, 2]


def test_a_row_does_not_come_after_a_newer_change_that_its_snapshot_did_not_see(server, local):
    table = local.table()
    local.sql(f"INSERT INTO {table} SELECT i, 'old' FROM generate_series(1, 1000) i")
    consumer = local.consumer(table)
    backfill, position = paused_in_the_middle(local, consumer, table)
    with Held(server, local) as held:
        held.commit(f"UPDATE {table} SET note = 'new' WHERE id > {position}")
        local.sql("SELECT sequin.resume_backfill(%s)", backfill)
        # These chunks were read without the update, and are in the WAL behind it.
        wait_until(lambda: progress(local, backfill)[1] > position, "chunks are read meanwhile")
        held.release()
        done(local, backfill)
    latest = {}
    for message in messages_of(local, consumer):
        record = message["record"]
        assert not (record["note"] == "old" and latest.get(record["id"]) == "new"), message
        latest[record["id"]] = record["note"]
    assert latest == {i: "old" if i <= position else "new" for i in range(1, 1001)}


def test_a_deleted_row_does_not_come_after_its_deletion(server, local):
    table = local.table()
    local.sql(f"INSERT INTO {table} SELECT i, 'old' FROM generate_series(1, 1000) i")
    consumer = local.consumer(table)
    backfill, position = paused_in_the_middle(local, consumer, table)
    with Held(server, local) as held:
        held.commit(f"DELETE FROM {table} WHERE id > {position}")
        local.sql("SELECT sequin.resume_backfill(%s)", backfill)
        wait_until(lambda: progress(local, backfill)[1] > position, "chunks are read meanwhile")
        held.release()
        done(local, backfill)
    gone = set()
    for message in messages_of(local, consumer):
        if message["action"] == "delete":
            gone.add(message["record"]["id"])
        else:
            assert message["record"]["id"] not in gone
    assert gone == set(range(position + 1, 1001))


def test_a_changed_key_is_followed(server, local):
    table = local.table()
    local.sql(f"INSERT INTO {table} SELECT i, 'old' FROM generate_series(1, 1000) i")
    consumer = local.consumer(table)
    backfill, position = paused_in_the_middle(local, consumer, table)
    with Held(server, local) as held:
        held.commit(f"UPDATE {table} SET id = id + 5000, note = 'moved' WHERE id > {position}")
        local.sql("SELECT sequin.resume_backfill(%s)", backfill)
        wait_until(lambda: progress(local, backfill)[1] > position, "chunks are read meanwhile")
        held.release()
        done(local, backfill)
    moved = set()
    for message in messages_of(local, consumer):
        if message["action"] == "update":
            moved.add(message["record"]["id"] - 5000)
        elif message["record"]["note"] == "old":
            assert message["record"]["id"] not in moved
    assert moved == set(range(position + 1, 1001))


def test_values_that_an_overtaking_update_left_out_come_with_the_row(server, local):
    """The update says nothing of the large value, which is stored out of line: the row's is the only copy."""
    table = local.table("id int PRIMARY KEY, note text, large text")
    local.sql(f"ALTER TABLE {table} ALTER large SET STORAGE EXTERNAL")
    local.sql(f"INSERT INTO {table} SELECT i, 'old', repeat(i::text, 3000) FROM generate_series(1, 1000) i")
    consumer = local.consumer(table)
    backfill, position = paused_in_the_middle(local, consumer, table)
    with Held(server, local) as held:
        held.commit(f"UPDATE {table} SET note = 'new' WHERE id > {position}")
        local.sql("SELECT sequin.resume_backfill(%s)", backfill)
        wait_until(lambda: progress(local, backfill)[1] > position, "chunks are read meanwhile")
        held.release()
        done(local, backfill)
    copy = {}
    for message in messages_of(local, consumer):
        copy.setdefault(message["record"]["id"], {}).update(message["record"])
    assert copy == {i: {"id": i, "note": "old" if i <= position else "new", "large": str(i) * 3000}
                    for i in range(1, 1001)}


def test_the_latest_message_of_a_changed_key_is_whole(server, local):
    """A consumer with mode latest gets the row, too, behind the update that left out the large value, and under the new key."""
    table = local.table("id int PRIMARY KEY, note text, large text")
    local.sql(f"ALTER TABLE {table} ALTER large SET STORAGE EXTERNAL")
    local.sql(f"INSERT INTO {table} SELECT i, 'old', repeat(i::text, 3000) FROM generate_series(1, 1000) i")
    consumer = local.consumer(table, mode="latest")
    backfill, position = paused_in_the_middle(local, consumer, table)
    with Held(server, local) as held:
        held.commit(f"UPDATE {table} SET id = -id, note = 'new' WHERE id > {position}")
        local.sql("SELECT sequin.resume_backfill(%s)", backfill)
        wait_until(lambda: progress(local, backfill)[1] > position, "chunks are read meanwhile")
        held.release()
        done(local, backfill)
    latest = {}
    for message in messages_of(local, consumer):
        latest[message["record"]["id"]] = message["record"]
    whole = {i: record for i, record in latest.items() if i < 0 and "large" in record}
    # Of the rest the consumer was told of the move only: they went from a part that was not read into one that was.
    assert whole == {-i: {"id": -i, "note": "new", "large": str(i) * 3000} for i in range(position + 1, position + 1 + len(whole))}
    assert whole and [i for i in latest if i < 0 and latest[i]["note"] != "new"] == []


def test_rows_without_a_key_come_once_whenever_they_were_inserted(own_database):
    """Those that are inserted meanwhile fill holes that the backfill has not read yet, and come as changes only."""
    table = own_database.table("n int, filler text")
    own_database.sql(f"INSERT INTO {table} SELECT i, repeat('x', 200) FROM generate_series(1, 20000) i")
    own_database.sql(f"DELETE FROM {table} WHERE n % 2 = 0")
    own_database.sql(f"VACUUM {table}")
    consumer = own_database.consumer(table)
    backfill = start(own_database, consumer, table, chunk_rows=20)
    wait_until(lambda: progress(own_database, backfill)[1] > 100, "some blocks are read")
    own_database.sql(f"INSERT INTO {table} SELECT i, repeat('x', 200) FROM generate_series(20001, 30000) i")
    assert progress(own_database, backfill)[0] == "running"
    done(own_database, backfill)
    actions = {}
    for message in messages_of(own_database, consumer):
        actions.setdefault(message["record"]["n"], []).append(message["action"])
    assert actions == {**{i: ["read"] for i in range(1, 20001, 2)}, **{i: ["insert"] for i in range(20001, 30001)}}


def test_a_consumer_that_is_altered_during_its_backfill_gets_the_rest_as_altered(own_database):
    table = own_database.table("id int PRIMARY KEY, note text, secret text")
    own_database.sql(f"INSERT INTO {table} SELECT i, 'n', 's' FROM generate_series(1, 3000) i")
    consumer = own_database.consumer(table)
    backfill = start(own_database, consumer, table, chunk_rows=10)
    wait_until(lambda: progress(own_database, backfill)[1] > 100, "some rows are read")
    own_database.sql("SELECT sequin.alter_consumer(%s, exclude_columns => '{secret}', filter => 'new.id %% 2 = 0')", consumer)
    done(own_database, backfill)
    records = [message["record"] for message in messages_of(own_database, consumer)]
    old = [record for record in records if "secret" in record]
    new = [record for record in records if "secret" not in record]
    assert 100 < len(old) < 3000
    assert [record["id"] for record in old] == list(range(1, len(old) + 1))
    assert [record["id"] for record in new] == [i for i in range(len(old) + 1, 3001) if i % 2 == 0]


def test_nothing_is_lost_or_doubled_when_processes_are_killed(own_server):
    """Rows that nobody changes come exactly once, those that change end as they are."""
    server = own_server
    server.sql("CREATE TABLE still (id int PRIMARY KEY)")
    server.sql("CREATE TABLE moving (id int PRIMARY KEY, n int)")
    server.sql("INSERT INTO still SELECT generate_series(1, 20000)")
    server.sql("INSERT INTO moving SELECT i, 0 FROM generate_series(1, 2000) i")
    server.sql("SELECT sequin.create_consumer('c', tables => '{public.still,public.moving}')")
    ids = [server.value("SELECT sequin.backfill('c', %s, chunk_rows => %s)", table, rows)
           for table, rows in (("still", 100), ("moving", 10))]
    choice = random.Random(1)
    running = True

    def asked(query, *parameters):
        """The server's answer, as soon as it gives one: it recovers from the last kill."""
        def ask():
            try:
                return [server.value(query, *parameters)]
            except psycopg2.OperationalError:
                return None
        return wait_until(ask, "the server answers", 60)[0]

    def write():
        while running:
            try:
                server.sql("UPDATE moving SET n = n + 1 WHERE id = %s", choice.randint(1, 2000))
            except psycopg2.Error:
                pass

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for kill in range(6):
            seen = asked("SELECT sum(rows_read) FROM sequin.backfills")
            wait_until(lambda: asked("SELECT sum(rows_read) >= %s OR bool_and(state <> 'running') "
                                     "FROM sequin.backfills", seen + 1500), "the backfills go on", 60)
            kind = ("sequin feeder", "sequin capture")[kill % 2]
            if kill == 5:
                server.kill9_postmaster()
                server.start()
                continue
            pid = asked("SELECT pid FROM pg_stat_activity WHERE backend_type = %s", kind)
            if pid:
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: asked("SELECT bool_and(state <> 'running') FROM sequin.backfills"),
                   "the backfills end", 120)
    finally:
        running = False
        writer.join()
    assert [server.value("SELECT state FROM sequin.backfills WHERE id = %s", one) for one in ids] == ["done", "done"]
    server.sql("SELECT sequin.sync()")
    counts, latest = {}, {}
    while True:
        rows = server.sql("SELECT ack_id, message FROM sequin.receive('c', 10000)")
        if not rows:
            break
        for _, message in rows:
            record = message["record"]
            if message["metadata"]["table_name"] == "still":
                counts[record["id"]] = counts.get(record["id"], 0) + 1
            else:
                assert record["n"] >= latest.get(record["id"], 0)
                latest[record["id"]] = record["n"]
        server.sql("SELECT sequin.ack('c', %s::uuid[])", [ack for ack, _ in rows])
    assert counts == {i: 1 for i in range(1, 20001)}
    assert latest == dict(server.sql("SELECT id, n FROM moving"))


def failed(database, backfill):
    wait_until(lambda: progress(database, backfill)[0] == "failed", "the backfill fails", 60)
    return progress(database, backfill)[3]


def test_each_chunk_is_encoded_with_the_definition_in_force(own_database):
    """Also when VACUUM has given the place of an old version of the consumer's row to the newest one."""
    table = own_database.table("id int PRIMARY KEY, note text, secret text, stop int DEFAULT 1")
    own_database.sql(f"INSERT INTO {table} SELECT i, 'n', 's', (i <> 6)::int FROM generate_series(1, 10) i")
    consumer = own_database.consumer(table)
    own_database.sql("SELECT sequin.alter_consumer(%s, exclude_columns => '{note}')", consumer)
    backfill = start(own_database, consumer, table, filter="1 / stop = 1", chunk_rows=2)
    assert failed(own_database, backfill) == "division by zero"
    own_database.sql("SELECT sequin.alter_consumer(%s, exclude_columns => '{note,stop}')", consumer)
    own_database.sql("VACUUM sequin.consumer")
    own_database.sql("SELECT sequin.alter_consumer(%s, exclude_columns => '{secret}')", consumer)
    own_database.sql(f"UPDATE {table} SET stop = 1")
    own_database.sql("SELECT sequin.resume_backfill(%s)", backfill)
    done(own_database, backfill)
    records = {message["record"]["id"]: message["record"] for message in messages_of(own_database, consumer)
               if message["action"] == "read"}
    assert [i for i in sorted(records) if "secret" in records[i]] == [1, 2, 3, 4]
    assert [i for i in sorted(records) if "note" in records[i]] == [5, 6, 7, 8, 9, 10]


def test_a_backfill_begins_anew_when_wal_was_lost_that_may_have_had_its_rows(own_server):
    server = own_server
    server.sql("CREATE TABLE t (id int PRIMARY KEY, stop int DEFAULT 1)")
    server.sql("INSERT INTO t SELECT i, (i <> 6)::int FROM generate_series(1, 10) i")
    server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    backfill = server.value("SELECT sequin.backfill('c', 't', filter => '1 / stop = 1', chunk_rows => 2)")
    state = "SELECT state FROM sequin.backfills WHERE id = %s"
    wait_until(lambda: server.value(state, backfill) == "failed", "the backfill stands in the middle", 60)
    server.sql("SELECT sequin.stop()")
    server.sql("UPDATE t SET stop = 1")
    server.sql("SELECT sequin.resume_backfill(%s)", backfill)
    server.sql("SELECT pg_drop_replication_slot(%s)", server.slot_name())
    server.sql("SELECT sequin.start()")
    wait_until(lambda: server.value(state, backfill) != "running", "the backfill ends", 60)
    assert server.value(state, backfill) == "done"
    assert server.value("SELECT rows_read FROM sequin.backfills") == 10


def test_the_log_is_kept_for_a_replay_that_runs(own_server):
    """Also that part of it which was there before the replay was asked for."""
    server = own_server
    server.sql("ALTER SYSTEM SET sequin.segment_size = '1MB'")
    server.sql("ALTER SYSTEM SET sequin.retention = 0")
    server.sql("SELECT pg_reload_conf()")
    server.sql("CREATE TABLE t (id int PRIMARY KEY, filler text)")
    server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    server.sql("SELECT sequin.create_consumer('late', tables => '{public.t}')")  # keeps all of it for now
    for part in range(3):
        server.sql("INSERT INTO t SELECT i, repeat('x', 2000) FROM generate_series(%s, %s) i",
                   part * 600 + 1, part * 600 + 600)
        server.sql("SELECT sequin.sync()")
    rows = server.sql("SELECT ack_id FROM sequin.receive('c', 10000)")
    server.sql("SELECT sequin.ack('c', %s::uuid[])", [ack for ack, in rows])
    first = server.value("SELECT min(no) FROM sequin.segment")
    replay = server.value("SELECT sequin.replay('c', rows_per_second => 1)")
    wait_until(lambda: server.value("SELECT rows_sent FROM sequin.replays") > 0, "it has sent a message", 60)
    server.sql("SELECT sequin.drop_consumer('late')")
    server.sql("INSERT INTO t VALUES (0, 'a segment behind the others')")
    server.sql("SELECT sequin.sync()")
    looked = server.output().count("reloading configuration files")
    server.sql("SELECT pg_reload_conf()")
    wait_until(lambda: server.output().count("reloading configuration files") > looked, "retention is told to look")
    server.sql("INSERT INTO t VALUES (-1, 'captured after that look')")
    server.sql("SELECT sequin.sync()")
    server.sql("INSERT INTO t VALUES (-2, 'captured after that look')")
    server.sql("SELECT sequin.sync()")
    assert server.value("SELECT min(no) FROM sequin.segment") == first
    server.sql("SELECT sequin.cancel_replay(%s)", replay)

    def gone():
        server.sql("SELECT pg_reload_conf()")
        return server.value("SELECT min(no) FROM sequin.segment") > first
    wait_until(gone, "without the replay the segment goes", 60)


def test_a_backfill_that_crashes_the_feeder_again_and_again_fails(own_server):
    """A crash of it restarts the server: not for ever."""
    server = own_server
    server.sql("CREATE TABLE t (id int PRIMARY KEY)")
    server.sql("INSERT INTO t VALUES (1)")
    server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")
    crashing = server.value("SELECT sequin.backfill('c', 't', filter => 'pg_sleep(3000) IS NOT NULL')")

    def asked(query, *parameters):
        try:
            return server.value(query, *parameters)
        except psycopg2.OperationalError:
            return None  # it recovers from a crash

    def in_its_filter():
        return asked("SELECT pid FROM pg_stat_activity WHERE backend_type = 'sequin feeder' AND wait_event = 'PgSleep'")

    def failed():
        return asked("SELECT state = 'failed' FROM sequin.backfills WHERE id = %s", crashing)

    for _ in range(11):
        wait_until(lambda: in_its_filter() or failed(), "the feeder is at it", 60)
        if pid := in_its_filter():
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: asked("SELECT pid FROM pg_stat_activity WHERE pid = %s", pid) is None, "it is gone", 60)
    wait_until(failed, "the backfill fails", 60)
    assert "crashed" in server.value("SELECT error FROM sequin.backfills")
    server.sql("SELECT sequin.cancel_backfill(%s)", crashing)
    another = server.value("SELECT sequin.backfill('c', 't')")
    wait_until(lambda: server.value("SELECT state = 'done' FROM sequin.backfills WHERE id = %s", another),
               "another backfill ends", 60)


def test_a_backfill_goes_on_when_its_feeder_was_terminated(own_database):
    table = own_database.table("id int PRIMARY KEY")
    own_database.sql(f"INSERT INTO {table} VALUES (1)")
    consumer = own_database.consumer(table)
    backfill = start(own_database, consumer, table, filter="pg_sleep(1) IS NOT NULL")
    pid = wait_until(lambda: own_database.value(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'sequin feeder' AND wait_event = 'PgSleep' "
        "AND datname = current_database()"), "the feeder is in the middle of a chunk", 60)
    own_database.sql("SELECT pg_terminate_backend(%s)", pid)
    done(own_database, backfill)

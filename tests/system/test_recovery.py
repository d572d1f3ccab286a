"""What becomes of delivery when the slot, the server or the place is another one: it goes on, and says what is missing."""

import shutil
import subprocess
import time

import psycopg2
import pytest

from tests.support.agent import Agent, Receiver
from tests.support.paths import postgres_bin, unprivileged
from tests.support.server import Server, fetch, lsn_to_int
from tests.support.sql_client import SqlClient
from tests.support.standby import Standby
from tests.support.waiting import wait_until

SECONDS = 60  # of patience; what is promised is half of it, on a machine with nothing else to do


class Captured:
    """A server with one captured table `t`, one consumer `c`, and rows that are numbered."""

    def __init__(self, settings=None, server=None):
        self.server = server or Server(settings={"fsync": "off", **(settings or {})}, name="recovery").start()
        if server is None:
            self.server.sql("CREATE EXTENSION sequin")
            self.server.sql("CREATE TABLE t (id int PRIMARY KEY, note text)")
            self.server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')")

    def insert(self, *ids):
        self.server.sql("INSERT INTO t SELECT unnest(%s)", list(ids))

    def received(self):
        """(id, action) of what arrives until everything committed so far was captured and handed out."""
        client = SqlClient(self.server, "c")
        try:
            fetch(client.connection, "SELECT pg_logical_emit_message(true, 'test', '')")  # the session's own commit
            fetch(client.connection, "SELECT sequin.sync('60 s')")
            return [(message["record"]["id"], message["action"]) for _, message in client.drain(wait="0")]
        finally:
            client.close()

    def ids(self):
        return [number for number, _ in self.received()]

    def running(self):
        wait_until(lambda: self.server.value("SELECT state FROM sequin.status") == "running", "capture runs", SECONDS)

    def gaps(self):
        return self.server.sql("SELECT from_lsn, to_lsn, transactions, consumer, state, reason FROM sequin.gaps "
                               "ORDER BY incarnation")

    def settle(self, gap):
        rows = self.server.sql("SELECT action, \"table\"::text FROM sequin.recover(gap => %s)", gap)
        wait_until(lambda: self.server.value("SELECT bool_and(state IN ('accepted', 'closed')) FROM sequin.gaps"),
                   "the gap is settled", SECONDS)
        return rows

    def lose_slot(self):
        """While nobody can make it anew: the worker is away. Returns the position up to which it had captured."""
        self.server.wait_for_capture()
        self.server.sql("SELECT sequin.stop()")
        self.server.sql("SELECT pg_drop_replication_slot(%s)", self.server.slot_name())


@pytest.fixture
def captured():
    captured = Captured()
    yield captured
    captured.server.remove()


def identities(server):
    """(incarnation, commit position) of all messages in the log; all different, or it raises."""
    rows = server.sql("SELECT incarnation, commit_lsn::text, commit_idx FROM sequin.log ORDER BY seq")
    assert len(set(rows)) == len(rows)
    return rows


def hooked(receiver):
    """Ids of the rows that came as webhooks."""
    return {line["message"]["record"]["id"] for line in receiver.messages()}


# ---- the slot -----------------------------------------------------------------------------------


def test_a_slot_dropped_while_capture_runs_is_made_anew_and_the_gap_is_declared(captured):
    server = captured.server
    captured.insert(1)
    assert captured.ids() == [1]
    slot = server.slot_name()
    session = server.connect()
    begin = time.monotonic()

    def drop():
        # The worker comes back at once: the slot is free for a moment only.
        fetch(session, "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = %s", slot)
        try:
            fetch(session, "SELECT pg_drop_replication_slot(%s)", slot)
            return True
        except psycopg2.Error:
            return False

    wait_until(drop, "the slot is dropped", SECONDS)
    captured.running()
    captured.insert(2)
    assert captured.ids() == [2]
    print(f"delivery resumed after {time.monotonic() - begin:.1f} s")
    assert server.value("SELECT incarnation FROM sequin.status") == 2
    identities(server)


def test_the_gap_of_a_lost_slot_has_its_exact_range_and_is_closed_by_backfill(captured):
    server = captured.server
    captured.insert(1, 2, 3)
    assert captured.ids() == [1, 2, 3]
    captured.lose_slot()
    before = server.wal_lsn()
    captured.insert(4)
    server.sql("UPDATE t SET note = 'changed' WHERE id = 1")
    server.sql("DELETE FROM t WHERE id = 2")
    after = server.wal_lsn()
    server.sql("SELECT sequin.start()")
    captured.insert(5)
    assert captured.received() == [(5, "insert")]

    [(begin, end, transactions, consumer, state, reason)] = captured.gaps()
    assert lsn_to_int(begin) <= lsn_to_int(before) < lsn_to_int(after) <= lsn_to_int(end)
    # Three of ours; what stop() and start() have written, and statistics that autovacuum has.
    assert 3 <= transactions
    assert (consumer, state, reason) == ("c", "open", "the replication slot was dropped")
    status = server.sql("SELECT open_gaps, gap_from_lsn, gap_to_lsn, gap_reason FROM sequin.status")
    assert status == [(1, begin, end, reason)]
    assert f"sequin did not capture the WAL from {begin} to {end}" in server.output()

    # What was written in the gap and is there comes, and that only; a deleted row nobody can show.
    assert captured.settle("backfill") == [("backfill", "t")]
    got = dict(captured.received())
    assert got[4] == got[1] == "read" and 2 not in got
    assert captured.gaps()[0][4] == "closed"
    assert server.value("SELECT open_gaps FROM sequin.status") == 0
    assert server.sql("SELECT * FROM sequin.recover()") == []


def test_an_open_gap_is_in_the_metrics_until_it_is_settled(captured):
    server = captured.server
    agent = Agent(server).start()
    try:
        def metrics():
            return {name: value for name, value in agent.metrics().items() if name.startswith("sequin_capture_")}

        wait_until(lambda: metrics().get("sequin_capture_up") == 1, "capture is said to run", SECONDS)
        assert metrics()["sequin_capture_gaps_open"] == 0
        captured.insert(1)
        captured.lose_slot()
        wait_until(lambda: metrics().get('sequin_capture_state{state="stopped"}') == 1, "it is said to be stopped", SECONDS)
        assert metrics()["sequin_capture_up"] == 0
        captured.insert(2)
        server.sql("SELECT sequin.start()")
        captured.running()
        captured.insert(3)
        assert captured.ids() == [1, 3]
        [(begin, end, *_)] = captured.gaps()
        series = f'sequin_capture_gap_open{{from_lsn="{begin}",to_lsn="{end}",incarnation="2"}}'
        wait_until(lambda: metrics().get(series) == 1, f"{series} 1", SECONDS)
        assert metrics()["sequin_capture_gaps_open"] == 1
        captured.settle("accept")
        wait_until(lambda: metrics().get("sequin_capture_gaps_open") == 0, "no gap is open", SECONDS)
        assert series not in metrics()
    finally:
        agent.kill9()


def test_a_backfill_of_a_gap_sends_no_row_that_was_not_written_since(captured):
    server = captured.server
    captured.insert(*range(1, 1001))
    assert len(captured.ids()) == 1000
    # Slots follow the transactions that run only now and then.
    wait_until(lambda: (server.sql("CHECKPOINT"), server.sql("SELECT pg_log_standby_snapshot()") if
                        server.value("SELECT current_setting('server_version_num')::int") >= 160000 else None,
                        captured.insert(server.value("SELECT max(id) + 1 FROM t")), captured.ids(),
                        server.value("SELECT oldest_xid::text::bigint > (SELECT xmin::text::bigint FROM t WHERE id = 1) "
                                     "FROM sequin.progress"))[-1], "the horizon of the slot passes the rows", 120)
    captured.lose_slot()
    server.sql("UPDATE t SET note = 'changed' WHERE id = 7")
    server.sql("SELECT sequin.start()")
    captured.settle("backfill")
    got = captured.ids()
    assert 7 in got and not {1, 2, 500, 1000} & set(got)
    # All rows, so that a receiver can tell which it has too many.
    captured.lose_slot()
    captured.insert(100_000)
    server.sql("SELECT sequin.start()")
    captured.settle("reload")
    assert set(captured.ids()) == {number for (number,) in server.sql("SELECT id FROM t")}


def test_nothing_is_declared_when_nothing_was_committed_in_between(captured):
    server = captured.server
    server.set("autovacuum", "off")
    captured.insert(1)
    server.wait_for_capture()
    # There is neither a session nor a statistic that writes.
    server.stop()
    shutil.rmtree(server.data / "pg_replslot" / f"sequin_{server_oid(server)}")
    server.start()
    captured.running()
    captured.insert(2)
    assert captured.ids() == [1, 2]
    assert captured.gaps() == [] and server.value("SELECT incarnation FROM sequin.status") == 2


def server_oid(server):
    [folder] = (server.data / "pg_replslot").glob("sequin_*")
    return folder.name.removeprefix("sequin_")


def test_a_slot_that_vanished_while_the_server_was_down_is_missed_and_made_anew(captured):
    server = captured.server
    captured.insert(1)
    assert captured.ids() == [1]
    server.sql("SELECT sequin.stop()")
    captured.insert(2)
    server.sql("UPDATE sequin.progress SET stopped = false")
    server.stop()
    shutil.rmtree(server.data / "pg_replslot" / f"sequin_{server_oid(server)}")
    begin = time.monotonic()
    server.start()
    captured.running()
    captured.insert(3)
    assert captured.ids() == [3]
    print(f"delivery resumed {time.monotonic() - begin:.1f} s after the start")
    assert [gap[4] for gap in captured.gaps()] == ["open"]
    assert captured.settle("accept") == [("accepted", None)]
    assert captured.ids() == []


def test_a_slot_that_the_server_invalidated_is_made_anew(captured):
    server = captured.server
    captured.insert(1)
    assert captured.ids() == [1]
    server.set("max_slot_wal_keep_size", "1MB")
    server.sql("SELECT sequin.stop()")
    captured.insert(2)
    slot = server.slot_name()

    def invalidated():
        server.sql("CREATE TABLE IF NOT EXISTS filler (v text)")
        server.sql("INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 20000)")
        server.sql("SELECT pg_switch_wal()")
        server.sql("CHECKPOINT")
        return server.value("SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", slot) == "lost"

    wait_until(invalidated, "the slot is lost", SECONDS)
    begin = time.monotonic()
    server.sql("SELECT sequin.start()")
    captured.running()
    wait_until(lambda: captured.gaps(), "the gap is declared", SECONDS)
    captured.insert(3)
    assert 3 in captured.ids()
    print(f"delivery resumed after {time.monotonic() - begin:.1f} s")
    [(_, _, transactions, _, _, reason)] = captured.gaps()
    assert "max_slot_wal_keep_size" in reason and transactions is None  # the WAL is gone
    assert captured.settle("backfill") == [("backfill", "t")]
    assert 2 in captured.ids()


def test_wal_that_is_missing_costs_a_gap_and_no_human_step(captured):
    server = captured.server
    captured.insert(1)
    assert captured.ids() == [1]
    server.sql("SELECT sequin.stop()")
    captured.insert(2)
    segment = server.value("SELECT pg_walfile_name(restart_lsn) FROM pg_replication_slots")
    server.sql("SELECT pg_switch_wal()")
    captured.insert(3)
    server.sql("CHECKPOINT")
    (server.data / "pg_wal" / segment).unlink()
    begin = time.monotonic()
    server.sql("SELECT sequin.start()")
    wait_until(lambda: captured.gaps(), "the gap is declared", SECONDS)
    captured.running()
    captured.insert(4)
    assert captured.ids() == [4]
    print(f"delivery resumed after {time.monotonic() - begin:.1f} s")
    assert captured.gaps()[0][5] == "the WAL that was to be captured is missing or damaged"


def test_consumers_that_changed_in_the_gap_are_as_declared_behind_it(captured):
    server = captured.server
    server.sql("SELECT sequin.create_consumer('altered', tables => '{public.t}')")
    server.sql("SELECT sequin.create_consumer('dropped', tables => '{public.t}')")
    captured.insert(1)
    assert captured.ids() == [1]
    captured.lose_slot()
    # As somebody does who restores them by hand: the functions would start capture first.
    server.sql("UPDATE sequin.consumer SET filter = 'new.id = 12', actions = '{insert}' WHERE name = 'altered'")
    server.sql("DELETE FROM sequin.consumer WHERE name = 'dropped'")
    server.sql("INSERT INTO sequin.consumer (name, owner, tables, actions, home) SELECT 'new', owner, tables, actions, home "
               "FROM sequin.consumer WHERE name = 'c'")
    captured.insert(2)
    server.sql("SELECT sequin.start()")
    captured.insert(11, 12)
    assert captured.ids() == [11, 12]

    def ids(consumer):
        client = SqlClient(server, consumer)
        got = [message["record"]["id"] for _, message in client.drain(wait="0")]
        client.close()
        return got

    assert ids("altered") == [1, 12] and ids("new") == [11, 12]
    assert {gap[3] for gap in captured.gaps()} == {"c", "altered", "new"}
    assert server.value("SELECT count(*) FROM sequin.routing") == 3


def test_a_backfill_whose_chunks_were_in_the_gap_begins_anew(captured):
    server = captured.server
    captured.insert(*range(1, 3001))
    assert len(captured.ids()) == 3000
    server.sql("SELECT sequin.create_consumer('late', tables => '{public.t}')")
    backfill = server.value("SELECT sequin.backfill('late', 'public.t', chunk_rows => 10)")
    server.sql("SELECT sequin.pause_backfill(%s)", backfill)
    captured.lose_slot()
    captured.insert(3001)
    server.sql("SELECT sequin.start()")
    captured.running()
    server.sql("SELECT sequin.resume_backfill(%s)", backfill)
    wait_until(lambda: server.value("SELECT state FROM sequin.backfills") == "done", "the backfill ends", 120)
    client = SqlClient(server, "late")
    got = {message["record"]["id"] for _, message in client.drain(wait="0")}
    client.close()
    assert got >= set(range(1, 3001))


# ---- promotion ----------------------------------------------------------------------------------


@pytest.fixture
def failover():
    """A primary with capture, and its standby. Yields both as Captured; they share nothing but the stream."""
    primary = Captured()
    standby = None
    try:
        standby = Standby(primary.server).start()
        yield primary, standby
    finally:
        if standby is not None:
            standby.remove()
        primary.server.remove()


def test_a_promoted_standby_goes_on_by_itself_and_declares_what_it_missed(failover, tmp_path):
    primary, standby = failover
    primary.insert(1)
    assert primary.ids() == [1]
    primary.server.wait_for_capture()
    primary.server.sql("SELECT sequin.stop()")  # capture lags when the primary dies
    primary.server.sql("UPDATE sequin.progress SET stopped = false")
    primary.insert(2)
    standby.wait_for_replay()
    primary.server.kill9_postmaster()

    begin = time.monotonic()
    standby.promote()
    promoted = Captured(server=standby)
    promoted.running()
    promoted.insert(3)
    assert promoted.ids() == [3]
    print(f"delivery resumed {time.monotonic() - begin:.1f} s after the promotion")
    [(begin_lsn, end_lsn, transactions, consumer, state, reason)] = promoted.gaps()
    assert transactions >= 1 and (consumer, state) == ("c", "open")
    assert reason == "the server was promoted without the replication slot"
    assert f"from {begin_lsn} to {end_lsn}" in standby.output()
    assert standby.value("SELECT status FROM sequin.consumers") == "active"
    assert promoted.settle("backfill") == [("backfill", "t")]
    assert 2 in promoted.ids()


def test_ids_do_not_repeat_when_a_lost_tail_gives_lsns_away_again(failover):
    primary, standby = failover
    primary.insert(1)
    primary.server.wait_for_capture()
    standby.wait_for_replay()
    standby.stop_receiving()
    for number in range(100, 200):
        primary.insert(number)
        primary.server.sql("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 100000))")
    primary.server.wait_for_capture()
    lost = set(identities(primary.server))
    primary.server.kill9_postmaster()
    standby.promote()
    promoted = Captured(server=standby)
    promoted.running()
    for number in range(200, 300):
        promoted.insert(number)
    assert set(promoted.ids()) >= set(range(200, 300))
    again = set(identities(standby))
    common = lost & again
    assert len(common) == 1  # row 1, which both have
    # The positions do repeat: it is the incarnation that tells them apart.
    spans = [[lsn_to_int(lsn) for _, lsn, _ in rows - common] for rows in (lost, again)]
    assert max(min(span) for span in spans) < min(max(span) for span in spans)


def test_webhooks_of_a_promoted_standby_arrive_without_a_human_step(failover):
    primary, standby = failover
    receiver = Receiver(standby.folder).start()
    agent = Agent(standby)
    try:
        primary.server.sql("SELECT sequin.create_consumer('hook', tables => '{public.t}', push_url => %s)", receiver.url)
        standby.wait_for_replay()
        primary.server.stop()
        begin = time.monotonic()
        standby.promote()
        agent.start()
        promoted = Captured(server=standby)
        promoted.running()
        promoted.insert(7)
        wait_until(lambda: 7 in hooked(receiver), "the webhook arrives", SECONDS)
        print(f"the webhook came {time.monotonic() - begin:.1f} s after the promotion")
    finally:
        agent.stop()
        receiver.stop()


# ---- copies -------------------------------------------------------------------------------------


class Copy(Server):
    """What pg_basebackup makes of a server, started by itself."""

    def __init__(self, original, recovery=None):
        self.original, self.recovery = original, recovery
        super().__init__(settings=dict(original.settings), name="copy")

    def _init_data_folder(self):
        source = f"host={self.original.folder} port={self.original.port} user=postgres"
        command = [postgres_bin("pg_basebackup"), "-D", self.data, "-d", source, "-X", "stream", "-c", "fast", "--no-sync"]
        subprocess.run(unprivileged([str(word) for word in command]), check=True, capture_output=True)
        self.settings = {**self.settings, "port": self.port, "unix_socket_directories": self.folder,
                         **(self.recovery or {})}
        if self.recovery is not None:
            (self.data / "recovery.signal").touch()
            shutil.chown(self.data / "recovery.signal", self.data.owner(), self.data.group())
        self._write_settings()


@pytest.mark.parametrize("recovery", [None, {"restore_command": "false"}], ids=["base backup", "recovery"])
def test_a_copy_delivers_nothing_until_it_is_told_to(captured, recovery):
    server = captured.server
    receiver = Receiver(server.folder).start()
    server.sql("SELECT sequin.create_consumer('hook', tables => '{public.t}', push_url => %s, status => 'paused')",
               receiver.url)
    captured.insert(1)
    server.wait_for_capture()
    server.sql("SELECT sequin.alter_consumer('hook', status => 'active')")
    copy = Copy(server, recovery)
    agent = None
    try:
        copy.start()
        wait_until(lambda: not copy.value("SELECT pg_is_in_recovery()"), "the copy is writable", SECONDS)
        agent = Agent(copy).start()
        assert copy.value("SELECT state FROM sequin.status") == "copy"
        rows = copy.sql("SELECT status, status_reason FROM sequin.consumers")
        assert len(rows) == 2 and all(row[0] == "paused" and "sequin.recover()" in row[1] for row in rows)
        assert copy.sql("SELECT * FROM sequin.receive('c')") == []
        copy.sql("INSERT INTO t VALUES (2)")
        wait_until(lambda: "was restored or copied" in copy.output(), "the log says so", SECONDS)
        assert copy.value("SELECT count(*) FROM pg_replication_slots") == 0 and not hooked(receiver)

        begin = time.monotonic()
        actions = [row[0] for row in copy.sql("SELECT action FROM sequin.recover(gap => 'backfill')")]
        assert sorted(actions) == ["activated", "activated", "backfill", "backfill"]
        copy.sql("INSERT INTO t VALUES (3)")
        wait_until(lambda: {1, 2, 3} <= hooked(receiver), "all webhooks arrive", SECONDS)
        print(f"delivery began {time.monotonic() - begin:.1f} s after the word was given")
        [reason] = {gap[5] for gap in Captured(server=copy).gaps()}
        assert reason == "the database was restored or copied without its replication slot"
    finally:
        if agent is not None:
            agent.stop()
        copy.remove()
        receiver.stop()


def test_a_data_folder_that_was_copied_with_its_slot_captures_and_does_not_deliver(captured):
    server = captured.server
    captured.insert(1)
    server.stop()
    copy = None
    try:
        class Cold(Server):
            def _init_data_folder(self):
                subprocess.run(["cp", "-a", server.data, self.data], check=True)
                self.settings = {**server.settings, "port": self.port, "unix_socket_directories": self.folder}
                self._write_settings()

        copy = Cold(settings=dict(server.settings), name="cold").start()
        copied = Captured(server=copy)
        copied.running()  # otherwise the slot would keep all WAL
        copied.insert(2)
        assert copied.ids() == []
        assert copy.sql("SELECT * FROM sequin.receive('c')") == []
        assert [row[0] for row in copy.sql("SELECT action FROM sequin.recover()")] == ["activated"]
        assert copied.ids() == [1, 2]
        assert copied.gaps() == []
        # Where it was before it is as it was.
        server.start()
        captured.running()
        assert captured.ids() == [1]
    finally:
        if copy is not None:
            copy.remove()


def test_a_place_that_has_a_name_is_known_by_it(captured):
    server = captured.server
    captured.insert(1)
    server.set("sequin.place", "production")
    assert server.value("SELECT status FROM sequin.consumers") == "active"  # it is the folder it was
    server.restart()
    captured.running()
    assert server.value("SELECT home LIKE '%%:=production' FROM sequin.consumer")
    copy = Copy(server)
    try:
        copy.start()
        assert copy.value("SELECT status FROM sequin.consumers") == "active"
        copy.set("sequin.place", "staging")
        assert copy.value("SELECT status FROM sequin.consumers") == "paused"
    finally:
        copy.remove()

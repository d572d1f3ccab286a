"""Workload 1, capture: the same WAL into the durable log, and through other plugins to /dev/null."""

import subprocess
import time

from bench import scene
from bench.results import in_turns
from tests.support.paths import postgres_bin
from tests.support.waiting import wait_until

NEXT_SEQ = "SELECT coalesce(max(next_seq), 0) FROM sequin.progress"
# Peers: plugin -> options of pg_recvlogical. With messages, for one of them ends what is measured.
PLUGINS = {"pgoutput": ["-o", "proto_version=1", "-o", "publication_names=bench", "-o", "messages=true"],
           "test_decoding": [], "wal2json": ["-o", "format-version=2"]}
FILTER = "new.customer > 0"


class Shape:
    """One kind of WAL: how it is written and how many changes it has."""

    def __init__(self, name, changes, write, table="public.bench"):
        self.name, self.changes, self.write, self.table = name, changes, write, table


def shapes(full):
    """a: one transaction; b: transactions of 100 rows; c: single rows; d: a mix of operations at three row sizes."""
    scale = 1 if full else 0.3
    rows, hundreds, singles = int(1_000_000 * scale), int(10_000 * scale), int(100_000 * scale)
    found = [Shape("a", rows, lambda server: scene.write(server, 1, rows)),
             Shape("b", hundreds * 100, lambda server: scene.write(server, hundreds, 100)),
             Shape("c", singles, lambda server: scene.write(server, singles, 1))]
    if full:
        found += [Shape(f"d {size} B", 300_000, _mix(size), "public.benchmark_records") for size in (100, 400, 1600)]
    return found


def _mix(size):
    """A third each of inserts, updates and deletes, a hundred rows a transaction."""
    def write(server):
        connection = server.connect(options="-c synchronous_commit=off")
        with connection.cursor() as cursor:
            cursor.execute(
                "DO $$ BEGIN FOR t IN 1..1000 LOOP "
                "INSERT INTO public.benchmark_records (string, number, at, document) SELECT "
                f"repeat('s', {size // 2}), i * 1.25, clock_timestamp(), jsonb_build_object('text', repeat('j', {size // 2})) "
                "FROM generate_series(1, 100) i; COMMIT; "
                "UPDATE public.benchmark_records SET number = number + 1 WHERE id > (SELECT max(id) - 100 FROM "
                "public.benchmark_records); COMMIT; "
                "DELETE FROM public.benchmark_records WHERE id > (SELECT max(id) - 100 FROM public.benchmark_records); "
                "COMMIT; END LOOP; END $$")
        connection.close()
    return write


def plugins(server):
    """Those that are installed."""
    found = []
    for plugin in PLUGINS:
        try:
            server.sql("SELECT pg_create_logical_replication_slot('bench_probe', %s)", plugin)
            server.sql("SELECT pg_drop_replication_slot('bench_probe')")
            found.append(plugin)
        except Exception:  # not installed: it is left out, and the report shows that
            pass
    return found


def mark_end(server):
    """The end of the WAL that all sides are given. The message behind it lets pg_recvlogical stop there: otherwise it
    would go on into what Sequin has written meanwhile, until the end of a transaction of that."""
    end = server.value("SELECT pg_current_wal_insert_lsn()::text")
    server.sql("SELECT pg_logical_emit_message(false, 'bench', 'the end')")
    server.sql("CHECKPOINT")
    return end


def time_plugin(server, plugin, end):
    """Seconds for pg_recvlogical to throw away everything up to `end`."""
    started = time.monotonic()
    subprocess.run([postgres_bin("pg_recvlogical"), "-d", server.conninfo(), "--slot", f"bench_{plugin}", "--start",
                    *PLUGINS[plugin], "--endpos", end, "-f", "/dev/null"], check=True, timeout=1800)
    return time.monotonic() - started


def pass_by(server, peers):
    """Everybody reads what was written while others were measured (the log of Sequin, the COPY): it is not to be in the
    next measurement of whoever comes to it then."""
    done = server.wal_lsn()
    for plugin in peers:
        while not starts_behind(server, f"bench_{plugin}", done):
            time_plugin(server, plugin, mark_end(server))
    server.sql("SELECT sequin.start()")
    scene.wait_for_capture(server)
    forget_old_wal(server)
    server.sql("SELECT sequin.stop()")


def starts_behind(server, slot, position):
    """Whether decoding would begin there: a slot moves up from one record of running transactions to the next."""
    return server.value("SELECT restart_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s", position, slot)


def time_sequin(server, messages):
    """Seconds from start() until so many messages are durably in the log, and the WAL that was written for it."""
    goal = server.value(NEXT_SEQ) + messages
    connection = server.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_insert_lsn()")
        wal = cursor.fetchone()[0]
        started = time.monotonic()
        cursor.execute("SELECT sequin.start()")

        def captured():
            cursor.execute(NEXT_SEQ)
            return cursor.fetchone()[0] >= goal
        wait_until(captured, "all rows are in the log", 1800, 0.005)
        seconds = time.monotonic() - started
        cursor.execute("SELECT (pg_current_wal_insert_lsn() - %s::pg_lsn)::float8", (wal,))
        wal_bytes = cursor.fetchone()[0]
    connection.close()
    forget_old_wal(server)
    server.sql("SELECT sequin.stop()")
    return seconds, wal_bytes


def forget_old_wal(server):
    """Lets the slot's start move up, so that the next round does not begin by reading this one again.
    A checkpoint logs the running transactions; from there a restart can begin."""
    done, slot = server.wal_lsn(), server.slot_name()

    def moved():
        server.sql("CHECKPOINT")
        return starts_behind(server, slot, done)
    wait_until(moved, "the slot's restart position moves up", 60, 0.5)


def log_tables(server):
    return [row[0] for row in server.sql("SELECT 'sequin.log_' || no FROM sequin.segment ORDER BY no")]


def time_copy(server, first_seq):
    """Seconds of COPY of the very rows that capture has written, into a table of the same shape and index."""
    server.sql("DROP TABLE IF EXISTS public.copied")
    server.sql("CREATE TABLE public.copied (LIKE sequin.log_0 INCLUDING ALL)")
    path = server.folder / "copied"
    rows = " UNION ALL ".join(f"SELECT * FROM {table} WHERE seq >= {first_seq}" for table in log_tables(server))
    server.sql(f"COPY ({rows} ORDER BY 1) TO '{path}'")
    started = time.monotonic()
    server.sql(f"COPY public.copied FROM '{path}'")
    seconds = time.monotonic() - started
    path.unlink()
    return seconds


def payload_bytes(server, first_seq):
    return sum(float(server.value(f"SELECT coalesce(sum(octet_length(record)), 0) FROM {table} WHERE seq >= %s",
                                  first_seq)) for table in log_tables(server))


def prepare(server):
    server.sql("CREATE TABLE IF NOT EXISTS public.benchmark_records (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY "
               "KEY, string text, number numeric, at timestamptz, document jsonb)")
    server.sql("CREATE PUBLICATION bench FOR TABLE public.bench, public.benchmark_records")
    server.sql("SELECT sequin.create_consumer('capture', tables => '{public.bench,public.benchmark_records}')")
    server.sql("SELECT sequin.alter_consumer('capture', filter => %s, tables => '{public.bench}')", FILTER)
    server.sql("SELECT sequin.create_consumer('capture_mix', tables => '{public.benchmark_records}')")
    server.sql("SELECT sequin.stop()")


def measure_peers(server, results, full, rounds):
    """The same WAL by everybody, one after the other."""
    peers = plugins(server)
    for plugin in peers:
        server.sql("SELECT pg_create_logical_replication_slot(%s, %s)", f"bench_{plugin}", plugin)
    for number in range(rounds):
        for shape in shapes(full):
            pass_by(server, peers)
            shape.write(server)
            first, end = server.value(NEXT_SEQ), mark_end(server)
            for side in in_turns(number, ["sequin", *peers]):
                if side == "sequin":
                    seconds, _ = time_sequin(server, shape.changes)
                else:
                    seconds = time_plugin(server, side, end)
                results.add("capture", shape.name, side, "rows/s", shape.changes / seconds)
            if shape.name == "b":
                results.add("capture", "b", "COPY of the log rows", "rows/s", shape.changes / time_copy(server, first))
    for plugin in peers:
        server.sql("SELECT pg_drop_replication_slot(%s)", f"bench_{plugin}")


def measure_wal(server, results, rounds, transactions=1000):
    """WAL that the queue writes for a byte of payload: for the JSON of a row, which here has 400 bytes."""
    for _ in range(rounds):
        first = server.value(NEXT_SEQ)
        scene.write(server, transactions, 100, details=203)
        _, wal = time_sequin(server, transactions * 100)
        payload = payload_bytes(server, first)
        results.add("capture", "a row of the log", "payload", "B", payload / (transactions * 100))
        results.add("capture", "queue WAL", "per payload byte", "B", wal / payload)


def measure_fanout(server, results, full, rounds):
    """Shape b with more consumers: one; ten; a hundred, of which ten match."""
    shape = next(shape for shape in shapes(full) if shape.name == "b")
    for number in range(rounds):
        for count in in_turns(number, [1, 10, 100]):
            server.sql("SELECT sequin.start()")
            for i in range(1, count):
                condition = FILTER if i < 10 else f"new.customer < {-i}"
                server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}', filter => %s)",
                           f"fan_{i}", condition)
            server.sql("SELECT sequin.stop()")
            shape.write(server)
            server.sql("CHECKPOINT")
            seconds, _ = time_sequin(server, shape.changes)
            results.add("fan-out", "b", f"{count} consumers", "rows/s", shape.changes / seconds)
            for i in range(1, count):
                server.sql("SELECT sequin.drop_consumer(%s)", f"fan_{i}")


def measure(server, results, options):
    full, rounds = options.full, options.rounds
    prepare(server)
    measure_peers(server, results, full, rounds)
    measure_wal(server, results, rounds)
    measure_fanout(server, results, full, rounds)
    server.sql("SELECT sequin.drop_consumer('capture'), sequin.drop_consumer('capture_mix')")
    server.sql("SELECT sequin.start()")

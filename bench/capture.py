"""Capture beside pgoutput: both read the same WAL, one after the other, the order changing from round to round."""

import statistics
import subprocess
import time

from tests.support.paths import postgres_bin
from tests.support.waiting import wait_until

TRANSACTIONS = 10_000
ROWS = 100
PROGRESS = "SELECT coalesce(max(next_seq), 0) FROM sequin.progress"


def create_table(server):
    """Eight columns, about 270 bytes a row."""
    server.sql("CREATE TABLE public.bench (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int, "
               "status text, total numeric(12, 2), paid boolean, created_at timestamptz, note text, details text)")


def write(server, transactions=TRANSACTIONS, rows=ROWS):
    """Asynchronous commits: how fast the source commits is not what is measured."""
    connection = server.connect(options="-c synchronous_commit=off")
    with connection.cursor() as cursor:
        cursor.execute(
            f"DO $$ BEGIN FOR t IN 1..{transactions} LOOP "
            "INSERT INTO public.bench (customer, status, total, paid, created_at, note, details) "
            f"SELECT i, 'open', i * 1.25, i % 2 = 0, clock_timestamp(), repeat('n', 60), repeat('d', 120) "
            f"FROM generate_series(1, {rows}) i; COMMIT; END LOOP; END $$")
    connection.close()
    server.sql("CHECKPOINT")


def time_pgoutput(server):
    """Seconds for pg_recvlogical to throw away everything up to the present end of WAL."""
    end = server.value("SELECT pg_current_wal_flush_lsn()::text")
    started = time.monotonic()
    subprocess.run([postgres_bin("pg_recvlogical"), "-d", server.conninfo(), "--slot", "bench_pgoutput", "--start",
                    "-o", "proto_version=1", "-o", "publication_names=bench", "--endpos", end, "-f", "/dev/null"],
                   check=True, timeout=600)
    return time.monotonic() - started


def time_sequin(server, rows):
    """Seconds from start() until all rows are durably in the log."""
    goal = server.value(PROGRESS) + rows
    connection = server.connect()
    with connection.cursor() as cursor:
        started = time.monotonic()
        cursor.execute("SELECT sequin.start()")

        def captured():
            cursor.execute(PROGRESS)
            return cursor.fetchone()[0] >= goal
        wait_until(captured, "all rows are in the log", 600, 0.005)
        seconds = time.monotonic() - started
    connection.close()
    forget_old_wal(server)
    server.sql("SELECT sequin.stop()")
    return seconds


def forget_old_wal(server):
    """Lets the slot's start move up, so that the next round does not begin by reading this one again.
    A checkpoint logs the running transactions; from there a restart can begin."""
    done, slot = server.wal_lsn(), server.slot_name()

    def moved():
        server.sql("CHECKPOINT")
        return server.value("SELECT restart_lsn >= %s::pg_lsn FROM pg_replication_slots WHERE slot_name = %s",
                            done, slot)
    wait_until(moved, "the slot's restart position moves up", 60, 0.5)


def measure(server, rounds, say):
    server.sql("CREATE PUBLICATION bench FOR TABLE public.bench")
    server.sql("SELECT sequin.create_consumer('capture', tables => '{public.bench}')")
    server.sql("SELECT sequin.stop()")
    server.sql("SELECT pg_create_logical_replication_slot('bench_pgoutput', 'pgoutput')")
    seconds = {"sequin": [], "pgoutput": []}
    for number in range(rounds):
        write(server)
        turns = [("sequin", lambda: time_sequin(server, TRANSACTIONS * ROWS)), ("pgoutput", lambda: time_pgoutput(server))]
        for name, run in turns if number % 2 else reversed(turns):
            seconds[name].append(run())
        say(f"capture round {number + 1}: sequin {seconds['sequin'][-1]:.2f} s, "
            f"pgoutput {seconds['pgoutput'][-1]:.2f} s")
    server.sql("SELECT pg_drop_replication_slot('bench_pgoutput')")
    server.sql("SELECT sequin.drop_consumer('capture')")
    server.sql("SELECT sequin.start()")
    rate = {name: TRANSACTIONS * ROWS / statistics.median(values) for name, values in seconds.items()}
    ratio = statistics.median(theirs / ours for ours, theirs in zip(seconds["sequin"], seconds["pgoutput"]))
    return {**{name: round(value) for name, value in rate.items()}, "ratio": round(ratio, 2)}

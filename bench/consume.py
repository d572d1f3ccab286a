"""Workloads 2 and 5, consumption by pgbench, so that no interpreter is what is measured: receive and ack, beside a
SKIP LOCKED table and PgQ; and the same while another session holds a snapshot."""

import time

from bench import scene
from bench.results import in_turns

BATCHES = (1, 10, 100, 1000)
SESSIONS = (1, 4)
# Messages per run: enough for about a second or more of the faster side.
MESSAGES = {1: 8_000, 10: 40_000, 100: 80_000, 1000: 160_000}


# ---- the three queues with the same number of messages of the same length -------------------------------------------


def fill_sequin(server, messages):
    server.sql("SELECT sequin.create_consumer('consume', tables => '{public.bench}')")
    scene.write(server, messages // 100 + 1, 100)
    scene.wait_for_capture(server)
    (ack_id, length), = server.sql("SELECT ack_id, length(message::text) FROM sequin.receive('consume')")
    server.sql("SELECT * FROM sequin.release('consume', ARRAY[%s]::uuid[])", ack_id)
    return length


def fill_skip_locked(server, messages, length):
    server.sql("CREATE TABLE public.queue (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
               "visible_at timestamptz NOT NULL DEFAULT now(), read_count int NOT NULL DEFAULT 0, payload text)")
    server.sql("CREATE INDEX ON public.queue (visible_at)")
    server.sql("INSERT INTO public.queue (payload) SELECT repeat('p', %s) FROM generate_series(1, %s)", length, messages)
    server.sql("VACUUM ANALYZE public.queue")


def start_pgq(server):
    server.sql("CREATE EXTENSION pgq")
    server.sql("SELECT pgq.create_queue('bench'), pgq.register_consumer('bench', 'consume')")


def fill_pgq(server, messages, batch, length):
    """PgQ hands out what came between two ticks: one tick every `batch` events."""
    connection = server.connect(options="-c synchronous_commit=off")
    with connection.cursor() as cursor:
        cursor.execute(
            f"DO $$ BEGIN FOR i IN 1..{messages // batch} LOOP "
            f"PERFORM pgq.insert_event('bench', 't', repeat('p', {length})) FROM generate_series(1, {batch}); COMMIT; "
            "PERFORM pgq.force_tick('bench'); PERFORM pgq.ticker('bench'); COMMIT; END LOOP; END $$")
    connection.close()


def clean(server):
    server.sql("SELECT sequin.drop_consumer('consume')")
    server.sql("DROP TABLE public.queue")


# ---- rates ----------------------------------------------------------------------------------------------------------


def rate(server, side, batch, sessions, messages):
    turns = max(messages // batch // sessions, 1)
    before = server.value("SELECT pg_current_wal_insert_lsn()")
    output = scene.pgbench(server, f"{side}.sql", "-c", sessions, "-j", min(sessions, 2), "-t", turns, batch=batch)
    wal = server.value("SELECT (pg_current_wal_insert_lsn() - %s::pg_lsn)::float8", before)
    return scene.tps(output) * batch, wal / (turns * sessions * batch)


def measure_rates(server, results, full, rounds):
    batches = BATCHES if full else (1, 100, 1000)
    pgq = scene.has_extension(server, "pgq")
    if pgq:
        start_pgq(server)
    total = sum(MESSAGES[batch] for batch in batches) * len(SESSIONS) * rounds
    length = fill_sequin(server, total + 10_000)
    fill_skip_locked(server, total + 10_000, length)
    server.sql("CHECKPOINT")
    for number in range(rounds):
        for batch in batches:
            for sessions in SESSIONS:
                cell = f"batch {batch}, {sessions} session{'s' if sessions > 1 else ''}"
                sides = ["sequin", "skip_locked"] + (["pgq"] if pgq and sessions == 1 and batch > 1 else [])
                for side in in_turns(number, sides):
                    if side == "pgq":
                        fill_pgq(server, MESSAGES[batch], batch, length)
                    value, wal = rate(server, side, batch, sessions, MESSAGES[batch])
                    results.add("consume", cell, side, "messages/s", value)
                    results.add("consume WAL", cell, side, "B/message", wal)
    clean(server)
    if pgq:
        server.sql("SELECT pgq.unregister_consumer('bench', 'consume'), pgq.drop_queue('bench')")
        server.sql("DROP EXTENSION pgq")


# ---- a held snapshot ------------------------------------------------------------------------------------------------


def measure_snapshot(server, results, seconds):
    """What a burst reaches before a snapshot is held, and after it was held for so long under 1,000 messages a second."""
    for batch in (1, 100):
        messages = 1000 * seconds + 4 * MESSAGES[batch] + 20_000
        length = fill_sequin(server, messages)
        fill_skip_locked(server, messages, length)
        server.sql("CHECKPOINT")
        cell = f"batch {batch}"
        for side in ("sequin", "skip_locked"):
            before, _ = rate(server, side, batch, 1, MESSAGES[batch])
            holder = scene.hold_snapshot(server)
            started = time.monotonic()
            output = scene.pgbench(server, f"{side}.sql", "-c", 1, "-T", seconds, "-R", max(1000 // batch, 1), "-P", 5,
                                   batch=batch)
            results.add_series("held snapshot", cell, side,
                               [(at, done * batch) for at, done in scene.progress(output)])
            after, _ = rate(server, side, batch, 1, MESSAGES[batch])
            results.say(f"snapshot held for {time.monotonic() - started:.0f} s")
            holder.rollback()
            holder.close()
            results.add("held snapshot", cell, f"{side}, before", "messages/s", before)
            results.add("held snapshot", cell, f"{side}, after", "messages/s", after)
        dead = server.sql("SELECT relname, n_dead_tup FROM pg_stat_all_tables WHERE schemaname IN ('sequin', 'public') "
                          "AND relname IN ('claim', 'settle', 'held', 'queue')")
        for table, count in dead:
            results.add("held snapshot", f"batch {batch}, dead rows", table, "rows", count)
        clean(server)


def measure(server, results, full, rounds):
    measure_rates(server, results, full, rounds)


def measure_held(server, results, full, rounds):
    measure_snapshot(server, results, 300 if full else 20)

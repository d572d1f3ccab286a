"""Workload 2, consumption by pgbench, so that no interpreter is what is measured: receive and ack, beside a SKIP LOCKED
table, PgQ, and PGMQ where its SQL file is given."""

from bench import scene
from bench.results import in_turns

BATCHES = (1, 10, 100, 1000)
SESSIONS = (1, 4)
# Messages per run: enough for about a second or more of the faster side.
MESSAGES = {1: 8_000, 10: 40_000, 100: 80_000, 1000: 160_000}


# ---- the queues with the same number of messages of the same length -------------------------------------------


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


def stop_pgq(server):
    server.sql("SELECT pgq.unregister_consumer('bench', 'consume'), pgq.drop_queue('bench')")
    server.sql("DROP EXTENSION pgq")


def fill_pgq(server, messages, batch, length):
    """PgQ hands out what came between two ticks: one tick every `batch` events."""
    connection = server.connect(options="-c synchronous_commit=off")
    with connection.cursor() as cursor:
        cursor.execute(
            f"DO $$ BEGIN FOR i IN 1..{messages // batch} LOOP "
            f"PERFORM pgq.insert_event('bench', 't', repeat('p', {length})) FROM generate_series(1, {batch}); COMMIT; "
            "PERFORM pgq.force_tick('bench'); PERFORM pgq.ticker('bench'); COMMIT; END LOOP; END $$")
    connection.close()


def install_pgmq(server, path):
    """From PGMQ's own SQL file, as it can be had without an extension."""
    server.run("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", path)


def fill_pgmq(server, messages, length):
    """As jsonb: PGMQ stores nothing else."""
    server.sql("SELECT pgmq.create('bench')")
    server.sql("SELECT count(*) FROM (SELECT pgmq.send_batch('bench', (SELECT array_agg(to_jsonb(repeat('p', %s))) "
               "FROM generate_series(1, 1000))) FROM generate_series(1, %s)) sent", length, messages // 1000 + 1)
    server.sql("VACUUM ANALYZE pgmq.q_bench")


def clean(server):
    server.sql("SELECT sequin.drop_consumer('consume')")
    server.sql("DROP TABLE public.queue")
    server.sql("DROP SCHEMA IF EXISTS pgmq CASCADE")


# ---- rates ----------------------------------------------------------------------------------------------------------


def rate(server, side, batch, sessions, messages):
    turns = max(messages // batch // sessions, 1)
    before = server.value("SELECT pg_current_wal_insert_lsn()")
    output = scene.pgbench(server, f"{side}.sql", "-c", sessions, "-j", min(sessions, 2), "-t", turns, batch=batch)
    wal = server.value("SELECT (pg_current_wal_insert_lsn() - %s::pg_lsn)::float8", before)
    return scene.tps(output) * batch, wal / (turns * sessions * batch)


def measure(server, results, options):
    batches, rounds = BATCHES if options.full else (1, 100, 1000), options.rounds
    pgq = scene.has_extension(server, "pgq")
    if pgq:
        start_pgq(server)
    total = sum(MESSAGES[batch] for batch in batches) * len(SESSIONS) * rounds
    length = fill_sequin(server, total + 10_000)
    fill_skip_locked(server, total + 10_000, length)
    if options.pgmq:
        install_pgmq(server, options.pgmq)
        fill_pgmq(server, total + 10_000, length)
    server.sql("CHECKPOINT")
    for number in range(rounds):
        for batch in batches:
            for sessions in SESSIONS:
                cell = f"batch {batch}, {sessions} session{'s' if sessions > 1 else ''}"
                sides = ["sequin", "skip_locked", *(["pgmq"] if options.pgmq else []),
                         *(["pgq"] if pgq and sessions == 1 and batch > 1 else [])]
                for side in in_turns(number, sides):
                    if side == "pgq":
                        fill_pgq(server, MESSAGES[batch], batch, length)
                    value, wal = rate(server, side, batch, sessions, MESSAGES[batch])
                    results.add("consume", cell, side, "messages/s", value)
                    results.add("consume WAL", cell, side, "B/message", wal)
    clean(server)
    if pgq:
        stop_pgq(server)


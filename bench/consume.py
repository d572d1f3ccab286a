"""Consumption by pgbench, so that no interpreter is what is measured: receive and ack, beside a SKIP LOCKED table."""

import pathlib
import re
import statistics
import subprocess

from bench import capture
from tests.support.paths import postgres_bin

HERE = pathlib.Path(__file__).parent
SCRIPTS = {"sequin": HERE / "receive_ack.sql", "skip_locked": HERE / "skip_locked.sql"}
# Messages per run: enough for about a second or more of the faster side.
MESSAGES = {1: 8_000, 100: 80_000, 1000: 160_000}
SESSIONS = (1, 4)
SNAPSHOT_SECONDS = 60


def prepare(server, messages):
    """The same number of messages in both queues, with payloads of the same length."""
    server.sql("SELECT sequin.create_consumer('consume', tables => '{public.bench}')")
    capture.write(server, messages // capture.ROWS + 1)
    server.wait_for_capture(seconds=600)
    (ack_id, length), = server.sql("SELECT ack_id, length(message::text) FROM sequin.receive('consume')")
    server.sql("SELECT * FROM sequin.release('consume', ARRAY[%s]::uuid[])", ack_id)
    server.sql("DROP TABLE IF EXISTS public.queue")
    server.sql("CREATE TABLE public.queue (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
               "visible_at timestamptz NOT NULL DEFAULT now(), read_count int NOT NULL DEFAULT 0, payload text)")
    server.sql("CREATE INDEX ON public.queue (visible_at)")
    server.sql("INSERT INTO public.queue (payload) SELECT repeat('p', %s) FROM generate_series(1, %s)", length, messages)
    server.sql("VACUUM ANALYZE public.queue")
    server.sql("CHECKPOINT")


def clean(server):
    server.sql("SELECT sequin.drop_consumer('consume')")
    server.sql("DROP TABLE public.queue")


def pgbench(server, name, batch, sessions, *length, progress=()):
    command = [postgres_bin("pgbench"), "-n", "-M", "prepared", "-f", SCRIPTS[name], "-D", f"batch={batch}",
               "-c", sessions, "-j", min(sessions, 2), *length, *progress]
    done = subprocess.run([str(word) for word in command], env=server.environment(), capture_output=True, text=True,
                          timeout=900)
    if done.returncode != 0 or "aborted" in done.stderr:
        raise RuntimeError(f"{name}, batch {batch}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


def rate(server, name, batch, sessions):
    turns = MESSAGES[batch] // batch // sessions
    output = pgbench(server, name, batch, sessions, "-t", turns)
    return float(re.search(r"tps = ([\d.]+)", output)[1]) * batch


def measure(server, rounds, say):
    cells = [(batch, sessions) for batch in MESSAGES for sessions in SESSIONS]
    prepare(server, rounds * sum(MESSAGES[batch] for batch, _ in cells) + 10_000)
    rates = {(name, *cell): [] for name in SCRIPTS for cell in cells}
    for number in range(rounds):
        for cell in cells:
            for name in SCRIPTS if number % 2 else reversed(SCRIPTS):
                rates[(name, *cell)].append(rate(server, name, *cell))
        say(f"consume round {number + 1}: " + ", ".join(
            f"{batch}x{sessions} {rates['sequin', batch, sessions][-1]:,.0f} : "
            f"{rates['skip_locked', batch, sessions][-1]:,.0f}" for batch, sessions in cells))
    clean(server)
    rows = []
    for batch, sessions in cells:
        ours, theirs = rates["sequin", batch, sessions], rates["skip_locked", batch, sessions]
        rows.append({"batch": batch, "sessions": sessions, "sequin": round(statistics.median(ours)),
                     "skip_locked": round(statistics.median(theirs)),
                     "ratio": round(statistics.median(a / b for a, b in zip(ours, theirs)), 2)})
    return rows


def measure_snapshot(server, say):
    """Messages per second at the start and at the end of a minute in which nothing dead can be removed."""
    prepare(server, 400_000)
    result = {}
    for name in SCRIPTS:
        holder = server.connect(autocommit=False)
        with holder.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM pg_class")
        output = pgbench(server, name, 1, 1, "-T", SNAPSHOT_SECONDS, progress=["-P", 10])
        holder.rollback()
        holder.close()
        parts = [float(value) for value in re.findall(r"progress: .*? s, ([\d.]+) tps", output)]
        result[name] = {"first": round(parts[0]), "last": round(parts[-1]), "all": [round(part) for part in parts]}
        say(f"snapshot held, {name}: {result[name]['all']} messages/s")
    clean(server)
    return result

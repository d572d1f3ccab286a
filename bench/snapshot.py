"""Workload 5, a session that holds a snapshot while 1,000 messages a second pass: what consumption reaches before and
after, and the dead rows that pile up meanwhile, beside a SKIP LOCKED table and PgQ."""

import threading
import time

from bench import consume, scene

RATE = 1000
# Tables of a side, as LIKE patterns of schema.table.
TABLES = {"sequin": "sequin.%", "skip_locked": "public.queue", "pgq": "pgq.%"}


class DeadRows(threading.Thread):
    """Samples the dead rows of a side, (seconds, rows), as the statistics have them."""

    def __init__(self, server, side):
        super().__init__(daemon=True)
        self.server, self.side = server, side
        self.points, self.ended = [], threading.Event()
        self.began = time.monotonic()

    def run(self):
        while not self.ended.wait(2):
            self.sample()

    def sample(self):
        rows = self.server.value("SELECT coalesce(sum(n_dead_tup), 0)::float8 FROM pg_stat_all_tables "
                                 "WHERE schemaname || '.' || relname LIKE %s", TABLES[self.side])
        self.points.append((time.monotonic() - self.began, rows))

    def end(self):
        self.ended.set()
        self.join()
        self.sample()
        return self.points


def measure_side(server, results, side, batch, seconds):
    cell = f"batch {batch}"
    before, _ = consume.rate(server, side, batch, 1, consume.MESSAGES[batch])
    holder = scene.hold_snapshot(server)
    dead = DeadRows(server, side)
    dead.start()
    output = scene.pgbench(server, f"{side}.sql", "-c", 1, "-T", seconds, "-R", max(RATE // batch, 1), "-P", 5,
                           batch=batch)
    results.add_series("held snapshot", cell, side, [(at, done * batch) for at, done in scene.progress(output)])
    # The peers are so slow by now that a part says as much.
    after, _ = consume.rate(server, side, batch, 1, consume.MESSAGES[batch] // (1 if side == "sequin" else 8))
    points = dead.end()
    results.add_series("dead rows", cell, side, points)
    results.say(f"snapshot held for {time.monotonic() - dead.began:.0f} s")
    holder.rollback()
    holder.close()
    results.add("held snapshot", cell, f"{side}, before", "messages/s", before)
    results.add("held snapshot", cell, f"{side}, after", "messages/s", after)
    results.add("dead rows", cell, side, "rows", points[-1][1])


def measure(server, results, options):
    seconds = 300 if options.full else 20
    pgq = options.full and scene.has_extension(server, "pgq")
    for batch in (1, 10, 100) if options.full else (1, 100):
        messages = RATE * seconds + 4 * consume.MESSAGES[batch] + 20_000
        length = consume.fill_sequin(server, messages)
        consume.fill_skip_locked(server, messages, length)
        # A tick for each message is not how PgQ is used.
        sides = ["sequin", "skip_locked", *(["pgq"] if pgq and batch > 1 else [])]
        if "pgq" in sides:
            consume.start_pgq(server)
            consume.fill_pgq(server, messages, batch, length)
        server.sql("VACUUM")  # nobody begins with what filling and dropping left
        server.sql("CHECKPOINT")
        for side in sides:
            measure_side(server, results, side, batch, seconds)
        consume.clean(server)
        if "pgq" in sides:
            consume.stop_pgq(server)

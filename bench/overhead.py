"""Workload 4, what capture costs the application: its own throughput with capture on and off."""

from bench import scene
from bench.results import in_turns
from tests.support import workload


def set_capture(server, on):
    """On: and what the time without it has left behind is captured."""
    server.sql("SELECT sequin.start()" if on else "SELECT sequin.stop()")
    if on:
        scene.wait_for_capture(server)


def application(server, seconds):
    output = server.run("pgbench", "-n", "-c", 4, "-j", 2, "-T", seconds)
    return scene.tps(output)


def measure(server, results, options):
    full, rounds = options.full, options.rounds
    seconds = 20 if full else 6
    workload.initialize(server)
    server.sql("SELECT sequin.create_consumer('overhead', tables => %s)", [*workload.TABLES, "public.bench"])
    for number in range(rounds):
        for side in in_turns(number, ["capture on", "capture off"]):
            set_capture(server, side == "capture on")
            results.add("application", "TPC-B, 4 clients", side, "tx/s", application(server, seconds))
            if full:
                for name, script in (("1 row", "insert_one.sql"), ("1,000 rows", "insert_thousand.sql")):
                    output = scene.pgbench(server, script, "-c", 1, "-T", seconds / 2)
                    results.add("application", f"INSERT of {name}", side, "tx/s", scene.tps(output))
        set_capture(server, True)
    if full and scene.has_extension(server, "pgq"):
        measure_pgq(server, results, rounds, seconds)
    server.sql("SELECT sequin.drop_consumer('overhead')")


def measure_pgq(server, results, rounds, seconds):
    """The same inserts with PgQ's trigger in C, capture off."""
    set_capture(server, False)
    server.sql("CREATE EXTENSION pgq")
    server.sql("SELECT pgq.create_queue('overhead')")
    server.sql("CREATE TRIGGER overhead AFTER INSERT ON public.bench FOR EACH ROW "
               "EXECUTE FUNCTION pgq.logutriga('overhead')")
    for _ in range(rounds):
        for name, script in (("1 row", "insert_one.sql"), ("1,000 rows", "insert_thousand.sql")):
            output = scene.pgbench(server, script, "-c", 1, "-T", seconds / 2)
            results.add("application", f"INSERT of {name}", "PgQ trigger", "tx/s", scene.tps(output))
    server.sql("DROP TRIGGER overhead ON public.bench")
    server.sql("SELECT pgq.drop_queue('overhead')")
    server.sql("DROP EXTENSION pgq")
    set_capture(server, True)

"""The private server that is measured, and the small tools that all workloads share."""

import os
import platform
import re
import subprocess

from tests.support.agent import Receiver
from tests.support.paths import ROOT, postgres_bin
from tests.support.server import Server

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "16GB", "checkpoint_timeout": "30min",
            "max_slot_wal_keep_size": "30GB", "log_min_messages": "warning",
            # The peers' plugins; servers since August 2026 allow none but pgoutput and test_decoding.
            "max_replication_slots": "20", "max_wal_senders": "20"}
SQL = ROOT / "bench" / "sql"
BENCH_HTTP = ROOT / "build" / "bench_http"


def start_server():
    server = Server(settings=SETTINGS, name="bench").start()
    if server.value("SELECT count(*) FROM pg_settings WHERE name = 'output_plugin_libraries'"):
        server.sql("ALTER SYSTEM SET output_plugin_libraries = 'pgoutput', 'test_decoding', 'wal2json'")
        server.sql("SELECT pg_reload_conf()")
    server.sql("CREATE EXTENSION sequin")
    server.sql("CREATE TABLE public.bench (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer int, "
               "status text, total numeric(12, 2), paid boolean, created_at timestamptz, note text, details text)")
    server.sql("SELECT sequin.start()")
    return server


def machine(server):
    """What the figures were measured on; no names of machines."""
    with open("/proc/cpuinfo") as info:
        model = re.search(r"model name\s*: (.*)", info.read())
    with open("/proc/meminfo") as info:
        memory = int(re.search(r"MemTotal:\s+(\d+)", info.read())[1]) // 1024
    return {"cpu": model[1] if model else platform.machine(), "cores": os.cpu_count(), "memory_mib": memory,
            "kernel": platform.release(), "postgres": server.value("SHOW server_version"),
            "settings": {name: str(value) for name, value in SETTINGS.items()}}


def has_extension(server, name):
    return server.value("SELECT count(*) FROM pg_available_extensions WHERE name = %s", name) > 0


def write(server, transactions, rows, details=120):
    """Transactions of so many rows each. Asynchronous commits: how fast the source commits is not what is measured."""
    connection = server.connect(options="-c synchronous_commit=off")
    with connection.cursor() as cursor:
        cursor.execute(
            f"DO $$ BEGIN FOR t IN 1..{transactions} LOOP "
            "INSERT INTO public.bench (customer, status, total, paid, created_at, note, details) "
            "SELECT i, 'open', i * 1.25, i % 2 = 0, clock_timestamp(), repeat('n', 60), "
            f"repeat('d', {details}) FROM generate_series(1, {rows}) i; COMMIT; END LOOP; END $$")
    connection.close()


def pgbench(server, script, *options, **variables):
    """Runs a script of bench/sql with prepared statements; its output. `variables` are those of the script."""
    command = [postgres_bin("pgbench"), "-n", "-M", "prepared", "-f", SQL / script, *options]
    for name, value in variables.items():
        command += ["-D", f"{name}={value}"]
    done = subprocess.run([str(word) for word in command], env=server.environment(), capture_output=True, text=True,
                          timeout=1800)
    if done.returncode != 0 or "aborted" in done.stderr:
        raise RuntimeError(f"{script}: {done.stderr[-2000:]}")
    return done.stdout + done.stderr


def tps(output):
    return float(re.search(r"tps = ([\d.]+)", output)[1])


def progress(output):
    """Points (seconds, transactions per second) of pgbench -P."""
    return [(float(at), float(rate)) for at, rate in re.findall(r"progress: ([\d.]+) s, ([\d.]+) tps", output)]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    """All that is in memory of a process, its libraries included."""
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024


def hold_snapshot(server):
    """A session that keeps every dead row from being removed until it is closed."""
    holder = server.connect(autocommit=False)
    with holder.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT count(*) FROM pg_class")
    return holder


def start_receiver(server, name):
    """A webhook receiver that keeps nothing (what it writes down would be measured, too), for several agents."""
    receiver = Receiver(server.folder, name=name)
    receiver.command = [*receiver.command[:receiver.command.index("--record")],
                        "--http-connections-max", "20000", "--http-connections-per-address-max", "20000"]
    return receiver.start()


def wait_for_capture(server):
    server.wait_for_capture(seconds=1800)


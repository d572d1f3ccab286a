#!/usr/bin/python3
"""The demo behind scripts/demo: what was committed, against what a webhook receiver and an HTTP client got."""

import argparse
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import judge, paths, process, record, truth, workload  # noqa: E402
from tests.support.agent import Agent, Receiver  # noqa: E402
from tests.support.server import Server  # noqa: E402
from tests.support.waiting import wait_while_progress  # noqa: E402

PULL_PROCESSES = 2
IDLE_SECONDS = 30


class Progress:
    """One line that is written over on a terminal; plain lines elsewhere. On stderr: stdout is for the result."""

    def __init__(self):
        self.on_terminal = sys.stderr.isatty()
        self.started = time.monotonic()
        self.last = 0.0

    def step(self, text):
        self._write(text, end="\n")

    def show(self, text):
        """For counts that run: at most five times a second, and every two seconds without a terminal."""
        now = time.monotonic()
        if now - self.last >= (0.2 if self.on_terminal else 2.0):
            self.last = now
            self._write(text, end="" if self.on_terminal else "\n")

    def _write(self, text, end):
        start = "\r\x1b[K" if self.on_terminal else ""
        print(f"{start}[{time.monotonic() - self.started:6.1f} s] {text}", end=end, file=sys.stderr, flush=True)


class Demo:
    def __init__(self, options):
        self.options = options
        self.progress = Progress()
        self.pullers = []

    def prepare(self):
        self.progress.step("building the extension and the agent")
        if subprocess.run([ROOT / "scripts" / "build"], stdout=sys.stderr).returncode != 0:
            raise SystemExit("scripts/demo: the build failed")
        self.progress.step("starting a private Postgres with wal_level=logical and shared_preload_libraries=sequin")
        self.server = Server(name="demo").start()
        self.folder = self.server.folder
        self.server.sql("CREATE EXTENSION sequin")
        self.progress.step("pgbench -i -s 1")
        workload.initialize(self.server)
        self.witness = truth.Truth(self.server, workload.TABLES)

    def connect_clients(self):
        self.receiver = Receiver(self.folder).start()
        self.progress.step("creating a push consumer and a pull consumer on all four tables; starting the agent")
        self.server.sql("SELECT sequin.create_consumer('demo_push', tables => %s, push_url => %s)",
                        workload.TABLES, self.receiver.url)
        self.server.sql("SELECT sequin.create_consumer('demo_pull', tables => %s)", workload.TABLES)
        self.agent = Agent(self.server).start()
        for number in range(PULL_PROCESSES):
            name = f"pull-{number}"
            command = [paths.PULL_WORKER, "--port", self.agent.port,
                       "--consumer", "demo_pull", "--record", self.folder, "--threads", 2, "--name", name]
            self.pullers.append(process.Process(command, self.folder / f"{name}.log").start())
        records = [self.folder / f"pull-{number}-{thread}.jsonl"
                   for number in range(PULL_PROCESSES) for thread in range(2)]
        self.records = records
        self.pulled = record.MessageCount(records)

    def run_load(self):
        """pgbench for the asked time; again if the machine is too slow for the asked number of changes."""
        committed, run = 0, 0
        while committed * workload.CHANGES_PER_TRANSACTION < self.options.changes or run == 0:
            bench = workload.Pgbench(self.server, self.folder / f"pgbench-{run}.log", clients=4,
                                     seconds=self.options.seconds).start()
            while bench.running():
                self.progress.show(f"pgbench, 4 clients: push {self.receiver.count()}, pull {self.pulled()} delivered")
                time.sleep(0.2)
            committed += bench.finish()
            run += 1
        return committed * workload.CHANGES_PER_TRANSACTION

    def drain(self, changes):
        def least():
            push, pull = self.receiver.count(), self.pulled()
            self.progress.show(f"{changes} changes committed: push {push}, pull {pull} delivered")
            return min(push, pull)
        wait_while_progress(least, changes, "delivery", IDLE_SECONDS)

    def stop_clients(self):
        """SIGTERM to all: what they have in hand they finish, so whatever comes twice has come by then."""
        for puller in self.pullers:
            puller.terminate()
        if not self.options.keep:
            self.agent.terminate()
        self.progress.step("the clients have stopped")

    def compare(self):
        self.progress.step("comparing with what test_decoding saw")
        self.witness.read()
        push = judge.Judgement(self.witness, judge.deliveries_of_receiver(self.receiver.messages()),
                               workload.KEY_COLUMNS)
        pull = judge.Judgement(self.witness, judge.deliveries_of_records(record.read_records(self.records)),
                               workload.KEY_COLUMNS)
        self.findings = [finding for one in (push, pull) for finding in one.phantoms + one.altered()]
        counts = {name: [getattr(one, name)() for one in (push, pull)] for name in ("lost", "duplicates",
                                                                                   "out_of_order")}
        self.findings += [finding for pair in counts.values() for found in pair for finding in found]
        self.findings += pull.two_holders()
        latencies = sorted(judge.latencies_ms(push.deliveries) + judge.latencies_ms(pull.deliveries))
        return {"changes": len(self.witness.changes), "push_delivered": len(push.by_change),
                "pull_delivered": len(pull.by_change), **{name: sum(map(len, pair)) for name, pair in counts.items()},
                "p50_ms": judge.percentile(latencies, 0.5), "p99_ms": judge.percentile(latencies, 0.99)}

    def run(self):
        self.prepare()
        self.connect_clients()
        changes = self.run_load()
        try:
            self.drain(changes)
        except AssertionError as stalled:
            self.progress.step(str(stalled))
        self.stop_clients()
        return self.compare()

    def leave_running(self):
        self.witness.drop()  # or it would keep all WAL from here on
        stop = self.folder / "stop"
        stop.write_text(STOP.format(agent=self.agent.pid, receiver=self.receiver.pid, server=self.server.pid,
                                    folder=self.folder))
        stop.chmod(0o755)
        process.forget_everything()
        print(KEPT.format(psql=paths.postgres_bin("psql"), folder=self.folder, port=self.server.port,
                          agent=self.agent.url, record=self.receiver.record, stop=stop), file=sys.stderr)


STOP = """#!/bin/sh
# Stops the demo and removes its folder.
kill {agent} {receiver}
kill -INT {server}
while kill -0 {server} 2>/dev/null; do sleep 0.1; done
rm -rf '{folder}'
"""

KEPT = """
Everything is still running:
  Postgres   {psql} -h {folder} -p {port} -U postgres postgres
  agent      {agent}
  webhooks   the receiver appends what it gets to {record}

Try it:
  {psql} -h {folder} -p {port} -U postgres postgres \\
    -c "CREATE TABLE orders (id int PRIMARY KEY, status text)" \\
    -c "SELECT sequin.create_consumer('orders', tables => '{{public.orders}}')" \\
    -c "INSERT INTO orders VALUES (1, 'paid')"
  curl -s '{agent}/api/http_pull_consumers/orders/receive?batch_size=10'
  {psql} -h {folder} -p {port} -U postgres postgres -c "TABLE sequin.consumers" -c "TABLE sequin.status"

Stop it and remove its folder:
  {stop}
"""


def print_table(result):
    rows = [("changes committed", result["changes"]), ("delivered by push", result["push_delivered"]),
            ("delivered by pull", result["pull_delivered"]), ("lost", result["lost"]),
            ("duplicated", result["duplicates"]), ("out of order per key", result["out_of_order"]),
            ("commit to delivery, p50", f"{result['p50_ms']} ms"), ("commit to delivery, p99", f"{result['p99_ms']} ms")]
    print()
    for name, value in rows:
        print(f"  {name:<26}{value:>12}")


def parse():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__, allow_abbrev=False)
    parser.add_argument("--json", action="store_true", help="the result as one JSON object on the last line")
    parser.add_argument("--keep", action="store_true", help="leave everything running and say how to use it")
    parser.add_argument("--seconds", type=int, default=10, help="length of the load (default 10)")
    parser.add_argument("--changes", type=int, default=20_000, help="load goes on until so many (default 20000)")
    return parser.parse_args()


def main():
    options = parse()
    process.clean_up_on_signals()
    demo = Demo(options)
    result = demo.run()
    for finding in demo.findings[:20]:
        print(finding, file=sys.stderr)
    if options.keep:
        demo.leave_running()
    else:
        demo.server.remove()
    if options.json:
        print(json.dumps(result), flush=True)
    else:
        print_table(result)
    good = not demo.findings and result["changes"] >= options.changes
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

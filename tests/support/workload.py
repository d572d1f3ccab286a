"""pgbench's own schema and TPC-B workload: the hard case for order per key (one branch row, ten teller rows)."""

import re
import subprocess
import threading

from .paths import postgres_bin
from .process import Process

TABLES = ["public.pgbench_accounts", "public.pgbench_branches", "public.pgbench_tellers", "public.pgbench_history"]
KEY_COLUMNS = {"public.pgbench_accounts": "aid", "public.pgbench_branches": "bid", "public.pgbench_tellers": "tid"}
CHANGES_PER_TRANSACTION = 4


def initialize(server, database="postgres"):
    server.run("pgbench", "-i", "-s", "1", "-q", database=database)


class Pgbench(Process):
    """TPC-B from some clients, until a time or a number of transactions per client is over."""

    def __init__(self, server, log, clients=4, seconds=None, transactions=None, options=()):
        length = ["-T", seconds] if seconds else ["-t", transactions]
        command = [postgres_bin("pgbench"), "-n", "-c", clients, "-j", 1, *length, "-P", 1, *options]
        super().__init__(command, log, server.environment())

    def finish(self, seconds=600):
        """Its number of committed transactions; raises if it failed."""
        code = self.wait(seconds)
        done = re.search(r"transactions actually processed: (\d+)", self.output())
        if code != 0 or not done:
            raise subprocess.CalledProcessError(code, self.command, self.output()[-2000:])
        return int(done[1])


class Load(threading.Thread):
    """TPC-B at a rate (0: none) until stop(); after each crash of the server it starts anew. Ends are its own affair:
    what was committed is for the witness to say."""

    def __init__(self, server, rate, clients=4):
        super().__init__(daemon=True)
        self.server, self.rate, self.clients = server, rate, clients
        self.ending = threading.Event()
        self.bench = None

    def run(self):
        while not self.ending.is_set():
            if self.server.accepts():
                log = self.server.folder / "load.log"
                self.bench = Pgbench(self.server, log, self.clients, seconds=36000,
                                     options=["--rate", self.rate] if self.rate else [])
                self.bench.start()
                while self.bench.running() and not self.ending.wait(0.1):
                    pass
                self.bench.stop()
            self.ending.wait(0.1)

    def stop(self):
        self.ending.set()
        self.join()

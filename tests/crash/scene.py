"""The scene of a campaign: a server, an agent, writers, and consumers of every kind, each a process that can be struck.

What a fault finds here: server (the primary, also after a promotion), agent, tables, rest (seeded random), disks
("wal", "data"), standby, database_proxy, endpoint_proxy and client_proxy where a chosen fault `needs` them.
"""

import contextlib
import dataclasses
import random
import re
import shutil
import signal
import subprocess
import time

import psycopg2

from tests.crash import schema
from tests.crash.clients.connect import is_fault
from tests.crash.clients.control import Control
from tests.crash.probe import Probes
from tests.support import paths, process
from tests.support.agent import Agent
from tests.support.server import Server
from tests.support.small_disk import SmallDisk
from tests.support.standby import Standby
from tests.support.tcp_proxy import Proxy
from tests.support.waiting import NotInTime, wait_until

CLIENTS = paths.ROOT / "tests" / "crash" / "clients"
WAL_DISK_MB, DATA_DISK_MB = 1024, 2048
SMALL_WAL = {"max_wal_size": "128MB", "min_wal_size": "32MB"}
WRITERS = 4
UNSURE_SECONDS = 2


@dataclasses.dataclass
class Setting:
    """What a scene is built from."""
    seed: int
    rate: float = 1000
    mischief: float = 1  # how often clients are slow, late or forgetful
    needs: frozenset = frozenset()
    settings: dict = dataclasses.field(default_factory=dict)  # of the server
    agent: dict = dataclasses.field(default_factory=dict)  # program, env
    consumers: list = dataclasses.field(default_factory=lambda: schema.CONSUMERS)


def tolerant(action, *arguments):
    """The answer, or None while the server is not there, or as faults leave it."""
    try:
        return action(*arguments)
    except psycopg2.Error as error:
        if not is_fault(error):
            raise
        return None


class NotDeclared(NotInTime):
    """A stretch of the WAL was not captured, and nobody says so."""


class Scene:
    visibility_seconds = schema.VISIBILITY_SECONDS
    tables = schema.CAPTURED

    def __init__(self, setting):
        self.setting, self.needs = setting, setting.needs
        self.consumers = setting.consumers
        self.rest = random.Random(f"{setting.seed}/faults")
        self.ends = []  # what is to be done at the end, last first
        self.gaps, self.tail_lost = [], False
        self.unsure = []  # pairs of times (ns) between which endpoints do not see what the agent does
        self.disks, self.standby = {}, None
        self.server = self.agent = self.endpoint = self.writers = None
        self.servers, self.clients = [], []
        self.silent = False

    def build(self):
        """What was built of it before a failure is in `ends`, too."""
        self.server = self._server()
        self.folder = self.server.folder
        self.control = Control(self.folder / "control")
        self._start()

    # -- building -----------------------------------------------------------------------------

    def _server(self):
        # Processes end here, not machines: what the operating system has is safe.
        settings, where = {"fsync": "off", **self.setting.settings}, {}
        if "disks" in self.needs:
            self.disks = {"wal": SmallDisk(WAL_DISK_MB, "wal"), "data": SmallDisk(DATA_DISK_MB, "data")}
            self.ends += [disk.remove for disk in self.disks.values()]
            settings = {**SMALL_WAL, **settings}
            where = {name: disk.path("pg") for name, disk in self.disks.items()}
        server = Server(name="crash", settings=settings, **where)
        self.ends.append(server.remove)
        self.servers.append(server)
        return server.start()

    def _start(self):
        endpoint_port, endpoint_target = self._behind_proxy("endpoint_proxy", paths.free_port())
        urls = {one.name: f"http://127.0.0.1:{endpoint_port}/{one.name}" for one in self.consumers}
        schema.create(self.server, urls, self.consumers)
        if "standby" in self.needs:
            self.standby = Standby(self.server).start()
            self.ends.append(self.standby.remove)
        self._tell("database", self.server.conninfo())
        push = [one.name for one in self.consumers if one.kind == "push"]
        self.endpoint = self.run("endpoint", "--port", endpoint_target, "--mischief", self.setting.mischief, *push)
        database_port, _ = self._behind_proxy("database_proxy", self.server.port)
        conninfo = f"host=127.0.0.1 port={database_port} dbname=postgres user=postgres" if self._proxied() else None
        self.agent = Agent(self.server, conninfo=conninfo, **self.setting.agent).start()
        self.ends.append(self.agent.stop)
        client_port, _ = self._behind_proxy("client_proxy", self.agent.port)
        self._tell("agent-port", str(client_port))
        self.clients = [self._start_clients(one) for one in self.consumers if one.kind != "push"]
        self.writers = self.run("writers", "--writers", WRITERS, "--rate", self.setting.rate)
        self.probes = Probes(self.folder, [(one.name, one.source) for one in self.consumers])

    def _proxied(self):
        return "proxies" in self.needs

    def _behind_proxy(self, name, port):
        """(port to connect to, port behind it)"""
        proxy = Proxy(("127.0.0.1", port)).start() if self._proxied() else None
        setattr(self, name, proxy)
        if proxy:
            self.ends.append(proxy.close)
        return (proxy.port if proxy else port), port

    def programs(self):
        """Those of ours that have to live until they are told to end."""
        return [one for one in (self.endpoint, self.writers, *self.clients) if one]

    def _start_clients(self, consumer):
        kind = [] if consumer.kind == "http" else ["--kind", consumer.kind]
        return self.run("http_clients" if consumer.kind == "http" else "sql_clients", "--consumer", consumer.name,
                        "--clients", consumer.clients, "--batch", consumer.batch,
                        "--visibility", self.visibility_seconds, "--mischief", self.setting.mischief * consumer.mischief, *kind, log=consumer.name)

    def run(self, program, *arguments, log=None):
        command = ["/usr/bin/python3", CLIENTS / f"{program}.py", "--folder", self.folder,
                   "--seed", self.setting.seed, *arguments]
        child = process.Process(command, self.folder / f"{log or program}.log").start()
        self.ends.append(child.stop)
        return child

    def _tell(self, name, text):
        """What clients read again each time they connect: whole or not at all."""
        new = self.folder / f"{name}.new"
        new.write_text(text)
        new.rename(self.folder / name)

    # -- what faults ask for ------------------------------------------------------------------

    def say(self, text):
        if not self.silent:
            print(f"# {text}", flush=True)

    def set(self, name, value):
        """ALTER SYSTEM and a reload, as soon as the server is there. A session that starts sees it."""
        def change():
            connection = self.server.connect()
            try:
                with connection.cursor() as cursor:
                    cursor.execute(f"ALTER SYSTEM SET {name} = '{value}'")
                    cursor.execute("SELECT pg_reload_conf()")
                return True
            finally:
                connection.close()
        wait_until(lambda: tolerant(change), f"{name} is set to '{value}'", 60)

    def try_sql(self, query, *parameters):
        """Its rows, True if it has none, or None while the server is not there."""
        def run():
            rows = self.server.sql(query, *parameters)
            return True if rows is None else rows
        return tolerant(run)

    def worker_pid(self):
        return tolerant(self.server.worker_pid)

    def queue_session(self):
        """A session that just now receives or settles; None: there is none."""
        return tolerant(self.server.value, "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND pid <> "
                        "pg_backend_pid() AND query ~ 'sequin[.](agent_)?(receive|ack|settle)' ORDER BY random()")

    def crashes(self):
        return self.server.output().count("was terminated by signal 9")

    def promoted(self, server):
        """Clients and agents find another server from now on."""
        self.server = server
        self.servers.append(server)
        self._tell("database", server.conninfo())
        if self.database_proxy:
            self.database_proxy.target = ("127.0.0.1", server.port)
            self.database_proxy.cut()

    def lost_tail(self):
        """Transactions whose commit was answered may be gone, and be delivered nevertheless, and what was acked may
        return: the server that goes on says what is true."""
        self.tail_lost = True

    def expect_gap(self, seconds=60):
        """Waits until capture declares a stretch of the WAL that it did not capture. Returns (from, to) as text."""
        known = len(self.gaps)

        def declared():
            self.gaps = tolerant(self.server.sql, "SELECT from_lsn::text, to_lsn::text FROM sequin.gap "
                                 "ORDER BY declared_at") or self.gaps
            return len(self.gaps) > known
        try:
            wait_until(declared, "the gap is declared", seconds)
        except NotInTime as silent:
            raise NotDeclared(str(silent)) from silent
        return self.gaps[-1]

    @contextlib.contextmanager
    def unsure_of(self, fault):
        """While it lasts, and a moment longer, the line to the endpoints may deceive."""
        begun = time.monotonic_ns()
        try:
            yield
        finally:
            if fault.deceives_endpoints:
                self.unsure.append((begun, time.monotonic_ns() + UNSURE_SECONDS * 10 ** 9))

    # -- progress -----------------------------------------------------------------------------

    def probe(self, seconds):
        """Commits a change and waits until every consumer has it."""
        return self.probes.wait(lambda: tolerant(self.probes.commit, self.server), seconds)

    def finish_writing(self):
        self.control.rest = 1
        self.control.calm = 1

    def ended_clients(self):
        """Complaints about programs of ours that should still be at work."""
        return [f"{one.log.name} has ended: exit status {one.child.returncode}" for one in self.programs() if not one.running()]

    def stop_clients(self):
        """Complaints about programs of ours that did not live until now, or do not end."""
        self.control.ending = 1
        complaints = self.ended_clients() if self.endpoint.running() else []
        self.endpoint.send(signal.SIGTERM)
        for child in self.programs():
            try:
                code = child.wait(60)
            except subprocess.TimeoutExpired:
                complaints.append(f"{child.log.name} does not end")
                continue
            if code != 0 or "Traceback" in child.output():
                complaints.append(f"{child.log.name}: exit status {code}: {child.output()[-2000:]}")
        return complaints

    def unexpected_ends(self):
        """Processes of the servers that ended as no fault here makes them end. A PANIC for want of space aborts."""
        found = []
        for server in self.servers:
            text = server.output()
            found += [line[:300] for line in re.findall(r".*(?:was terminated by signal (?!9:|6:)|TRAP: ).*", text)]
            aborted = len(re.findall("was terminated by signal 6:", text))
            if aborted > len(re.findall("PANIC: .*(?:No space left on device)", text)):
                found.append(f"{server.log.name}: {aborted} processes were aborted")
        return found

    def words(self, lines=25):
        """The last lines that each process wrote, for a reader who cannot come to the folder."""
        for one in (self.server, self.agent, *self.programs()):
            if one and one.log.exists():
                yield f"--- {one.log.name}"
                yield from (line[:300] for line in one.output().splitlines()[-lines:])

    def keep(self, folder):
        """Copies histories and logs of clients, agents and servers there."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for number, server in enumerate(self.servers):
            place = folder / (f"server-{number}" if number else "")
            place.mkdir(exist_ok=True)
            for path in server.folder.iterdir():
                if path.suffix in (".log", ".history", ".probes"):
                    shutil.copy(path, place)
        self.say(f"logs and histories: {folder}")

    def close(self):
        """Complaints about what would not end. The rest ends all the same."""
        complaints = []
        while self.ends:
            end = self.ends.pop()
            try:
                end()
            except Exception as error:
                complaints.append(f"{getattr(end, '__qualname__', end)}: {error}")
        return complaints

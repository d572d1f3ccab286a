"""The scene of the crash tests: a server under load, an agent, and three kinds of clients that write down what they get."""

import os
import signal

import psycopg2

from tests.support import judge, process, record, truth, workload
from tests.support.agent import Agent, Receiver
from tests.support.paths import PULL_WORKER, SQL_WORKER
from tests.support.server import Server, is_disconnect
from tests.support.waiting import wait_until, wait_while_progress

CONSUMERS = ["push", "http", "sql"]
VISIBILITY_SECONDS = 5
RESUME_SECONDS = 30
CRASH_PROBABILITY = 0.2


def tolerant(action):
    """The answer, or None while the server is not there."""
    try:
        return action()
    except psycopg2.Error as error:
        if not is_disconnect(error):
            raise
        return None


class Scene:
    def __init__(self, rate):
        self.server = Server(name="crash").start()
        self.folder = self.server.folder
        self.server.sql("CREATE EXTENSION sequin")
        workload.initialize(self.server)
        self.witness = truth.Truth(self.server, workload.TABLES)
        self.receiver = Receiver(self.folder).start()
        for name, url in (("push", self.receiver.url), ("http", None), ("sql", None)):
            self.server.sql("SELECT sequin.create_consumer(%s, tables => %s, push_url => %s, "
                            "visibility_timeout => make_interval(secs => %s), backoff_base => '1 s', "
                            "max_deliver => 1000)", name, workload.TABLES, url, VISIBILITY_SECONDS)
        self.agent = Agent(self.server).start()
        self._start_clients()
        self.load = workload.Load(self.server, rate)
        self.load.start()

    def _start_clients(self):
        common = ["--record", self.folder, "--threads", 2]
        self.clients = [
            process.Process([PULL_WORKER, "--port", self.agent.port, "--consumer", "http",
                             "--name", "http", *common], self.folder / "http.log").start(),
            process.Process([SQL_WORKER, "--database", self.server.conninfo(), "--consumer", "sql",
                             "--name", "sql", *common], self.folder / "sql.log").start()]
        self.records = {name: [self.folder / f"{name}-{thread}.jsonl" for thread in range(2)]
                        for name in ("http", "sql")}
        self.counts = {"push": self.receiver.count,
                       **{name: record.MessageCount(paths) for name, paths in self.records.items()}}

    # -- kills --------------------------------------------------------------------------------

    def strike(self, victim):
        """kill -9, and whatever an operator's supervisor would do afterwards."""
        if victim == "agent":
            self.agent.kill9()
            self.agent.start()
        elif victim == "worker":
            os.kill(wait_until(self.worker_pid, "there is a capture worker"), signal.SIGKILL)
        else:
            self.server.kill9_postmaster()
            self.server.start()

    def strike_at(self, point):
        """Arms a crash point, waits for the crash, disarms it: only one place at a time is under test."""
        before = self.crashes()
        self._set("sequin.crash_point", f"{point}:{CRASH_PROBABILITY}")
        wait_until(lambda: self.crashes() > before, f"a crash at {point}")
        wait_until(self.server.accepts, "the server is back")
        wait_until(lambda: self._set("sequin.crash_point", ""), "the crash point is disarmed")

    def poison(self):
        """One change that the worker does not survive, and one behind it, which has to arrive."""
        self.server.sql("CREATE TABLE public.notes (id int PRIMARY KEY, note text)")
        self.server.sql("SELECT sequin.create_consumer('notes', tables => '{public.notes}')")
        self._set("sequin.crash_text", "poisonous")
        wait_until(self._insert_notes, "the notes are in the table")
        wait_until(self._wholesome_note, "the change behind the poisonous one", 90)
        self._set("sequin.crash_text", "")

    def _insert_notes(self):
        """The worker may take the server down before the answer to the commit comes."""
        return tolerant(lambda: self.server.value(
            "WITH new AS (INSERT INTO public.notes VALUES (1, 'poisonous'), (2, 'wholesome') "
            "ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) >= 0 FROM new"))

    def _wholesome_note(self):
        return tolerant(lambda: self.server.value(
            "SELECT message->'record'->>'note' FROM sequin.receive('notes')")) == "wholesome"

    def dead_letters(self):
        return self.server.value("SELECT count(*) FROM sequin.dead_letter d JOIN sequin.consumer c "
                                 "ON c.id = d.consumer WHERE c.name = 'notes'")

    def _set(self, name, setting):
        def change():
            connection = self.server.connect()
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER SYSTEM SET {name} = '{setting}'")
                cursor.execute("SELECT pg_reload_conf()")
            connection.close()
            return True
        return tolerant(change)

    def crashes(self):
        return self.server.output().count("was terminated by signal 9")

    def worker_pid(self):
        return tolerant(self.server.worker_pid)

    # -- progress -----------------------------------------------------------------------------

    def wait_for_deliveries(self, number=300):
        """Each consumer gets on by some changes that it had not before."""
        goals = {name: self.counts[name].distinct() + number for name in CONSUMERS}
        for name, goal in goals.items():
            wait_until(lambda: self.counts[name].distinct() >= goal, f"{name} gets {number} more changes",
                       RESUME_SECONDS, 0.05)

    def drain(self):
        self.load.stop()
        wait_until(self.server.accepts, "the server is back")
        changes = len(self.witness.read())
        for name in CONSUMERS:
            wait_while_progress(self.counts[name].distinct, changes, f"{name}: draining", 6 * VISIBILITY_SECONDS)
        for client in self.clients:
            assert client.running(), f"{client.log.name}: the client process has died"
            client.terminate()

    # -- verdict ------------------------------------------------------------------------------

    def judgement(self, name):
        if name == "push":
            deliveries = judge.deliveries_of_receiver(self.receiver.messages())
        else:
            deliveries = judge.deliveries_of_records(record.read_records(self.records[name]))
        return judge.Judgement(self.witness, deliveries, workload.KEY_COLUMNS)

    def errors(self, name):
        return [event["error"] for event in record.read_records(self.records[name]) if event["event"] == "failed"]

    def words(self, lines=25):
        """The last lines that each process wrote, for a reader who cannot come to the folder."""
        for one in (self.server, self.agent, *self.clients):
            yield f"--- {one.log.name}"
            yield from (line[:300] for line in one.output().splitlines()[-lines:])

    @staticmethod
    def proves_ack(delivery):
        """SQL says so. The HTTP route answers 200 to a stale ack too: only one within the claim's life counts."""
        if delivery.result == "success":
            return delivery.ack_answered - delivery.at < VISIBILITY_SECONDS * 0.8e9
        return delivery.result in ("ACKED", "ALREADY_ACKED")

    def close(self, keep):
        self.load.stop()
        for one in (*self.clients, self.agent, self.receiver, self.server):
            one.stop()
        if keep:
            print(f"# logs and records: {self.folder}")
        else:
            self.server.remove()

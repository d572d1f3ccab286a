"""One seed: the workload runs on a database of its own, its messages build a copy in another, and both are held against
each other and against the oracle."""

import dataclasses
import json
import random

from tests.support.server import fetch

from . import compare, oracle, selection
from .coverage import Coverage
from .message import parse
from .rebuilt import Copy
from .replay import Replay
from .workload import JOURNAL as JOURNAL_TABLE
from .workload import Workload

FINDINGS_MAX = 10


@dataclasses.dataclass
class Consumer:
    """`leaves`: its messages name partitions, not their roots."""
    name: str
    options: str
    leaves: bool = False


CONSUMERS = [Consumer("all", ", message_prefixes => '{fidelity*}'"),
             Consumer("leaves", ", publish_via_partition_root => false, number_format => 'string', "
                      "message_prefixes => '{fidelity*}'", leaves=True)]


class Story:
    """`folder` keeps what was run and received, for a reader when it fails."""

    def __init__(self, server, seed, folder, steps):
        self.server, self.seed, self.folder, self.steps = server, seed, folder, steps
        self.coverage = Coverage()
        self.database = f"seed_{seed}"
        self.findings = []
        self.mode = "not begun"
        self.copies = []

    def run(self):
        """Findings; none is what one hopes for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.server.sql(f"CREATE DATABASE {self.database}")
        try:
            self._set_up()
            self._work()
            changes, self.loose = oracle.read(self._sql(oracle.QUERY))
            (self.folder / "oracle.txt").write_text("\n".join(map(str, changes)))
            for consumer in CONSUMERS:
                self._judge(consumer, changes)
            self._judge_selections(changes)
        finally:
            self._clean_up()
        return self.findings

    # -- the originals ------------------------------------------------------------------------

    def _connect(self, name=None):
        return lambda: self.server.connect(name or self.database)

    def _sql(self, query, *parameters):
        return self.server.sql(query, *parameters, database=self.database)

    def _set_up(self):
        self._sql("CREATE EXTENSION sequin")
        self._sql(JOURNAL_TABLE)
        for consumer in CONSUMERS:
            self._sql(f"SELECT sequin.create_consumer('{consumer.name}', tables => '{{*}}'{consumer.options})")
        self._sql("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", oracle.SLOT)

    def _work(self):
        mode = random.Random(self.seed).choice(["live", "live", "lagging", "worker killed"])
        self.mode = mode
        self.coverage.count("mode", mode)
        with open(self.folder / "statements.sql", "w") as journal:
            workload = Workload(self.seed, self._connect(), journal, self.coverage, steps=self.steps)
            try:
                workload.set_up()
                selection.create(self._sql)
                if mode == "lagging":
                    self._sql("SELECT sequin.stop()")
                workload.run(lambda step: self._disturb(mode, step))
            finally:
                workload.close()
        if mode == "lagging":
            self._sql("SELECT sequin.start()")
        self.failures = workload.model.failures
        self.server.wait_for_capture(self.database)

    def _disturb(self, mode, step):
        if mode == "worker killed" and step % 60 == 59:
            self.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                            "WHERE backend_type = 'sequin capture' AND datname = %s", self.database)

    # -- messages -----------------------------------------------------------------------------

    def _receive(self, consumer):
        """All of them, in the order in which they came."""
        connection = self._connect()()
        messages = []
        try:
            while rows := fetch(connection, "SELECT ack_id::text, message::text, seq FROM sequin.receive(%s, "
                                "batch_size => 10000)", consumer):
                messages += [parse(text, seq) for _, text, seq in rows]
                acked = fetch(connection, "SELECT count(*) FROM sequin.ack(%s, %s::uuid[]) WHERE result = 'ACKED'",
                              consumer, [row[0] for row in rows])[0][0]
                if acked != len(rows):
                    self._find(f"only {acked} of {len(rows)} messages were acked")
        finally:
            connection.close()
        with open(self.folder / f"messages-{consumer}.jsonl", "w") as file:
            file.writelines(message.text.replace("\n", " ") + "\n" for message in messages)
        dead = self._sql("SELECT count(*), min(last_error) FROM sequin.dead_letter")[0]
        if dead[0]:
            self._find(f"{dead[0]} dead letters, the first: {dead[1]}")
        self._check_order(messages)
        return messages

    def _judge(self, consumer, changes):
        messages = self._receive(consumer.name)
        messages = self._without_loose(messages)
        messages.sort(key=lambda message: message.place)
        name = f"{self.database}_{consumer.name}"
        self.server.sql(f"CREATE DATABASE {name}")
        self.copies.append(name)
        copy = Copy(self._connect(name), self.coverage)
        try:
            wrong = Replay(consumer, copy, changes, self.coverage).run(messages)
            lines = [wrong] if wrong else compare.differences(self._connect(), self._connect(name), copy, self.coverage)
            for line in lines:
                self._find(f"{consumer.name}: {line}")
        finally:
            copy.close()

    def _judge_selections(self, changes):
        rows = self._sql("SELECT id, number FROM w.chosen WHERE number % 3 = 0")
        for name, findings, truth in (("chosen", selection.chosen_findings, rows),
                                      ("judged", selection.judged_findings, changes),
                                      ("filled", selection.filled_findings, self._sql("SELECT * FROM w.filled"))):
            messages = sorted(self._receive(name), key=lambda message: message.place)
            self.coverage.count("check", f"message of a selection ({name})", len(messages))
            self.coverage.count("check", "value filled in", sum("filled_columns" in message.metadata for message in messages))
            for finding in findings(messages, truth):
                self._find(finding)

    def _check_order(self, messages):
        """Places are not used twice, the log is in their order, and each key's messages came in it."""
        by_seq = sorted(messages, key=lambda message: message.seq)
        for before, after in zip(by_seq, by_seq[1:]):
            if not before.place < after.place:
                self._find(f"log out of order: {before} before {after}")
        last = {}
        for message in messages:
            for key in message.keys:
                if last.get(key, -1) >= message.seq:
                    self._find(f"came after a later change of {key}: {message}")
                last[key] = message.seq

    def _without_loose(self, messages):
        """Messages that belong to no transaction have no place among the changes. Each comes once."""
        loose = [message for message in messages if message.loose]
        contents = sorted(json.loads(message.record["content"]) for message in loose)
        if contents != sorted(self.loose):
            self._find(f"messages outside of transactions: {contents}, by the oracle {sorted(self.loose)}")
        self.coverage.count("action", "message outside of a transaction", len(loose))
        return [message for message in messages if not message.loose]

    def _find(self, text):
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(text)

    def _clean_up(self):
        try:
            self._sql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s",
                      oracle.SLOT)
        finally:
            for name in [*self.copies, self.database]:
                self.server.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

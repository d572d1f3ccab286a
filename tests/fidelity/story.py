"""One seed: the workload runs on a database of its own, its messages build a copy in another, and both are held against
each other and against the oracle."""

import dataclasses
import json
import random

from tests.support.server import fetch

from . import compare, oracle, selection
from .rebuilt import JOURNAL, Copy, Mismatch, raw_connection
from .coverage import Coverage
from .message import parse
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
            whole = Replay(self, consumer, copy, changes).run(messages)
            if whole:
                for line in compare.differences(self._connect(), self._connect(name), copy, self.coverage):
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


class Replay:
    """Messages in commit order onto the copy, each beside what the oracle says of it."""

    def __init__(self, story, consumer, copy, changes):
        self.story, self.consumer, self.copy = story, consumer, copy
        self.changes, self.at = changes, 0
        self.bounds = (0, 0)  # ends of the transaction before and of this one
        self.annotations = None  # of the transaction, so far
        self.coverage = story.coverage

    def run(self, messages):
        """False: it could not go to the end."""
        open_lsn = None
        try:
            for message in messages:
                if message.place[0] != open_lsn:
                    if open_lsn is not None:
                        self.copy.commit()
                    self.copy.begin()
                    open_lsn = message.place[0]
                self._one(message)
            if open_lsn is not None:
                self.copy.commit()
            left = self._next_change()
            if left is not None:
                raise Mismatch(f"the oracle has a change more: {left}")
        except Mismatch as found:
            self.copy.abandon()
            self.story._find(f"{self.consumer.name}: {found}")
            return False
        return True

    def _one(self, message):
        change = self._next_change()
        try:
            self._compare_place(message, change)
            row = self.copy.apply(message)
            self._compare_row(message, change, row)
        except (Mismatch, ValueError, KeyError) as found:
            raise Mismatch(f"{found!s}\n    message: {message}\n    oracle:  {change}") from found
        if message.table != JOURNAL:
            self.coverage.count("action", message.action)

    def _next_change(self):
        """The oracle's next change that a consumer of all tables has to get."""
        while self.at < len(self.changes):
            change = self.changes[self.at]
            self.at += 1
            if change.commit_end != self.bounds[1]:
                self.bounds = (self.bounds[1], change.commit_end)
                self.annotations = None
            if self._wanted(change):
                return change
        return None

    def _wanted(self, change):
        if change.table[0] == "sequin":
            return False
        if change.action == "message":
            return self._published(change.values)
        if change.table == JOURNAL:
            return True
        table = self.copy.catalog.table(change.table)
        if table is None:
            # Nothing of it is on the copy: unlogged tables and views that are materialized.
            return change.table not in (("w", "unlogged"), ("w", "materialized"))
        if change.action != "truncate":
            return True
        if self.consumer.leaves:  # tables that have partitions hold no rows
            return table.kind != "p"
        return not table.ancestors & change.together

    def _published(self, logical):
        """Messages to Sequin itself are not: they say what the rest of the transaction is to carry."""
        if not logical["prefix"].startswith("sequin:"):
            return True
        self.annotations = json.loads(logical["content"]) if logical["prefix"].endswith(".set") else None
        return False

    def _compare_place(self, message, change):
        if change is None:
            raise Mismatch("the oracle has no further change")
        lsn, index = message.place
        if not self.bounds[0] <= lsn < self.bounds[1] or index != change.index:
            raise Mismatch(f"its place is not {change.index} between {self.bounds}")
        if message.action != change.action or message.table != self._name(change):
            raise Mismatch("another action or table")
        if message.metadata["transaction_annotations"] != self.annotations:
            raise Mismatch(f"its annotations are not {self.annotations}")
        self.coverage.count("check", "annotated message", self.annotations is not None)

    def _name(self, change):
        if self.consumer.leaves or change.action == "message":
            return change.table
        table = self.copy.catalog.table(change.table)
        return table.root if table else change.table

    def _compare_row(self, message, change, row):
        if row is None:
            return
        values = change.values
        if message.action == "delete" and not values:
            return
        for name, value in values.items():
            if value is oracle.UNCHANGED:
                if message.action == "update" and name in message.record and name not in change.old:
                    raise Mismatch(f"{name} is unchanged and out of line, yet it is in the record")
            elif name in row and row[name] != value:
                raise Mismatch(f"{name} is {str(value)[:500]!r}, on the copy {str(row[name])[:500]!r}")
            elif name not in row and name in message.record:
                raise Mismatch(f"{name} is not on the copy")

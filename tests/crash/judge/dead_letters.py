"""I15: dead letters are what was rejected, or has failed as often as it may, and nothing else."""

from tests.crash import schema
from tests.crash.clients import identity
from tests.crash.judge.deliveries import ACK, DEAD_LETTER, DONE, NACK, NO_ANSWER


class DeadLetters:
    """`dead`: their changes. certain: whether what was answered is still true at the end."""

    def __init__(self, server, consumer, deliveries, certain):
        self.consumer, self.all, self.truth, self.certain = consumer, deliveries, deliveries.truth, certain
        rows = server.sql("SELECT message::text, reason, attempts FROM sequin.dead_letters(%s)", consumer.name)
        self.rows = [(self.find(message), reason, attempts) for message, reason, attempts in rows]
        self.dead = {change for change, _, _ in self.rows}

    def find(self, message):
        """The change of a letter, or -1: it has none that was committed."""
        try:
            return self.truth.find(identity.read_envelope(message)[0])
        except TypeError:  # there is no record in it
            return -1

    def add(self, change, text):
        what = self.truth.describe(change) if change >= 0 else "a change that was never committed"
        self.all.findings.add("I15", f"{self.consumer.name}: {what} {text}")

    def judge(self):
        if self.consumer.kind != "mortal":
            for change, reason, _ in self.rows:
                self.add(change, f"is a dead letter ({reason}), and nothing of this consumer can die")
            return
        self.deliveries = {}
        for delivery, change in enumerate(self.all.change):
            self.deliveries.setdefault(change, []).append(delivery)
        if len(self.dead) != len(self.rows):
            self.all.findings.add("I15", f"{self.consumer.name}: {len(self.rows)} dead letters of {len(self.dead)} changes")
        for row in self.rows:
            self.deserved(*row)
        for change, found in self.deliveries.items():
            if self.certain and change >= 0 and change not in self.dead:
                self.missing(change, found)

    def settled(self, delivery, verb, *results):
        return any(one == verb and result in results for one, _, _, result in self.all.settles(delivery))

    def deserved(self, change, reason, attempts):
        found = self.deliveries.get(change, [])
        if self.certain and any(self.settled(one, ACK, DONE) for one in found):
            self.add(change, f"was accepted and is a dead letter ({reason})")
        if reason == "rejected":
            if not any(self.settled(one, DEAD_LETTER, DONE, NO_ANSWER) for one in found):
                self.add(change, "is dead as rejected, and nobody rejected it")
        elif reason == "attempts_exhausted":
            if attempts != schema.MAX_DELIVER:
                self.add(change, f"is dead after {attempts} attempts, not {schema.MAX_DELIVER}")
            if len(found) + self.all.unanswered < attempts:
                self.add(change, f"is dead after {attempts} attempts, and was delivered {len(found)} times")
        else:
            self.add(change, f"is a dead letter: {reason}")

    def missing(self, change, found):
        if any(self.settled(one, DEAD_LETTER, DONE) for one in found):
            self.add(change, "was rejected and is no dead letter")
        if sum(self.settled(one, NACK, DONE) for one in found) >= schema.MAX_DELIVER:
            self.add(change, f"has failed {schema.MAX_DELIVER} times and is no dead letter")

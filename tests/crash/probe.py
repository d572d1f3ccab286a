"""Probes: changes that the campaign commits itself, to learn when each consumer gets them."""

import itertools
import threading
import time

from tests.crash.clients import identity
from tests.crash import schema
from tests.support.server import fetch
from tests.support.waiting import NotInTime

PAUSE_SECONDS = 0.02


class Probes:
    """Several threads may ask."""

    def __init__(self, folder, consumers):
        self.folder = folder
        self.consumers = consumers  # (name, source)
        self.numbers = itertools.count(1)
        self.read_to, self.seen = {}, {}
        self.log = open(folder / "writer-0.log", "a")
        self.lock = threading.Lock()

    def commit(self, server):
        """One change for consumers of tables, one for those of the stream. Returns the transaction."""
        tx = identity.PROBE_WRITER * identity.WRITER + next(self.numbers)
        entry, letter = identity.tag_of(tx, 0), identity.tag_of(tx, 1)
        sent, outcome = time.monotonic_ns(), "unknown"
        connection = server.connect(autocommit=False)
        try:
            fetch(connection, "INSERT INTO ledger (tx) VALUES (%s) RETURNING 1", tx)
            fetch(connection, "INSERT INTO entry VALUES (%s, %s) RETURNING 1", entry, entry)
            fetch(connection, "SELECT sequin.publish(%s, %s, jsonb_build_object('tag', %s))",
                  schema.STREAM, f"p.{letter}", letter)
            connection.commit()
            outcome = "committed"
            return tx
        finally:
            connection.close()
            events = [entry * 2, entry * 4 + 1, entry, letter * 2, letter * 4 + 2, letter]
            with self.lock:
                self.log.write(f'[{tx},"{outcome}",{sent},{time.monotonic_ns()},{events},[]]\n'.replace(" ", ""))
                self.log.flush()

    def arrivals(self):
        """By transaction and consumer: when its first client got it."""
        for path in self.folder.glob("*.probes"):
            with open(path) as lines:
                lines.seek(self.read_to.get(path, 0))
                for line in lines:
                    if not line.endswith("\n"):
                        break
                    self.read_to[path] = self.read_to.get(path, 0) + len(line)
                    tx, at = map(int, line.split())
                    self.seen.setdefault(tx, {}).setdefault(path.name.split(".")[0], at)
        return self.seen

    def missing(self, tx):
        with self.lock:
            got = self.arrivals().get(tx, {})
        return [name for name, _ in self.consumers if name not in got]

    def wait(self, commit, seconds):
        """Seconds from now until a probe is committed and has arrived everywhere."""
        begun = time.monotonic()
        tx, missing = None, ["a commit"]
        while missing:
            if tx is None:
                tx = commit()
            missing = self.missing(tx) if tx else ["a commit"]
            if missing and time.monotonic() - begun > seconds:
                raise NotInTime(f"not within {seconds} s: {', '.join(missing)} of probe {tx}")
            if missing:
                time.sleep(PAUSE_SECONDS)
        return time.monotonic() - begun

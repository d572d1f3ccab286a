#!/usr/bin/python3
"""Sessions that write: single rows and many, own rows and contended ones, savepoints, aborts, published messages.

Usage: writers.py --folder FOLDER --seed S --writers N --rate CHANGES_PER_SECOND
Each keeps FOLDER/writer-N.log, one line of JSON for each transaction after its end:
    [tx, outcome, sent, at, [event, group, order, …], [event, …]]
outcome: committed, aborted, or unknown when the answer to the commit was lost. The first list is what the transaction
did, the second what it took back itself (savepoints). group: what has to be in order, order: its place there.
"""

import argparse
import json
import pathlib
import random
import sys
import threading
import time

import psycopg2
import psycopg2.extras

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.crash import schema  # noqa: E402
from tests.crash.clients import identity  # noqa: E402
from tests.crash.clients.connect import connect, is_fault  # noqa: E402
from tests.crash.clients.control import Control, end_with_any_thread  # noqa: E402

ACCOUNT, ENTRY, LETTER = 0, 1, 2
RECONNECT_SECONDS = 0.05


def group_of(table, key):
    return key * 4 + table


class Transaction:
    """What one does, noted as it does it."""

    def __init__(self, tx):
        self.tx, self.places = tx, 0
        self.done, self.undone = [], []

    def tag(self):
        self.places += 1
        return identity.tag_of(self.tx, self.places - 1)

    def note(self, event, table, key, order):
        self.done += [event, group_of(table, key), order]

    def take_back(self, mark):
        self.undone += self.done[mark::3]
        del self.done[mark:]


class Writer(threading.Thread):
    def __init__(self, number, options, control):
        super().__init__(name=f"writer-{number}")
        self.number, self.folder, self.control = number, options.folder, control
        self.rest = random.Random(f"{options.seed}/writer/{number}")
        self.log = open(options.folder / f"writer-{number}.log", "a")
        self.seconds_per_change = options.writers / options.rate
        self.numbers = iter(range(1, identity.WRITER))
        self.rows = {}  # own rows: id -> tag
        self.connection = None
        self.unresolved = None

    # -- the loop -----------------------------------------------------------------------------

    def run(self):
        due = time.monotonic()
        while not self.control.ending:
            if self.control.rest:
                self.control.sleep(0.05)
                due = time.monotonic()
                continue
            changes = self.turn()
            due = max(due, time.monotonic() - 1) + changes * self.seconds_per_change
            self.control.sleep(due - time.monotonic())

    def turn(self):
        """One transaction. Returns how many changes it made."""
        try:
            self.ready()
            return self.transact()
        except psycopg2.Error as error:
            if not is_fault(error) and error.pgcode not in ("40001", "40P01"):
                print(f"{self.name}: {error.pgcode} {error}", file=sys.stderr, flush=True)
            self.lose()
            self.control.sleep(RECONNECT_SECONDS)
            return 0

    def lose(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ready(self):
        """A connection, and certainty about the last transaction and the own rows."""
        if self.connection is None:
            self.connection = connect(self.folder)
            self.connection.autocommit = False
            cursor = self.connection.cursor()
            if self.unresolved is not None:  # waits for a session that is still at it
                cursor.execute("INSERT INTO ledger (tx) VALUES (%s) ON CONFLICT DO NOTHING", (self.unresolved,))
                self.connection.rollback()
                self.unresolved = None
            first = self.number * schema.OWN_ROWS
            cursor.execute("SELECT id, tag FROM account WHERE id BETWEEN %s AND %s", (first, first + schema.OWN_ROWS - 1))
            self.rows = dict(cursor.fetchall())
            self.connection.rollback()

    def transact(self):
        done = Transaction(self.number * identity.WRITER + next(self.numbers))
        rows = dict(self.rows)
        outcome, sent = "aborted", 0
        try:
            with self.connection.cursor() as cursor:
                cursor.execute("INSERT INTO ledger (tx) VALUES (%s)", (done.tx,))
                self.work(cursor, done)
            if self.rest.random() < 0.06:
                self.connection.rollback()
            else:
                outcome, sent = "unknown", time.monotonic_ns()
                self.connection.commit()
                outcome = "committed"
        except psycopg2.Error as error:
            if outcome == "unknown":
                self.unresolved = done.tx
                # The server has refused the commit itself, rather than gone away in it.
                if error.pgcode and not error.pgcode.startswith(("08", "57P", "57014")):
                    outcome = "aborted"
            raise
        finally:
            if outcome != "committed":
                self.rows = rows
            self.log.write(json.dumps([done.tx, outcome, sent, time.monotonic_ns(), done.done, done.undone],
                                      separators=(",", ":")) + "\n")
            self.log.flush()
        return len(done.done) // 3

    # -- the work -----------------------------------------------------------------------------

    def work(self, cursor, done):
        kind = self.rest.random()
        if kind < 0.35:
            self.change_own(cursor, done)
        elif kind < 0.55:
            self.insert_entries(cursor, done, self.rest.choice([5, 20, 60, 300]))
        elif kind < 0.63:
            self.publish(cursor, done, self.rest.randint(1, 5))
        elif kind < 0.65:
            self.publish_later(cursor, done)
        elif kind < 0.85:
            for _ in range(self.rest.randint(1, 6)):
                self.change_own(cursor, done)
        else:
            self.change_own(cursor, done)
            self.in_savepoint(cursor, done)
            self.insert_entries(cursor, done, self.rest.randint(1, 5))
        if self.rest.random() < 0.25:  # last, and one only: no deadlocks
            self.change_hot(cursor, done)

    def in_savepoint(self, cursor, done):
        cursor.execute("SAVEPOINT s")
        mark, rows = len(done.done), dict(self.rows)
        self.change_own(cursor, done)
        self.insert_entries(cursor, done, self.rest.randint(1, 10))
        self.publish(cursor, done, 1)
        if self.rest.random() < 0.5:
            cursor.execute("ROLLBACK TO s")
            done.take_back(mark)
            self.rows = rows
        else:
            cursor.execute("RELEASE s")

    def change_own(self, cursor, done):
        """Inserts, updates or deletes some rows that nobody else touches."""
        ids = [self.number * schema.OWN_ROWS + row
               for row in self.rest.sample(range(schema.OWN_ROWS), self.rest.choice([1, 1, 4, 12]))]
        there = [one for one in ids if one in self.rows]
        new = [(one, done.tag()) for one in ids if one not in self.rows]
        if new:
            psycopg2.extras.execute_values(cursor, "INSERT INTO account (id, tag, version) VALUES %s",
                                           [(one, tag, tag) for one, tag in new])
            for one, tag in new:
                done.note(tag * 2, ACCOUNT, one, tag)
                self.rows[one] = tag
        if there and self.rest.random() < 0.2:
            cursor.execute("DELETE FROM account WHERE id = ANY (%s)", (there,))
            for one in there:
                done.note(self.rows.pop(one) * 2 + 1, ACCOUNT, one, done.tag())
        elif there:
            changed = [(one, done.tag()) for one in there]
            psycopg2.extras.execute_values(cursor, "UPDATE account SET tag = v.tag, version = v.tag FROM (VALUES %s) "
                                           "v (id, tag) WHERE account.id = v.id", changed)
            for one, tag in changed:
                done.note(tag * 2, ACCOUNT, one, tag)
                self.rows[one] = tag

    def change_hot(self, cursor, done):
        """One row that all writers want: the row lock orders them, and the version says how."""
        one, tag = -self.rest.randint(1, schema.HOT_ROWS), done.tag()
        cursor.execute("UPDATE account SET tag = %s, version = version + 1 WHERE id = %s RETURNING version", (tag, one))
        done.note(tag * 2, ACCOUNT, one, cursor.fetchone()[0])

    def insert_entries(self, cursor, done, number):
        tags = [done.tag() for _ in range(number)]
        cursor.execute("INSERT INTO entry (id, tag) SELECT t, t FROM generate_series(%s, %s) t", (tags[0], tags[-1]))
        for tag in tags:
            done.note(tag * 2, ENTRY, tag, tag)

    def publish(self, cursor, done, number):
        """To keys of its own: the order of others' commits it could not know."""
        for _ in range(number):
            key, tag = self.number * 10 + self.rest.randrange(10), done.tag()
            cursor.execute("SELECT sequin.publish(%s, %s, jsonb_build_object('tag', %s))", (schema.STREAM, f"k.{key}", tag))
            done.note(tag * 2, LETTER, key, tag)

    def publish_later(self, cursor, done):
        """The capture worker does it: each to a key of its own, for nobody knows when."""
        tag = done.tag()
        cursor.execute("SELECT sequin.publish(%s, %s, jsonb_build_object('tag', %s), "
                       "deliver_at => clock_timestamp() + make_interval(secs => %s))",
                       (schema.STREAM, f"later.{tag}", tag, self.rest.uniform(0.1, 3)))
        done.note(tag * 2, LETTER, tag, tag)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1000)
    options = parser.parse_args()
    end_with_any_thread()
    control = Control(options.folder / "control")
    writers = [Writer(number, options, control) for number in range(1, options.writers + 1)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()


if __name__ == "__main__":
    main()

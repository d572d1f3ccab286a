#!/usr/bin/python3
"""Pull consumers over SQL.

Usage: sql_clients.py --folder FOLDER --seed S --consumer NAME --clients N --batch N
                      --kind sql|sorter|effect|mortal --visibility SECONDS
  sql      acks, nacks, gives back, extends, comes too late, each in a statement of its own
  sorter   the same, and gives much back
  effect   acks in the transaction that has the effect: a row for each change, which must be new
  mortal   refuses some changes always, until they are dead letters, and rejects others
"""

import argparse
import pathlib
import sys
import threading
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.crash.clients import identity  # noqa: E402
from tests.crash.clients.behaviour import Behaviour  # noqa: E402
from tests.crash.clients.connect import connect, is_fault  # noqa: E402
from tests.crash.clients.control import Control, end_with_any_thread  # noqa: E402
from tests.crash.clients.history import History  # noqa: E402

RECEIVE = ("SELECT ack_id::text, message::text, deliver_count FROM sequin.receive(%s, batch_size => %s, "
           "wait => '1 s')")
SETTLE = {
    "ack": "SELECT result FROM sequin.ack(%s, %s::uuid[])",
    "release": "SELECT result FROM sequin.release(%s, %s::uuid[])",
    "nack": "SELECT result FROM sequin.nack(%s, %s::uuid[], make_interval(secs => %s), 'refused')",
    "dead_letter": "SELECT result FROM sequin.dead_letter(%s, %s::uuid[], 'rejected')",
    "extend": "SELECT result FROM sequin.extend(%s, %s::uuid[], make_interval(secs => %s))",
}
RECONNECT_SECONDS = 0.05
LOOKED_UP = 0.25  # of the batches: one change is looked up in a fresh snapshot


def is_refused(event):
    return event // 2 % 211 == 7


def is_rejected(event):
    return event // 2 % 499 == 3


class Client(threading.Thread):
    """One session. The subclasses say what is done with a batch."""

    def __init__(self, number, options, control):
        super().__init__(name=f"{options.consumer}-{number}")
        self.folder, self.consumer, self.batch = options.folder, options.consumer, options.batch
        self.visibility = options.visibility
        self.control = control
        self.behaviour = Behaviour(f"{options.seed}/{self.name}", control, options.mischief)
        self.history = History(options.folder, options.consumer, str(number))
        self.cursor = None

    def run(self):
        while not self.control.ending:
            try:
                with_connection = connect(self.folder)
                with_connection.autocommit = True
                self.cursor = with_connection.cursor()
                while not self.control.ending:
                    self.turn()
            except psycopg2.Error as error:
                if not is_fault(error):
                    self.history.note("failed", f"{error.pgcode}: {error}")
                self.control.sleep(RECONNECT_SECONDS)

    def turn(self):
        sent = time.monotonic_ns()
        try:
            size = self.behaviour.rest.choice([1, self.batch // 4 or 1, self.batch])
            self.cursor.execute(RECEIVE, (self.consumer, self.batch if self.control.calm else size))
        except psycopg2.Error:
            self.history.nothing(sent)
            raise
        rows = self.cursor.fetchall()
        if not rows:
            return
        messages = []
        for _, message, count in rows:
            messages += [*identity.read_envelope(message), count]
        self.claim = self.history.got(sent, int(self.visibility * 1e9), messages)
        self.ack_ids, self.events = [row[0] for row in rows], messages[::4]
        if self.behaviour.rest.random() < LOOKED_UP:
            self.look_up(self.behaviour.rest.choice(self.events))
        self.work()

    def look_up(self, event):
        self.cursor.execute("SELECT count(*) FROM ledger WHERE tx = %s", (identity.transaction_of(event),))
        if self.cursor.fetchone()[0]:
            self.history.note("seen", 1)
        else:
            self.history.note("early", event)

    def settle(self, verb, places, *arguments, noted=True):
        """Results by place, written down unless a transaction is open, where they do not count yet."""
        places = list(places)
        if not places:
            return {}
        sent = time.monotonic_ns()
        try:
            self.cursor.execute(SETTLE[verb], (self.consumer, [self.ack_ids[place] for place in places], *arguments))
            results = dict(zip(places, (row[0] for row in self.cursor.fetchall())))
        except psycopg2.Error:
            self.history.settled(self.claim, verb, sent, dict.fromkeys(places))
            raise
        if noted:
            self.history.settled(self.claim, verb, sent, results)
        return results

    def extend(self, seconds):
        sent = time.monotonic_ns()
        self.cursor.execute(SETTLE["extend"], (self.consumer, self.ack_ids[:1], seconds))
        if self.cursor.fetchone()[0] == "EXTENDED":
            self.history.kept(self.claim, sent, int(seconds * 1e9))


class Plain(Client):
    def plan(self):
        return self.behaviour.plan()

    def work(self):
        everything, rest = range(len(self.events)), self.behaviour.rest
        plan = self.plan()
        self.behaviour.work()
        if plan == "in_pieces" and len(everything) > 1:
            for piece in self.behaviour.pieces(len(everything)):
                self.settle("ack", piece)
                self.behaviour.work()
        elif plan == "sort" and len(everything) > 1:
            verbs = [(verb, piece) for piece in self.behaviour.pieces(len(everything), 6)
                     for verb in rest.choices(["ack", "nack", "release"], [6, 2, 1])]
            for verb, piece in rest.sample(verbs, len(verbs)):
                self.settle(verb, piece, *([rest.choice([0, 0.1, 1])] if verb == "nack" else []))
        elif plan == "return":
            self.settle("release", everything)
        elif plan == "forget":
            pass
        else:
            if plan == "extend":
                self.extend(2 * self.visibility)
                self.control.sleep(1.4 * self.visibility)
            elif plan == "slow":
                self.control.sleep(0.7 * self.visibility)
            elif plan == "late":
                self.control.sleep(self.visibility * rest.uniform(1.1, 2))
            self.settle("ack", everything)
            if plan == "twice":
                self.settle("ack", everything)


class Sorter(Plain):
    """Gives much back, before and behind what it accepts."""

    def plan(self):
        return "sort" if self.behaviour.chance(0.7) else super().plan()


class Effect(Client):
    """An effect and the ack of its message commit together, or not at all."""

    def work(self):
        plan = self.behaviour.plan(without=("sort", "twice"))
        self.behaviour.work()
        if plan == "slow":
            self.control.sleep(0.7 * self.visibility)
        elif plan == "late":
            self.control.sleep(self.visibility * self.behaviour.rest.uniform(1.1, 2))
        elif plan == "forget":
            return
        elif plan == "return":
            self.settle("release", range(len(self.events)))
            return
        elif plan == "extend":
            self.extend(2 * self.visibility)
        parts = self.behaviour.pieces(len(self.events)) if plan == "in_pieces" else [range(len(self.events))]
        for part in parts:
            self.take_effect(list(part), plan)

    def take_effect(self, part, plan):
        try:
            self.cursor.execute("BEGIN")
            self.cursor.execute("INSERT INTO effect SELECT %s, unnest(%s::bigint[])",
                                (self.consumer, [self.events[place] for place in part]))
            begun = time.monotonic_ns()
            results = self.settle("ack", part, noted=False)
            if plan == "extend":  # with an ack open
                self.control.sleep(1.4 * self.visibility)
        except psycopg2.errors.UniqueViolation:
            self.cursor.execute("ROLLBACK")
            self.find_stale(part)
            return
        if set(results.values()) != {"ACKED"} or self.behaviour.chance(0.03):
            self.cursor.execute("ROLLBACK")
            return
        try:
            self.cursor.execute("COMMIT")
            self.history.settled(self.claim, "ack", begun, results)
        except psycopg2.Error:
            self.history.settled(self.claim, "ack", begun, dict.fromkeys(part))
            raise

    def find_stale(self, part):
        """An effect that is there already: harmless if its ack is refused, too."""
        self.cursor.execute("SELECT event FROM effect WHERE consumer = %s AND event = ANY (%s)",
                            (self.consumer, [self.events[place] for place in part]))
        there = {row[0] for row in self.cursor.fetchall()}
        self.cursor.execute("BEGIN")
        results = self.settle("ack", [place for place in part if self.events[place] in there], noted=False)
        self.cursor.execute("ROLLBACK")
        for place, result in results.items():
            if result == "ACKED":
                self.history.note("twice", self.events[place])


class Mortal(Client):
    """A refused message takes back what follows it in its group, so the others are acked first."""

    def work(self):
        self.behaviour.work()
        refused = [place for place, event in enumerate(self.events) if is_refused(event)]
        rejected = [place for place, event in enumerate(self.events) if is_rejected(event) and place not in refused]
        first = min(refused + rejected, default=len(self.events))
        if self.behaviour.chance(0.004):
            self.control.sleep(self.visibility * 1.3)
        self.settle("ack", range(first))
        self.settle("nack", refused, 0.05)
        self.settle("dead_letter", rejected)
        self.settle("ack", [place for place in range(first, len(self.events)) if place not in {*refused, *rejected}])


KINDS = {"sql": Plain, "sorter": Sorter, "effect": Effect, "mortal": Mortal}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--consumer", required=True)
    parser.add_argument("--kind", choices=list(KINDS), required=True)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--visibility", type=float, default=3)
    parser.add_argument("--mischief", type=float, default=1)
    options = parser.parse_args()
    end_with_any_thread()
    control = Control(options.folder / "control")
    clients = [KINDS[options.kind](number, options, control) for number in range(options.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


if __name__ == "__main__":
    main()

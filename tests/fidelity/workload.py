"""The random workload: some sessions whose statements take turns, so that a seed tells the same story each time."""

import collections
import random

from . import selection
from .ddl import DDL
from .model import Maker, objects_for
from .session import Session
from .statements import Statements
from .values import OBJECTS, literal

JOURNAL = "CREATE TABLE public.fidelity_journal (no int PRIMARY KEY, statement text NOT NULL)"
PRELUDE = "SET lock_timeout = '15ms'; SET deadlock_timeout = '1s'; SET client_min_messages = error"


class Model:
    """Tables that exist for somebody, and who may use them now."""

    def __init__(self):
        self.tables = {}                # number -> Table
        self.owners = {}                # number -> transaction with an exclusive lock
        self.users = collections.defaultdict(set)  # number -> transactions that touched it
        self.failures = collections.Counter()
        self.last_number = 0

    def next_number(self):
        self.last_number += 1
        return self.last_number

    def free_for(self, transaction, exclusive=False):
        """Tables that will not make this transaction wait for another."""
        free = [table for table in self.tables.values() if self.owners.get(table.number, transaction) is transaction]
        if exclusive:
            free = [table for table in free if not self.users[table.number] - {transaction}]
        return free

    def replace(self, number, table):
        """A change to do when its statements worked; it returns its own undoing."""
        def change():
            before = self.tables.get(number)
            self._put(number, table)
            return lambda: self._put(number, before)
        return change

    def _put(self, number, table):
        if table is None:
            self.tables.pop(number, None)
        else:
            self.tables[number] = table

    def forget(self, transaction):
        self.owners = {number: owner for number, owner in self.owners.items() if owner is not transaction}
        for users in self.users.values():
            users.discard(transaction)


class Workload:
    def __init__(self, seed, connect, journal, coverage, sessions=4, steps=500):
        self.rest = random.Random(seed)
        self.journal, self.coverage = journal, coverage
        self.connect, self.steps = connect, steps
        self.model = Model()
        self.objects = objects_for(self.rest)
        self.maker = Maker(self.rest, self.objects)
        self.entries = 0
        self.sessions = [self._session(number) for number in range(sessions)]
        self.prepared = {}  # name -> transaction
        self.statements = Statements(self)
        self.ddl = DDL(self)

    def _session(self, number):
        connection = self.connect()
        with connection.cursor() as cursor:
            cursor.execute(PRELUDE)
        return Session(number, connection, self.model, self.journal, self.coverage)

    def entry(self, statement):
        """The journal row that tells the copy to do this DDL here; it stands in the stream before what follows it."""
        self.entries += 1
        return f"INSERT INTO public.fidelity_journal VALUES ({self.entries}, {literal(statement)})"

    # -- life ---------------------------------------------------------------------------------

    def set_up(self):
        """Types and first tables, each committed by itself."""
        session = self.sessions[0]
        first = ["CREATE SCHEMA w", "CREATE SCHEMA w2", *(OBJECTS[name] for name in self.objects), *selection.DDL]
        for statement in first:
            assert session.run(f"BEGIN; {self.entry(statement)}; {statement}; COMMIT"), statement
        for statement in self.statements.unseen_tables():
            assert session.run(statement), statement
        for _ in range(self.rest.randint(3, 5)):
            self._make(session, "create")
        for kind, chance in (("partitioned", 0.7), ("inheritance", 0.4), ("foreign_key", 0.5)):
            if self.rest.random() < chance:
                self._make(session, kind)

    def _make(self, session, kind):
        session.begin(self.rest)
        self.ddl.step(session, kind)
        if session.transaction:
            session.commit()

    def run(self, between=lambda step: None):
        for step in range(self.steps):
            between(step)
            self._step(self.rest.choice(self.sessions))
        self.finish()

    def finish(self):
        for session in self.sessions:
            if session.transaction:
                session.commit() if self.rest.random() < 0.8 else session.rollback()
        for name in list(self.prepared):
            self._finish_prepared(self.sessions[0], name)

    def close(self):
        for session in self.sessions:
            session.connection.close()

    # -- one step -----------------------------------------------------------------------------

    def _step(self, session):
        rest = self.rest
        if session.transaction is None:
            if self.prepared and rest.random() < 0.15:
                self._finish_prepared(session, rest.choice(list(self.prepared)))
            elif rest.random() < 0.04:
                self.statements.outside(session)
            else:
                session.begin(rest)
                self._work(session)
        elif session.steps_left <= 0:
            self._end(session)
        else:
            session.steps_left -= 1
            self._work(session)

    def _work(self, session):
        rest = self.rest
        turn = rest.random()
        if turn < 0.08:
            session.savepoint()
        elif turn < 0.14 and session.transaction.marks:
            session.back_to_savepoint(rest)
        elif turn < 0.17 and session.transaction.marks:
            session.release_savepoint(rest)
        elif turn < 0.31:
            self.ddl.step(session)
        else:
            self.statements.step(session)

    def _end(self, session):
        turn = self.rest.random()
        if turn < 0.75:
            session.commit()
        elif turn < 0.87 or len(self.prepared) > 3:
            session.rollback()
        else:
            name = f"p{self.entries}_{self.rest.randrange(10**6)}"
            transaction = session.prepare(name)
            if transaction:
                self.prepared[name] = transaction

    def _finish_prepared(self, session, name):
        transaction = self.prepared.pop(name)
        if self.rest.random() < 0.7:
            assert session.run(f"COMMIT PREPARED '{name}'")
            transaction.committed(self.coverage)
            self.coverage.count("transaction", "prepared, committed")
        else:
            assert session.run(f"ROLLBACK PREPARED '{name}'")
            transaction.aborted()
            self.coverage.count("transaction", "prepared, rolled back")

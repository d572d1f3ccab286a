"""One client of the workload: its transaction, and how the model goes back with it."""

import psycopg2


class Transaction:
    """What a transaction has done to the model. It outlives its session when it is prepared."""

    def __init__(self, model):
        self.model = model
        self.undo = []    # of changes of the model, newest last
        self.done = []    # what coverage counts when it commits: (group, name)
        self.marks = []   # savepoints: (name, length of undo, length of done)

    def savepoint(self, name):
        self.marks.append((name, len(self.undo), len(self.done)))

    def rollback_to(self, name):
        while self.marks:
            mark, undo, done = self.marks[-1]
            if mark == name:
                self._undo_to(undo)
                del self.done[done:]
                return
            self.marks.pop()

    def release(self, name):
        while self.marks and self.marks.pop()[0] != name:
            pass

    def _undo_to(self, length):
        while len(self.undo) > length:
            self.undo.pop()()

    def committed(self, coverage):
        for group, name in self.done:
            coverage.count(group, name)
        self.model.forget(self)

    def aborted(self):
        self._undo_to(0)
        self.model.forget(self)


class Session:
    def __init__(self, number, connection, model, journal, coverage):
        self.number, self.connection, self.model = number, connection, model
        self.journal, self.coverage = journal, coverage
        self.transaction = None
        self.careful = False  # each statement in a savepoint of its own: its failure aborts nothing else
        self.steps_left = 0
        self.savepoints = 0

    def run(self, sql, copy_data=None):
        """One round trip; True if it worked. Everything is written to the journal of the seed."""
        try:
            with self.connection.cursor() as cursor:
                if copy_data is None:
                    cursor.execute(sql)
                else:
                    cursor.copy_expert(sql, copy_data)
        except psycopg2.Error as error:
            self.journal.write(f"-- session {self.number}\n{sql};\n--   {error.pgcode}: {str(error).splitlines()[0]}\n")
            self.model.failures[error.pgcode] += 1
            return False
        self.journal.write(f"-- session {self.number}\n{sql};\n")
        return True

    # -- transactions -------------------------------------------------------------------------

    def begin(self, rest):
        self.transaction = Transaction(self.model)
        self.careful = rest.random() < 0.7
        self.steps_left = rest.choice([1, 1, 2, 4, 8, 12])
        self.run("BEGIN" if rest.random() < 0.8 else "BEGIN ISOLATION LEVEL REPEATABLE READ")

    def attempt(self, statements, done, on_success=(), copy_data=None):
        """Statements that happen together or not at all. A failure without a savepoint ends the transaction."""
        if self.careful:
            statements = ["SAVEPOINT step", *statements]
        worked = all(self.run(statement, copy_data if statement.startswith("COPY") else None)
                     for statement in statements)
        if worked:
            self.transaction.done.extend(done)
            for change in on_success:
                self.transaction.undo.append(change())
            if self.careful:
                self.run("RELEASE step")
        elif self.careful:
            self.run("ROLLBACK TO step; RELEASE step")
            self.coverage.count("transaction", "statement failed in a savepoint")
        else:
            self.rollback("aborted by an error")
        return worked

    def savepoint(self):
        self.savepoints += 1
        name = f"s{self.savepoints}"
        if self.run(f"SAVEPOINT {name}"):
            self.transaction.savepoint(name)
            self.transaction.done.append(("transaction", "savepoint"))

    def back_to_savepoint(self, rest):
        """To any of the open ones: those within it go, too."""
        name = rest.choice(self.transaction.marks)[0]
        self.run(f"ROLLBACK TO {name}")
        self.transaction.rollback_to(name)
        self.coverage.count("transaction", "savepoint rolled back")

    def release_savepoint(self, rest):
        name = rest.choice(self.transaction.marks)[0]
        self.run(f"RELEASE {name}")
        self.transaction.release(name)
        self.transaction.done.append(("transaction", "savepoint released"))

    def commit(self):
        transaction, self.transaction = self.transaction, None
        if self.run("COMMIT"):
            transaction.committed(self.coverage)
            self.coverage.count("transaction", "committed")
        else:
            transaction.aborted()
            self.coverage.count("transaction", "failed at commit")

    def rollback(self, how="rolled back"):
        transaction, self.transaction = self.transaction, None
        self.run("ROLLBACK")
        transaction.aborted()
        self.coverage.count("transaction", how)

    def prepare(self, name):
        """The prepared transaction, or None if that failed and all is rolled back."""
        transaction, self.transaction = self.transaction, None
        if self.run(f"PREPARE TRANSACTION '{name}'"):
            return transaction
        self.run("ROLLBACK")
        transaction.aborted()
        self.coverage.count("transaction", "failed at prepare")
        return None

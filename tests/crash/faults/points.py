"""Crashes at chosen points of the code (extension/pg/crash_point.h); they need the module built with CRASH_POINTS=1."""

from tests.crash.faults import Fault
from tests.support.waiting import wait_until

POINTS = {  # probability of a crash each time, and what has happened by then
    "capture.before_commit": (0.2, "a slice is written and not committed"),
    "capture.after_commit": (0.2, "a slice is committed and the slot not confirmed"),
    "capture.after_confirm": (0.2, "the slot is confirmed"),
    "claim.before_answer": (0.2, "a claim is durable and its answer not sent"),
    "settle.before_return": (0.2, "outcomes are written and not committed"),
    "delayed.before_commit": (1, "delayed messages are published and not committed"),
    "delayed.after_commit": (1, "delayed messages are committed"),
}


class CrashPoint(Fault):
    """Armed until the first crash, then disarmed: only one place at a time is under test."""
    needs = frozenset({"points"})
    point, probability = None, 1

    def strike(self, scene):
        before = scene.crashes()
        scene.set("sequin.crash_point", f"{self.point}:{self.probability}")
        wait_until(lambda: scene.crashes() > before, f"a crash at {self.point}", 60)

    def heal(self, scene):
        scene.set("sequin.crash_point", "")


class PoisonousChange(Fault):
    """It ends in the dead letters of its consumer, and what comes behind it is delivered."""
    name = "poisonous-change"
    description = "a change that kills the capture worker whenever it is decoded"
    needs = frozenset({"points"})
    recovery_seconds = 60

    def strike(self, scene):
        name = f"notes_{scene.rest.randrange(10 ** 9)}"
        wait_until(lambda: scene.try_sql(f"CREATE TABLE {name} (id int PRIMARY KEY, note text)"), "a table", 60)
        wait_until(lambda: scene.try_sql("SELECT sequin.create_consumer(%s, tables => %s)", name, [f"public.{name}"]),
                   "a consumer", 60)
        scene.set("sequin.crash_text", "poisonous")
        wait_until(lambda: scene.try_sql(f"INSERT INTO {name} VALUES (1, 'poisonous'), (2, 'wholesome') "
                                         "ON CONFLICT DO NOTHING"), "the notes are in the table", 60)
        wait_until(lambda: self.received(scene, name) == "wholesome", "the change behind the poisonous one", 120)
        dead = wait_until(lambda: scene.try_sql("SELECT reason FROM sequin.dead_letters(%s)", name), "a dead letter", 60)
        assert dead == [("capture_error",)], dead

    def received(self, scene, name):
        rows = scene.try_sql("SELECT message->'record'->>'note' FROM sequin.receive(%s)", name)
        return rows and rows[0][0]

    def heal(self, scene):
        scene.set("sequin.crash_text", "")


class Spill(CrashPoint):
    """A transaction that is too large for memory."""
    name = "crash-capture-spill"
    description = "a process of the server dies when a batch goes to its temporary file"
    point = "capture.spill"
    recovery_seconds = 60
    ROWS, ROW_BYTES = 100, 1_000_000

    def strike(self, scene):
        self.table = f"bulk_{scene.rest.randrange(10 ** 9)}"
        wait_until(lambda: scene.try_sql(f"CREATE TABLE {self.table} (id int PRIMARY KEY, text text)"), "a table", 60)
        wait_until(lambda: scene.try_sql("SELECT sequin.create_consumer(%s, tables => %s)", self.table,
                                         [f"public.{self.table}"]), "a consumer", 60)
        before = scene.crashes()
        scene.set("sequin.crash_point", f"{self.point}:1")
        wait_until(lambda: scene.try_sql(f"INSERT INTO {self.table} SELECT i, repeat('x', %s) FROM "
                                         "generate_series(1, %s) i ON CONFLICT DO NOTHING", self.ROW_BYTES, self.ROWS),
                   "the rows are in the table", 60)
        wait_until(lambda: scene.crashes() > before, f"a crash at {self.point}", 60)

    def heal(self, scene):
        super().heal(scene)
        got = 0
        while got < self.ROWS:
            rows = wait_until(lambda: self.receive(scene), f"row {got + 1} of {self.ROWS}", 60)
            got += rows[0][0]
        wait_until(lambda: scene.try_sql("SELECT sequin.drop_consumer(%s)", self.table), "the consumer is gone", 60)
        wait_until(lambda: scene.try_sql(f"DROP TABLE {self.table}"), "the table is gone", 60)

    def receive(self, scene):
        """How many rows came and were acked; None: none yet."""
        rows = scene.try_sql("WITH got AS MATERIALIZED (SELECT array_agg(ack_id) AS ids FROM sequin.receive(%s, 50)) "
                             "SELECT count(*) FILTER (WHERE result = 'ACKED') FROM got, sequin.ack(%s, got.ids) "
                             "WHERE got.ids IS NOT NULL", self.table, self.table)
        return rows if rows and rows[0][0] else None


for _point, (_probability, _when) in POINTS.items():
    _name = _point.replace(".", "-").replace("_", "-")
    type(f"CrashAt{_name.title().replace('-', '')}", (CrashPoint,),
         {"name": f"crash-{_name}", "point": _point, "probability": _probability,
          "description": f"a process of the server dies when {_when}"})

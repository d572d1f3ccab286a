"""Crashes at chosen points of the code (extension/pg/crash_point.h); they need the module built with CRASH_POINTS=1."""

from tests.crash.faults import Fault
from tests.support.waiting import wait_until

PROBABILITY = 0.2
POINTS = {
    "capture.before_commit": "a slice is written and not committed",
    "capture.after_commit": "a slice is committed and the slot not confirmed",
    "capture.after_confirm": "the slot is confirmed",
    "capture.spill": "a batch goes to its temporary file",
    "claim.before_answer": "a claim is durable and its answer not sent",
    "settle.before_return": "outcomes are written and not committed",
    "delayed.before_commit": "delayed messages are published and not committed",
    "delayed.after_commit": "delayed messages are committed",
}


class CrashPoint(Fault):
    """Armed until the first crash, then disarmed: only one place at a time is under test."""
    needs = frozenset({"points"})
    point = None

    def strike(self, scene):
        before = scene.crashes()
        scene.set("sequin.crash_point", f"{self.point}:{PROBABILITY}")
        wait_until(lambda: scene.crashes() > before, f"a crash at {self.point}", 60)

    def heal(self, scene):
        scene.set("sequin.crash_point", "")


for _point, _when in POINTS.items():
    type(f"CrashAt{_point.title().replace('.', '').replace('_', '')}", (CrashPoint,),
         {"name": f"crash-{_point.replace('.', '-').replace('_', '-')}", "point": _point,
          "description": f"a process of the server dies when {_when}"})

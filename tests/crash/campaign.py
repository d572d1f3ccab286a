"""The course of a campaign: warm up, strike and recover again and again, drain, and hear the judge."""

import collections
import contextlib
import dataclasses
import threading
import time

import psycopg2

from tests.crash import schema
from tests.crash.judge.findings import Findings
from tests.crash.judge.verdict import Verdict
from tests.crash.scene import NotDeclared, Scene, tolerant
from tests.crash.watch import Watch
from tests.support.waiting import NotInTime, wait_until

LAG_BYTES = 1_000_000
BEHIND_SECONDS = 3        # writers rest while a consumer is further behind
QUIET_SECONDS = 2 * schema.VISIBILITY_SECONDS + 2  # nothing can come any more after so long without a delivery
WARM_UP_SECONDS = 60
MISTAKES = (NotInTime, AssertionError, RuntimeError, OSError, psycopg2.Error)


@dataclasses.dataclass
class Plan:
    minutes: float
    faults: list              # instances
    pause: float = 2          # seconds between faults, at most
    recovery_limit: float = 30
    recover_every: int = 1    # after so many faults the campaign waits until delivery goes on
    drain_limit: float = 300  # seconds until all must be delivered at the end


class Campaign:
    def __init__(self, plan, setting):
        self.plan = plan
        self.scene = Scene(setting)
        self.counts = collections.Counter()
        self.recoveries, self.lags = [], []
        self.findings = Findings()
        self.over = threading.Event()
        self.size = self.since = 0  # of the histories, and since when

    def run(self):
        """The verdict; what was found is in `findings`."""
        try:
            self.scene.probe(WARM_UP_SECONDS)
        except NotInTime as failed:
            self.findings.add("I12", f"before any fault: {failed}")
        watch = Watch(self.scene)
        pace = threading.Thread(target=self.keep_pace, daemon=True)
        pace.start()
        try:
            self.strike_until(time.monotonic() + self.plan.minutes * 60)
        finally:
            self.over.set()
            pace.join()
        for text in watch.findings():
            self.findings.add("I11", text)
        self.drain()
        wait_until(self.scene.server.accepts, "the server answers to the judge", 120)
        return Verdict(self.scene, self.findings).judge()

    # -- faults -------------------------------------------------------------------------------

    def strike_until(self, end):
        rest = self.scene.rest
        while time.monotonic() < end:
            time.sleep(rest.uniform(0, self.plan.pause))
            if not self.plan.faults:
                continue
            fault = rest.choice(self.plan.faults)
            if not self.strike(fault):
                break

    def strike(self, fault):
        """Whether the campaign can go on."""
        self.counts[fault.name] += 1
        begun = time.monotonic()
        try:
            self.play(fault)
            healed = time.monotonic()
            if self.counts.total() % self.plan.recover_every == 0:
                self.recover(fault, healed)
        except MISTAKES as failed:
            self.findings.add("I13" if isinstance(failed, NotDeclared) else "I12", f"{fault.name}: {failed}")
            self.scene.say(f"{fault.name}: {failed}")
            return False
        self.scene.say(f"{fault.name}: {healed - begun:.1f} s")
        return True

    def play(self, fault):
        """Strikes a server that is there, and heals, also when the strike fails half-way."""
        wait_until(self.scene.server.accepts, "the server is there to be struck", self.plan.recovery_limit)
        try:
            fault.strike(self.scene)
            time.sleep(self.scene.rest.uniform(*fault.seconds))
        except MISTAKES:
            with contextlib.suppress(Exception):  # it tells less than what went wrong before
                fault.heal(self.scene)
            raise
        fault.heal(self.scene)

    def recover(self, fault, healed):
        self.scene.probe(self.plan.recovery_limit + fault.recovery_seconds)
        self.recoveries.append((time.monotonic() - healed, fault.name))
        self.scene.say(f"{fault.name}: recovered in {self.recoveries[-1][0]:.1f} s")
        self.wait_for_slot(fault)

    def wait_for_slot(self, fault):
        """The position that the slot has confirmed comes close to the end of the WAL again."""
        begun = time.monotonic()

        def close():
            lag = tolerant(self.scene.server.slot_lag_bytes)
            return lag is not None and lag < LAG_BYTES
        try:
            wait_until(close, "the slot lags by less than 1 MB", 2 * self.plan.recovery_limit, 0.1)
        except NotInTime as late:
            self.findings.add("I11", f"{fault.name}: {late}")
        self.lags.append(time.monotonic() - begun)

    def keep_pace(self):
        """Load is no fault: writers rest while a consumer is some seconds behind."""
        scene, probes = self.scene, collections.deque()
        next_probe = 0
        while not self.over.wait(0.2):
            try:
                if time.monotonic() > next_probe:
                    tx = tolerant(self.scene.probes.commit, scene.server)
                    if tx:
                        probes.append((time.monotonic(), tx))
                    next_probe = time.monotonic() + 1
                while probes and not scene.probes.missing(probes[0][1]):
                    probes.popleft()
                scene.control.rest = bool(probes) and time.monotonic() - probes[0][0] > BEHIND_SECONDS
            except MISTAKES as failed:
                scene.say(f"pace: {failed}")
        scene.control.rest = 0

    # -- end ----------------------------------------------------------------------------------

    def drain(self):
        """Everything is delivered, and nothing comes any more. What is missing then is for the judge to say."""
        scene = self.scene
        scene.finish_writing()
        try:
            scene.probe(self.plan.drain_limit)
            wait_until(self.quiet, "nothing is delivered any more", self.plan.drain_limit, 0.5)
        except MISTAKES as failed:
            self.findings.add("I12", f"draining: {failed}")
        for text in scene.stop_clients():
            self.findings.add("I12", text)

    def quiet(self):
        """The histories have not grown for a while, and Sequin itself says that it has no more (a hint to wait, no proof)."""
        size = sum(path.stat().st_size for path in self.scene.folder.glob("*.history"))
        now = time.monotonic()
        if size != self.size:
            self.size, self.since = size, now
        left = tolerant(self.scene.server.value, "SELECT sum(lag_messages) FROM sequin.consumers")
        return now - self.since > (QUIET_SECONDS if left == 0 else 4 * QUIET_SECONDS)

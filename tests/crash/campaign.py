"""The course of a campaign: warm up, strike and recover again and again, drain, and hear the judge.

Whatever happens in it, there is something to report: what breaks an invariant is a finding, what keeps the campaign
itself from its course is an error, and both count.
"""

import collections
import contextlib
import dataclasses
import threading
import time
import traceback

import psycopg2

from tests.crash import guard, schema
from tests.crash.judge.findings import Findings
from tests.crash.judge.verdict import Verdict
from tests.crash.scene import NotDeclared, Scene, tolerant
from tests.crash.watch import Watch
from tests.support.server import is_disconnect
from tests.support.waiting import NotInTime, wait_until

LAG_BYTES = 1_000_000
BEHIND_SECONDS = 3        # writers rest while a consumer is further behind
QUIET_SECONDS = 2 * schema.VISIBILITY_SECONDS + 2  # nothing can come any more after so long without a delivery
WARM_UP_SECONDS = 60
MISTAKES = (NotInTime, AssertionError, RuntimeError, OSError, psycopg2.Error)
STRIKES = 3               # attempts: the crash of the fault before may come late, into this one's hands


@dataclasses.dataclass
class Plan:
    minutes: float
    faults: list              # instances
    pause: float = 2          # seconds between faults, at most
    recovery_limit: float = 30
    recover_every: int = 1    # after so many faults the campaign waits until delivery goes on
    drain_limit: float = 300  # seconds until all must be delivered at the end

    def seconds(self):
        """Within which a campaign is over, also one in which nothing goes well: the judge reads for long, too."""
        return 600 + 2 * self.drain_limit + 2 * 60 * self.minutes


class Campaign:
    """findings: of the judge. errors: what went wrong with the campaign itself. phase: what it is at, as text."""

    def __init__(self, plan, setting):
        self.plan = plan
        self.scene = Scene(setting)
        self.counts = collections.Counter()
        self.recoveries, self.lags = [], []
        self.findings, self.errors = Findings(), []
        self.verdict = None
        self.phase = "not begun"
        self.over = threading.Event()
        self.size = self.since = 0  # of the histories, and since when

    def run(self):
        """To its end: `verdict` is what the judge says, or None if it had nothing to go by."""
        if not self.attempt("building the scene", self.scene.build):
            return
        self.attempt("warming up", self.warm_up)
        self.attempt("striking", self.strike_all)
        if not self.scene.ended_clients():  # or messages wait for ever for somebody, and the judge would take them for lost
            self.attempt("draining", self.drain)
            self.attempt("judging", self.judge)

    def attempt(self, phase, action):
        self.phase = phase
        self.scene.say(phase)
        try:
            action()
            return True
        except Exception as error:
            self.fail(phase, error)
            return False

    def fail(self, where, error):
        self.complain([f"{where}: {guard.describe(error)}"])
        self.scene.say(f"{where}: {guard.describe(error)}\n{''.join(traceback.format_exception(error))}")

    def complain(self, texts):
        if not self.findings.closed:
            self.errors += texts

    def broken_off(self, why):
        """The work was not done to its end, and what it says from now on does not count."""
        text, _, place = why.partition("\n")
        self.errors.append(f"{self.phase}: {text}")
        self.scene.say(f"{self.phase}: {text}\n{place}")
        if text.startswith("not over"):
            self.findings.add("I12", f"{self.phase}: {text}")
        self.findings.closed = self.scene.silent = True

    def broken(self):
        return bool(self.errors) or self.findings.total() > 0

    def warm_up(self):
        try:
            self.scene.probe(WARM_UP_SECONDS)
        except NotInTime as failed:
            self.findings.add("I12", f"before any fault: {failed}")

    def judge(self):
        try:
            wait_until(self.scene.server.accepts, "the server answers to the judge", 120)
        except NotInTime as failed:
            self.findings.add("I12", f"at the end: {failed}")
            raise
        verdict = Verdict(self.scene, self.findings)
        verdict.judge()
        self.verdict = verdict

    # -- faults -------------------------------------------------------------------------------

    def strike_all(self):
        watch = Watch(self.scene)
        pace = threading.Thread(target=self.keep_pace, daemon=True)
        pace.start()
        try:
            self.strike_until(time.monotonic() + self.plan.minutes * 60)
        finally:
            self.over.set()
            pace.join(60)
        if pace.is_alive():
            self.complain(["the writers' pace: it does not end"])
        if self.findings.total() or self.errors:
            return  # the processes may not be what they were
        for text in watch.findings():
            self.findings.add("I11", text)

    def strike_until(self, end):
        rest = self.scene.rest
        while time.monotonic() < end and not self.errors:
            time.sleep(rest.uniform(0, self.plan.pause))
            self.complain(self.scene.ended_clients())
            if not self.plan.faults or self.errors:
                continue
            fault = rest.choice(self.plan.faults)
            self.phase = fault.name
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
        for attempt in range(1, STRIKES + 1):
            wait_until(self.scene.server.accepts, "the server is there to be struck", self.plan.recovery_limit)
            try:
                with self.scene.unsure_of(fault):
                    fault.strike(self.scene)
                    time.sleep(self.scene.rest.uniform(*fault.seconds))
                    return fault.heal(self.scene)
            except Exception as failed:
                with contextlib.suppress(Exception):  # it tells less than what went wrong before
                    fault.heal(self.scene)
                if attempt == STRIKES or not (isinstance(failed, psycopg2.Error) and is_disconnect(failed)):
                    raise
                self.scene.say(f"{fault.name}: once more, for the server went away: {guard.describe(failed)}")

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
            except Exception as error:
                self.fail("the writers' pace", error)
                break
        scene.control.rest = 0

    # -- end ----------------------------------------------------------------------------------

    def drain(self):
        """Everything is delivered, and nothing comes any more. What is missing then is for the judge to say."""
        scene = self.scene
        scene.finish_writing()
        if not scene.server.running():
            self.findings.add("I12", "at the end: the server is not running")
            scene.server.start()
        try:
            scene.probe(self.plan.drain_limit)
            wait_until(self.quiet, "nothing is delivered any more", self.plan.drain_limit, 0.5)
        except MISTAKES as failed:
            self.findings.add("I12", f"draining: {failed}")
        self.complain(scene.stop_clients())
        for text in scene.unexpected_ends():
            self.findings.add("I12", text)

    def quiet(self):
        """The histories have not grown for a while, and Sequin itself says that it has no more (a hint to wait, no proof)."""
        size = sum(path.stat().st_size for path in self.scene.folder.glob("*.history"))
        now = time.monotonic()
        if size != self.size:
            self.size, self.since = size, now
        left = tolerant(self.scene.server.value, "SELECT sum(lag_messages) FROM sequin.consumers")
        return now - self.since > (QUIET_SECONDS if left == 0 else 4 * QUIET_SECONDS)

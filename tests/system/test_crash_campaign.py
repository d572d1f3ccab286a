"""A campaign of tests/crash that is disturbed: it ends, with its summary, and leaves nothing behind."""

import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

from tests.crash import guard
from tests.support import process
from tests.support.paths import ROOT, private_folder, remove_folder
from tests.support.waiting import wait_until

SECONDS = 300  # of patience


class Campaign:
    """tests/crash/run, with all its folders in one."""

    def __init__(self, seed, *options):
        self.seed = seed
        self.place = private_folder("campaign")
        command = [ROOT / "tests" / "crash" / "run", "--seed", seed, "--json", *options]
        self.process = process.Process(command, self.place / "run.log", {"TMPDIR": str(self.place)}).start()

    def remove(self):
        self.process.stop()
        remove_folder(self.place)
        remove_folder(ROOT / "build" / "crash" / f"seed-{self.seed}")

    def theirs(self):
        """Processes that work in its folder: pid -> command line."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            pid = int(path.parent.name)
            if str(self.place) in command and process.is_alive(pid):
                found[pid] = command
        return found

    def at_work(self):
        """Until all consumers have got something."""
        self.process.wait_for_output("# striking\n", SECONDS)

    def one_of(self, program):
        return next(pid for pid, command in self.theirs().items() if f"{program}.py" in command)

    def summary(self):
        """The last line, after the end; nothing else is left."""
        assert self.process.wait(SECONDS) == 1
        assert self.theirs() == {}
        assert [path.name for path in self.place.iterdir()] == ["run.log"]
        assert str(self.place) not in pathlib.Path("/proc/mounts").read_text()
        summary = json.loads(self.process.output().splitlines()[-1])
        assert summary["seed"] == self.seed and "violations" in summary
        return summary


@pytest.fixture
def campaign():
    campaigns = []

    def start(*arguments):
        campaigns.append(Campaign(*arguments))
        return campaigns[-1]
    yield start
    for one in campaigns:
        one.remove()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_ends_it_with_a_summary_and_nothing_is_left(campaign, number):
    run = campaign(900_000 + number, "--minutes", 10, "--faults", "none")
    run.at_work()
    run.process.send(number)
    assert run.summary()["errors"] == [f"striking: ended by {signal.Signals(number).name}"]


def test_a_signal_while_the_server_is_being_made_leaves_nothing(campaign):
    run = campaign(900_100, "--minutes", 10, "--faults", "none")
    wait_until(lambda: list(run.place.glob("sequin-crash-*/data/*")), "there is a data folder", SECONDS)
    run.process.send(signal.SIGTERM)
    [error] = run.summary()["errors"]
    assert error.endswith(": ended by SIGTERM")


def test_a_client_that_dies_is_an_error_of_the_campaign(campaign):
    run = campaign(900_200, "--minutes", 10, "--faults", "none")
    run.at_work()
    os.kill(run.one_of("http_clients"), signal.SIGKILL)
    summary = run.summary()
    assert any("exit status -9" in text for text in summary["errors"])


def test_a_server_that_does_not_come_back_is_a_violation_and_no_wait_for_ever(campaign):
    run = campaign(900_300, "--minutes", 10, "--faults", "net-client-reset", "--recovery-limit", 3, "--drain-limit", 5)
    run.at_work()
    postmaster = next(pid for pid, command in run.theirs().items() if "/postgres -D" in command)
    os.kill(postmaster, signal.SIGINT)
    summary = run.summary()
    assert summary["violations"]["I12"] > 0


# ---- the guard ----------------------------------------------------------------------------------


def test_work_that_fails_says_why():
    def fail():
        raise KeyError("no such thing")
    assert guard.run(fail, 60).startswith("KeyError: 'no such thing'\nTraceback")


def test_work_that_stands_still_is_left_where_it_is():
    never = threading.Event()

    def stand_still():
        never.wait()
    why = guard.run(stand_still, 0.2)
    assert why.startswith("not over within 0 s\n") and "in stand_still" in why
    never.set()


def test_nothing_starts_after_the_end():
    done = subprocess.run(["/usr/bin/python3", "-c", NOTHING_STARTS], cwd=ROOT, text=True, capture_output=True)
    assert done.stdout.split() == ["None", "Halted", "RuntimeError", "False"], done.stderr


NOTHING_STARTS = """
import tempfile, pathlib
from tests.crash import guard
from tests.support import paths, process
folder = paths.private_folder("guard")
child = process.Process(["sleep", "1000"], folder / "log").start()
print(guard.clean_up())
try:
    process.Process(["true"], "/dev/null").start()
except process.Halted:
    print("Halted")
try:
    paths.private_folder("guard")
except RuntimeError:
    print("RuntimeError")
print(folder.exists() or child.running())
"""

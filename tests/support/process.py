"""Child processes with an end: each is stopped by its id, on exit and on signals too."""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading

from .waiting import wait_until

_running = []
_starting = threading.Lock()  # nobody starts between the last look at _running and the end
_halted = False


class Halted(RuntimeError):
    pass


def _stop_everything():
    for process in reversed(list(_running)):
        process.stop()


def _exit_on_signal(number, _frame):
    print(f"ended by {signal.Signals(number).name}", file=sys.stderr)
    sys.exit(128 + number)


def clean_up_on_signals():
    """Turns SIGTERM, SIGINT and SIGHUP into an ordinary exit, so that atexit handlers run."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)


def halt():
    """For a program whose other threads may still be at work: kills all children, at once, and lets no other start."""
    global _halted
    with _starting:
        _halted = True
    for process in reversed(list(_running)):
        with contextlib.suppress(Exception):  # each of the others has to end, too
            process.destroy()
    for task in os.listdir("/proc/self/task"):  # programs that were to run to their end
        for pid in children_of("self", task):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def forget_everything():
    """Leaves all children running when this program ends (scripts/demo --keep)."""
    _running.clear()


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid, task=None):
    """Those that one thread of a process has started: its first one if none is named."""
    try:
        with open(f"/proc/{pid}/task/{task or pid}/children") as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


def rss_bytes(pid, peak=False):
    """Private resident memory: shared buffers that a backend happened to touch are not its own."""
    values = {}
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            name, _, rest = line.partition(":")
            if rest.strip().endswith("kB"):
                values[name] = int(rest.split()[0]) * 1024
    return values["VmHWM"] if peak else values["RssAnon"]


class Process:
    """One child with its output in a log file. It gets a session of its own: Ctrl-C stops us, we stop it."""

    def __init__(self, command, log, env=None, cwd=None):
        self.command = [str(word) for word in command]
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self.cwd = cwd
        self.child = None

    def start(self):
        with open(self.log, "ab") as output, _starting:
            if _halted:
                raise Halted(f"no process starts any more: {self.command[0]}")
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=self.env,
                cwd=self.cwd, start_new_session=True)
            _running.append(self)
        return self

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child is not None and self.child.poll() is None

    def send(self, number):
        if self.running():
            self.child.send_signal(number)

    def wait(self, seconds=60):
        code = self.child.wait(seconds)
        self.forget()
        return code

    def forget(self):
        if self in _running:
            _running.remove(self)

    def terminate(self, seconds=60):
        """SIGTERM, and its exit status."""
        self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self):
        self.send(signal.SIGKILL)
        return self.wait()

    def destroy(self):
        """Without a word, with all that it has started."""
        if self.running():
            self.kill9()
        self.forget()

    def stop(self):
        if self.running():
            try:
                self.terminate(15)
            except subprocess.TimeoutExpired:
                self.destroy()
        self.forget()

    def output(self):
        with open(self.log, errors="replace") as log:
            return log.read()

    def wait_for_output(self, text, seconds=30):
        wait_until(lambda: text in self.output() or not self.running(), f"'{text}' in {self.log}", seconds)
        assert text in self.output(), f"{self.command[0]} ended without '{text}':\n{self.output()[-2000:]}"


atexit.register(_stop_everything)

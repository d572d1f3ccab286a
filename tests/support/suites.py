"""Runs one suite of tests as a command and reads how many of its tests passed, and which failed."""

import dataclasses
import re
import subprocess
import time
import xml.etree.ElementTree

from .process import Process


@dataclasses.dataclass
class Suite:
    name: str
    passed: int
    failed: list
    seconds: float
    output: str = ""

    def line(self):
        return f"{self.name:<18}{self.passed:>5} passed {len(self.failed):>4} failed {self.seconds:>7.1f} s"


def run_suite(name, command, read, seconds, root, env=None, details=()):
    """`read` turns the output into (passed, failed names). A suite that tested nothing has failed."""
    started = time.monotonic()
    log = root / "build" / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    process = Process(command, log, env, cwd=root).start()
    try:
        code, late = process.wait(seconds), ""
    except subprocess.TimeoutExpired:
        process.stop()
        code, late = -1, f"\nnot finished within {seconds} s"
    output = process.output() + late
    try:
        passed, failed = read(output, code)
    except (OSError, xml.etree.ElementTree.ParseError) as unreadable:
        passed, failed = 0, [f"no result: {unreadable}"]
    if not failed and (code != 0 or passed == 0):
        failed = [f"exit status {code}" if code else "no test was run"]
    for path in details if failed else ():
        if path.exists():
            output += f"\n--- {path.name}\n{path.read_text(errors='replace')[-20000:]}"
    return Suite(name, passed, failed, time.monotonic() - started, output)


def read_ok_lines(output, _code):
    """Lines "ok - what" and "not ok - what"."""
    return (len(re.findall(r"^ok - ", output, re.MULTILINE)),
            re.findall(r"^not ok - (.*)", output, re.MULTILINE))


def read_seeds(output, _code):
    """Lines "seed 1: the same" or "seed 1: as the model says" of tests/fidelity/run and tests/model/run; with a "not"
    behind the colon it has failed."""
    found = re.findall(r"^(seed \d+): (not )?(?:the same|as the model says)", output, re.MULTILINE)
    return sum(not wrong for _, wrong in found), [seed for seed, wrong in found if wrong]


def read_pg_regress(output, _code):
    """Lines of pg_regress and pg_isolation_regress: "test claim   ... ok   12 ms", alone or in a group; as of 16
    "ok 7   - claim   12 ms", with a + instead of the - in a group."""
    found = re.findall(r"^(?:test)?\s+(\S+)\s+\.\.\. (ok|FAILED|failed)", output, re.MULTILINE)
    found += [(test, result) for result, test in re.findall(r"^(ok|not ok) \d+\s+[-+] (\S+)", output, re.MULTILINE)]
    return sum(result == "ok" for _, result in found), [test for test, result in found if result != "ok"]


def read_one(_output, code):
    """A command that is one check."""
    return (0, [f"exit status {code}"]) if code else (1, [])


def read_junit(path):
    """A reader for the result file that ctest and pytest can write."""
    def read(_output, _code):
        passed, failed = 0, []
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            broken = case.find("failure") is not None or case.find("error") is not None
            if broken or case.get("status") == "fail":
                failed.append(f"{case.get('classname', '')}.{case.get('name')}")
            elif case.find("skipped") is None:
                passed += 1
        return passed, failed
    return read

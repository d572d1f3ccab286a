#!/usr/bin/python3
"""The tests behind scripts/check: builds, runs the suites in two lanes, adds up what they found."""

import pathlib
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
sys.path.insert(0, str(ROOT))

from tests.support import process, suites, module_with_points  # noqa: E402
from tests.support.server import Server  # noqa: E402

SUITES = ["lint", "format", "unit", "sanitized", "regress", "isolation", "system", "fidelity", "model", "crash", "crash-points",
          "planted", "planted-delivery"]


def say(text):
    print(text, flush=True)


def command(*words, **options):
    """A build step: quiet unless it fails."""
    done = subprocess.run([str(word) for word in words], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        say(done.stdout[-20000:])
        say(f"{' '.join(map(str, words))}: exit status {done.returncode}\n0 passed, 1 failed")
        raise SystemExit(1)


def build(wanted):
    parts = ["extension"]
    if "unit" in wanted:
        parts.append("tests")
    elif "system" in wanted or "crash" in wanted:
        parts.append("agent")
    command(ROOT / "scripts" / "build", *parts)
    if "sanitized" in wanted:
        command("cmake", "-S", ".", "-B", BUILD / "sanitized", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                "-DSEQUIN_SANITIZE=ON")
        command("cmake", "--build", BUILD / "sanitized")


# -- suites -----------------------------------------------------------------------------------


def lint():
    return suites.run_suite("lint", [ROOT / "tests/lint/layers"], suites.read_ok_lines, 60, ROOT)


def format_():
    return suites.run_suite("format", [ROOT / "tests/lint/format"], suites.read_one, 120, ROOT)


def unit(name="unit", folder=BUILD):
    junit = folder / "ctest.xml"
    junit.unlink(missing_ok=True)
    run = ["ctest", "--test-dir", folder, "--output-on-failure", "--output-junit", junit, "--timeout", 120]
    return suites.run_suite(name, run, suites.read_junit(junit), 600, ROOT,
                            {"UBSAN_OPTIONS": "print_stacktrace=1"})


def sanitized():
    return unit("sanitized", BUILD / "sanitized")


def installcheck(name, other):
    """pg_regress or isolation, each alone: make would not go on to the second after a failure of the first."""
    server = Server(settings={"fsync": "off"}, name=name).start()
    try:
        folder = BUILD / name
        return suites.run_suite(name, ["make", "installcheck", f"{other}="], suites.read_pg_regress, 600, ROOT,
                                server.environment(),
                                [folder / "regression.diffs", folder / "output_iso" / "regression.diffs"])
    finally:
        server.remove()


def regress():
    return installcheck("regress", "ISOLATION")


def isolation():
    return installcheck("isolation", "REGRESS")


def system():
    junit = BUILD / "pytest.xml"
    junit.unlink(missing_ok=True)
    run = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}",
           "tests/system"]
    return suites.run_suite("system", run, suites.read_junit(junit), 1200, ROOT)


def fidelity():
    return suites.run_suite("fidelity", [ROOT / "tests/fidelity/run", "--seeds", 5], suites.read_seeds, 600, ROOT)


def model():
    return suites.run_suite("model", [ROOT / "tests/model/run", "--seeds", 5], suites.read_seeds, 600, ROOT)


def crash():
    with module_with_points.installed():
        run = [ROOT / "tests/crash/run", "--minutes", 3, "--seed", 1, "--faults", ",".join(SMOKE_FAULTS),
               "--recovery-limit", 120]
        return suites.run_suite("crash", run, suites.read_ok_lines, 1200, ROOT)


def crash_points():
    junit = BUILD / "crash-points.xml"
    junit.unlink(missing_ok=True)
    with module_with_points.installed():
        run = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={junit}", "tests/crash/points"]
        return suites.run_suite("crash-points", run, suites.read_junit(junit), 900, ROOT)


# Each family of tests/crash/faults, without those that are over only after long waits.
SMOKE_FAULTS = [
    "agent-kill", "agent-stop", "agent-zombie", "backend-kill", "backends-terminated", "commits-hang",
    "crash-capture-after-commit", "crash-capture-after-confirm", "crash-capture-before-commit",
    "crash-claim-before-answer", "crash-settle-before-return", "ddl-storm", "fast-shutdown", "held-snapshot",
    "immediate-shutdown", "net-client-lost-answer", "net-database-lost-answer", "net-database-reset",
    "net-endpoint-lost-answer", "poisonous-change", "postmaster-kill", "worker-kill", "worker-terminate",
    "worker-zombie"]


def planted():
    run = [ROOT / "tests/fidelity/planted", "--bugs", 3]
    return suites.run_suite("planted", run, suites.read_ok_lines, 900, ROOT)


def planted_delivery():
    run = [ROOT / "tests/crash/planted", "--only", "returned_lost", "holder_ignored"]
    return suites.run_suite("planted-delivery", run, suites.read_ok_lines, 900, ROOT)


# -- flow -------------------------------------------------------------------------------------


RUN = {"lint": lint, "format": format_, "unit": unit, "sanitized": sanitized, "regress": regress,
       "isolation": isolation, "system": system, "fidelity": fidelity, "model": model, "crash": crash,
       "crash-points": crash_points, "planted": planted,
       "planted-delivery": planted_delivery}
# Two lanes for two cores. The last suites come after them: they exchange the installed module.
LANES = [["lint", "format", "unit", "sanitized", "regress", "isolation", "fidelity", "model"], ["system"]]


def run_lane(names, results):
    for name in names:
        try:
            results[name] = RUN[name]()
        except (Exception, SystemExit) as broken:  # a lane that dies must not look like one that passed
            results[name] = suites.Suite(name, 0, [repr(broken)], 0.0)
        say(results[name].line())


def report(results, started):
    for suite in results.values():
        if suite.failed:
            say(f"\n=== {suite.name} ===\n{suite.output[-30000:]}")
            say("".join(f"failed: {suite.name}: {name}\n" for name in suite.failed))
    passed = sum(suite.passed for suite in results.values())
    failed = sum(len(suite.failed) for suite in results.values())
    say(f"\n{time.monotonic() - started:.0f} s")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main():
    started = time.monotonic()
    wanted = sys.argv[1:] or SUITES
    unknown = [name for name in wanted if name not in SUITES]
    if unknown:
        raise SystemExit(f"scripts/check: unknown suite '{unknown[0]}'; known: {' '.join(SUITES)}")
    process.clean_up_on_signals()
    build(wanted)
    say(f"built in {time.monotonic() - started:.0f} s")
    results = {}
    lanes = [[name for name in lane if name in wanted] for lane in LANES]
    threads = [threading.Thread(target=run_lane, args=(lane, results), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_lane([name for name in ("crash", "crash-points", "planted", "planted-delivery") if name in wanted], results)
    sys.exit(report(results, started))


if __name__ == "__main__":
    main()

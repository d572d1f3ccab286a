"""The module with crash points and planted bugs compiled in (make CRASH_POINTS=1), in the place of the normal one."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from .paths import ROOT

COPY = ROOT / "build" / "crash_points"


def _run(*words, **options):
    done = subprocess.run([str(word) for word in words], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit status {done.returncode}\n{done.stdout[-20000:]}")


def build():
    """From a copy of the sources; only the module differs from the normal installation."""
    shutil.rmtree(COPY, ignore_errors=True)
    COPY.mkdir(parents=True)
    shutil.copy2(ROOT / "Makefile", COPY)
    shutil.copytree(ROOT / "extension", COPY / "extension", ignore=shutil.ignore_patterns("*.o", "*.d"))
    path = {**os.environ, "PATH": f"/usr/lib/ccache:{os.environ['PATH']}"}
    _run("make", "-C", COPY, f"-j{os.cpu_count()}", "CRASH_POINTS=1", "sequin.so", env=path)


def installed_module():
    folder = subprocess.check_output([os.environ.get("PG_CONFIG", "pg_config"), "--pkglibdir"], text=True).strip()
    return pathlib.Path(folder) / "sequin.so"


def is_installed():
    return b"sequin.crash_point" in installed_module().read_bytes()


def install(module):
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    _run(*sudo, "install", "-m", "755", module, installed_module())


@contextlib.contextmanager
def installed():
    """Builds and installs it; at the end the module that was installed before is back."""
    build()
    with tempfile.TemporaryDirectory() as kept:
        shutil.copy2(installed_module(), kept)
        try:
            install(COPY / "sequin.so")
            yield
        finally:
            install(f"{kept}/sequin.so")

"""The server on which stories are played, one database after the other."""

import shutil
import time
import traceback

from tests.support.paths import ROOT
from tests.support.server import Server

from .story import Story

FOLDER = ROOT / "build" / "fidelity"

SETTINGS = {
    "fsync": "off",
    "autovacuum": "off",             # a story is to be told the same way each time
    "max_replication_slots": "30",
    "sequin.batch_rows": "37",       # so that middling transactions are already written in slices
    "logical_decoding_work_mem": "64kB",
    # Messages must not depend on any of these.
    "timezone": "Asia/Kathmandu",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "0",
    "xmloption": "document",
}


class Stage:
    def __init__(self, settings=None):
        self.server = Server(settings={**SETTINGS, **(settings or {})}, name="fidelity").start()

    def play(self, seed, steps, folder=FOLDER):
        """The story with its findings, and how long it took. What failed keeps its folder."""
        started = time.monotonic()
        shutil.rmtree(folder / f"seed-{seed}", ignore_errors=True)
        story = Story(self.server, seed, folder / f"seed-{seed}", steps)
        try:
            story.run()
        except Exception:  # a story that cannot be told to its end is not one that passed
            story.findings.append(traceback.format_exc())
        if not story.findings:
            shutil.rmtree(story.folder, ignore_errors=True)
        return story, time.monotonic() - started

    def plant(self, bug):
        """From the next story on: each has a capture worker of its own."""
        self.server.set("sequin.planted_bug", bug)

    def require_planted_bugs(self):
        if self.server.value("SELECT count(*) FROM pg_settings WHERE name = 'sequin.planted_bug'") != 1:
            raise SystemExit("the installed module has no planted bugs: make CRASH_POINTS=1")

    def close(self):
        self.server.remove()

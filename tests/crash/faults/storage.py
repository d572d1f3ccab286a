"""Disks that run full, and are freed again by somebody."""

import psycopg2

from tests.crash.faults import Fault
from tests.support.waiting import wait_until


class FullDisk(Fault):
    needs = frozenset({"disks"})
    seconds = (4, 10)
    disk = None

    def heal(self, scene):
        scene.disks[self.disk].free()
        if scene.server.running() and wait_until(lambda: scene.server.accepts() or not scene.server.running(),
                                                 "the server accepts connections, or has given up", 60):
            if scene.server.running():
                return
        scene.server.wait()
        scene.server.start()


class FullWalDisk(FullDisk):
    """The next new segment of the WAL is a PANIC; recovery may fail too until there is space again."""
    name = "full-wal-disk"
    description = "no space left for the WAL: the server ends with a PANIC and is started when there is space again"
    disk = "wal"

    def strike(self, scene):
        before = scene.server.output().count("PANIC")
        wait_until(lambda: self._fill(scene) > before, "a PANIC for want of space", 120, 0.2)

    def _fill(self, scene):
        scene.disks["wal"].fill()
        try:  # goes through what is left of ready-made segments
            scene.server.sql("SELECT pg_switch_wal(), txid_current()")
        except psycopg2.Error:
            pass
        return scene.server.output().count("PANIC")


class FullDataDisk(FullDisk):
    name = "full-data-disk"
    description = "no space left for tables: all that grows fails until there is space again"
    disk = "data"

    def strike(self, scene):
        before = scene.server.output().count("No space left on device")
        wait_until(lambda: self._fill(scene) > before, "something fails for want of space", 120, 0.2)

    def _fill(self, scene):
        scene.disks["data"].fill()
        return scene.server.output().count("No space left on device")

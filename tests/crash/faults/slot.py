"""The replication slot is taken away: what was committed before the next one is there cannot be captured any more, and that
has to be declared."""

import contextlib
import os
import re
import signal
import threading

import psycopg2

from tests.crash.faults import Fault
from tests.crash.scene import tolerant
from tests.support.waiting import wait_until


class SlotDropped(Fault):
    name = "slot-dropped"
    description = "the capture worker is terminated and its replication slot dropped"
    apart = True

    def strike(self, scene):
        slot = scene.server.slot_name()
        wait_until(scene.worker_pid, "there is a capture worker", 60)
        wait_until(lambda: self._drop(scene, slot), "the slot is dropped between two workers", 60)
        scene.expect_gap()

    def _drop(self, scene, slot):
        """The launcher starts the next worker at once: whoever is faster has the slot."""
        try:
            scene.server.sql("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots "
                             "WHERE slot_name = %s AND active_pid IS NOT NULL", slot)
            scene.server.sql("SELECT pg_drop_replication_slot(%s)", slot)
            return True
        except psycopg2.errors.ObjectInUse:
            return False
        except psycopg2.errors.UndefinedObject:
            return True


class SlotInvalidated(Fault):
    """The worker stands still while more WAL is written than a slot may hold back. The checkpoint that is to take the slot
    away ends the worker first, and the next worker may be quicker than the checkpoint and bring the slot forward: then
    nothing is lost, and it is tried again."""
    name = "slot-invalidated"
    description = "the slot holds back more WAL than max_slot_wal_keep_size, and a checkpoint takes it away"
    apart = True
    TRIES = 20

    def strike(self, scene):
        server, slot = scene.server, scene.server.slot_name()
        server.set("max_slot_wal_keep_size", "32MB")
        tries = iter(range(self.TRIES))
        while not self._take_away(scene, server, slot):
            assert next(tries, None) is not None, f"the slot was spared {self.TRIES} times"
        server.set("max_slot_wal_keep_size", "-1")
        scene.expect_gap()

    def _take_away(self, scene, server, slot):
        """Whether it is gone."""
        before = self._invalidations(server)
        worker = wait_until(scene.worker_pid, "there is a capture worker", 60)
        os.kill(worker, signal.SIGSTOP)
        try:
            wait_until(lambda: self._outgrown(server, slot), "there is more WAL than the slot may hold back", 60)
            checkpoint = threading.Thread(target=tolerant, args=(lambda: server.sql("CHECKPOINT"),), daemon=True)
            checkpoint.start()
            server.wait_for_output(f"terminating process {worker} to release replication slot", 60)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGCONT)
        checkpoint.join(60)
        assert not checkpoint.is_alive(), "the checkpoint does not end"
        return self._invalidations(server) > before

    @staticmethod
    def _invalidations(server):
        return len(re.findall("LOG:  invalidating (?:obsolete replication )?slot ", server.output()))

    @staticmethod
    def _outgrown(server, slot):
        server.sql("SELECT txid_current(), pg_switch_wal()")
        return server.value("SELECT pg_current_wal_lsn() - restart_lsn > 100 * 1024 * 1024 FROM pg_replication_slots "
                            "WHERE slot_name = %s", slot)

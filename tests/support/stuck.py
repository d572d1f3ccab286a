"""A limit on every wait for a server: what takes too long is reported (who waits for whom, and where), then broken off."""

import contextlib
import subprocess
import threading
import time

import psycopg2

from .process import children_of
from .server import fetch

LOOKS = {
    "processes": "SELECT pid, backend_type, datname, state, wait_event_type, wait_event, pg_blocking_pids(pid) AS blocked_by, "
                 "clock_timestamp() - query_start AS since, left(query, 200) FROM pg_stat_activity "
                 "WHERE pid <> pg_backend_pid() ORDER BY pid",
    "locks that are waited for": "SELECT pid, locktype, mode, relation::regclass, transactionid, classid, objid, objsubid "
                                 "FROM pg_locks WHERE NOT granted",
    "who has those": "SELECT h.pid, h.locktype, h.mode, h.transactionid, h.classid, h.objid FROM pg_locks h JOIN pg_locks w "
                     "ON NOT w.granted AND h.granted AND (h.locktype, h.database, h.relation, h.transactionid, h.classid, "
                     "h.objid, h.objsubid) IS NOT DISTINCT FROM (w.locktype, w.database, w.relation, w.transactionid, "
                     "w.classid, w.objid, w.objsubid)",
    "prepared transactions": "SELECT gid, database, transaction, prepared FROM pg_prepared_xacts",
    "slots": "SELECT slot_name, database, active_pid, restart_lsn, confirmed_flush_lsn FROM pg_replication_slots",
}
BREAK_OFF = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"


def stacks(server):
    """Where the processes of the server are, if gdb can tell."""
    lines = []
    for pid in children_of(server.pid):
        try:
            done = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "bt 25"], capture_output=True, text=True, timeout=30)
        except (OSError, subprocess.TimeoutExpired) as error:
            return [*lines, f"no stacks: {error}"]
        lines += [f"stack of {pid}:"] + [line[:160] for line in done.stdout.splitlines() if line.startswith("#")]
    return lines


def report(server):
    lines = []
    try:
        connection = server.connect(options="-c statement_timeout=10s")
        for name, query in LOOKS.items():
            lines.append(f"{name}:")
            lines += ["  " + " | ".join(map(str, row)) for row in fetch(connection, query)]
        connection.close()
    except psycopg2.Error as error:
        lines.append(f"the server cannot be asked: {error}")
    return "\n".join(lines + stacks(server))


class Watch:
    """Watches what is begun with limit(). `reports`: what was found."""

    def __init__(self, server):
        self.server, self.reports = server, []
        self._open, self._lock, self._end = {}, threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def limit(self, what, seconds=100):
        key = object()
        with self._lock:
            self._open[key] = (what, time.monotonic() + seconds)
        try:
            yield
        finally:
            with self._lock:
                del self._open[key]

    def taken(self):
        reports, self.reports = self.reports, []
        return "\n".join(reports)

    def close(self):
        self._end.set()
        self._thread.join()

    def _over(self):
        with self._lock:
            return [what for what, until in self._open.values() if time.monotonic() > until]

    def _run(self):
        while not self._end.wait(1):
            over = self._over()
            if over:
                self.reports.append(f"not in time: {'; '.join(map(str, over))[:600]}\n{report(self.server)}")
                self._break_off()

    def _break_off(self):
        """Clients first; if that does not help, the server as a whole."""
        try:
            connection = self.server.connect(options="-c statement_timeout=10s")
            fetch(connection, BREAK_OFF)
            connection.close()
        except psycopg2.Error:
            pass
        if not self._end.wait(10) and self._over():
            self.server.kill9_postmaster()
        while self._over() and not self._end.wait(0.2):
            pass

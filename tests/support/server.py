"""A private Postgres with the installed extension: own folder, port and socket."""

import os
import re
import signal
import subprocess

import psycopg2
import psycopg2.extras

from .paths import free_port, postgres_bin, private_folder, remove_folder, unprivileged
from .process import Process, children_of, is_alive
from .waiting import wait_until

SETTINGS = {
    "wal_level": "logical",
    "shared_preload_libraries": "sequin",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "max_worker_processes": "20",
    "max_prepared_transactions": "10",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "log_line_prefix": "%m [%p] %b ",
    "log_min_messages": "info",
    "restart_after_crash": "on",
    "timezone": "UTC",
}


# Of the tests' own sessions: whatever a test does to the defaults, it can look at it.
PATIENT = " ".join(f"-c {name}=0" for name in ("statement_timeout", "lock_timeout", "idle_session_timeout",
                                              "idle_in_transaction_session_timeout"))


class Server(Process):
    """Durable as a production server unless fsync is given as "off": kills of processes do not need it. `data` and `wal`:
    where else its data folder and pg_wal are to be made."""

    def __init__(self, folder=None, settings=None, name="pg", data=None, wal=None, env=None):
        self.folder = folder or private_folder(name)
        self.data = data or self.folder / "data"
        self.wal = wal
        self.port = free_port()
        self.settings = {**SETTINGS, "port": self.port, "unix_socket_directories": self.folder, **(settings or {})}
        command = unprivileged([postgres_bin("postgres"), "-D", self.data])
        super().__init__(command, self.folder / "server.log", {"LC_ALL": "C.UTF-8", **(env or {})})
        self._init_data_folder()

    def _init_data_folder(self):
        command = [postgres_bin("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                   "--locale=C.UTF-8", "--no-sync", "--no-instructions", *(["--waldir", self.wal] if self.wal else [])]
        done = subprocess.run(unprivileged([str(word) for word in command]), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"initdb: {done.stderr}")
        self._write_settings()

    def _write_settings(self):
        with open(self.data / "postgresql.auto.conf", "a") as config:
            config.writelines(f"{name} = '{value}'\n" for name, value in self.settings.items())

    # -- life ---------------------------------------------------------------------------------

    def start(self, seconds=60):
        super().start()
        wait_until(lambda: self.accepts() or not self.running(), "the server accepts connections", seconds)
        if not self.running():
            raise RuntimeError(f"the server did not start:\n{self.output()[-3000:]}")
        return self

    def accepts(self):
        try:
            self.connect().close()
            return True
        except psycopg2.OperationalError:
            return False

    def terminate(self, seconds=60):
        """Fast shutdown: the postmaster's SIGINT."""
        self.send(signal.SIGINT)
        return self.wait(seconds)

    def restart(self):
        self.stop()
        return self.start()

    def kill9_postmaster(self):
        """What a power cut does to processes: the postmaster and all its children at once, without a word."""
        self.send(signal.SIGSTOP)  # so that it starts no further child meanwhile
        children = children_of(self.pid)
        for pid in [self.pid, *children]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.wait()
        wait_until(lambda: not any(is_alive(pid) for pid in children), "all server processes are gone")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def destroy(self):
        if self.running():
            self.kill9_postmaster()
        self.forget()

    def remove(self):
        self.stop()
        remove_folder(self.folder)

    # -- SQL ----------------------------------------------------------------------------------

    def conninfo(self, database="postgres", user="postgres"):
        return f"host={self.folder} port={self.port} dbname={database} user={user}"

    def environment(self, database="postgres"):
        """For psql, pgbench, pg_regress and the like."""
        return {"PGHOST": str(self.folder), "PGPORT": str(self.port), "PGUSER": "postgres", "PGDATABASE": database}

    def connect(self, database="postgres", user="postgres", autocommit=True, **options):
        options.setdefault("options", PATIENT)
        connection = psycopg2.connect(self.conninfo(database, user), connect_timeout=10, **options)
        connection.autocommit = autocommit
        return connection

    def sql(self, query, *parameters, database="postgres", user="postgres"):
        """Runs one query in a connection of its own. Returns its rows, or None if it has none."""
        connection = self.connect(database, user)
        try:
            return fetch(connection, query, *parameters)
        finally:
            connection.close()

    def value(self, query, *parameters, **where):
        """The first column of the first row; None without a row."""
        rows = self.sql(query, *parameters, **where)
        return rows[0][0] if rows else None

    def set(self, name, value):
        """ALTER SYSTEM and a reload; both before the first look at the setting."""
        connection = self.connect()
        try:
            fetch(connection, f"ALTER SYSTEM SET {name} = '{value}'")
            fetch(connection, "SELECT pg_reload_conf()")
            wait_until(lambda: self.value(f"SHOW {name}") == value, f"{name} is {value!r}")
        finally:
            connection.close()

    def run(self, program, *arguments, database="postgres", check=True):
        """Runs one of the server's client programs (pgbench, psql) to its end and returns its output."""
        done = subprocess.run([postgres_bin(program), *map(str, arguments)], text=True, capture_output=True,
                              env={**os.environ, **self.environment(database)}, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise RuntimeError(f"{program} {arguments}: {done.stderr[-2000:]}")
        return done.stdout + done.stderr

    # -- capture ------------------------------------------------------------------------------

    def worker_pid(self, database="postgres"):
        """The capture worker of a database, or None while there is none."""
        return self.value("SELECT pid FROM pg_stat_activity WHERE backend_type = 'sequin capture' AND datname = %s",
                          database, database=database)

    def wal_lsn(self):
        return self.value("SELECT pg_current_wal_flush_lsn()")

    def slot_name(self, database="postgres"):
        oid = self.value("SELECT oid FROM pg_database WHERE datname = %s", database)
        return f"sequin_{oid}"

    def slot_lag_bytes(self, database="postgres"):
        """How far the slot's confirmed position is behind, None without a slot."""
        return self.value("SELECT (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint FROM pg_replication_slots "
                          "WHERE slot_name = %s", self.slot_name(database))

    def wait_for_capture(self, database="postgres", seconds=120):
        """Until everything committed so far has been captured: the slot's position passes the present one."""
        now, slot = self.wal_lsn(), self.slot_name(database)
        wait_until(lambda: self.value("SELECT confirmed_flush_lsn >= %s::pg_lsn FROM pg_replication_slots "
                                      "WHERE slot_name = %s", now, slot), f"{slot} passes {now}", seconds)


def is_disconnect(error):
    """The server went away or is not there yet. libpq's own words have no SQLSTATE, and psycopg2 has several classes for
    them; the server's are those of class 08 and 57P0x."""
    return error.pgcode is None or error.pgcode.startswith(("08", "57P0"))


def fetch(connection, query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else None


def lsn_to_int(text):
    high, low = re.fullmatch(r"([0-9A-F]+)/([0-9A-F]+)", text).groups()
    return int(high, 16) << 32 | int(low, 16)

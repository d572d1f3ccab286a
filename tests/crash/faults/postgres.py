"""What administrators, other applications and the server itself do to a Postgres with a queue in it."""

import contextlib
import os
import signal
import threading

import psycopg2

from tests.crash.faults import Fault
from tests.support.server import fetch, is_disconnect
from tests.support.waiting import wait_until

QUEUE_TABLES = ("claim", "settle", "held", "dead_letter", "progress", "routing", "segment", "segment_start", "latest",
                "consumer", "log_kept")


class BackendsTerminated(Fault):
    name = "backends-terminated"
    description = "pg_terminate_backend() of all sessions, of the capture worker, the launcher and the feeder"

    def strike(self, scene):
        scene.server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                         "WHERE pid <> pg_backend_pid() AND (backend_type = 'client backend' "
                         "OR backend_type LIKE 'sequin %%')")


class BackendZombie(Fault):
    """It may hold locks of the queue: the others wait, and go on when it does."""
    name = "backend-zombie"
    description = "SIGSTOP of a session that settles or receives, for some seconds, then SIGCONT"
    seconds = (2, 8)

    def strike(self, scene):
        self.pid = wait_until(scene.queue_session, "a session settles or receives", 60)
        os.kill(self.pid, signal.SIGSTOP)

    def heal(self, scene):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)


class Timeouts(Fault):
    """Settings that are in force for every session that does not set them itself."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")
    setting = "'1ms'"
    seconds = (2, 6)

    def change(self, scene, value):
        raise NotImplementedError

    def strike(self, scene):
        self.change(scene, f"SET {{}} = {self.setting}")
        # Only new sessions meet the settings of a role or database.
        scene.server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                         "AND (application_name LIKE 'sequin%%' OR backend_type LIKE 'sequin %%')")

    def heal(self, scene):
        self.change(scene, "RESET {}")


class RoleTimeouts(Timeouts):
    name = "timeouts-of-the-role"
    description = "ALTER ROLE … SET statement_timeout, lock_timeout and idle timeouts of 1 ms"

    def change(self, scene, action):
        for name in self.names:
            scene.server.sql(f"ALTER ROLE postgres {action.format(name)}")


class DatabaseTimeouts(Timeouts):
    name = "timeouts-of-the-database"
    description = "ALTER DATABASE … SET statement_timeout, lock_timeout and idle timeouts of 1 ms"

    def change(self, scene, action):
        for name in self.names:
            scene.server.sql(f"ALTER DATABASE postgres {action.format(name)}")


class SystemTimeouts(Timeouts):
    name = "timeouts-of-the-system"
    description = "ALTER SYSTEM SET statement_timeout, lock_timeout and idle timeouts to 1 ms, and a reload"

    def change(self, scene, action):
        for name in self.names:
            scene.server.sql(f"ALTER SYSTEM {action.format(name)}")
        scene.server.sql("SELECT pg_reload_conf()")


# Each is harmless to those who ask for nothing special, and changes how values are read or written, or what a plan is.
ODD_SETTINGS = {
    "array_nulls": "off", "bytea_output": "escape", "DateStyle": "SQL, DMY", "IntervalStyle": "postgres_verbose",
    "TimeZone": "Pacific/Chatham", "extra_float_digits": "-15", "standard_conforming_strings": "off",
    "backslash_quote": "off", "transform_null_equals": "on", "quote_all_identifiers": "on", "xmloption": "document",
    "enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off", "enable_sort": "off",
    "plan_cache_mode": "force_generic_plan", "force_parallel_mode": "regress", "jit_above_cost": "0",
    "work_mem": "64kB", "temp_buffers": "100", "synchronous_commit": "remote_apply", "search_path": "public, nowhere",
    "client_min_messages": "debug1", "lc_numeric": "C", "row_security": "off", "check_function_bodies": "off",
    "commit_delay": "1000", "gin_fuzzy_search_limit": "1",
    "from_collapse_limit": "1", "default_table_access_method": "heap", "parallel_leader_participation": "off",
}


class OddSettings(Fault):
    name = "odd-settings"
    description = "ALTER DATABASE and ROLE … SET of whatever changes the meaning of values or the shape of plans"
    seconds = (4, 8)

    def strike(self, scene):
        server = scene.server
        known = {name.lower() for name, in server.sql("SELECT name FROM pg_settings")}
        self.names = [name for name in ODD_SETTINGS if name.lower() in known]
        for name in self.names:
            target = scene.rest.choice(("ROLE", "DATABASE"))
            server.sql(f"ALTER {target} postgres SET {name} = {ODD_SETTINGS[name] if ',' in ODD_SETTINGS[name] else repr(ODD_SETTINGS[name])}")
        self.start_anew(scene)

    def heal(self, scene):
        for name in self.names:
            scene.server.sql(f"ALTER ROLE postgres RESET {name}")
            scene.server.sql(f"ALTER DATABASE postgres RESET {name}")
        self.start_anew(scene)

    @staticmethod
    def start_anew(scene):
        """Only new sessions meet the settings of a role or database."""
        scene.server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                         "AND (backend_type = 'client backend' OR backend_type LIKE 'sequin %%')")


class NoSuchStandby(Fault):
    """All that waits for its commit to be safe elsewhere waits for ever."""
    name = "synchronous-standby-missing"
    description = "synchronous_standby_names names a standby that is not there"
    seconds = (2, 6)

    def strike(self, scene):
        scene.server.set("synchronous_standby_names", "nobody")

    def heal(self, scene):
        scene.server.set("synchronous_standby_names", "")


class WorkerProcessesExhausted(Fault):
    """Parallel queries of others fight for all background workers; a capture worker that ends hardly comes back."""
    name = "worker-processes-exhausted"
    description = "no background worker is left when the capture worker has to be started again"
    seconds = (10, 25)

    def strike(self, scene):
        server = scene.server
        server.set("max_parallel_workers", server.value("SHOW max_worker_processes"))
        server.sql("CREATE TABLE IF NOT EXISTS public.slow AS SELECT i FROM generate_series(1, 1000) i")
        server.sql("ALTER TABLE public.slow SET (parallel_workers = 100)")
        self.connections = [server.connect() for _ in range(6)]
        for connection in self.connections:
            threading.Thread(target=self._take, args=(connection,), daemon=True).start()
        wait_until(lambda: server.value("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'") > 3,
                   "parallel workers run", 60)
        for pid, in server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'sequin %%'"):
            os.kill(pid, signal.SIGTERM)

    def heal(self, scene):
        for connection in self.connections:
            scene.server.sql("SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
            connection.close()

    @staticmethod
    def _take(connection):
        for setting in ("max_parallel_workers_per_gather = 100", "parallel_setup_cost = 0", "parallel_tuple_cost = 0",
                        "min_parallel_table_scan_size = 0"):
            fetch(connection, f"SET {setting}")
        with contextlib.suppress(psycopg2.Error):
            while True:
                fetch(connection, "SELECT count(pg_sleep(0.01)) FROM public.slow")


class InThread(Fault):
    """Something that goes on between strike and heal, in a session of its own that comes back when it is thrown out."""
    seconds = (3, 8)

    def turn(self, scene, connection):
        raise NotImplementedError

    def strike(self, scene):
        self.ending = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._run, args=(scene,), daemon=True)
        self.thread.start()

    def heal(self, scene):
        self.ending.set()
        self.thread.join(120)
        assert not self.thread.is_alive(), f"{self.name} does not end"
        if self.failure:
            raise self.failure

    def _run(self, scene):
        while not self.ending.is_set():
            try:
                with contextlib.closing(scene.server.connect()) as connection:
                    while not self.ending.is_set():
                        self.turn(scene, connection)
            except psycopg2.Error as error:
                if not is_disconnect(error) and not isinstance(error, psycopg2.errors.DeadlockDetected):
                    self.failure = error
                    return
                self.ending.wait(0.1)


class DdlStorm(InThread):
    """The rows keep their columns: what is judged does not change."""
    name = "ddl-storm"
    description = "tables that are captured get and lose columns, defaults, indexes and publications all the time"

    def turn(self, scene, connection):
        table = scene.rest.choice(scene.tables)
        for statement in (f"ALTER TABLE {table} ADD COLUMN storm int DEFAULT 7",
                          f"ALTER TABLE {table} ALTER COLUMN storm TYPE bigint",
                          f"CREATE INDEX storm ON {table} (storm)",
                          f"ALTER TABLE {table} DROP COLUMN storm",
                          "CREATE TABLE public.storm (id int PRIMARY KEY, t text)",
                          "INSERT INTO public.storm VALUES (1, 'in the storm')",
                          "DROP TABLE public.storm"):
            with contextlib.suppress(psycopg2.errors.DuplicateColumn, psycopg2.errors.UndefinedColumn,
                                     psycopg2.errors.DuplicateTable, psycopg2.errors.UndefinedTable):
                fetch(connection, statement)


class QueueMaintenance(InThread):
    name = "vacuum-full-of-the-queue"
    description = "VACUUM FULL, CLUSTER and REINDEX of the queue's own tables, one after the other"

    def turn(self, scene, connection):
        table = f"sequin.{scene.rest.choice(QUEUE_TABLES)}"
        with contextlib.suppress(psycopg2.errors.UndefinedTable):
            fetch(connection, f"VACUUM FULL {table}")
            fetch(connection, f"REINDEX TABLE {table}")
            fetch(connection, f"ANALYZE {table}")
        if scene.rest.random() < 0.2:
            fetch(connection, "REINDEX SCHEMA sequin")


class HeldSnapshot(Fault):
    name = "held-snapshot"
    description = "a transaction that has written holds its snapshot for some seconds"
    seconds = (5, 15)

    def strike(self, scene):
        self.connection = scene.server.connect(autocommit=False)
        with self.connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM pg_class")
            cursor.execute("SELECT txid_current()")

    def heal(self, scene):
        with contextlib.suppress(psycopg2.Error):
            self.connection.rollback()
        self.connection.close()


class ConnectionsExhausted(Fault):
    name = "connections-exhausted"
    description = "all of max_connections are taken by others, after all sessions were thrown out"
    seconds = (3, 8)

    def strike(self, scene):
        self.connections = []
        scene.server.sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                         "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
        for _ in range(1000):
            try:
                self.connections.append(scene.server.connect())
            except psycopg2.OperationalError:
                return
        raise AssertionError("the server takes any number of connections")

    def heal(self, scene):
        for connection in self.connections:
            connection.close()


class OtherDatabase(Fault):
    """Its worker comes and goes; so do records of it in shared memory."""
    name = "extension-dropped-elsewhere"
    description = "another database gets the extension and a consumer, and loses both, and then the database itself"

    def strike(self, scene):
        server = scene.server
        server.sql("DROP DATABASE IF EXISTS elsewhere")
        server.sql("CREATE DATABASE elsewhere")
        server.sql("CREATE EXTENSION sequin", database="elsewhere")
        server.sql("CREATE TABLE public.t (id int PRIMARY KEY)", database="elsewhere")
        server.sql("SELECT sequin.create_consumer('c', tables => '{public.t}')", database="elsewhere")
        server.sql("INSERT INTO public.t SELECT generate_series(1, 1000)", database="elsewhere")
        server.sql("DROP EXTENSION sequin CASCADE", database="elsewhere")
        server.sql("DROP DATABASE elsewhere")


class ConsumerRecreated(Fault):
    name = "consumer-recreated"
    description = "a consumer is dropped while it delivers, and made again under the same name, several times"

    def strike(self, scene):
        server = scene.server
        for _ in range(3):
            server.sql("SELECT sequin.create_consumer('passing', tables => %s)", list(scene.tables))
            wait_until(lambda: server.value("SELECT count(*) FROM sequin.receive('passing', batch_size => 10)"),
                       "a new consumer gets something", 60)
            server.sql("SELECT sequin.drop_consumer('passing')")


class CommitsHang(Fault):
    """Commits are on disk, and in the WAL for capture to read, but not visible to anybody."""
    name = "commits-hang"
    description = "a synchronous standby that is not there: commits are durable, and neither answered nor visible"
    seconds = (1, 4)

    def strike(self, scene):
        scene.set("synchronous_standby_names", "nobody")

    def heal(self, scene):
        scene.set("synchronous_standby_names", "")


class CatalogVacuum(InThread):
    name = "vacuum-full-of-the-catalog"
    description = "VACUUM FULL of system catalogs that decoding reads"

    def turn(self, scene, connection):
        for table in ("pg_class", "pg_attribute", "pg_type", "pg_index"):
            with contextlib.suppress(psycopg2.errors.DeadlockDetected):
                fetch(connection, f"VACUUM FULL pg_catalog.{table}")
        self.ending.wait(0.5)


class HugeTransaction(InThread):
    name = "huge-transaction"
    description = "transactions of many rows and subtransactions in a table that nobody captures, half of them aborted"

    def turn(self, scene, connection):
        fetch(connection, "CREATE TABLE IF NOT EXISTS public.ballast (id int, t text)")
        fetch(connection, "DO $$ BEGIN FOR i IN 1..2000 LOOP BEGIN INSERT INTO public.ballast VALUES (i, repeat('x', 500)); "
                          "EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; "
                          "IF random() < 0.5 THEN TRUNCATE public.ballast; END IF; END $$")
        with contextlib.suppress(psycopg2.errors.DivisionByZero):
            fetch(connection, "WITH i AS (INSERT INTO public.ballast SELECT i, repeat('y', 1000) "
                              "FROM generate_series(1, 10000) i RETURNING 1) SELECT count(*) / 0 FROM i")
        self.ending.wait(0.5)  # what it writes has to find room in a small disk

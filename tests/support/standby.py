"""A streaming standby of a test server, on the same machine: pg_basebackup, replication, promotion."""

import subprocess

from .paths import postgres_bin, unprivileged
from .server import Server
from .waiting import wait_until

NAME = "standby"


class Standby(Server):
    """A copy of `primary`, which runs. It streams until it is promoted; a promoted one is a server like any other."""

    def __init__(self, primary, name=NAME):
        self.primary = primary
        self.application = name
        super().__init__(settings={**primary.settings, "cluster_name": name}, name=name)

    def _init_data_folder(self):
        source = f"host={self.primary.folder} port={self.primary.port} user=postgres application_name={self.application}"
        command = [postgres_bin("pg_basebackup"), "-D", self.data, "-d", source, "-R", "-X", "stream",
                   "-c", "fast", "--no-sync"]
        done = subprocess.run(unprivileged([str(word) for word in command]), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"pg_basebackup: {done.stderr}")
        # Behind those of the primary, which were copied: the last line of a setting counts.
        self.settings = {**self.settings, "port": self.port, "unix_socket_directories": self.folder,
                         "hot_standby": "on", "synchronous_standby_names": ""}
        self._write_settings()

    def start(self, seconds=60):
        super().start(seconds)
        wait_until(lambda: self.state() == "streaming" or not self.in_recovery(), "the standby streams", seconds)
        return self

    def in_recovery(self):
        return self.value("SELECT pg_is_in_recovery()")

    def state(self):
        """As the primary sees it; None when it is not connected."""
        return self.primary.value("SELECT state FROM pg_stat_replication WHERE application_name = %s", self.application)

    def make_synchronous(self, synchronous=True):
        """Whether a commit on the primary is answered only after the standby has it on disk."""
        self.primary.set("synchronous_standby_names", self.application if synchronous else "")
        if synchronous:
            wait_until(lambda: self.primary.value("SELECT sync_state FROM pg_stat_replication "
                                                  "WHERE application_name = %s", self.application) == "sync",
                       "the standby is synchronous")

    def wait_for_replay(self, seconds=60):
        """Until everything that the primary has on disk now is visible here."""
        now = self.primary.wal_lsn()
        wait_until(lambda: self.value("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", now),
                   f"the standby replays up to {now}", seconds)

    def stop_receiving(self):
        """From here on the primary's commits do not reach it: they are the tail that a promotion loses."""
        self.set("primary_conninfo", "")
        wait_until(lambda: self.value("SELECT count(*) FROM pg_stat_wal_receiver") == 0, "the WAL receiver is gone")

    def promote(self, seconds=60):
        """The primary must be gone by then: nothing here keeps it from going on."""
        self.sql("SELECT pg_promote(true, %s)", seconds)
        wait_until(lambda: not self.in_recovery(), "the standby is promoted", seconds)

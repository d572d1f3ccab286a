"""Where things are, and how to run a program as somebody whom Postgres accepts."""

import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEQUIN = ROOT / "build" / "sequin"
PULL_WORKER = ROOT / "tests" / "support" / "pull_worker.py"
SQL_WORKER = ROOT / "tests" / "support" / "sql_worker.py"


def postgres_bin(name):
    """A server program of the Postgres that `make install` writes to (not a wrapper in PATH)."""
    if not hasattr(postgres_bin, "folder"):
        config = os.environ.get("PG_CONFIG", "pg_config")
        postgres_bin.folder = subprocess.check_output([config, "--bindir"], text=True).strip()
    return f"{postgres_bin.folder}/{name}"


_private_folders = set()
_no_more_folders = False


def unprivileged(command):
    """Postgres refuses to run as root: there, its programs run as the packaged user."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def private_folder(name):
    """A new folder that belongs to whoever `unprivileged` commands run as. Short: it holds sockets."""
    if _no_more_folders:
        raise RuntimeError(f"no folder is made any more: {name}")
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"sequin-{name}-"))
    _private_folders.add(folder)
    folder.chmod(0o755)
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
    _private_folders.discard(folder)


def remove_private_folders():
    """All that are left, and no other is made: for a program that was broken off."""
    global _no_more_folders
    _no_more_folders = True
    for folder in list(_private_folders):
        remove_folder(folder)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]

"""A file system of a few megabytes, which a test fills to the last byte and frees again.

A tmpfs: it needs the right to mount, but neither loop devices nor a file system's tools. Where that is missing (containers
without CAP_SYS_ADMIN, users other than root) `SmallDisk.missing()` says so.
"""

import atexit
import contextlib
import errno
import os
import subprocess
import tempfile

from .paths import private_folder

BLOCK = 65536
_mounted = []


def _run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, stdin=subprocess.DEVNULL)


class SmallDisk:
    def __init__(self, megabytes, name="disk"):
        self.folder = private_folder(name)
        self.ballast = self.folder / "ballast"
        owner = self.folder.stat()
        options = f"size={megabytes}m,mode=755,uid={owner.st_uid},gid={owner.st_gid}"
        done = _run("mount", "-t", "tmpfs", "-o", options, "sequin-test", self.folder)
        if done.returncode != 0:
            self.folder.rmdir()
            raise RuntimeError(f"no small disk: {done.stderr.strip()}")
        _mounted.append(self)

    @staticmethod
    def missing():
        """What is missing here for a small disk; None: nothing."""
        with tempfile.TemporaryDirectory() as folder:
            done = _run("mount", "-t", "tmpfs", "-o", "size=64k", "sequin-test", folder)
            if done.returncode != 0:
                return f"a small disk needs the right to mount a tmpfs: {done.stderr.strip()}"
            _run("umount", "-l", folder)
        return None

    def path(self, name):
        return self.folder / name

    def free_bytes(self):
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def fill(self):
        """Takes all that is left. What others free meanwhile is free for them: call it again."""
        with open(self.ballast, "ab", buffering=0) as ballast:
            while True:
                try:
                    ballast.write(bytes(BLOCK))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def free(self):
        self.ballast.unlink(missing_ok=True)

    def remove(self):
        """Whatever is on it is gone."""
        if self not in _mounted:
            return
        _mounted.remove(self)
        _run("umount", "-l", self.folder)
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def remove_all():
    for disk in list(_mounted):
        disk.remove()


atexit.register(remove_all)

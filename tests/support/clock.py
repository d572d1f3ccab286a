"""A clock for a server that a test can put forward and back (clock_shift.c)."""

import mmap
import pathlib
import struct
import subprocess
import time

from .paths import private_folder, remove_folder

SOURCE = pathlib.Path(__file__).with_name("clock_shift.c")


class Clock:
    def __init__(self):
        self.folder = private_folder("clock")
        library, shift = self.folder / "clock_shift.so", self.folder / "shift"
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        shift.write_bytes(bytes(mmap.PAGESIZE))
        with open(shift, "r+b") as file:
            self._shift = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        for path in (self.folder, library, shift):
            path.chmod(0o755)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_SHIFT_FILE": str(shift)}

    @property
    def shift(self):
        """How far it is ahead of the machine's, in seconds."""
        return struct.unpack_from("q", self._shift)[0] / 1e6

    def move(self, seconds):
        struct.pack_into("q", self._shift, 0, round((self.shift + seconds) * 1e6))

    def now(self):
        return time.time() + self.shift

    def remove(self):
        self._shift.close()
        remove_folder(self.folder)

"""What the campaign tells its clients while they run: a few numbers in a file that all of them have mapped."""

import mmap
import os
import threading
import time
import traceback

_SLOTS = ["ending", "calm", "rest"]


class Control:
    """ending: stop what you are doing. calm: only well-behaved work from now on. rest: writers pause."""

    def __init__(self, path):
        if not path.exists():
            path.write_bytes(bytes(8 * len(_SLOTS)))
        with open(path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.path = path
        self.numbers = memoryview(self.map).cast("q")

    def sleep(self, seconds):
        """Sleeps, but not past the end of the campaign."""
        until = time.monotonic() + seconds
        while not self.ending and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))


def end_at_once(*_):
    """For the handler of an exception that nobody expects."""
    traceback.print_exc()
    os._exit(70)


def end_with_any_thread():
    """A client that is gone must not be missed by its absence alone: its program ends with it, and the campaign sees that."""
    def hook(failed):
        traceback.print_exception(failed.exc_type, failed.exc_value, failed.exc_traceback)
        os._exit(70)
    threading.excepthook = hook


def _slot(place):
    def get(self):
        return self.numbers[place]

    def put(self, value):
        self.numbers[place] = int(value)
    return property(get, put)


for _place, _name in enumerate(_SLOTS):
    setattr(Control, _name, _slot(_place))

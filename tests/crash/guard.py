"""A program that ends: a thread does the work, and the main thread watches the clock and the signals.

The work may stand in a call that no signal and no exception interrupts. Then it is left where it is, and all that it has
started is taken away from under it.
"""

import signal
import sys
import threading
import time
import traceback

from tests.support import paths, process, small_disk

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE_SECONDS = 60  # until what was left behind is taken away


def run(work, seconds):
    """Why the work did not come to its end: None, or some lines of text, the first of which says it all."""
    signals, failure = [], []
    before = {number: signal.signal(number, lambda number, _frame: signals.append(number)) for number in SIGNALS}
    try:
        return _run(work, seconds, signals, failure)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(work, seconds, signals, failure):

    def body():
        try:
            work()
        except BaseException as error:
            failure.append(f"{describe(error)}\n{traceback.format_exc()}")
    thread = threading.Thread(target=body, daemon=True, name="work")
    thread.start()
    end = time.monotonic() + seconds
    while thread.is_alive() and not signals and time.monotonic() < end:
        thread.join(0.1)
    if not thread.is_alive():
        return failure[0] if failure else None
    frame = sys._current_frames().get(thread.ident)
    place = "".join(traceback.format_stack(frame)) if frame else ""
    why = f"ended by {signal.Signals(signals[0]).name}" if signals else f"not over within {seconds:.0f} s"
    return f"{why}\n{place}"


def describe(error):
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def clean_up():
    """Ends what still runs, unmounts and removes. What is left, for it took too long; None: nothing."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    def body():
        process.halt()
        small_disk.remove_all()
        paths.remove_private_folders()
    thread = threading.Thread(target=body, daemon=True, name="cleaning")
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return "processes or folders may be left behind" if thread.is_alive() else None

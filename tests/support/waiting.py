"""Waiting for facts. Nothing in the tests sleeps for a time in the hope that something has happened by then."""

import time


class NotInTime(AssertionError):
    pass


def wait_until(fact, what=None, seconds=90, pause=0.02):
    """Polls `fact` until it is true and returns its value; an unexpected exception of it is not swallowed."""
    deadline = time.monotonic() + seconds
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise NotInTime(f"not within {seconds} s: {what or fact.__name__} (last value: {value!r})")
        time.sleep(pause)


def wait_while_progress(count, target, what, idle_seconds=30, pause=0.05):
    """Waits until count() reaches target. Fails only if it stands still for idle_seconds: slow is not broken."""
    best, since = -1, time.monotonic()
    while True:
        now = count()
        if now >= target:
            return now
        if now > best:
            best, since = now, time.monotonic()
        if time.monotonic() - since > idle_seconds:
            raise NotInTime(f"{what}: stands at {now} of {target} for {idle_seconds} s")
        time.sleep(pause)

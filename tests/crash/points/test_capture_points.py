"""Who is to blame for a crash of the capture worker: the change in hand, or what the worker did between two changes."""

from tests.support.waiting import wait_until

SECONDS = 180      # of patience
DEATHS_MAX = 3     # at one change; then it is passed over (extension/capture/attempt.h)
ROWS, ROW_BYTES = 80, 1_000_000  # more than a batch keeps in memory
RECEIVED = "SELECT array_agg((message->'record'->>'id')::int ORDER BY seq) FROM sequin.receive('c', 100)"


def received(server, number):
    got = []
    while len(got) < number:
        got += server.until(RECEIVED, seconds=SECONDS)
    return sorted(got)


def test_a_crash_while_spilling_is_not_blamed_on_the_change_in_hand(crashing):
    server = crashing("sequin.crash_point", "capture.spill:1")
    server.commit("INSERT INTO t SELECT i, repeat('x', %s) FROM generate_series(1, %s) i", ROW_BYTES, ROWS)
    # Each time at the same change: the one that comes when memory is full.
    wait_until(lambda: server.crashes() > DEATHS_MAX + 1, "crashes enough to blame somebody", SECONDS)
    server.crash_no_more("sequin.crash_point")
    assert received(server, ROWS) == list(range(1, ROWS + 1))
    assert server.value("SELECT count(*) FROM sequin.dead_letters('c')") == 0


def test_a_crash_in_a_change_is_blamed_on_it_after_the_third_time(crashing):
    server = crashing("sequin.crash_text", "poison")
    server.commit("INSERT INTO t VALUES (1, 'before'), (2, 'poison'), (3, 'behind')")
    assert received(server, 2) == [1, 3]
    assert server.sql("SELECT reason FROM sequin.dead_letters('c')") == [("capture_error",)]
    assert server.crashes() == DEATHS_MAX

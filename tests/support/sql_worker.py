#!/usr/bin/python3
"""A process of SQL clients: receives, acks and records until it is told to stop (SIGTERM).

Usage: sql_worker.py --database CONNINFO --consumer NAME --record FOLDER [--threads N] [--batch N] [--wait-ms N] [--name NAME]
It survives a server that goes away: it connects again.
"""

import argparse
import pathlib
import signal
import sys
import threading
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.record import Record  # noqa: E402
from tests.support.server import is_disconnect  # noqa: E402

RECONNECT_SECONDS = 0.1
RECEIVE = "SELECT ack_id, seq, message FROM sequin.receive(%s, batch_size => %s, wait => %s::interval)"
ACK = "SELECT ack_id, result FROM sequin.ack(%s, %s::uuid[])"


def consume_once(cursor, options, record):
    cursor.execute(RECEIVE, (options.consumer, options.batch, f"{options.wait_ms} ms"))
    entries = cursor.fetchall()
    if not entries:
        return
    record.received([[ack_id, seq, message] for ack_id, seq, message in entries])
    sent = time.monotonic_ns()
    cursor.execute(ACK, (options.consumer, [entry[0] for entry in entries]))
    record.acked(sent, dict(cursor.fetchall()))


def consume(options, record, stop):
    while not stop.is_set():
        try:
            connection = psycopg2.connect(options.database, connect_timeout=5)
            connection.autocommit = True
            with connection.cursor() as cursor:
                while not stop.is_set():
                    consume_once(cursor, options, record)
            connection.close()
        except psycopg2.Error as error:
            print(f"{record.client}: {error}", file=sys.stderr, flush=True)
            if not is_disconnect(error):
                record.failed(f"{error.pgcode}: {error}")
            stop.wait(RECONNECT_SECONDS)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--consumer", required=True)
    parser.add_argument("--record", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--wait-ms", type=int, default=500)
    parser.add_argument("--name", default="sql")
    options = parser.parse_args()

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threads = []
    for number in range(options.threads):
        name = f"{options.name}-{number}"
        record = Record(options.record / f"{name}.jsonl", name)
        threads.append(threading.Thread(target=consume, args=(options, record, stop), name=name))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""A process of HTTP pull clients: receives, acks and records until it is told to stop (SIGTERM).

Usage: pull_worker.py --port PORT --consumer NAME --record FOLDER [--threads N] [--batch N] [--wait-ms N] [--name NAME]
Each client writes FOLDER/NAME-<thread>.jsonl. It survives an agent that goes away: it connects again.
"""

import argparse
import http.client
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.pull_client import PullClient, Refused  # noqa: E402
from tests.support.record import Record  # noqa: E402

NOT_REACHED = (OSError, http.client.HTTPException)
RECONNECT_SECONDS = 0.1


def ack(client, record, ack_ids, stop):
    """Asks again until answered. Without an answer it is not known whether the ack counted: it is not recorded."""
    sent = time.monotonic_ns()
    while True:
        try:
            client.ack(ack_ids)
            record.acked(sent, {ack_id: "success" for ack_id in ack_ids})
            return
        except Refused as refusal:
            print(f"{record.client}: ack refused: {refusal}", file=sys.stderr, flush=True)
        except NOT_REACHED:
            pass
        if stop.wait(RECONNECT_SECONDS):
            return


def consume(port, consumer, record, batch, wait_ms, stop):
    client = PullClient(port, consumer)
    while not stop.is_set():
        try:
            entries = client.receive(batch, wait_ms)
        except Refused as refusal:
            print(f"{record.client}: receive refused: {refusal}", file=sys.stderr, flush=True)
            stop.wait(RECONNECT_SECONDS)
            continue
        except NOT_REACHED:
            stop.wait(RECONNECT_SECONDS)
            continue
        if entries:
            record.received([[entry["ack_id"], None, entry["data"]] for entry in entries])
            ack(client, record, [entry["ack_id"] for entry in entries], stop)
    client.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--consumer", required=True)
    parser.add_argument("--record", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--wait-ms", type=int, default=1000)
    parser.add_argument("--name", default="pull")
    options = parser.parse_args()

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threads = []
    for number in range(options.threads):
        name = f"{options.name}-{number}"
        record = Record(options.record / f"{name}.jsonl", name)
        arguments = (options.port, options.consumer, record, options.batch, options.wait_ms, stop)
        threads.append(threading.Thread(target=consume, args=arguments, name=name))
        threads[-1].start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()

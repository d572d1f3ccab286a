#!/usr/bin/python3
"""Webhook endpoints, one for each push consumer: most requests are accepted, some fail, some are not answered.

Usage: endpoint.py --folder FOLDER --seed S --port PORT CONSUMER…
The path of the URL names the consumer. A request is one claim of one client as far as the history is concerned.
"""

import argparse
import http.server
import json
import pathlib
import random
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.crash.clients import identity  # noqa: E402
from tests.crash.clients.control import Control  # noqa: E402
from tests.crash.clients.history import History  # noqa: E402

FAILURES = [(0.01, 500), (0.005, 429), (0.003, None), (0.003, 404)]  # None: the connection ends without an answer
LATE = 0.0005
LATE_SECONDS = 4


class Endpoint:
    def __init__(self, options):
        self.control = Control(options.folder / "control")
        self.rest = random.Random(f"{options.seed}/endpoint")
        self.histories = {name: History(options.folder, name, "endpoint") for name in options.consumers}

    def answer(self):
        """How one request ends: (status or None, seconds)."""
        if self.control.calm:
            return 200, 0
        choice = self.rest.random()
        for probability, status in FAILURES:
            if choice < probability:
                return status, 0
            choice -= probability
        return 200, LATE_SECONDS if self.rest.random() < LATE else self.rest.choice([0, 0, 0, 0.005, 0.02])

    def take(self, consumer, body):
        """Status, claim and number of messages."""
        parsed = json.loads(body)
        messages = []
        for envelope in parsed["data"] if "data" in parsed else [parsed]:
            messages += [*identity.event_of(envelope), 0]
        claim = self.histories[consumer].got(0, 0, messages)
        status, seconds = self.answer()
        self.control.sleep(seconds)
        return status, claim, len(messages) // 4


def handler(endpoint):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # status and headers in one packet

        def setup(self):
            super().setup()
            self.connection.setsockopt(6, 1, True)  # TCP_NODELAY

        def do_POST(self):
            consumer = self.path.strip("/")
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                self.close_connection = True
                return
            status, claim, number = endpoint.take(consumer, body)
            # Written down before it leaves: whatever the agent does with an answer, it does later.
            endpoint.histories[consumer].settled(claim, "ack" if status == 200 else "nack", time.monotonic_ns(),
                                                 dict.fromkeys(range(number), "" if status == 200 else "NACKED"))
            if status is None:
                self.close_connection = True
                return
            self.wfile.write(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)
            self.wfile.flush()

        def handle(self):
            try:
                super().handle()
            except OSError:
                pass

        def log_message(self, *_):
            pass

    return Handler


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("consumers", nargs="+")
    options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler(Endpoint(options)))
    server.daemon_threads = True
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    ended.wait()
    server.shutdown()


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Webhook endpoints, one for each push consumer: most requests are accepted, some fail, some are not answered.

Usage: endpoint.py --folder FOLDER --seed S --port PORT [--mischief X] CONSUMER…
The path of the URL names the consumer. A request is one claim of one client as far as the history is concerned. It looks
at its connection as long as it works: what the agent has given up it cannot accept any more.
"""

import argparse
import http.server
import json
import pathlib
import random
import select
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.crash.clients import identity  # noqa: E402
from tests.crash.clients.control import Control, end_at_once  # noqa: E402
from tests.crash.clients.history import History  # noqa: E402

FAILURES = [(0.01, 500), (0.005, 429), (0.003, None), (0.003, 404)]  # None: the connection ends without an answer
LATE = 0.0005
LATE_SECONDS = 6  # longer than any claim lives, and any agent may wait
LOOK_SECONDS = 0.01


class Endpoint:
    def __init__(self, options):
        self.control = Control(options.folder / "control")
        self.late = LATE * options.mischief
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
        return 200, LATE_SECONDS if self.rest.random() < self.late else self.rest.choice([0, 0, 0, 0.005, 0.02])

    def take(self, consumer, body):
        """Status, claim and number of messages."""
        parsed = json.loads(body)
        messages = []
        for envelope in parsed["data"] if "data" in parsed else [parsed]:
            messages += [*identity.event_of(envelope), 0]
        claim = self.histories[consumer].got(0, 0, messages)
        return claim, len(messages) // 4

    def stay(self, line, seconds):
        """Works on a request, as long as there is somebody who waits for the answer."""
        end = time.monotonic() + seconds
        while line.look() and not self.control.ending and (left := end - time.monotonic()) > 0:
            line.wait(min(left, LOOK_SECONDS))


class Line:
    """A connection with a request on it. open_until: when it was last seen open, 0: never."""

    def __init__(self, connection):
        self.connection, self.is_open, self.open_until = connection, True, 0

    def look(self):
        """There is nothing to read but the end: nobody sends the next request before the answer to this one."""
        now = time.monotonic_ns()
        try:
            self.is_open = self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            self.is_open = True
        except OSError:
            self.is_open = False
        if self.is_open:
            self.open_until = now
        return self.is_open

    def wait(self, seconds):
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        poll.poll(seconds * 1000)


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
            history, line = endpoint.histories[consumer], Line(self.connection)
            claim, number = endpoint.take(consumer, body)
            status, seconds = endpoint.answer()
            endpoint.stay(line, seconds)
            history.note("open", claim, line.open_until)
            # Written down before it leaves: whatever the agent does with an answer, it does later.
            result = "NACKED" if status != 200 else "" if line.is_open else "CLOSED"
            history.settled(claim, "ack" if status == 200 else "nack", time.monotonic_ns(), dict.fromkeys(range(number), result))
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
    parser.add_argument("--mischief", type=float, default=1)
    parser.add_argument("consumers", nargs="+")
    options = parser.parse_args()
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    server = Server(("127.0.0.1", options.port), handler(Endpoint(options)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    while not ended:
        time.sleep(0.1)
    server.shutdown()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_):
        end_at_once()


if __name__ == "__main__":
    main()

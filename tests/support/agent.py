"""The real agent and the webhook receiver of `sequin listen`, as child processes."""

import http.client
import json
import os

from .paths import SEQUIN, free_port
from .process import Process
from .record import MessageCount
from .waiting import wait_until


class Agent(Process):
    def __init__(self, server, log=None, port=None, database="postgres", user="postgres", options=(), conninfo=None,
                 program=SEQUIN, env=None):
        self.port = port or free_port()
        command = [program, "agent", "--database", conninfo or server.conninfo(database, user),
                   "--listen", f"127.0.0.1:{self.port}", "--allow-addresses", "127.0.0.0/8", *options]
        super().__init__(command, log or server.folder / f"agent-{self.port}.log", env)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, seconds=30):
        super().start()
        wait_until(lambda: self.healthy() or not self.running(), "the agent answers /health", seconds)
        assert self.running(), f"the agent did not start:\n{self.output()[-2000:]}"
        return self

    def healthy(self):
        try:
            return self.get("/health")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path, timeout=10):
        """Status and body of one GET."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metrics(self):
        """The numbers of /metrics: name with labels -> value."""
        status, body = self.get("/metrics")
        assert status == 200, body
        lines = (line.rpartition(" ") for line in body.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, _, value in lines}


class Receiver(Process):
    """`sequin listen`: answers 200 to every webhook and keeps each message as a line of JSON."""

    def __init__(self, folder, port=None, name="received"):
        self.port = port or free_port()
        self.record = folder / f"{name}-{self.port}.jsonl"
        self.count = MessageCount([self.record])
        command = [SEQUIN, "listen", "--listen", f"127.0.0.1:{self.port}", "--record", self.record]
        super().__init__(command, folder / f"{name}-{self.port}.log")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self, seconds=30):
        super().start()
        wait_until(lambda: self.accepts() or not self.running(), "the receiver listens", seconds)
        assert self.running(), f"the receiver did not start:\n{self.output()[-2000:]}"
        return self

    def accepts(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.connect()
            return True
        except OSError:
            return False
        finally:
            connection.close()

    def messages(self):
        """The lines so far: dicts with received_at_us, webhook_id, message."""
        if not os.path.exists(self.record):
            return []
        with open(self.record) as record:
            return [json.loads(line) for line in record if line.endswith("\n")]

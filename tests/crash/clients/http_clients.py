#!/usr/bin/python3
"""Pull consumers over HTTP.

Usage: http_clients.py --folder FOLDER --seed S --consumer NAME --clients N --batch N --visibility SECONDS
The agent's port is what the file `agent-port` of the folder says.
"""

import argparse
import http.client
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.crash.clients import identity  # noqa: E402
from tests.crash.clients.behaviour import Behaviour  # noqa: E402
from tests.crash.clients.control import Control, end_with_any_thread  # noqa: E402
from tests.crash.clients.history import History  # noqa: E402
from tests.support.pull_client import PullClient  # noqa: E402

NOT_REACHED = (OSError, http.client.HTTPException)
RECONNECT_SECONDS = 0.05
WAIT_MS = 1000
TIMEOUT_SECONDS = 10


class NoAnswer(Exception):
    """None came, or one that says that the agent has no database."""


class Client(threading.Thread):
    def __init__(self, number, options, control):
        super().__init__(name=f"{options.consumer}-{number}")
        self.consumer, self.batch, self.visibility = options.consumer, options.batch, options.visibility
        self.folder, self.control = options.folder, control
        self.behaviour = Behaviour(f"{options.seed}/{self.name}", control, options.mischief)
        self.history = History(options.folder, options.consumer, str(number))

    def run(self):
        while not self.control.ending:
            port = int((self.folder / "agent-port").read_text())
            self.client = PullClient(port, self.consumer, "/api/consumers", TIMEOUT_SECONDS)
            try:
                while not self.control.ending:
                    self.turn()
            except NoAnswer:
                self.control.sleep(RECONNECT_SECONDS)
            self.client.close()

    def ask(self, verb, body):
        try:
            status, answer = self.client.request("POST", f"{self.client.base}/{verb}", body)
        except NOT_REACHED as error:
            raise NoAnswer(str(error)) from error
        if status == 200 and isinstance(answer, dict):
            return answer["data"]
        if status not in (404, 503):  # 404: an agent that has just started and not heard of its consumers
            self.history.note("failed", f"{verb}: {status} {answer}")
        raise NoAnswer(str(answer))

    def turn(self):
        sent = time.monotonic_ns()
        size = self.behaviour.rest.choice([1, self.batch // 4 or 1, self.batch])
        try:
            entries = self.ask("receive", {"batch_size": self.batch if self.control.calm else size, "wait_for": WAIT_MS})
        except NoAnswer:
            self.history.nothing(sent)
            raise
        if not entries:
            return
        messages = []
        for entry in entries:
            messages += [*identity.event_of(entry["data"]), 0]
        self.claim = self.history.got(sent, int(self.visibility * 1e9), messages)
        self.ack_ids = [entry["ack_id"] for entry in entries]
        self.work()

    def settle(self, verb, places, **more):
        places = list(places)
        if not places:
            return
        sent = time.monotonic_ns()
        try:
            data = self.ask(verb, {"ack_ids": [self.ack_ids[place] for place in places], **more})
        except NoAnswer:
            self.history.settled(self.claim, verb, sent, dict.fromkeys(places))
            raise
        results = {one["ack_id"]: one["result"] for one in data}
        self.history.settled(self.claim, verb, sent, {place: results[self.ack_ids[place]] for place in places})

    def extend(self, seconds):
        sent = time.monotonic_ns()
        data = self.ask("extend", {"ack_ids": self.ack_ids[:1], "visibility_timeout_ms": int(seconds * 1000)})
        if data[0]["result"] == "EXTENDED":
            self.history.kept(self.claim, sent, int(seconds * 1e9))

    def work(self):
        everything, rest = range(len(self.ack_ids)), self.behaviour.rest
        plan = self.behaviour.plan()
        self.behaviour.work()
        if plan == "in_pieces" and len(everything) > 1:
            for piece in self.behaviour.pieces(len(everything)):
                self.settle("ack", piece)
                self.behaviour.work()
        elif plan == "sort" and len(everything) > 1:
            pieces = self.behaviour.pieces(len(everything), 6)
            for piece in rest.sample(pieces, len(pieces)):
                verb = rest.choices(["ack", "nack", "release"], [6, 2, 1])[0]
                self.settle(verb, piece, **({"delay_ms": rest.choice([0, 100, 1000])} if verb == "nack" else {}))
        elif plan == "return":
            self.settle("release", everything)
        elif plan == "forget":
            pass
        else:
            if plan == "extend":
                self.extend(2 * self.visibility)
                self.control.sleep(1.4 * self.visibility)
            elif plan == "slow":
                self.control.sleep(0.7 * self.visibility)
            elif plan == "late":
                self.control.sleep(self.visibility * rest.uniform(1.1, 2))
            self.settle("ack", everything)
            if plan == "twice":
                self.settle("ack", everything)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--consumer", required=True)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--batch", type=int, default=200)
    parser.add_argument("--visibility", type=float, default=3)
    parser.add_argument("--mischief", type=float, default=1)
    options = parser.parse_args()
    end_with_any_thread()
    control = Control(options.folder / "control")
    clients = [Client(number, options, control) for number in range(options.clients)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


if __name__ == "__main__":
    main()

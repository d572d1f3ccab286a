"""What a client writes down, in its own words, while it runs: a line of JSON per event.

    {"event": "received", "at": ns, "us": unix µs, "client": name, "deliveries": [[ack_id, seq|null, envelope], …]}
    {"event": "failed", "at": ns, "client": name, "error": text}   an error that no fault of the tests explains
    {"event": "acked", "sent": ns, "at": ns, "client": name, "results": {ack_id: ACKED | … | "success"}}

`at` and `sent` are of CLOCK_MONOTONIC, which all processes of one machine share: `sent` is taken before the request
leaves, `at` after the answer came. The judge relies on nothing else, least of all on Sequin's own tables.
"""

import json
import time


class Record:
    def __init__(self, path, client):
        self.file = open(path, "a", buffering=1)
        self.client = client

    def received(self, deliveries):
        self._write({"event": "received", "at": time.monotonic_ns(), "us": time.time_ns() // 1000,
                     "client": self.client, "deliveries": deliveries})

    def acked(self, sent, results):
        self._write({"event": "acked", "sent": sent, "at": time.monotonic_ns(), "client": self.client,
                     "results": results})

    def failed(self, error):
        self._write({"event": "failed", "at": time.monotonic_ns(), "client": self.client, "error": error})

    def _write(self, event):
        self.file.write(json.dumps(event) + "\n")


def read_records(paths):
    """Events of all files in the order of their times."""
    events = []
    for path in paths:
        with open(path) as record:
            events += [json.loads(line) for line in record if line.endswith("\n")]
    return sorted(events, key=lambda event: event["at"])


class MessageCount:
    """Counts the messages in growing files of JSON lines, records or those of `sequin listen`, reading nothing twice."""

    def __init__(self, paths):
        self.read_to = {path: 0 for path in paths}
        self.total = 0
        self.changes = set()

    def __call__(self):
        """All deliveries so far."""
        for path in self.read_to:
            if path.exists():
                self._read_on(path)
        return self.total

    def distinct(self):
        """Different changes so far: without redeliveries."""
        self()
        return len(self.changes)

    def _read_on(self, path):
        with open(path, "rb") as record:
            record.seek(self.read_to[path])
            for line in record:
                if not line.endswith(b"\n"):
                    break
                self.read_to[path] += len(line)
                for envelope in _envelopes(json.loads(line)):
                    self.total += 1
                    self.changes.add((envelope["metadata"]["commit_lsn"], envelope["metadata"]["commit_idx"]))


def _envelopes(event):
    if "message" in event:
        return [event["message"]]
    return [envelope for _, _, envelope in event.get("deliveries", ())]

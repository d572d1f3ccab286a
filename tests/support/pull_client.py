"""A client of the HTTP pull API as an application would write it: keep-alive, receive, ack."""

import http.client
import json


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class PullClient:
    def __init__(self, port, consumer, prefix="/api/http_pull_consumers", timeout=60):
        self.port = port
        self.base = f"{prefix}/{consumer}"
        self.timeout = timeout
        self.connection = None

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def request(self, method, path, body=None, headers=None):
        """Status and parsed JSON. `body` is a dict, or bytes to be sent as they are. One retry is the caller's."""
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        try:
            self.connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text.decode(errors="replace")

    def call(self, verb, body):
        status, answer = self.request("POST", f"{self.base}/{verb}", body)
        if status != 200:
            raise Refused(status, answer)
        return answer

    def receive(self, batch_size=1, wait_for=None):
        """[{ack_id, data: envelope}]; wait_for in milliseconds."""
        body = {"batch_size": batch_size}
        if wait_for is not None:
            body["wait_for"] = wait_for
        return self.call("receive", body)["data"]

    def ack(self, ack_ids):
        return self.call("ack", {"ack_ids": list(ack_ids)})

    def nack(self, ack_ids):
        return self.call("nack", {"ack_ids": list(ack_ids)})

    def drain(self, batch_size=100, wait_for=1000, limit=None):
        """Receives and acks until a long poll stays empty. Returns the envelopes in order."""
        messages = []
        while limit is None or len(messages) < limit:
            batch = self.receive(batch_size, wait_for)
            if not batch:
                break
            self.ack(entry["ack_id"] for entry in batch)
            messages += [entry["data"] for entry in batch]
        return messages

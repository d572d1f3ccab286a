"""A webhook endpoint that misbehaves as told, in this process: the tests decide its answers, one request at a time."""

import http.server
import json
import threading
import time


class Endpoint:
    """`answer(request)` returns (status, headers); request is a dict with path, headers (lower case), body, at."""

    def __init__(self, answer=lambda request: (200, {})):
        self.answer = answer
        self.requests = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = {"path": self.path, "body": json.loads(body), "at": time.monotonic(),
                           "headers": {name.lower(): value for name, value in self.headers.items()}}
                status, headers = outer.answer(request)
                outer.requests.append(request)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/hook"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def bodies(self):
        return [request["body"] for request in self.requests]

    def close(self):
        self.http.shutdown()
        self.http.server_close()

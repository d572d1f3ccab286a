"""Faults of the network: each line between two parties, spoiled in each way that support/tcp_proxy.py knows."""

from tests.crash.faults import Fault
from tests.support import tcp_proxy

LINES = {
    "database": "agent and Postgres",
    "endpoint": "agent and endpoint",
    "client": "HTTP clients and agent",
}
SPOILINGS = {
    "latency": ("every piece comes 200 ms later", lambda: tcp_proxy.Latency(0.2)),
    "trickle": ("answers come at one byte a second", tcp_proxy.Trickle),
    "reset": ("all connections are reset, new ones too", tcp_proxy.Reset),
    "cut-answer": ("half of an answer, then a reset", tcp_proxy.CutAnswers),
    "lost-answer": ("what was asked is done, the answer is lost", tcp_proxy.LoseAnswers),
    "swallow": ("bytes are acknowledged and go nowhere; these connections stay dead", tcp_proxy.Swallow),
    "half-open": ("no packet gets through; these connections stay dead", tcp_proxy.BlackHole),
    "cable-out": ("no packet gets through; then the connections go on", lambda: tcp_proxy.BlackHole(revive=True)),
}


class NetworkFault(Fault):
    needs = frozenset({"proxies"})
    seconds = (1, 8)
    line = None
    spoiling = None

    def strike(self, scene):
        getattr(scene, f"{self.line}_proxy").spoil(self.spoiling())

    def heal(self, scene):
        getattr(scene, f"{self.line}_proxy").heal()


for _line, _parties in LINES.items():
    for _kind, (_what, _spoiling) in SPOILINGS.items():
        type(f"{_line.title()}{_kind.title().replace('-', '')}", (NetworkFault,),
             {"name": f"net-{_line}-{_kind}", "description": f"between {_parties}: {_what}", "line": _line,
              "deceives_endpoints": _line == "endpoint", "spoiling": staticmethod(_spoiling)})

"""The targets: a name, what is compared, and how much it must be at least (or at most)."""

import dataclasses
import typing


@dataclasses.dataclass
class Target:
    name: str
    what: str
    target: float
    value: typing.Callable  # of Results; None when it was not measured
    at_most: bool = False

    def row(self, results):
        value = self.value(results)
        met = value is not None and (value <= self.target if self.at_most else value >= self.target)
        row = {"name": self.name, "value": None if value is None else round(value, 3), "target": self.target, "met": met}
        return {**row, "at_most": True} if self.at_most else row


def _ratio(workload, cell, ours, theirs):
    return lambda results: results.ratio(workload, cell, ours, theirs)


def _median(workload, cell, side):
    return lambda results: results.median(workload, cell, side)


def _consume(batch, sessions, theirs):
    cell = f"batch {batch}, {sessions} session{'s' if sessions > 1 else ''}"
    return _ratio("consume", cell, "sequin", theirs)


TARGETS = [
    *(Target(f"capture_{shape}", f"durable capture / pgoutput to /dev/null, {what}", target,
             _ratio("capture", shape, "sequin", "pgoutput"))
      for shape, target, what in (("a", 1.0, "one transaction"), ("b", 1.3, "100 rows a transaction"),
                                  ("c", 1.7, "single rows"))),
    Target("capture_fanout", "100 consumers of which 10 match / one", 0.7,
           _ratio("fan-out", "b", "100 consumers", "1 consumers")),
    Target("capture_vs_copy", "durable capture / COPY of the same log rows", 0.9,
           _ratio("capture", "b", "sequin", "COPY of the log rows")),
    Target("queue_wal_ratio", "WAL of the queue per payload byte", 1.35,
           _median("capture", "queue WAL", "per payload byte"), True),
    *(Target(f"consume_{batch}", f"SQL consume / SKIP LOCKED and DELETE, batch {batch}, 4 sessions", target,
             _consume(batch, 4, "skip_locked")) for batch, target in ((1, 1.5), (100, 4), (1000, 6))),
    *(Target(f"consume_pgq_{batch}", f"SQL consume / PgQ, batch {batch}, 1 session", 1.0, _consume(batch, 1, "pgq"))
      for batch in (100, 1000)),
    Target("consume_wal", "WAL bytes a message at batch 100", 20,
           _median("consume WAL", "batch 100, 4 sessions", "sequin"), True),
    Target("claim_backlog", "claim at a large backlog / at a small one", 1.2,
           _ratio("scale", "claim and ack of 100", "backlog_large", "backlog_small"), True),
    *(Target(f"held_snapshot_{batch}", f"throughput with a held snapshot, after / before, batch {batch}", 0.9,
             _ratio("held snapshot", f"batch {batch}", "sequin, after", "sequin, before")) for batch in (1, 100)),
    Target("webhook_ratio", "webhooks / the same libcurl without a queue", 0.8,
           _ratio("webhooks", "one message a request", "sequin", "bare libcurl")),
    Target("pull_ratio", "HTTP pull / SQL consume, batch 100, one client", 0.5,
           _ratio("pull", "batch 100, 1 client", "HTTP pull", "SQL")),
    Target("latency_p50_ms", "commit to webhook at 100 tx/s, median", 3, _median("latency", "100 tx/s, p50", "webhook"),
           True),
    Target("latency_p99_ms", "commit to webhook at 100 tx/s, 99 %", 20, _median("latency", "100 tx/s, p99", "webhook"),
           True),
    Target("idle_cpu", "worker and agent while nothing happens, % of a core", 1, _median("idle", "worker and agent", "cpu"),
           True),
    Target("app_tps", "application with capture on / off", 0.85,
           _ratio("application", "TPC-B, 4 clients", "capture on", "capture off")),
    Target("agent_rss_idle_mb", "agent's memory, idle", 64, _median("memory", "agent", "idle"), True),
    Target("agent_rss_10k_mb", "agent's memory, 10,000 messages under way", 256,
           _median("memory", "agent", "10,000 in flight"), True),
]

"""Workload 3, end to end: from the commit to a webhook or a pull client, beside the same HTTP without a queue."""

import datetime
import socket
import subprocess
import threading
import time

from bench import scene
from bench.results import in_turns, percentile
from tests.support.agent import Agent, Receiver
from tests.support.paths import SEQUIN, free_port
from tests.support.process import Process
from tests.support.pull_client import PullClient
from tests.support.waiting import wait_until

PUSH = "push_bench"
PULL = "pull_bench"
CONCURRENCY = 256  # what the agent has under way for a consumer that sets no limit


# ---- throughput of webhooks -----------------------------------------------------------------------------------------


def sample(server, batch):
    """Rows (ack_id, message) as a consumer gets them; they are given back."""
    rows = server.sql("SELECT ack_id::text, message::text FROM sequin.receive('sample', batch_size => %s)", batch)
    server.sql("SELECT count(*) FROM sequin.release('sample', %s::uuid[])", [ack_id for ack_id, _ in rows])
    return rows


def webhook_body(server, batch):
    """A file with what the agent posts for so many messages."""
    messages = [message for _, message in sample(server, batch)]
    path = server.folder / "body.json"
    path.write_text(messages[0] if batch == 1 else f'{{"data":[{",".join(messages)}]}}')
    return path


def run_http_tool(*words):
    done = subprocess.run([str(word) for word in (scene.BENCH_HTTP, *words)], capture_output=True, text=True,
                          timeout=1800)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return float(done.stdout)


def delivered(agent):
    return sum(value for name, value in agent.metrics().items() if name.startswith("sequin_agent_push_requests_total"))


def time_webhooks(server, requests):
    """Requests per second of a backlog that is there before the agent starts, counted by the agent's own metric
    between the first and the last look at which it was at work. Looking costs the agent something: it is rare."""
    agent = Agent(server).start()
    looks = []

    def all_delivered():
        done = delivered(agent)
        if 0 < done < requests:
            looks.append((time.monotonic(), done))
        return done >= requests
    wait_until(all_delivered, f"{requests} webhooks", 600, 0.1)
    agent.terminate()
    (began, first), (ended, last) = looks[0], looks[-1]
    return (last - first) / (ended - began)


def measure_webhooks(server, results, receiver, rounds, requests, batch):
    body = webhook_body(server, batch)
    server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}', push_url => %s, push_batch_size => %s)",
               PUSH, receiver.url, batch)
    for number in range(rounds):
        scene.write(server, requests * batch // 100, 100)
        scene.wait_for_capture(server)
        for side in in_turns(number, ["sequin", "bare libcurl"]):
            if side == "sequin":
                value = time_webhooks(server, requests)
            else:
                value = run_http_tool("post", receiver.url, "--body-file", body, "--requests", requests,
                                      "--concurrency", CONCURRENCY)
            cell = "one message a request" if batch == 1 else f"{batch} messages a request"
            results.add("webhooks", cell, side, "requests/s", value)
    server.sql("SELECT sequin.drop_consumer(%s)", PUSH)


# ---- throughput of pull clients -------------------------------------------------------------------------------------


def start_constant_server(server):
    """The agent's HTTP server with no queue behind it: every receive gets the same 100 messages."""
    path = server.folder / "batch.json"
    path.write_text('{"data":[%s]}' % ",".join(f'{{"ack_id":"{ack_id}","data":{message}}}'
                                              for ack_id, message in sample(server, 100)))
    port = free_port()
    process = Process([scene.BENCH_HTTP, "serve", f"127.0.0.1:{port}", "--body-file", path],
                      server.folder / "constant.log").start()
    wait_until(lambda: accepts(port), "the server of constant bodies listens")
    return process, f"http://127.0.0.1:{port}"


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def measure_pull(server, results, rounds, messages):
    server.sql("SELECT sequin.create_consumer('consume', tables => '{public.bench}')")
    server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}')", PULL)
    scene.write(server, rounds * messages // 100 + 200, 100)
    scene.wait_for_capture(server)
    agent = Agent(server).start()
    constant, constant_url = start_constant_server(server)
    for number in range(rounds):
        for side in in_turns(number, ["HTTP pull", "SQL", "constant bodies"]):
            if side == "SQL":
                value = 100 * scene.tps(scene.pgbench(server, "sequin.sql", "-t", messages // 100, batch=100))
            else:
                url = agent.url if side == "HTTP pull" else constant_url
                value = run_http_tool("pull", f"{url}/api/http_pull_consumers/{PULL}", "--messages", messages)
            results.add("pull", "batch 100, 1 client", side, "messages/s", value)
    agent.terminate()
    constant.terminate()
    server.sql("SELECT sequin.drop_consumer(%s), sequin.drop_consumer('consume')", PULL)


# ---- latency --------------------------------------------------------------------------------------------------------


def commit_us(message):
    """Microseconds since 1970 of metadata.commit_timestamp."""
    at = datetime.datetime.fromisoformat(message["metadata"]["commit_timestamp"].replace("Z", "+00:00"))
    return int(at.timestamp() * 1_000_000)


def add_latencies(results, cell, side, micros):
    ordered = sorted(micros)
    results.add_series("latency", cell, side, [(at / 1000, 100 * number / len(ordered))
                                               for number, at in enumerate(ordered)][::max(len(ordered) // 1000, 1)])
    for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
        results.add("latency", f"{cell}, {name}", side, "ms", percentile(micros, share) / 1000)


class PullReader(threading.Thread):
    """One long-polling client; when it got what."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.client, self.micros, self.ended = PullClient(port, PULL), [], threading.Event()

    def run(self):
        while not self.ended.is_set():
            entries = self.client.receive(100, 1000)
            now = time.time_ns() // 1000
            self.micros += [now - commit_us(entry["data"]) for entry in entries]
            if entries:
                self.client.ack([entry["ack_id"] for entry in entries])


def measure_latency(server, results, rates, seconds):
    """The commit's own time until the message arrived; the writer is pgbench at a fixed rate."""
    receiver = Receiver(server.folder, name="latency").start()
    server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}', push_url => %s)", PUSH, receiver.url)
    server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}')", PULL)
    agent = Agent(server).start()
    for rate in rates:
        pull = PullReader(agent.port)
        pull.start()
        before = receiver.count()
        output = scene.pgbench(server, "insert_one.sql", "-c", 4, "-j", 2, "-T", seconds, "-R", rate)
        written = int(output.split("transactions actually processed: ")[1].split("\n")[0].split("/")[0])
        wait_until(lambda: receiver.count() - before >= written and len(pull.micros) >= written,
                         "everything arrives", 120, 0.1)
        pull.ended.set()
        pull.join()
        lines = receiver.messages()[-written:]
        add_latencies(results, f"{rate} tx/s", "webhook",
                      [line["received_at_us"] - commit_us(line["message"]) for line in lines])
        add_latencies(results, f"{rate} tx/s", "pull", pull.micros)
    measure_idle(server, results, agent)
    agent.terminate()
    receiver.stop()
    server.sql("SELECT sequin.drop_consumer(%s), sequin.drop_consumer(%s)", PUSH, PULL)


# ---- what it costs to be there --------------------------------------------------------------------------------------


def measure_idle(server, results, agent, seconds=10):
    worker = server.worker_pid()
    time.sleep(1)  # the last acks are absorbed
    before = scene.cpu_seconds(worker) + scene.cpu_seconds(agent.pid)
    time.sleep(seconds)
    used = scene.cpu_seconds(worker) + scene.cpu_seconds(agent.pid) - before
    results.add("idle", "worker and agent", "cpu", "%", 100 * used / seconds)


def measure_memory(server, results):
    """The agent alone, and with 10,000 messages under way to an endpoint that does not answer yet."""
    port = free_port()
    receiver = Process([SEQUIN, "listen", "--listen", f"127.0.0.1:{port}", "--delay-ms", 600_000,
                              "--http-connections-max", 20_000, "--http-connections-per-address-max", 20_000],
                             server.folder / "slow.log").start()
    wait_until(lambda: "receiving webhooks" in receiver.output(), "the receiver listens")
    agent = Agent(server, options=["--push-requests-max", 512]).start()
    results.add("memory", "agent", "idle", "MiB", scene.resident_mib(agent.pid))
    server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}', push_url => %s, max_in_flight => 10000, "
               "push_batch_size => 25, push_timeout => '20 min', visibility_timeout => '30 min')",
               PUSH, f"http://127.0.0.1:{port}/hook")
    scene.write(server, 110, 100)
    wait_until(lambda: agent.metrics().get("sequin_agent_push_messages_claimed", 0) >= 10_000,
                     "10,000 messages are under way", 60, 0.1)
    results.add("memory", "agent", "10,000 in flight", "MiB", scene.resident_mib(agent.pid))
    agent.kill9()
    receiver.kill9()
    server.sql("SELECT sequin.drop_consumer(%s)", PUSH)


def measure(server, results, options):
    full, rounds = options.full, options.rounds
    receiver = scene.start_receiver(server, "webhooks")
    server.sql("SELECT sequin.create_consumer('sample', tables => '{public.bench}')")
    scene.write(server, 1, 100)
    scene.wait_for_capture(server)
    measure_webhooks(server, results, receiver, rounds, 100_000 if full else 40_000, 1)
    if full:
        measure_webhooks(server, results, receiver, rounds, 2_000, 100)
    receiver.stop()
    measure_pull(server, results, rounds, 200_000 if full else 60_000)
    server.sql("SELECT sequin.drop_consumer('sample')")
    measure_latency(server, results, (100, 1000), 60 if full else 10)
    measure_memory(server, results)

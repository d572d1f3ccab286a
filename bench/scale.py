"""Workload 6, how costs grow: with the backlog, the number of consumers, the size of a payload, the number of agents."""

import time

from bench import scene
from bench.results import in_turns
from tests.support.agent import Agent
from tests.support.waiting import wait_until

CLAIMS = 300


def claim_ms(server, consumer):
    """Milliseconds of one claim and ack of 100 messages: the average of so many."""
    output = scene.pgbench(server, "claim.sql", "-t", CLAIMS, consumer=consumer, batch=100)
    return 1000 / scene.tps(output)


def measure_backlog(server, results, full, rounds):
    """Consumers of the same changes; the first was made before all of them, the last before the last few."""
    spent = (rounds + 1) * CLAIMS * 100  # by measuring
    backlogs = {"backlog_large": 10_000_000 if full else 1_000_000,
                **({"backlog_1_million": 1_000_000, "backlog_100_thousand": 100_000} if full else {}),
                "backlog_small": 10_000}
    sizes = [*(size + spent for size in backlogs.values()), 0]
    for consumer, size, rest in zip(backlogs, sizes, sizes[1:]):
        server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}')", consumer)
        scene.write(server, (size - rest) // 1000, 1000)
    scene.wait_for_capture(server)
    for consumer in backlogs:
        claim_ms(server, consumer)  # payloads and plans are cached
    for number in range(rounds):
        for consumer in in_turns(number, backlogs):
            results.add("scale", "claim and ack of 100", consumer, "ms", claim_ms(server, consumer))
    results.add_series("backlog", "claim and ack of 100", "sequin",
                       [(size, results.median("scale", "claim and ack of 100", consumer))
                        for consumer, size in sorted(backlogs.items(), key=lambda item: item[1])])
    for consumer in backlogs:
        server.sql("SELECT sequin.drop_consumer(%s)", consumer)


def captured_per_second(server, messages, write):
    """The worker is there; so is the cost of the source's own writing, in all cells alike."""
    server.sql("SELECT sequin.stop()")
    write()
    server.sql("SELECT sequin.start()")
    started = time.monotonic()
    scene.wait_for_capture(server)
    return messages / (time.monotonic() - started)


def measure_consumers(server, results):
    """Each matches 0.1 % of the changes."""
    made = 0
    for count in (1, 10, 100, 1000):
        for i in range(made, count):
            server.sql("SELECT sequin.create_consumer(%s, tables => '{public.bench}', filter => %s)",
                       f"scale_{i}", f"new.customer = {i + 1}")
        made = count
        value = captured_per_second(server, 100_000, lambda: scene.write(server, 100, 1000))
        results.add("scale", "consumers", f"{count}", "rows/s", value)
    for i in range(made):
        server.sql("SELECT sequin.drop_consumer(%s)", f"scale_{i}")


def measure_payloads(server, results):
    server.sql("CREATE TABLE public.payloads (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text)")
    server.sql("ALTER TABLE public.payloads ALTER payload SET STORAGE EXTERNAL")
    server.sql("SELECT sequin.create_consumer('payloads', tables => '{public.payloads}')")
    for size, rows in ((100, 100_000), (10_000, 10_000), (1_000_000, 200)):
        value = captured_per_second(server, rows, lambda: server.sql(
            "INSERT INTO public.payloads (payload) SELECT repeat('p', %s) FROM generate_series(1, %s)", size, rows))
        results.add("scale", "payload, captured", f"{size} B", "MB/s", value * size / 1e6)
    server.sql("SELECT sequin.drop_consumer('payloads')")
    server.sql("DROP TABLE public.payloads")


def measure_agents(server, results, messages=40_000):
    receiver = scene.start_receiver(server, "agents")
    server.sql("SELECT sequin.create_consumer('agents', tables => '{public.bench}', push_url => %s)", receiver.url)
    for count in (1, 2, 4):
        scene.write(server, messages // 100, 100)
        scene.wait_for_capture(server)
        agents = [Agent(server).start() for _ in range(count)]
        started = time.monotonic()
        wait_until(lambda: server.value("SELECT ready + in_flight + parked = 0 FROM sequin.consumers "
                                              "WHERE name = 'agents'"), "all are delivered", 600, 0.05)
        results.add("scale", "agents", f"{count}", "webhooks/s", messages / (time.monotonic() - started))
        for agent in agents:
            agent.terminate()
    receiver.stop()
    server.sql("SELECT sequin.drop_consumer('agents')")


def measure(server, results, options):
    full, rounds = options.full, options.rounds
    measure_backlog(server, results, full, rounds)
    if full:
        measure_consumers(server, results)
        measure_payloads(server, results)
        measure_agents(server, results)

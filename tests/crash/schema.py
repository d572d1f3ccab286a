"""What the campaign writes to and who listens: tables, a stream, and consumers of every kind."""

import dataclasses

# id: the key; tag: which version this is (clients/identity.py). Every transaction has its row in the ledger, which is
# never deleted: it says which transactions there were. `lsn` is where its transaction cannot have committed before.
TABLES = """
CREATE TABLE public.account (id bigint PRIMARY KEY, tag bigint NOT NULL, version bigint NOT NULL, note text);
ALTER TABLE public.account REPLICA IDENTITY FULL;
CREATE TABLE public.entry (id bigint PRIMARY KEY, tag bigint NOT NULL);
CREATE TABLE public.ledger (tx bigint PRIMARY KEY, lsn pg_lsn NOT NULL DEFAULT pg_current_wal_insert_lsn());
CREATE TABLE public.effect (consumer text, event bigint, PRIMARY KEY (consumer, event));
"""
CAPTURED = ["public.account", "public.entry"]
STREAM = "letters"
HOT_ROWS = 20     # updated by all writers
OWN_ROWS = 200    # of each writer: inserted, updated and deleted by it alone

VISIBILITY_SECONDS = 3
BACKOFF_BASE, BACKOFF_MAX = "0.2 s", "1 s"
MAX_DELIVER = 3


@dataclasses.dataclass(frozen=True)
class Consumer:
    """kind: which client works for it. source: tables or stream. order: order_mode. mischief: as a part of what the
    campaign is told: in strict order one client that is late keeps all others waiting."""
    name: str
    kind: str
    source: str = "tables"
    clients: int = 2
    batch: int = 200
    order: str = "group"
    mischief: float = 1


CONSUMERS = [
    Consumer("hook", "push", batch=50),
    Consumer("web", "http", clients=3),
    Consumer("plain", "sql", clients=3),
    Consumer("effect", "effect", clients=3),
    Consumer("mortal", "mortal", clients=2),
    Consumer("letter_hook", "push", "stream", batch=1),
    Consumer("letter_web", "http", "stream"),
    Consumer("letter_strict", "sql", "stream", order="strict", mischief=0.3),
    Consumer("loose", "sorter", order="none"),
]


def create(server, urls, consumers):
    """urls: where the webhooks of each push consumer go."""
    server.sql("CREATE EXTENSION sequin")
    server.sql(TABLES)
    server.sql("INSERT INTO public.account SELECT -i, 0, 0, 'hot' FROM generate_series(1, %s) i", HOT_ROWS)
    server.sql("SELECT sequin.create_stream(%s)", STREAM)
    for consumer in consumers:
        options = {"visibility_timeout": f"{VISIBILITY_SECONDS} s", "backoff_base": BACKOFF_BASE,
                   "backoff_max": BACKOFF_MAX, "order_mode": consumer.order,
                   "max_deliver": MAX_DELIVER if consumer.kind == "mortal" else 0}
        if consumer.source == "stream":
            options["stream"] = STREAM
        else:
            options["tables"] = CAPTURED
        if consumer.kind == "push":
            options |= {"push_url": urls[consumer.name], "push_batch_size": consumer.batch,
                        "push_timeout": f"{VISIBILITY_SECONDS} s"}
        arguments = ", ".join(f"{name} => %s" + (f"::{cast}" if (cast := CASTS.get(name)) else "") for name in options)
        server.sql(f"SELECT sequin.create_consumer(%s, {arguments})", consumer.name, *options.values())


CASTS = {"visibility_timeout": "interval", "backoff_base": "interval", "backoff_max": "interval",
         "push_timeout": "interval", "tables": "text[]"}

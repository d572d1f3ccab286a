"""Settling in ways that only many messages bring about."""


def test_settling_over_many_dead_index_entries_harms_no_memory(database):
    """An index scan keeps a list of dead entries: it lived in a context that settling resets claim by claim."""
    table = database.table("id int PRIMARY KEY")
    client = database.client(database.consumer(table))
    database.sql(f"INSERT INTO {table} SELECT generate_series(1, 2000)")
    older = []
    for _ in range(4):
        ack_ids = []
        while len(ack_ids) < 2000:
            ack_ids += [row[0] for row in client.receive(250, wait="10 s")]
        assert set(client.settle("release", ack_ids[::2]).values()) == {"RELEASED"}
        # Absorbs the released: the old versions of their settle rows are dead from now on.
        again = [row[0] for row in client.receive(1, wait="10 s")]
        results = client.settle("release", ack_ids + again + older)
        assert sum(result == "RELEASED" for result in results.values()) == 1001
        older = (ack_ids + older)[:4000]

"""A consumer that receives and acks over one SQL connection."""

from .server import fetch


class SqlClient:
    def __init__(self, server, consumer, database="postgres", user="postgres"):
        self.connection = server.connect(database, user)
        self.consumer = consumer

    def receive(self, batch_size=1, wait="0"):
        """Rows (ack_id, message, group_key, deliver_count, seq)."""
        return fetch(self.connection, "SELECT ack_id, message, group_key, deliver_count, seq FROM sequin.receive("
                     "%s, batch_size => %s, wait => %s::interval)", self.consumer, batch_size, wait)

    def settle(self, verb, ack_ids):
        """Results by ack_id. `verb` is one of ack, nack, release."""
        return dict(fetch(self.connection, f"SELECT ack_id, result FROM sequin.{verb}(%s, %s::uuid[])",
                          self.consumer, list(ack_ids)))

    def drain(self, batch_size=1000, wait="1 s"):
        """Receives and acks until a wait brings nothing. Returns rows (seq, message)."""
        received = []
        while True:
            rows = self.receive(batch_size, wait)
            if not rows:
                return received
            results = self.settle("ack", [row[0] for row in rows])
            assert set(results.values()) == {"ACKED"}, results
            received += [(row[4], row[1]) for row in rows]

    def count_all(self, batch_size=10000, wait="2 s"):
        """As drain(), but the payloads stay in the server: (messages, different positions) for very many."""
        total, seqs = 0, set()
        query = ("SELECT array_agg(ack_id)::text[], array_agg(seq) FROM sequin.receive(%s, batch_size => %s, "
                 "wait => %s::interval)")
        while True:
            ack_ids, numbers = fetch(self.connection, query, self.consumer, batch_size, wait)[0]
            if not ack_ids:
                return total, len(seqs)
            total += len(ack_ids)
            seqs.update(numbers)
            acked = fetch(self.connection, "SELECT count(*) FROM sequin.ack(%s, %s::uuid[]) WHERE result = 'ACKED'",
                          self.consumer, ack_ids)[0][0]
            assert acked == len(ack_ids)

    def close(self):
        self.connection.close()

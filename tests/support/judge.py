"""Holds what clients wrote down against what was committed. Reads none of Sequin's tables."""

import collections
import dataclasses
import datetime


@dataclasses.dataclass
class Delivery:
    """One message in the hands of one client. Times are ns of the monotonic clock; ack_sent, ack_answered: its ack."""
    at: int
    place: int
    us: int
    client: str
    batch: int
    message_id: str
    log_id: object
    envelope: dict
    ack_sent: int = None
    ack_answered: int = None
    result: str = None
    change: object = None


def deliveries_of_records(events):
    """From the events of record.py, with each ack noted at what it settled."""
    deliveries, by_ack_id = [], {}
    for batch, event in enumerate(events):
        if event["event"] == "received":
            for place, (ack_id, seq, envelope) in enumerate(event["deliveries"]):
                delivery = Delivery(event["at"], place, event["us"], event["client"], batch, ack_id, seq, envelope)
                deliveries.append(delivery)
                by_ack_id[ack_id] = delivery
        elif event["event"] == "acked":
            for ack_id, result in event["results"].items():
                delivery = by_ack_id[ack_id]
                delivery.ack_sent, delivery.ack_answered, delivery.result = event["sent"], event["at"], result
    return deliveries


def deliveries_of_receiver(messages):
    """From the lines of `sequin listen`; they stand in the order of arrival."""
    return [Delivery(place, 0, line["received_at_us"], "push", place, line["webhook_id"], line["webhook_id"],
                     line["message"]) for place, line in enumerate(messages)]


def latencies_ms(deliveries):
    """From the source's commit to the hands of the client."""
    def committed_us(envelope):
        time = datetime.datetime.fromisoformat(envelope["metadata"]["commit_timestamp"])
        return int(time.timestamp() * 1_000_000)
    return sorted((delivery.us - committed_us(delivery.envelope)) / 1000 for delivery in deliveries)


def percentile(ordered, fraction):
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * fraction))], 1) if ordered else None


class Judgement:
    """All findings about one consumer. Each is a list of descriptions; empty lists are what one hopes for."""

    def __init__(self, truth, deliveries, key_columns):
        self.truth = truth
        self.key_columns = key_columns
        self.deliveries = sorted(deliveries, key=lambda delivery: (delivery.at, delivery.batch, delivery.place))
        self.by_change = collections.defaultdict(list)
        self.phantoms = []
        for delivery in self.deliveries:
            delivery.change = truth.find(delivery.envelope)
            if delivery.change is None:
                self.phantoms.append(f"nothing was committed for {delivery.envelope}")
            else:
                self.by_change[delivery.change.order].append(delivery)

    def lost(self):
        return [f"never delivered: {change}" for change in self.truth.changes if change.order not in self.by_change]

    def duplicates(self):
        """Delivered again, each further time counted. After a crash this is the client's right to expect."""
        return [f"delivered again at {extra.at}: {extra.change}"
                for found in self.by_change.values() for extra in found[1:]]

    def altered(self):
        """Table, action and every column have to be what the witness saw."""
        return [f"{delivery.envelope} is not {delivery.change}" for found in self.by_change.values()
                for delivery in found if not _same(delivery.change, delivery.envelope)]

    def out_of_order(self):
        """Per key, first deliveries have to come in commit order."""
        last, findings = {}, []
        seen = set()
        for delivery in self.deliveries:
            change = delivery.change
            key = change and change.key(self.key_columns)
            if key is None or change.order in seen:
                continue
            seen.add(change.order)
            if key in last and last[key].order > change.order:
                findings.append(f"{key}: {change} came after {last[key]}")
            else:
                last[key] = change
        return findings

    def two_holders(self):
        """Per key, nobody may receive while somebody else still holds an earlier batch with that key."""
        open_batch, findings = {}, []
        for delivery in self.deliveries:
            key = delivery.change and (delivery.change.key(self.key_columns) or delivery.change.order)
            before = open_batch.get(key)
            if key is not None and before and before.batch != delivery.batch:
                if before.ack_sent is None or before.ack_sent > delivery.at:
                    findings.append(f"{key}: {delivery.client} got {delivery.change} "
                                    f"while {before.client} held {before.change}")
            open_batch[key] = delivery
        return findings

    def twice_in_log(self):
        """One change has one identity in the log, however often it is delivered."""
        return [f"{found[0].change} stands in the log as {sorted({str(one.log_id) for one in found})}"
                for found in self.by_change.values() if len({one.log_id for one in found}) > 1]

    def acked_returned(self, trust):
        """What was acked (trust: which results of which deliveries prove it) never comes again."""
        findings = []
        for found in self.by_change.values():
            acked = [one.ack_answered for one in found if one.ack_answered is not None and trust(one)]
            findings += [f"acked, then delivered to {one.client}: {one.change}"
                         for one in found if acked and one.at > min(acked)]
        return findings


def _same(change, envelope):
    metadata = envelope["metadata"]
    if f"{metadata['table_schema']}.{metadata['table_name']}" != change.table or envelope["action"] != change.action:
        return False
    return all(_text(envelope["record"].get(name)).rstrip() == _text(value).rstrip()
               for name, value in change.values.items() if name != "mtime")


def _text(value):
    return "" if value is None else str(value)

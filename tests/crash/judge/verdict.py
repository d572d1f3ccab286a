"""All invariants over all consumers of a campaign."""

import itertools

from tests.crash.judge.dead_letters import DeadLetters
from tests.crash.judge.deliveries import Deliveries
from tests.crash.judge.group import Group
from tests.crash.judge.truth import MUST, Truth
from tests.support.server import lsn_to_int


class Verdict:
    """checked: deliveries. looked_up: those that were looked up in a fresh snapshot."""

    def __init__(self, scene, findings):
        self.scene, self.findings = scene, findings
        gaps = [(lsn_to_int(since), lsn_to_int(until)) for since, until in scene.gaps]
        self.truth = Truth(scene.folder, read_ledger(scene.server, bool(gaps)), findings, scene.tail_lost, gaps)
        self.certain = not scene.tail_lost
        self.checked = self.looked_up = 0
        self.delivered = {}
        self.places = {}  # change -> (lsn, idx), the same for all consumers

    def judge(self):
        for consumer in self.scene.consumers:
            self.consumer(consumer)
        if self.certain:
            self.places_are_unique()
        return self

    def consumer(self, consumer):
        paths = sorted(self.scene.folder.glob(f"{consumer.name}.*.history"))
        deliveries = Deliveries(self.truth, consumer.name, paths, self.findings,
                                self.scene.visibility_seconds if consumer.kind == "push" else 0, self.scene.unsure)
        letters = DeadLetters(self.scene.server, consumer, deliveries, self.certain)
        for changes, own in self.groups(deliveries, consumer.source == "stream"):
            for some, theirs in (singly(changes, own, deliveries) if consumer.order == "none" else [(changes, own)]):
                group = Group(deliveries, some, theirs, letters.dead, self.certain)
                if consumer.order == "strict":
                    group.judge_changes()
                    group.in_order()
                else:
                    group.judge()
                if consumer.order == "none" and self.certain:
                    group.independent()
        if consumer.order == "strict":
            self.total_order(deliveries, letters.dead)
        if self.certain:
            self.one_place(deliveries)
        letters.judge()
        if consumer.kind == "effect":
            self.effects(consumer)
        self.checked += len(deliveries)
        self.looked_up += deliveries.looked_up
        self.delivered[consumer.name] = len(deliveries)

    def groups(self, deliveries, letters):
        """(changes that must come, deliveries) of each group of the tables, or of the stream."""
        truth, change = self.truth, deliveries.change
        own = sorted((i for i in range(len(deliveries)) if change[i] >= 0),
                     key=lambda i: (truth.groups[change[i]], deliveries.got[deliveries.claim[i]], i))
        must = itertools.groupby((i for i in truth.in_groups if truth.is_letter(truth.groups[i]) == letters),
                                 key=lambda i: truth.groups[i])
        got = itertools.groupby(own, key=lambda i: truth.groups[change[i]])
        end = (None, ())
        left, right = next(must, end), next(got, end)
        while left[0] is not None or right[0] is not None:
            if right[0] is None or (left[0] is not None and left[0] < right[0]):
                yield list(left[1]), []
                left = next(must, end)
            elif left[0] is None or right[0] < left[0]:
                found = list(right[1])
                if truth.is_letter(right[0]) != letters:
                    self.findings.add("I2", f"{deliveries.consumer}: {truth.describe(change[found[0]])} is not for it")
                yield [], found
                right = next(got, end)
            else:
                yield list(left[1]), list(right[1])
                left, right = next(must, end), next(got, end)

    # -- I5 -----------------------------------------------------------------------------------

    def total_order(self, deliveries, dead):
        """The order of commits, and in a transaction that of its changes; clients know it from the messages themselves.
        Delayed messages stand where they were published, which is not where they were written."""
        change = deliveries.change
        own = sorted((i for i in range(len(deliveries)) if change[i] >= 0), key=lambda i: (deliveries.got[deliveries.claim[i]], i))
        places = {change[i]: (deliveries.lsn[i], deliveries.idx[i]) for i in own if not self.truth.is_delayed(change[i])}
        must = [one for one in places if self.truth.duties[one] == MUST]
        Group(deliveries, sorted(must, key=places.get), own, dead, self.certain).judge_order()

    # -- I3 -----------------------------------------------------------------------------------

    def one_place(self, deliveries):
        """However often a change is delivered, and to whom, it stands in the log once."""
        for change, *place in zip(deliveries.change, deliveries.lsn, deliveries.idx):
            if change >= 0 and self.places.setdefault(change, place) != place:
                self.findings.add("I3", f"{deliveries.consumer}: {self.truth.describe(change)} stands at {place} and at "
                                        f"{self.places[change]}")

    def places_are_unique(self):
        ordered = sorted((place, change) for change, place in self.places.items())
        for (place, change), (other, again) in zip(ordered, ordered[1:]):
            if place == other:
                self.findings.add("I3", f"{self.truth.describe(change)} and {self.truth.describe(again)} both stand at {place}")

    # -- I4 -----------------------------------------------------------------------------------

    def effects(self, consumer):
        """Exactly one of each change that is to be delivered, none of any other."""
        rows = self.scene.server.sql("SELECT event FROM effect WHERE consumer = %s", consumer.name)
        there = {row[0] for row in rows}
        for place in self.truth.in_groups:
            if not self.truth.is_letter(self.truth.groups[place]):
                event = self.truth.events[place]
                if event not in there:
                    self.findings.add("I4", f"{consumer.name}: {self.truth.describe(place)} has no effect")
                there.discard(event)
        for event in there:
            if self.truth.find(event) < 0:
                self.findings.add("I4", f"{consumer.name}: change {event} has an effect and was never committed")


def singly(changes, own, deliveries):
    """A group taken to pieces: each change with its deliveries."""
    by_change = {change: [] for change in changes}
    for delivery in own:
        by_change.setdefault(deliveries.change[delivery], []).append(delivery)
    must = set(changes)
    return [([change] if change in must else [], found) for change, found in by_change.items()]


def read_ledger(server, with_lsn):
    """Transaction -> LSN; the LSNs only when they are asked for."""
    rows = server.sql("SELECT tx, lsn::text FROM ledger" if with_lsn else "SELECT tx, NULL FROM ledger")
    return {tx: lsn and lsn_to_int(lsn) for tx, lsn in rows}

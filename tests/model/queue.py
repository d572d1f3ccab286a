"""What the queue promises, as a model of one consumer: which messages may come next, who holds what, what a settle is
told. Where the server may choose (which groups come first), the model follows it and only says what is allowed."""

import dataclasses

PENDING, OUT, DONE = "pending", "out", "done"
FOREVER = float("inf")
CLOCK_BACK_MAX = 12 * 3600
SLACK = 0.000002  # the server's clock has microseconds
SUCCESS = {"ack": "ACKED", "nack": "NACKED", "release": "RELEASED", "dead_letter": "DEAD_LETTERED"}


class Mismatch(AssertionError):
    """The server did what the model does not allow."""


def not_before(time, newest):
    """A clock that was far ahead is not waited for."""
    return newest if 0 < newest - time <= CLOCK_BACK_MAX else time


@dataclasses.dataclass(eq=False)
class Entry:
    """A message of a consumer. `ord`: its place in the order; below 0 for a dead letter that was put back."""
    ord: int
    seq: int
    change: object
    groups: frozenset
    barrier: bool = False
    frozen: bool = False  # handed out or parked: a new order mode does not concern it any more
    place: str = PENDING
    attempts: int = 0
    deliveries: int = 0
    ready_from: float = 0  # not before; surely from ready_to on
    ready_to: float = 0

    @property
    def relation(self):
        return self.change.table

    def reset(self):
        self.place, self.attempts, self.deliveries, self.ready_from, self.ready_to = PENDING, 0, 0, 0, 0


@dataclasses.dataclass(eq=False)
class Row:
    """How one delivery was settled; `tx` is None once that is committed."""
    outcome: str
    tx: object
    ready_from: float = 0
    ready_to: float = 0
    error: str = None


@dataclasses.dataclass(eq=False)
class Delivery:
    claim: object
    pos: int
    entry: Entry
    count: int
    attempts: int
    groups: frozenset = frozenset()  # as it was handed out: a rewind may order the message anew
    barrier: bool = False
    ack_id: str = None  # None: the answer was lost
    void: bool = False  # a rewind has overtaken it
    row: Row = None

    def is_out(self):
        return self.row is None or self.row.tx is not None


@dataclasses.dataclass(eq=False)
class Claim:
    no: int
    expires: float
    deliveries: list
    request: str = None
    whole: object = None  # the transaction that accepted all that was left in one row
    fence: str = "no"     # yes: its time was found to be over; maybe: the model cannot know
    undecided_at: float = 0
    extended_by: list = dataclasses.field(default_factory=list)  # open transactions

    def end(self, now):
        return self.expires if self.expires - now <= 2 * CLOCK_BACK_MAX else now


@dataclasses.dataclass(eq=False)
class Letter:
    entry: Entry
    reason: str
    attempts: int
    error: str
    groups: frozenset  # as it was handed out: a rewind may order the message anew
    barrier: bool
    id: int = None


class Tx:
    """A client's transaction that settles."""

    def __init__(self, name):
        self.name, self.rows, self.extensions = name, [], []

    def mark(self):
        return len(self.rows), len(self.extensions)


class Queue:
    def __init__(self, options):
        self.options = options
        self.order, self.latest = options.get("order_mode", "group"), options.get("latest", False)
        self.max_deliver, self.max_in_flight = options.get("max_deliver", 0), options.get("max_in_flight", 0)
        self.route, self.requeued, self.letters, self.claims = [], [], [], {}
        self.next_ord = 0   # of what was not handed out nor passed by
        self.captured = 0   # so many messages were captured before the present operation
        self.newest = [(0, 0)]  # between which times the newest claim was made: one of these

    # -- time ---------------------------------------------------------------------------------

    def times(self, first, last):
        """Between which times it works that works between these, by a clock that may have been put back."""
        return (min(not_before(first, low) for low, _ in self.newest), max(not_before(last, high) for _, high in self.newest))

    def made_claim(self, first, last, surely):
        times = self.times(first, last)
        self.newest = [times] if surely else [*self.newest, times]

    # -- messages -----------------------------------------------------------------------------

    def append(self, change, seq):
        self.route.append(Entry(len(self.route), seq, change, *self._as_captured(change)))

    def _as_captured(self, change):
        return frozenset(self.options["group_of"](change)), change.action == "truncate"

    def entries(self):
        return self.requeued + self.route

    def by_seq(self, seq):
        if seq < 0:
            return next((entry for entry in self.requeued if entry.seq == seq), None)
        return next((entry for entry in self.route if entry.seq == seq), None)

    def groups(self, entry):
        return entry.groups if entry.frozen else self._in_order(entry)[0]

    def barrier(self, entry):
        return entry.barrier and (entry.frozen or self.order == "group")

    def _in_order(self, entry):
        if self.order == "group":
            return entry.groups, entry.barrier
        return frozenset(["all"] if self.order == "strict" else [("entry", entry.ord)]), False

    def learn_position(self, next_ord):
        self.next_ord = next_ord
        for entry in self.route[:next_ord]:
            if not entry.frozen:
                self._freeze(entry)

    def _freeze(self, entry):
        entry.groups, entry.barrier = self._in_order(entry)
        entry.frozen = True

    def superseded(self, entry, surely=True):
        """In mode latest: a later message of the same key has been captured."""
        if not self.latest or entry.ord < 0 or self.barrier(entry) or len(entry.groups) > 1:
            return False
        for later in self.route[entry.ord + 1:self.captured if surely else None]:
            keys = later.change.replaces if surely else later.groups
            if not later.barrier and entry.groups & keys:
                return True
        return False

    def pending(self):
        return [entry for entry in self.entries() if entry.place == PENDING]

    def out(self):
        return [d for claim in self.claims.values() for d in claim.deliveries if d.is_out()]

    # -- settling -----------------------------------------------------------------------------

    def must_wait(self, tx, claim, positions, outcome):
        """Whether another open transaction settles the same."""
        states = {d.pos: d.row for d in claim.deliveries}
        foreign = lambda pos: states[pos] is not None and states[pos].tx not in (None, tx)
        for pos in positions:
            if pos not in states:
                continue
            if foreign(pos):
                return True
            gives_back = outcome != "ack" and states[pos] is None
            if gives_back and claim.fence != "yes":
                if any(foreign(later.pos) for later in self._linked(claim, pos)):
                    return True
        return False

    def _linked(self, claim, pos):
        """Later deliveries that go back with this one, through groups of such as go back themselves."""
        first = claim.deliveries[pos]
        groups = set(first.groups)
        for later in claim.deliveries[pos + 1:]:
            barrier = first.barrier and later.entry.relation == first.entry.relation
            if barrier or groups & later.groups:
                if later.row is None:
                    groups |= later.groups
                yield later

    def told(self, claim, pos):
        """What an ack would be told: a set, since a fence is not always known."""
        if pos >= len(claim.deliveries):
            return {"UNKNOWN"}
        d = claim.deliveries[pos]
        if d.row is not None:
            return {"ALREADY_ACKED"} if d.row.outcome == "ack" else {"STALE"}
        if claim.fence == "yes" or d.void:
            return {"STALE"}
        return {"DONE", "STALE"} if claim.fence == "maybe" else {"DONE"}

    def settle(self, tx, claim, answers, outcome, delay, error):
        """`answers`: position and what the server said, in the order of positions."""
        requests = sorted(answers)
        wholly = outcome == "ack" and self._all_of(tx, claim, {pos for pos, _ in requests})
        for pos, answer in requests:
            allowed = {SUCCESS[outcome] if told == "DONE" else told for told in self.told(claim, pos)}
            if answer not in allowed:
                raise Mismatch(f"{outcome} of position {pos} of claim {claim.no}: told {answer}, "
                               f"expected {sorted(allowed)}")
            if pos >= len(claim.deliveries):
                continue
            d = claim.deliveries[pos]
            if answer == SUCCESS[outcome] and claim.fence == "maybe":
                claim.fence = "no"
            if d.row is None and (answer == SUCCESS[outcome] or (d.void and claim.fence == "no")):
                self._put_row(tx, d, "overtaken" if d.void else outcome, delay, error)
        if wholly and any(answer == "ACKED" for _, answer in requests):
            claim.whole = tx
        if outcome != "ack":
            for pos, answer in requests:
                if pos < len(claim.deliveries) and claim.deliveries[pos].row in [row for _, row in tx.rows]:
                    for later in list(self._linked(claim, pos)):
                        if later.row is None:
                            self._put_row(tx, later, "taken", (0, 0), None)

    def _all_of(self, tx, claim, positions):
        """Whether an ack of these becomes one row for all of the claim; for that, it must have looked at all of it."""
        open_ = [d for d in claim.deliveries if d.row is None]
        undecided = any(d.row is not None and d.row.tx not in (None, tx) for d in claim.deliveries)
        partly = len(claim.deliveries) > 32 and len(positions) * 4 <= len(claim.deliveries)
        return (claim.fence != "yes" and not undecided and not partly and bool(open_) and
                all(d.pos in positions and not d.void for d in open_))

    def _put_row(self, tx, d, outcome, delay, error):
        ready = self._ready(d, delay) if outcome == "nack" else (0, 0)
        d.row = Row(outcome, tx, *ready, error)
        tx.rows.append((d, d.row))

    def _ready(self, d, delay):
        """`delay`: (earliest, latest time of the call, seconds or None for the backoff)."""
        if len(delay) == 2:
            return delay
        first, last, seconds = delay
        if seconds is not None:
            return (first + seconds - SLACK, last + seconds + SLACK) if seconds else (0, 0)
        low, high = self.options["backoff_of"](d.attempts + 1)
        return (first + low - SLACK, last + high + SLACK) if high else (0, 0)

    def commit(self, tx):
        for d, row in tx.rows:
            row.tx = None
            self._come_back(d, row)
        for claim, _ in tx.extensions:
            claim.extended_by.remove(tx)
        self._forget_whole(tx)

    def rollback(self, tx, mark=(0, 0)):
        for d, _ in tx.rows[mark[0]:]:
            d.row = None
            if d.claim.whole is tx:
                d.claim.whole = None
        for claim, _ in tx.extensions[mark[1]:]:
            claim.extended_by.remove(tx)
        del tx.rows[mark[0]:], tx.extensions[mark[1]:]

    def _forget_whole(self, tx):
        for claim in self.claims.values():
            if claim.whole is tx:
                claim.whole = None

    def _come_back(self, d, row):
        if d.void:
            return
        if row.outcome == "ack":
            d.entry.place = DONE
        elif row.outcome in ("nack", "expired_first"):
            self._back(d.entry, row, failed=True)
        elif row.outcome == "dead_letter":
            self._back(d.entry, row, failed=True, rejected=True)
        else:
            self._back(d.entry, row, failed=False)

    def _back(self, entry, row, failed, rejected=False):
        entry.deliveries += 1
        entry.attempts += failed
        if rejected or (failed and self.max_deliver and entry.attempts >= self.max_deliver):
            entry.place = DONE
            reason = "rejected" if rejected else "attempts_exhausted"
            self.letters.append(Letter(entry, reason, entry.attempts, row.error, entry.groups, entry.barrier))
        else:
            entry.place, entry.ready_from, entry.ready_to = PENDING, row.ready_from, row.ready_to

    # -- expiry -------------------------------------------------------------------------------

    def expire(self, seen, first, last, surely):
        """`seen`: (claim, seq) of what is out after an operation between these times. `surely`: it looked at all claims of
        which the time was over."""
        for claim in self.claims.values():
            unsettled = [d for d in claim.deliveries if d.row is None]
            in_progress = any(d.row is not None and d.row.tx is not None for d in claim.deliveries)
            gone = [d for d in unsettled if (claim.no, d.entry.seq) not in seen]
            if gone:
                self._expire_claim(claim, gone, unsettled, last)
                continue
            if claim.end(last) > last or not (unsettled or in_progress):
                continue
            if claim.whole is not None or claim.extended_by or in_progress:
                claim.undecided_at = last
                # An open extension stops it, too, but one that made nothing longer left no row.
                claim.fence = "maybe" if claim.whole is None and claim.fence == "no" else claim.fence
            elif surely and claim.end(first) < first and last - claim.undecided_at > 0.3:
                raise Mismatch(f"claim {claim.no} is over since {first - claim.expires:.3f} s and was not expired")

    def _expire_claim(self, claim, gone, unsettled, last):
        names = [d.entry.seq for d in gone]
        if claim.end(last) > last + SLACK:
            raise Mismatch(f"claim {claim.no} lasts {claim.expires - last:.3f} s more, but seqs {names} are not out")
        if claim.whole is not None:
            raise Mismatch(f"claim {claim.no} expired although all of it has an open ack")
        if len(gone) < len(unsettled):
            raise Mismatch(f"claim {claim.no} expired for seqs {names} only, of {[d.entry.seq for d in unsettled]}")
        claim.fence, groups = "yes", set()
        for d in gone:
            first = not groups & d.groups
            groups |= d.groups
            error = "visibility timeout passed" if first else None
            d.row = Row("expired_first" if first else "expired", None, error=error)
            self._come_back(d, d.row)

    # -- receiving ----------------------------------------------------------------------------

    def live_named(self, request):
        """The claim of this name that lasts."""
        for claim in sorted(self.claims.values(), key=lambda claim: -claim.no):
            if claim.request == request and any(d.is_out() and not d.void for d in claim.deliveries):
                return claim
        return None

    def take(self, claim, seqs, last, counts=None):
        """What a receive got, in this order, as a new claim."""
        pending = {}
        for entry in sorted(self.pending(), key=lambda entry: entry.ord):
            for group in self.groups(entry):
                pending.setdefault(group, []).append(entry)
        busy = self._busy()
        for seq in seqs:
            entry = self.by_seq(seq)
            why = "it is not its message" if entry is None else self._forbidden(entry, claim, pending, busy, last)
            if why:
                raise Mismatch(f"claim {claim.no} has seq {seq}: {why}")
            for group in self.groups(entry):
                pending[group] = [other for other in pending[group] if other is not entry]
            if not entry.frozen:
                self._freeze(entry)
            claim.deliveries.append(Delivery(claim, len(claim.deliveries), entry, entry.deliveries + 1, entry.attempts,
                                             entry.groups, entry.barrier))
            entry.place = OUT
        for d, count in zip(claim.deliveries, counts or []):
            if count != d.count:
                raise Mismatch(f"seq {d.entry.seq} has deliver_count {count}, expected {d.count}")
        self.claims[claim.no] = claim

    def _busy(self):
        """By group, and by table for truncates: claims that hold something of it."""
        busy = {"groups": {}, "relations": {}, "barriers": {}}
        for d in self.out():
            for group in d.groups:
                busy["groups"].setdefault(group, d)
            busy["relations"].setdefault(d.entry.relation, d)
            if d.barrier:
                busy["barriers"].setdefault(d.entry.relation, d)
        return busy

    def _forbidden(self, entry, claim, pending, busy, last):
        if entry.place == DONE:
            return "it was done"
        if entry.place == OUT:
            return "somebody has it"
        if entry.ready_from > last:
            return f"it rests {entry.ready_from - last:.3f} s more"
        if self.superseded(entry):
            return "there is a newer one of its key"
        for group in self.groups(entry):
            if group in busy["groups"]:
                return f"claim {busy['groups'][group].claim.no} has a message of its group {group}"
            earlier = [e for e in pending[group] if e.ord < entry.ord and not self.superseded(e, surely=False)]
            if earlier:
                return f"seq {earlier[0].seq} of its group {group} comes before it"
            if any(d.entry.ord > entry.ord and group in d.groups for d in claim.deliveries):
                return f"a later message of its group {group} is before it in the claim"
        return self._barrier_forbids(entry, claim, busy)

    def _barrier_forbids(self, entry, claim, busy):
        same = lambda other: other is not entry and other.relation == entry.relation
        if entry.relation in busy["barriers"]:
            return "a truncate of its table is out"
        if any(same(d.entry) and (d.barrier or self.barrier(entry)) for d in claim.deliveries):
            return "a truncate of its table is in the same claim"
        for other in self.pending():
            if same(other) and other.ord < entry.ord and not self.superseded(other, surely=False):
                if self.barrier(other):
                    return f"the truncate {other.seq} of its table comes before it"
                if self.barrier(entry):
                    return f"it is a truncate, and seq {other.seq} comes before it"
        if self.barrier(entry) and entry.relation in busy["relations"]:
            return "it is a truncate, and something of its table is out"
        return None

    def could_have(self, claim, first):
        """A message that a receive with room for more should have taken; None is what one hopes for."""
        pending = {}
        entries = sorted(self.pending(), key=lambda entry: entry.ord)
        for entry in entries:
            for group in self.groups(entry):
                pending.setdefault(group, []).append(entry)
        busy_groups = {group for d in self.out() if d.claim is not claim for group in d.groups}
        for entry in entries:
            if entry.ord >= self.captured or entry.ready_to > first or self.superseded(entry, surely=False):
                continue
            first_of_all = all(not any(e.ord < entry.ord and not self.superseded(e) for e in pending[group])
                               for group in self.groups(entry))
            if not first_of_all or busy_groups & self.groups(entry):
                continue
            same_out = [d for d in self.out() if d.entry.relation == entry.relation]
            if any(d.barrier or self.barrier(entry) for d in same_out):
                continue
            before = [e for e in entries if e.relation == entry.relation and e.ord < entry.ord]
            if any((self.barrier(e) or self.barrier(entry)) and not self.superseded(e) for e in before):
                continue
            return entry
        return None

    # -- other changes ------------------------------------------------------------------------

    def rewind(self, to, to_end):
        back = to < self.next_ord or (to == self.next_ord and not to_end)
        for claim in self.claims.values():
            for d in claim.deliveries:
                d.void = d.void or not back or d.entry.ord >= to
        if back:
            for entry in self.route[to:]:
                entry.reset()
                entry.groups, entry.barrier = self._as_captured(entry.change)
                entry.frozen = False
        else:
            for entry in self.requeued + self.route[:to]:
                entry.place = DONE
        self.next_ord = to

    def requeue(self, letter):
        self.letters.remove(letter)
        old = letter.entry
        ord_ = old.ord if old.ord < 0 else -2**52 + letter.id
        entry = Entry(ord_, -letter.id, old.change, letter.groups, letter.barrier)
        if self.order != "group":
            entry.groups, entry.barrier = self._in_order(entry)
        entry.frozen = True
        self.requeued.append(entry)
        self.requeued.sort(key=lambda entry: entry.ord)

"""One seed: random operations on some consumers by several sessions, each answer held against the model."""

import collections
import os
import random
import signal
import threading
import time
import traceback
import uuid

import psycopg2

from tests.support.clock import Clock
from tests.support.paths import ROOT
from tests.support.process import is_alive
from tests.support.server import Server, fetch, is_disconnect
from tests.support.stuck import Watch
from tests.support.waiting import wait_until

from .queue import DONE, OUT, PENDING, SUCCESS, Claim, Mismatch, Queue, Tx
from .world import CREATE, STREAM, World, by_key, by_part, source

FAILED = ROOT / "build" / "model"
SESSIONS = 3
FAR = 40 * 3600  # seconds of a clock that nobody waits for
RECEIVE = ("SELECT ack_id::text, seq, deliver_count, message FROM sequin.receive(%s, batch_size => %s, "
           "visibility_timeout => %s::float * interval '1 s', wait => %s::float * interval '1 s', max_bytes => %s, "
           "request_id => %s::uuid)")
VIEW = ("SELECT claim, seq, deliver_count, attempts, extract(epoch FROM expires_at)::float8, overtaken FROM sequin.in_flight "
        "WHERE consumer = %s")
# No statement waits for another that long: only one thread is at work, and it knows when it would have to wait.
LOCK_TIMEOUT = "-c lock_timeout=60s"

LOG = ("SELECT seq, coalesce(table_schema || '.' || table_name, 'm_stream'), action, record, "
       "(commit_lsn - '0/0')::bigint FROM sequin.log WHERE seq > %s ORDER BY seq")

OPERATIONS = {
    "change": 20, "sync": 3, "receive": 26, "settle": 24, "begin": 5, "savepoint": 2, "end": 6, "end_prepared": 3, "extend": 4,
    "wait_for_time": 4, "rewind": 2, "letters": 3, "requeue": 2, "purge": 0.5, "alter": 2, "pause": 0.7, "kill_session": 1.5,
    "kill_receive": 2, "kill_settle": 2, "kill_worker": 0.4, "burst": 3, "blocked": 1, "strangers": 1, "recreate": 0.4,
    "restart": 0.15, "clock": 2}


def claim_number(ack_id):
    return int(ack_id.replace("-", "")[:12], 16)


class Session:
    def __init__(self, stage, database, name):
        self.stage, self.database, self.name = stage, database, name
        self.connect()

    def connect(self):
        self.connection = self.stage.server.connect(self.database, options=LOCK_TIMEOUT)
        self.tx, self.queue_name, self.marks = None, None, []
        self.pid = self.connection.get_backend_pid()

    def sql(self, query, *parameters):
        with self.stage.watch.limit((self.name, query, parameters)):
            return fetch(self.connection, query, *parameters)


def described(message):
    return source(message["metadata"]), message["action"], message["record"]


class Story:
    def __init__(self, stage, seed, steps):
        self.stage, self.server, self.clock, self.seed, self.steps = stage, stage.server, stage.clock, seed, steps
        self.random = random.Random(seed)
        self.database = f"model_{seed}"
        self.journal = []
        self.counts = collections.Counter()
        self.queues, self.prepared, self.seen_seq, self.lsns = {}, {}, 0, []
        self.next_prepared = 0
        self.highest = 0  # what the clock has shown, before it was put back

    # -- the story ----------------------------------------------------------------------------

    def run(self):
        self._elsewhere(f"CREATE DATABASE {self.database}")
        self._elsewhere("CREATE EXTENSION sequin", self.database)
        self._elsewhere(CREATE, self.database)
        self._connect()
        for number in range(self.random.choice((1, 2, 3))):
            self._create(f"c{number}", self._options())
        if self.random.random() < 0.5:
            self._create("stream", self._stream_options())
        names, weights = list(OPERATIONS), list(OPERATIONS.values())
        for step in range(self.steps):
            operation = self.random.choices(names, weights)[0]
            name = self.random.choice(list(self.queues))
            self.step = f"{step} {operation} {name}"
            if getattr(self, f"do_{operation}")(name) is not False:
                self.counts[operation] += 1
                self.check(name)
        self._finish()

    def clean_up(self):
        for session in getattr(self, "sessions", []):
            session.connection.close()
        for gid, in self._elsewhere("SELECT gid FROM pg_prepared_xacts WHERE database = %s", parameters=[self.database]):
            self._elsewhere(f"ROLLBACK PREPARED '{gid}'", self.database)
        self._elsewhere(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    def _elsewhere(self, query, database="postgres", parameters=()):
        with self.stage.watch.limit((database, query)):
            return self.server.sql(query, *parameters, database=database)

    def _connect(self):
        self.sessions = [Session(self.stage, self.database, f"s{number}") for number in range(SESSIONS)]
        self.observer = Session(self.stage, self.database, "observer")
        self.writer = Session(self.stage, self.database, "writer")
        if hasattr(self, "world"):
            self.world.session = self.writer
        else:
            self.world = World(self.writer, self.random)

    def say(self, text):
        self.journal.append(f"{self.step}: {text}")

    def script(self):
        return [line[:300] for line in self.world.script] if hasattr(self, "world") else []

    def now(self):
        return self.clock.now()

    def _options(self):
        pick = self.random.choice
        options = {"tables": ["m.plain", "m.grouped"], "max_deliver": pick((0, 0, 2, 3)), "max_in_flight": pick((0, 0, 0, 5)),
                   "order_mode": pick(("group", "group", "group", "none", "strict")), "group_of": by_key}
        kind = pick(("all", "all", "latest", "parts"))
        if kind == "latest":
            options.update(mode="latest", latest=True, order_mode="group")
        elif kind == "parts":
            options.update(tables=["m.grouped"], group_columns=["g"], group_of=by_part)
        return self._with_backoff(options)

    def _stream_options(self):
        pick = self.random.choice
        state = pick((False, True))
        self.writer.sql("SELECT sequin.create_stream(%s, one_message_per_key => %s)", STREAM, state)
        options = {"stream": STREAM, "tables": [STREAM], "max_deliver": pick((0, 2, 3)), "max_in_flight": 0, "group_of": by_key}
        options |= {"latest": True} if state else pick(({}, {"mode": "latest", "latest": True}, {"order_mode": "strict"}))
        return self._with_backoff(options)

    def _with_backoff(self, options):
        delays = self.random.choice((None, [0], [0.05, 0, 0.2]))
        if delays is None:
            options.update(backoff_base=0.05, backoff_max=0.15,
                           backoff_of=lambda n: tuple(min(0.05 * 2 ** (n - 1), 0.15) * part for part in (0.8, 1.2)))
        else:
            options.update(backoff=delays, backoff_of=lambda n: (delays[min(n, len(delays)) - 1],) * 2)
        return options

    def _create(self, name, options):
        seconds = "%s::float * interval '1 s'"
        given = {"stream": "%s"} if "stream" in options else {"tables": "%s::text[]"}
        given |= {"order_mode": "%s", "mode": "%s", "group_columns": "%s::text[]", "max_deliver": "%s",
                  "max_in_flight": "%s", "backoff_base": seconds, "backoff_max": seconds,
                  "backoff": "(SELECT array_agg(x * interval '1 s') FROM unnest(%s::float[]) x)"}
        used = [key for key in given if key in options]
        self.writer.sql("SELECT sequin.create_consumer(%s" + "".join(f", {key} => {given[key]}" for key in used) + ")",
                        name, *(options[key] for key in used))
        self.queues[name] = Queue(options)
        self.queues[name].paused = False
        self.queues[name].id = self.observer.sql("SELECT id FROM sequin.consumer WHERE name = %s", name)[0][0]
        self.say(f"create {name} {({key: options[key] for key in used})}")

    # -- what is known of the server ----------------------------------------------------------

    def sync(self):
        """Everything that committed is captured, and found in the log, each change once and in its place."""
        self.writer.sql("SELECT sequin.sync('60 s')")
        rows = self.observer.sql(LOG, self.seen_seq)
        now, expected = max(self.highest, self.now()), collections.deque(self.world.expected)
        self.world.expected = []
        for seq, table, action, record, lsn in rows:
            change = expected[0] if expected and expected[0].shows(table, action, record) else None
            if change is not None:
                expected.popleft()
            else:
                due, change = self._delayed(table, action, record)
                if change is None or due > now:
                    all_rows = [(row[0], row[1], row[2], str(row[3])[:40]) for row in rows]
                    raise Mismatch(f"the log has {action} of {table} {str(record)[:100]} as seq {seq}, expected: "
                                   f"{list(expected)}, later: {self.world.delayed}, at {now}, log: {all_rows}")
                self.world.delayed.remove((due, change))
                self.counts["delayed messages"] += 1
            self.seen_seq = seq
            self.lsns.append((seq, lsn))
            for queue in self.queues.values():
                if change.table in queue.options["tables"]:
                    queue.append(change, seq)
        if expected:
            raise Mismatch(f"the log lacks {expected[0]}")

    def _delayed(self, table, action, record):
        found = [one for one in self.world.delayed if one[1].shows(table, action, record)]
        return found[0] if found else (None, None)

    def check(self, name):
        """What the server says of itself is what the model knows."""
        queue = self.queues[name]
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, *queue.times(self.now(), self.now()), surely=False)
        self._check_view(queue, view)
        if self.world.expected:
            return
        ready, in_flight, parked, dead = self._counts(name)
        queue.learn_position(len(queue.route) - ready)
        queue.captured = len(queue.route)
        known = (len(queue.pending()), len(queue.out()), len(queue.letters))
        exact = not queue.latest
        if (in_flight, dead) != known[1:] or (exact and ready + parked != known[0]):
            raise Mismatch(f"counts of {name}: ready {ready}, parked {parked}, in flight {in_flight}, dead {dead}; "
                           f"expected pending {known[0]}, in flight {known[1]}, dead {known[2]}")
        late = [entry for entry in queue.route[queue.next_ord:] if entry.place != PENDING]
        if late:
            raise Mismatch(f"{ready} messages are ready, but {late[0]} is among them")

    def _counts(self, name):
        """When the log is known: what is delayed may come at any time."""
        while True:
            counts = self.observer.sql("SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = %s", name)[0]
            if not self.world.delayed or not self.observer.sql(LOG, self.seen_seq):
                return counts
            self.sync()

    def _check_view(self, queue, view):
        shown = {(claim, seq): row for claim, seq, *row in view}
        known = {(d.claim.no, d.entry.seq): d for d in queue.out()}
        if shown.keys() != known.keys() or len(view) != len(shown):
            raise Mismatch(f"in flight but unexpected: {sorted(shown.keys() - known.keys())}, "
                           f"expected but not in flight: {sorted(known.keys() - shown.keys())}")
        for key, (count, attempts, expires, overtaken) in shown.items():
            d = known[key]
            if (count, attempts, overtaken) != (d.count, d.attempts, d.void):
                raise Mismatch(f"(claim, seq) {key}: deliver_count, attempts, overtaken {(count, attempts, overtaken)}, "
                               f"expected {(d.count, d.attempts, d.void)}")
            low, high = getattr(d.claim, "bounds", (0, float("inf")))
            if not low - 1e-5 <= expires <= high + 1e-5:
                raise Mismatch(f"claim {key[0]} lasts until {expires}, expected {low} to {high}")
            d.claim.expires = expires
            d.claim.bounds = (expires, expires)

    # -- receiving ----------------------------------------------------------------------------

    def free_session(self):
        free = [session for session in self.sessions if session.tx is None]
        return self.random.choice(free) if free else None

    def busy_session(self):
        busy = [session for session in self.sessions if session.tx is not None]
        return self.random.choice(busy) if busy else None

    def do_receive(self, name):
        session, queue = self.free_session(), self.queues[name]
        if session is None:
            return False
        batch = self.random.choice((1, 1, 2, 3, 5, 10, 100))
        visibility = self.random.choice((0.1, 0.1, 0.2, 0.2, 600))
        request = str(uuid.UUID(int=self.random.getrandbits(2) + 1)) if self.random.random() < 0.2 else None
        bytes_max = self.random.choice((None, None, None, 1, 3000))
        wait = self.random.choice((0, 0, 0, 0.02))
        first = self.now()
        rows = session.sql(RECEIVE, name, batch, visibility, wait, bytes_max, request)
        last = self.now()
        self.received(name, rows, (first, last), visibility, batch, bytes_max, request)

    def received(self, name, rows, times, visibility, batch, bytes_max=None, request=None, alone=True):
        """`alone`: nobody else was at work, so that it had to take what there was."""
        queue = self.queues[name]
        first, last = queue.times(*times)
        self.say(f"{len(rows)} of {batch}, visibility {visibility}" + (f", max_bytes {bytes_max}" if bytes_max else "") +
                 (f", request {request[-1]}" if request else "") +
                 "".join(f" {claim_number(row[0])}:{row[1]}" for row in rows))
        if self.world.expected or self.world.delayed:
            self.sync()
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=alone and not queue.paused)
        if queue.paused and rows:
            raise Mismatch("a paused consumer was given messages")
        live = queue.live_named(request) if request and not queue.paused else None
        queue.made_claim(*times, surely=bool(rows) and live is None)
        if live is not None:
            return self._received_again(queue, live, rows)
        claim = None
        out_before = len(queue.out())
        if rows:
            self.counts["messages received"] += len(rows)
            claim = Claim(claim_number(rows[0][0]), last + visibility, [], request)
            claim.bounds = (first + visibility, last + visibility)
            queue.take(claim, [row[1] for row in rows], last, [row[2] for row in rows])
            for d, row in zip(claim.deliveries, rows):
                d.ack_id = row[0]
                self._check_message(d, row[3])
        room = min(batch, queue.max_in_flight - out_before if queue.max_in_flight else batch)
        if len(rows) > max(room, 0):
            raise Mismatch(f"{len(rows)} messages, no more than {room} were allowed")
        self._check_bytes(claim, bytes_max)
        # In strict order a claim is not filled with new messages behind parked ones: those are the next one's.
        room = min(room, 1) if queue.order == "strict" else room
        if alone and len(rows) < room and bytes_max is None and not queue.paused:
            more = queue.could_have(claim, first)
            if more is not None:
                raise Mismatch(f"only {len(rows)} of {room} messages, though {more} could be had")

    def _received_again(self, queue, live, rows):
        self.counts["received again by name"] += 1
        expected = [d for d in live.deliveries if d.is_out() and not d.void]
        if [row[1] for row in rows] != [d.entry.seq for d in expected]:
            raise Mismatch(f"seqs {[row[1] for row in rows]}, but the claim {live.no} of this name lasts, with "
                           f"{[d.entry.seq for d in expected]}")
        for d, row in zip(expected, rows):
            if row[0] != (d.ack_id or row[0]):
                raise Mismatch(f"{row[0]} was {d.ack_id} before")
            d.ack_id = row[0]

    def _check_message(self, d, message):
        if not d.entry.change.shows(*described(message)):
            raise Mismatch(f"seq {d.entry.seq} is {message}, expected {d.entry.change}")

    def _check_bytes(self, claim, bytes_max):
        if claim and bytes_max and len(claim.deliveries) > 1:
            total = sum(d.entry.change.bytes for d in claim.deliveries)
            if total > bytes_max:
                raise Mismatch(f"{total} bytes, max_bytes is {bytes_max}")

    def do_burst(self, name):
        """Several receives at the same time: their claims have an order."""
        sessions = [session for session in self.sessions if session.tx is None]
        if len(sessions) < 2:
            return False
        self.sync()
        self.check(name)
        answers, errors = {}, []
        batch, visibility = self.random.choice((1, 2, 5)), self.random.choice((0.1, 600))

        def receive(session):
            try:
                answers[session] = session.sql(RECEIVE, name, batch, visibility, 0, None, None)
            except Exception as error:  # noqa: BLE001: reported by the thread that started this one
                errors.append(error)

        first = self.now()
        threads = [threading.Thread(target=receive, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = self.now()
        if errors:
            raise errors[0]
        for rows in sorted((rows for rows in answers.values() if rows), key=lambda rows: rows[0][0]):
            self.received(name, rows, (first, last), visibility, batch, alone=False)

    def do_kill_receive(self, name):
        """The answer may be lost after the commit."""
        session = self.free_session()
        if session is None:
            return False
        self.sync()
        self.check(name)
        request = str(uuid.UUID(int=self.random.getrandbits(64) + 100))
        first = self.now()
        answer = self._killed(session, lambda: session.sql(RECEIVE, name, 5, 0.2, 0, None, request))
        last = self.now()
        if answer is not None:
            self.received(name, answer, (first, last), 0.2, 5, None, request)
        else:
            self._lost(name, first, last, request)

    def _killed(self, session, call):
        """Kills the session in the midst of a call; returns its answer, None if that was lost."""
        answer, errors = [], []

        def run():
            try:
                answer.append(call())
            except psycopg2.Error as error:
                if not is_disconnect(error):
                    errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(self.random.random() * 0.004)
        self._terminate(session)
        thread.join()
        session.connect()
        if errors:
            raise errors[0]
        return answer[0] if answer else None

    def _lost(self, name, first, last, request):
        queue = self.queues[name]
        queue.made_claim(first, last, surely=False)
        first, last = queue.times(first, last)
        if self.world.delayed:
            self.sync()
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=False)
        new = [row for row in view if row[0] not in queue.claims]
        self.say(f"killed, {'claim lost' if new else 'nothing done'}" + "".join(f" {row[0]}:{row[1]}" for row in new))
        if new:
            self.counts["answers lost"] += 1
            claim = Claim(new[0][0], last + 0.2, [], request)
            claim.bounds = (first + 0.2, last + 0.2)
            queue.take(claim, [row[1] for row in new], last)

    def _terminate(self, session):
        pid = session.pid
        self.observer.sql("SELECT pg_terminate_backend(%s)", pid)
        wait_until(lambda: not self.observer.sql("SELECT FROM pg_stat_activity WHERE pid = %s", pid), "the backend is gone", 60)
        session.connection.close()

    # -- settling -----------------------------------------------------------------------------

    def _some_claim(self, queue):
        """Mostly one that is out; else any, of a zombie."""
        known = [claim for claim in queue.claims.values() if any(d.ack_id for d in claim.deliveries)]
        live = [claim for claim in known if any(d.row is None for d in claim.deliveries)]
        return self.random.choice(live if live and self.random.random() < 0.8 else known) if known else None

    def _some_deliveries(self, claim):
        known = [d for d in claim.deliveries if d.ack_id]
        if self.random.random() < 0.4:
            return known
        return self.random.sample(known, self.random.randint(1, len(known)))

    def _settler(self, name):
        """A session that may settle for this consumer now: a transaction of ours is about one consumer."""
        session = self.random.choice(self.sessions)
        return session if session.tx is None or session.queue_name == name else None

    def do_settle(self, name):
        queue, session = self.queues[name], self._settler(name)
        claim = self._some_claim(queue)
        if claim is None or session is None:
            return False
        outcome = self.random.choice(("ack",) * 6 + ("nack",) * 4 + ("release",) * 2 + ("dead_letter",))
        return self.settle(name, session, claim, self._some_deliveries(claim), outcome)

    def settle(self, name, session, claim, deliveries, outcome):
        queue, tx = self.queues[name], session.tx or Tx("alone")
        if claim.fence == "maybe" and any(d.void for d in claim.deliveries):
            return False  # STALE would not say whether it was settled
        if queue.must_wait(session.tx, claim, [d.pos for d in deliveries], outcome):
            return False
        delay = self.random.choice((None, 0, 0.05, 0.2)) if outcome == "nack" else None
        error = self.random.choice((None, "it failed")) if outcome in ("nack", "dead_letter") else None
        first = self.now()
        results = self._call(session, name, outcome, [d.ack_id for d in deliveries], delay, error)
        last = self.now()
        self.say(f"{outcome} by {session.name}{' in a transaction' if session.tx else ''}, delay {delay}, claim {claim.no}: " +
                 " ".join(f"{d.pos}({d.entry.seq}):{result}" for d, (_, result) in zip(deliveries, results)))
        for result in results:
            self.counts[f"told {result[1]}"] += 1
        if [result[0] for result in results] != [d.ack_id for d in deliveries]:
            raise Mismatch("results are not in the order of the ids")
        answers = [(d.pos, result) for d, (_, result) in zip(deliveries, results)]
        queue.settle(tx, claim, answers, outcome, (first, last, delay), error)
        if session.tx is None:
            queue.commit(tx)
        return True

    def do_kill_settle(self, name):
        """The answer may be lost after the commit; all of it was done, or nothing."""
        session, queue = self.free_session(), self.queues[name]
        claims = [claim for claim in queue.claims.values() if claim.expires > self.now() + 100 and not claim.extended_by]
        choice = {claim.no: [d for d in claim.deliveries if d.ack_id and queue.told(claim, d.pos) == {"DONE"}] for claim in claims}
        claims = [claim for claim in claims if choice[claim.no]]
        if session is None or not claims:
            return False
        claim = self.random.choice(claims)
        chosen = self.random.sample(choice[claim.no], self.random.randint(1, len(choice[claim.no])))
        outcome = self.random.choice(list(SUCCESS))
        if queue.must_wait(None, claim, [d.pos for d in chosen], outcome):
            return False
        first = self.now()
        answer = self._killed(session, lambda: self._call(session, name, outcome, [d.ack_id for d in chosen], 0.05))
        last = self.now()
        left = {(row[0], row[1]) for row in self.observer.sql(VIEW, name)}
        done = [d for d in chosen if (claim.no, d.entry.seq) not in left]
        self.say(f"{outcome} of claim {claim.no}: {[(d.pos, d.entry.seq) for d in chosen]}, answer {answer}, done {len(done)}")
        if len(done) not in (0, len(chosen)) or (answer is not None and not done):
            raise Mismatch(f"{outcome} was killed, told {answer}, and is done for {[d.entry.seq for d in done]} only, of "
                           f"{[d.entry.seq for d in chosen]}")
        if not done:
            return True
        self.counts["answers of settles lost"] += answer is None
        tx = Tx("alone")
        queue.settle(tx, claim, [(d.pos, SUCCESS[outcome]) for d in chosen], outcome,
                     (first, last, 0.05 if outcome == "nack" else None), None)
        queue.commit(tx)
        return True

    def _call(self, session, name, outcome, ids, delay=None, error=None):
        if outcome == "nack":
            return session.sql("SELECT ack_id::text, result FROM sequin.nack(%s, %s::uuid[], %s::float * interval '1 s', %s)",
                               name, ids, delay, error)
        if outcome == "dead_letter":
            return session.sql("SELECT ack_id::text, result FROM sequin.dead_letter(%s, %s::uuid[], %s)", name, ids, error)
        return session.sql(f"SELECT ack_id::text, result FROM sequin.{outcome}(%s, %s::uuid[])", name, ids)

    def do_extend(self, name):
        queue, session = self.queues[name], self._settler(name)
        claim = self._some_claim(queue)
        if claim is None or session is None:
            return False
        d = self.random.choice([d for d in claim.deliveries if d.ack_id])
        if queue.must_wait(session.tx, claim, [d.pos], "ack"):
            return False
        seconds = self.random.choice((0.1, 0.3))
        first = self.now()
        result = session.sql("SELECT result FROM sequin.extend(%s, ARRAY[%s]::uuid[], %s::float * interval '1 s')",
                             name, d.ack_id, seconds)[0][0]
        last = self.now()
        self.say(f"claim {claim.no}, position {d.pos}, by {seconds}: {result}")
        allowed = {"EXTENDED" if told == "DONE" else told for told in queue.told(claim, d.pos)}
        if result not in allowed:
            raise Mismatch(f"extend of position {d.pos} of claim {claim.no}: told {result}, expected {sorted(allowed)}")
        if result != "EXTENDED":
            return True
        claim.fence = "no"
        low, high = max(claim.expires, first + seconds), max(claim.expires, last + seconds)
        if session.tx is None:
            claim.bounds = (low, high)
        else:
            claim.extended_by.append(session.tx)
            session.tx.extensions.append((claim, (first + seconds, last + seconds)))
        return True

    def do_begin(self, name):
        session = self.free_session()
        if session is None or sum(other.tx is None for other in self.sessions) == 1:
            return False
        session.sql("BEGIN")
        session.tx, session.queue_name, session.marks = Tx(session.name), name, []
        self.say(session.name)

    def do_savepoint(self, _name):
        session = self.busy_session()
        if session is None:
            return False
        if session.marks and self.random.random() < 0.6:
            session.sql("ROLLBACK TO s; RELEASE s")
            self.queues[session.queue_name].rollback(session.tx, session.marks.pop())
            self.say(f"{session.name} goes back to it")
        else:
            session.sql("SAVEPOINT s")
            session.marks.append(session.tx.mark())
            self.say(session.name)

    def do_end(self, _name):
        session = self.busy_session()
        return self.end(session) if session is not None else False

    def end(self, session):
        how = self.random.choices(("COMMIT", "ROLLBACK", "PREPARE"), (5, 3, 2))[0]
        tx, name = session.tx, session.queue_name
        if how == "PREPARE":
            gid = f"{self.database}_{self.next_prepared}"
            self.next_prepared += 1
            session.sql(f"PREPARE TRANSACTION '{gid}'")
            self.prepared[gid] = (tx, name)
        else:
            session.sql(how)
            self._ended(tx, name, how)
        session.tx = None
        self.counts[how.lower()] += 1
        self.say(f"{session.name} {how}")
        self.check(name)

    def _ended(self, tx, name, how):
        queue = self.queues[name]
        if how == "COMMIT":
            for claim, _ in tx.extensions:
                each = [times for other, times in tx.extensions if other is claim]
                claim.bounds = tuple(max(claim.expires, *bounds) for bounds in zip(*each))
            queue.commit(tx)
        else:
            queue.rollback(tx)

    def do_end_prepared(self, _name):
        if not self.prepared:
            return False
        gid = self.random.choice(list(self.prepared))
        tx, name = self.prepared.pop(gid)
        how = self.random.choice(("COMMIT", "ROLLBACK"))
        self.observer.sql(f"{how} PREPARED '{gid}'")
        self._ended(tx, name, how)
        self.counts[f"{how.lower()} prepared"] += 1
        self.say(f"{gid} {how}")
        self.check(name)

    def do_blocked(self, name):
        """Settling what an open transaction settles waits for it, and does nothing when it gives up."""
        session, queue = self.free_session(), self.queues[name]
        claims = [claim for claim in queue.claims.values() if claim.whole is not None or
                  any(d.row is not None and d.row.tx is not None for d in claim.deliveries)]
        claims = [claim for claim in claims if any(d.ack_id for d in claim.deliveries)]
        if session is None or not claims:
            return False
        claim = self.random.choice(claims)
        d = self.random.choice([d for d in claim.deliveries if d.ack_id])
        outcome = self.random.choice(("ack", "nack"))
        if not queue.must_wait(None, claim, [d.pos], outcome):
            return False
        session.sql("SET lock_timeout = '30 ms'")
        try:
            told = self._call(session, name, outcome, [d.ack_id])
            raise Mismatch(f"{outcome} of position {d.pos} of claim {claim.no} did not wait: {told}")
        except psycopg2.errors.LockNotAvailable:
            self.say(f"{outcome} of position {d.pos} of claim {claim.no} waited")
        finally:
            session.sql("RESET lock_timeout")

    def do_strangers(self, name):
        """Ids that never were."""
        queue, ids = self.queues[name], [str(uuid.UUID(int=self.random.getrandbits(128)))]
        claim = self._some_claim(queue)
        if claim is not None:
            known = uuid.UUID(self.random.choice([d.ack_id for d in claim.deliveries if d.ack_id]))
            # Another nonce, another position. Neither waits for anything, whatever is undecided in that claim.
            ids += [str(uuid.UUID(int=known.int ^ 1 << self.random.randrange(58))), str(uuid.UUID(int=known.int ^ 1 << 71))]
        told = [result for _, result in self._call(self.observer, name, self.random.choice(list(SUCCESS)), ids)]
        if set(told) != {"UNKNOWN"}:
            raise Mismatch(f"ids {ids} that never were: {told}")
        self.say(f"{len(ids)} ids")

    # -- time, settings, positions ------------------------------------------------------------

    def do_wait_for_time(self, name, seconds=1000):
        queue, now = self.queues[name], self.now()
        times = [d.claim.expires for d in queue.out()] + [entry.ready_to for entry in queue.pending()]
        times = [at for at in times if now < at < now + seconds]
        if not times:
            return False
        until = min(times) if self.random.random() < 0.8 else max(times)
        if until > now + 0.1 or self.random.random() < 0.5:
            self.clock.move(until - now)
        wait_until(lambda: self.observer.sql("SELECT extract(epoch FROM clock_timestamp()) > %s", until)[0][0], pause=0.01)
        self.say(f"{until - now:.3f} s")

    def do_clock(self, _name):
        """The server's clock is put forward or back."""
        seconds = self.random.choice((-FAR, -3600, -3, -0.3, -0.05, 0.05, 0.3, 3, 3600, FAR))
        self.highest = max(self.highest, self.now())
        self.clock.move(seconds)
        self.say(f"{seconds} s")

    def do_rewind(self, name):
        queue = self.queues[name]
        self.sync()
        self.check(name)
        if not queue.route or self.world.delayed:
            return False
        entry = self.random.choice(queue.route)
        kind = self.random.choice(("seq", "seq", "lsn", "beginning", "end"))
        first = self.now()
        if kind == "seq":
            to, argument = entry.ord, ("to_seq", entry.seq)
        elif kind == "lsn":
            lsn = dict(self.lsns)[entry.seq]
            at = min(seq for seq, other in self.lsns if other >= lsn)
            to = sum(other.seq < at for other in queue.route)
            argument = ("to_lsn", f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}")
        else:
            to, argument = (0 if kind == "beginning" else len(queue.route)), ("to_place", kind)
        direction = "back" if to < queue.next_ord else "forward" if to > queue.next_ord or kind == "end" else "nowhere"
        expected = (direction, abs(to - queue.next_ord), len(queue.route) - to)
        told = self.observer.sql(f"SELECT * FROM sequin.rewind(%s, {argument[0]} => %s)", name, argument[1])[0]
        last = self.now()
        queue.made_claim(first, last, surely=True)
        first, last = queue.times(first, last)
        self.say(f"{argument[0]} {argument[1]}: {told}")
        if told != expected:
            raise Mismatch(f"rewind said {told}, expected {expected}")
        # Claims that were over have expired before.
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=True)
        queue.rewind(to, kind == "end")

    def do_alter(self, name):
        queue = self.queues[name]
        self.sync()
        self.do_letters(name)  # dead letters by the old limit are written
        if self.random.random() < 0.5:
            queue.max_deliver = self.random.choice((0, 2, 3))
            queue.max_in_flight = self.random.choice((0, 5))
            self.writer.sql("SELECT sequin.alter_consumer(%s, max_deliver => %s, max_in_flight => %s)", name,
                            queue.max_deliver, queue.max_in_flight)
        elif not queue.latest:
            self.check(name)
            queue.order = self.random.choice(("group", "none", "strict"))
            self.writer.sql("SELECT sequin.alter_consumer(%s, order_mode => %s)", name, queue.order)
        self.say(f"max_deliver {queue.max_deliver}, max_in_flight {queue.max_in_flight}, order {queue.order}")

    def do_pause(self, name):
        queue = self.queues[name]
        self.set_paused(name, not queue.paused)
        self.say("paused" if queue.paused else "active")

    def set_paused(self, name, paused):
        self.queues[name].paused = paused
        self.writer.sql("SELECT sequin.alter_consumer(%s, status => %s)", name, "paused" if paused else "active")

    def do_recreate(self, name):
        """Another consumer of that name; ids of the first one are unknown to it."""
        queue = self.queues[name]
        if any(session.queue_name == name and session.tx for session in self.sessions):
            return False
        if any(other == name for _, other in self.prepared.values()) or name == "stream":
            return False
        ids = [d.ack_id for d in queue.out() if d.ack_id]
        self.sync()
        self.writer.sql("SELECT sequin.drop_consumer(%s)", name)
        self._create(name, self._options())
        if ids:
            told = {result for _, result in self._call(self.observer, name, "ack", ids)}
            if told != {"UNKNOWN"}:
                raise Mismatch(f"ids of a consumer that was dropped: {told}")

    # -- dead letters -------------------------------------------------------------------------

    def do_letters(self, name):
        queue = self.queues[name]
        first = self.now()
        rows = self.observer.sql("SELECT id, seq, reason, attempts, last_error, message FROM sequin.dead_letters(%s)", name)
        last = self.now()
        queue.made_claim(first, last, surely=False)
        first, last = queue.times(first, last)
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=True)
        known = {letter.id: letter for letter in queue.letters if letter.id is not None}
        unmatched = [letter for letter in queue.letters if letter.id is None]
        for id_, seq, reason, attempts, error, message in rows:
            letter = known.pop(id_, None)
            known_as = (seq, reason, attempts, error)
            if letter is None:
                letter = next((one for one in unmatched
                               if (one.entry.seq, one.reason, one.attempts, one.error) == known_as), None)
                if letter is None:
                    raise Mismatch(f"dead letter {id_} {known_as} is unexpected; expected are " +
                                   str([(one.entry.seq, one.reason, one.attempts, one.error) for one in unmatched]))
                unmatched.remove(letter)
                letter.id = id_
            if not letter.entry.change.shows(*described(message)):
                raise Mismatch(f"dead letter {id_} is {message}, expected {letter.entry.change}")
        if known or unmatched:
            raise Mismatch(f"dead letters are missing: {[*known.values(), *unmatched][:3]}")
        self.say(f"{len(rows)} dead letters")

    def do_requeue(self, name):
        queue = self.queues[name]
        self.do_letters(name)
        if not queue.letters:
            return False
        chosen = self.random.sample(queue.letters, self.random.randint(1, len(queue.letters)))
        first = self.now()
        told = self.observer.sql("SELECT id, result FROM sequin.requeue_dead_letters(%s, %s::bigint[])", name,
                                 [letter.id for letter in chosen])
        last = self.now()
        queue.made_claim(first, last, surely=False)
        first, last = queue.times(first, last)
        self.say(f"requeue {told}")
        if sorted(told) != sorted((letter.id, "REQUEUED") for letter in chosen):
            raise Mismatch(f"requeue said {told}")
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=True)
        for letter in chosen:
            queue.requeue(letter)

    def do_purge(self, name):
        queue = self.queues[name]
        self.do_letters(name)
        if not queue.letters:
            return False
        letter = self.random.choice(queue.letters)
        told = self.observer.sql("SELECT sequin.purge_dead_letters(%s, %s)", name, [letter.id])[0][0]
        if told != 1:
            raise Mismatch(f"purged {told} of 1")
        queue.letters.remove(letter)

    # -- the world ----------------------------------------------------------------------------

    def do_change(self, _name):
        wanted = {table for queue in self.queues.values() for table in queue.options["tables"]}
        how, said = self.world.transaction(wanted)
        self.say(f"{how}: {said}")
        self.counts[f"transaction {how}"] += 1
        if self.random.random() < 0.7:
            self.sync()

    def do_sync(self, _name):
        self.sync()

    def do_kill_session(self, _name):
        session = self.random.choice(self.sessions)
        tx, name = session.tx, session.queue_name
        shown = [(d.claim.no, d.entry.seq) for d, _ in tx.rows] if tx else []
        if shown and self.random.random() < 0.5:
            self._killed(session, lambda: session.sql("COMMIT"))
            left = {(row[0], row[1]) for row in self.observer.sql(VIEW, name)}
            how = "ROLLBACK" if shown[0] in left else "COMMIT"
            if any((key in left) != (shown[0] in left) for key in shown):
                raise Mismatch(f"a COMMIT was killed, and of {shown} are still out {left}")
        else:
            self._terminate(session)
            session.connect()
            how = "ROLLBACK"
        self.say(f"{session.name}, its transaction: {how if tx else None}")
        if tx is not None:
            self._ended(tx, name, how)
            self.check(name)

    def do_kill_worker(self, _name):
        self.observer.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'sequin capture' "
                          "AND datname = current_database()")
        self.say("the capture worker")

    def do_restart(self, _name):
        """In order, as a power cut, or as the server does when one of its processes dies: open transactions are gone,
        prepared ones stay."""
        how = self.random.choice(("restart", "crash", "a backend dies"))
        if how == "a backend dies":
            os.kill(self.random.choice(self.sessions).pid, signal.SIGKILL)
            wait_until(lambda: not any(is_alive(session.pid) for session in [self.observer, self.writer]), "all backends are gone", 60)
        for session in [*self.sessions, self.observer, self.writer]:
            session.connection.close()
            if session.tx is not None:
                self.queues[session.queue_name].rollback(session.tx)
        self.stage.begin_again(how)
        self._connect()
        self.say(how)
        for name in self.queues:
            self.check(name)

    # -- the end ------------------------------------------------------------------------------

    def _finish(self):
        """All that is left is received and acked; then everything was accepted, or died, or was skipped, each once."""
        self.step = "at the end"
        for session in self.sessions:
            if session.tx is not None:
                self.end(session)
        while self.prepared:
            self.do_end_prepared(None)
        if self.world.delayed:
            self.clock.move(max(0, max(due for due, _ in self.world.delayed) - self.now()))
            wait_until(lambda: self.sync() or not self.world.delayed, "what was delayed is published", 60)
        self.sync()
        for name in self.queues:
            self.set_paused(name, False)
            deadline = time.monotonic() + 30
            while not self._drained(name):
                if time.monotonic() > deadline:
                    queue = self.queues[name]
                    raise Mismatch(f"{name} is not empty: pending {queue.pending()[:3]}, out {len(queue.out())}")
            self.do_letters(name)
            self.check(name)

    def _drained(self, name):
        queue = self.queues[name]
        for claim in list(queue.claims.values()):
            left = [d for d in claim.deliveries if d.row is None and d.ack_id]
            if left:
                self.settle(name, self.sessions[0], claim, left, "ack")
        first = self.now()
        rows = self.sessions[0].sql(RECEIVE, name, 100, 60, 0, None, None)
        self.received(name, rows, (first, self.now()), 60, 100)
        self.check(name)
        if not rows and (queue.out() or queue.pending()):
            self.do_wait_for_time(name, float("inf"))
        return not queue.out() and all(queue.superseded(entry, surely=False) for entry in queue.pending())


class Stage:
    """The server on which stories are played, one database after the other."""

    def __init__(self):
        self.clock = Clock()
        settings = {"fsync": "off", "autovacuum": "off", "log_min_messages": "warning"}
        self.server = Server(settings=settings, name="model", env=self.clock.environment).start()
        self.watch = Watch(self.server)

    def begin_again(self, how):
        with self.watch.limit(how, 200):
            if how == "restart":
                self.server.stop()
            elif how == "crash":
                self.server.kill9_postmaster()
            if not self.server.running():
                self.server.start()
            wait_until(self.server.accepts, "the server accepts connections", 100)

    def play(self, seed, steps):
        """The story, what was wrong (None is what one hopes for), and how long it took."""
        started, wrong = time.monotonic(), None
        story = Story(self, seed, steps)
        story.step = "at the beginning"
        try:
            story.run()
        except Mismatch as mismatch:
            wrong = f"{story.step}: {mismatch}"
        except Exception:  # a story that cannot be told to its end is not one that passed
            wrong = f"{story.step}: {traceback.format_exc()}"
        try:
            self.begin_again("next")
            story.clean_up()
        except Exception as error:
            wrong = wrong or f"in the end: {error}"
        stuck = self.watch.taken()
        if stuck:
            wrong = f"{wrong}\n{stuck}"
        if wrong:
            FAILED.mkdir(parents=True, exist_ok=True)
            (FAILED / f"seed-{seed}").write_text("\n".join([*story.journal, "", "the last transaction:", *story.script(), "", wrong, ""]))
        return story, wrong, time.monotonic() - started

    def close(self):
        self.watch.close()
        self.server.remove()
        self.clock.remove()

"""One seed: random operations on some consumers by several sessions, each answer held against the model."""

import collections
import random
import threading
import time
import traceback
import uuid

import psycopg2

from tests.support.server import Server, fetch, is_disconnect
from tests.support.waiting import wait_until

from .queue import DONE, OUT, PENDING, SUCCESS, Claim, Mismatch, Queue, Tx
from .world import CREATE, World, by_key, by_part

JOURNAL_LINES = 40
SESSIONS = 3
RECEIVE = ("SELECT ack_id::text, seq, deliver_count, message FROM sequin.receive(%s, batch_size => %s, "
           "visibility_timeout => %s::float * interval '1 s', wait => %s::float * interval '1 s', max_bytes => %s, "
           "request_id => %s::uuid)")
VIEW = ("SELECT claim, seq, deliver_count, attempts, extract(epoch FROM expires_at)::float8, overtaken FROM sequin.in_flight "
        "WHERE consumer = %s")
BLOCKED = "55P03"

OPERATIONS = {
    "change": 20, "sync": 3, "receive": 26, "settle": 24, "begin": 5, "savepoint": 2, "end": 6, "end_prepared": 3, "extend": 4,
    "wait_for_time": 4, "rewind": 2, "letters": 3, "requeue": 2, "purge": 0.5, "alter": 2, "pause": 0.7, "kill_session": 1.5,
    "kill_receive": 2, "kill_worker": 0.4, "burst": 3, "blocked": 1, "strangers": 1, "recreate": 0.4, "restart": 0.1}


def claim_number(ack_id):
    return int(ack_id.replace("-", "")[:12], 16)


class Session:
    def __init__(self, server, database, name):
        self.server, self.database, self.name = server, database, name
        self.connect()

    def connect(self):
        self.connection = self.server.connect(self.database)
        self.tx, self.queue_name, self.marks = None, None, []
        self.pid = self.connection.get_backend_pid()

    def sql(self, query, *parameters):
        return fetch(self.connection, query, *parameters)


class Story:
    def __init__(self, server, seed, steps):
        self.server, self.seed, self.steps = server, seed, steps
        self.random = random.Random(seed)
        self.database = f"model_{seed}"
        self.journal = collections.deque(maxlen=JOURNAL_LINES)
        self.counts = collections.Counter()
        self.queues, self.prepared, self.seen_seq, self.lsns = {}, {}, 0, []
        self.next_prepared = 0

    # -- the story ----------------------------------------------------------------------------

    def run(self):
        self.server.sql(f"CREATE DATABASE {self.database}")
        self.server.sql("CREATE EXTENSION sequin", database=self.database)
        self.server.sql(CREATE, database=self.database)
        self._connect()
        for number in range(self.random.choice((1, 2, 3))):
            self._create(f"c{number}", self._options())
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
        for gid in self.prepared:
            self.server.sql(f"ROLLBACK PREPARED '{gid}'", database=self.database)
        self.server.sql(f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")

    def _connect(self):
        self.sessions = [Session(self.server, self.database, f"s{number}") for number in range(SESSIONS)]
        self.observer = Session(self.server, self.database, "observer")
        self.writer = Session(self.server, self.database, "writer")
        if hasattr(self, "world"):
            self.world.connection = self.writer.connection
        else:
            self.world = World(self.writer.connection, self.random)

    def say(self, text):
        self.journal.append(f"{self.step}: {text}"[:600])

    def _options(self):
        pick = self.random.choice
        options = {"tables": ["m.plain", "m.grouped"], "max_deliver": pick((0, 0, 2, 3)), "max_in_flight": pick((0, 0, 0, 5)),
                   "order_mode": pick(("group", "group", "group", "none", "strict")), "group_of": by_key}
        kind = pick(("all", "all", "latest", "parts"))
        if kind == "latest":
            options.update(mode="latest", order_mode="group")
        elif kind == "parts":
            options.update(tables=["m.grouped"], group_columns=["g"], group_of=by_part)
        delays = pick((None, [0], [0.05, 0, 0.2]))
        if delays is None:
            options.update(backoff_base=0.05, backoff_max=0.15,
                           backoff_of=lambda n: tuple(min(0.05 * 2 ** (n - 1), 0.15) * part for part in (0.8, 1.2)))
        else:
            options.update(backoff=delays, backoff_of=lambda n: (delays[min(n, len(delays)) - 1],) * 2)
        return options

    def _create(self, name, options):
        seconds = "%s::float * interval '1 s'"
        given = {"tables": "%s::text[]", "order_mode": "%s", "mode": "%s", "group_columns": "%s::text[]", "max_deliver": "%s",
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
        rows = self.observer.sql("SELECT seq, table_name, action, record, (commit_lsn - '0/0')::bigint FROM sequin.log "
                                 "WHERE seq > %s ORDER BY seq", self.seen_seq)
        expected, self.world.expected = self.world.expected, []
        for number, (seq, table, action, record, lsn) in enumerate(rows):
            if number >= len(expected) or not expected[number].shows(table, action, record):
                raise Mismatch(f"the log has {action} of {table} {record} as seq {seq}, expected: "
                               f"{expected[number] if number < len(expected) else 'nothing'}")
            self.seen_seq = seq
            self.lsns.append((seq, lsn))
            for queue in self.queues.values():
                if expected[number].table in queue.options["tables"]:
                    queue.append(expected[number], seq)
        if len(rows) < len(expected):
            raise Mismatch(f"the log lacks {expected[len(rows)]}")

    def check(self, name):
        """What the server says of itself is what the model knows."""
        queue = self.queues[name]
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, time.time(), time.time(), surely=False)
        self._check_view(queue, view)
        if self.world.expected:
            return
        ready, in_flight, parked, dead = self.observer.sql(
            "SELECT ready, in_flight, parked, dead FROM sequin.consumers WHERE name = %s", name)[0]
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
        first = time.time()
        rows = session.sql(RECEIVE, name, batch, visibility, wait, bytes_max, request)
        last = time.time()
        self.received(name, rows, (first, last), visibility, batch, bytes_max, request)

    def received(self, name, rows, times, visibility, batch, bytes_max=None, request=None, alone=True):
        """`alone`: nobody else was at work, so that it had to take what there was."""
        queue, (first, last) = self.queues[name], times
        self.say(f"{len(rows)} of {batch}, visibility {visibility}" + (f", max_bytes {bytes_max}" if bytes_max else "") +
                 (f", request {request[-1]}" if request else "") +
                 "".join(f" {claim_number(row[0])}:{row[1]}" for row in rows))
        if self.world.expected:
            self.sync()
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=alone and not queue.paused)
        if queue.paused and rows:
            raise Mismatch("a paused consumer was given messages")
        live = queue.live_named(request, last) if request and not queue.paused else None
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
        metadata, change = message["metadata"], d.entry.change
        table = f"{metadata['table_schema']}.{metadata['table_name']}"
        if table != change.table or not change.shows(metadata["table_name"], message["action"], message["record"]):
            raise Mismatch(f"seq {d.entry.seq} is {message}, expected {change}")

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

        first = time.time()
        threads = [threading.Thread(target=receive, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        last = time.time()
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
        answer = []

        def receive():
            try:
                answer.append(session.sql(RECEIVE, name, 5, 0.2, 0, None, request))
            except psycopg2.Error as error:
                if not is_disconnect(error):
                    raise

        thread = threading.Thread(target=receive)
        first = time.time()
        thread.start()
        time.sleep(self.random.random() * 0.004)
        self._terminate(session)
        thread.join()
        last = time.time()
        if answer:
            self.received(name, answer[0], (first, last), 0.2, 5, None, request)
        else:
            self._lost(name, first, last, request)

    def _lost(self, name, first, last, request):
        queue = self.queues[name]
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
        wait_until(lambda: not self.observer.sql("SELECT FROM pg_stat_activity WHERE pid = %s", pid), "the backend is gone")
        session.connection.close()
        tx, name = session.tx, session.queue_name
        session.connect()
        if tx is not None:
            self.queues[name].rollback(tx)

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
        if queue.must_wait(session.tx, claim, [d.pos for d in deliveries], outcome):
            return False
        delay = self.random.choice((None, 0, 0.05, 0.2)) if outcome == "nack" else None
        error = self.random.choice((None, "it failed")) if outcome in ("nack", "dead_letter") else None
        first = time.time()
        results = self._call(session, name, outcome, [d.ack_id for d in deliveries], delay, error)
        last = time.time()
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
        first = time.time()
        result = session.sql("SELECT result FROM sequin.extend(%s, ARRAY[%s]::uuid[], %s::float * interval '1 s')",
                             name, d.ack_id, seconds)[0][0]
        last = time.time()
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
            for claim, (low, high) in tx.extensions:
                claim.bounds = (max(claim.expires, low), max(claim.expires, high))
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
            ids += [str(uuid.UUID(int=known.int ^ 1 << self.random.randrange(58))), str(uuid.UUID(int=known.int ^ 1 << 66))]
        told = [result for _, result in self._call(self.observer, name, self.random.choice(list(SUCCESS)), ids)]
        if set(told) != {"UNKNOWN"}:
            raise Mismatch(f"ids {ids} that never were: {told}")
        self.say(f"{len(ids)} ids")

    # -- time, settings, positions ------------------------------------------------------------

    def do_wait_for_time(self, name):
        queue, now = self.queues[name], time.time()
        times = [d.claim.expires for d in queue.out()] + [entry.ready_to for entry in queue.pending()]
        times = [at for at in times if now < at < now + 1]
        if not times:
            return False
        until = min(times)
        wait_until(lambda: self.observer.sql("SELECT extract(epoch FROM clock_timestamp()) > %s", until)[0][0], pause=0.01)
        self.say(f"{until - now:.3f} s")

    def do_rewind(self, name):
        queue = self.queues[name]
        self.sync()
        self.check(name)
        if not queue.route:
            return False
        entry = self.random.choice(queue.route)
        kind = self.random.choice(("seq", "seq", "lsn", "beginning", "end"))
        first = time.time()
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
        last = time.time()
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
        if any(other == name for _, other in self.prepared.values()):
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
        first = time.time()
        rows = self.observer.sql("SELECT id, seq, reason, attempts, last_error, message FROM sequin.dead_letters(%s)", name)
        last = time.time()
        view = self.observer.sql(VIEW, name)
        queue.expire({(row[0], row[1]) for row in view}, first, last, surely=True)
        known = {letter.id: letter for letter in queue.letters if letter.id is not None}
        unmatched = [letter for letter in queue.letters if letter.id is None]
        for id_, seq, reason, attempts, error, message in rows:
            letter = known.pop(id_, None)
            described = (seq, reason, attempts, error)
            if letter is None:
                letter = next((one for one in unmatched
                               if (one.entry.seq, one.reason, one.attempts, one.error) == described), None)
                if letter is None:
                    raise Mismatch(f"dead letter {id_} {described} is unexpected; expected are " +
                                   str([(one.entry.seq, one.reason, one.attempts, one.error) for one in unmatched]))
                unmatched.remove(letter)
                letter.id = id_
            if not letter.entry.change.shows(message["metadata"]["table_name"], message["action"], message["record"]):
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
        first = time.time()
        told = self.observer.sql("SELECT id, result FROM sequin.requeue_dead_letters(%s, %s::bigint[])", name,
                                 [letter.id for letter in chosen])
        last = time.time()
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
        name = session.queue_name if session.tx else None
        self.say(session.name)
        self._terminate(session)
        if name:
            self.check(name)

    def do_kill_worker(self, _name):
        self.observer.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'sequin capture' "
                          "AND datname = current_database()")
        self.say("the capture worker")

    def do_restart(self, _name):
        """In the end as a crash or in order: open transactions are gone, prepared ones stay."""
        crash = self.random.random() < 0.5
        for session in [*self.sessions, self.observer, self.writer]:
            session.connection.close()
            if session.tx is not None:
                self.queues[session.queue_name].rollback(session.tx)
        if crash:
            self.server.kill9_postmaster()
        else:
            self.server.stop()
        self.server.start()
        self._connect()
        self.say("crash" if crash else "restart")
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
        first = time.time()
        rows = self.sessions[0].sql(RECEIVE, name, 100, 60, 0, None, None)
        self.received(name, rows, (first, time.time()), 60, 100)
        self.check(name)
        if not rows and (queue.out() or queue.pending()):
            self.do_wait_for_time(name)
        return not queue.out() and all(queue.superseded(entry, surely=False) for entry in queue.pending())


class Stage:
    """The server on which stories are played, one database after the other."""

    def __init__(self):
        self.server = Server(settings={"fsync": "off", "autovacuum": "off", "log_min_messages": "warning"}, name="model").start()

    def play(self, seed, steps):
        """The story, what was wrong (None is what one hopes for), and how long it took."""
        started, wrong = time.monotonic(), None
        story = Story(self.server, seed, steps)
        story.step = "at the beginning"
        try:
            story.run()
        except Mismatch as mismatch:
            wrong = f"{story.step}: {mismatch}"
        except Exception:  # a story that cannot be told to its end is not one that passed
            wrong = f"{story.step}: {traceback.format_exc()}"
        try:
            story.clean_up()
        except Exception as error:
            wrong = wrong or f"in the end: {error}"
        return story, wrong, time.monotonic() - started

    def close(self):
        self.server.remove()

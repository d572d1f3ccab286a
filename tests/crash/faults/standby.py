"""A standby takes over: the replication slot is not on it, and perhaps not the last commits either."""

from tests.crash.faults import Fault
from tests.support.standby import Standby
from tests.support.waiting import wait_until


class Promotion(Fault):
    """The standby is made when the fault strikes: after a promotion there is none."""
    needs = frozenset({"proxies"})

    def make_standby(self, scene):
        standby = Standby(scene.server, f"standby{scene.rest.randrange(1_000_000)}")
        scene.ends.append(standby.remove)
        return standby.start()

    def take_over(self, scene, standby):
        standby.promote()
        scene.promoted(standby)
        scene.expect_gap()  # from there to the new slot nothing is captured


class SynchronousPromotion(Promotion):
    name = "promotion-synchronous"
    description = "the primary is killed and a synchronous standby, which has no slot, is promoted"
    apart = True

    def strike(self, scene):
        standby = self.make_standby(scene)
        standby.make_synchronous()
        wait_until(lambda: standby.value("SELECT count(*) FROM pg_extension WHERE extname = 'sequin'"),
                   "the standby has everything", 60)
        scene.server.kill9_postmaster()
        self.take_over(scene, standby)


class AsynchronousPromotion(Promotion):
    name = "promotion-lost-tail"
    description = "an asynchronous standby that lacks the last commits of the dead primary is promoted"
    apart = True

    def strike(self, scene):
        standby = self.make_standby(scene)
        standby.wait_for_replay()
        standby.stop_receiving()
        before = scene.server.wal_lsn()
        wait_until(lambda: scene.server.value("SELECT pg_current_wal_flush_lsn() - %s::pg_lsn > 100000", before),
                   "there is a tail to be lost", 60)
        scene.server.kill9_postmaster()
        scene.lost_tail()
        self.take_over(scene, standby)

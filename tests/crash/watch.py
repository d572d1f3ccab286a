"""Memory and descriptors of the agent and the capture worker over a campaign."""

import os

from tests.support import process
from tests.support.waiting import NotInTime, wait_until

RSS_BYTES = {"agent": 256 << 20, "worker": 512 << 20}
DESCRIPTORS = {"agent": 900, "worker": 400}


class Watch:
    """Samples are taken before and after: both must stay below what a process may need at most, however long it lives."""

    def __init__(self, scene):
        self.scene = scene
        self.before = self.sample()

    def sample(self):
        pids = {"agent": self.scene.agent.pid, "worker": wait_until(self.scene.worker_pid, "a capture worker", 60)}
        return {name: (process.rss_bytes(pid), len(os.listdir(f"/proc/{pid}/fd"))) for name, pid in pids.items()}

    def findings(self):
        try:
            after = self.sample()
        except (OSError, NotInTime) as gone:
            return [f"no sample of memory: {gone}"]
        found = []
        for name, (rss, descriptors) in after.items():
            if rss > RSS_BYTES[name]:
                found.append(f"{name}: {rss >> 20} MB of memory, {self.before[name][0] >> 20} MB at first")
            if descriptors > DESCRIPTORS[name]:
                found.append(f"{name}: {descriptors} descriptors, {self.before[name][1]} at first")
        return found

"""The agent's machine does not know what time it is."""

import subprocess

from tests.crash.faults import Fault
from tests.support.paths import ROOT

SOURCE = ROOT / "tests" / "support" / "shifted_clock.c"
LIBRARY = ROOT / "build" / "shifted_clock.so"


class AgentClock(Fault):
    name = "agent-clock"
    description = "the agent runs on a machine whose wall clock is an hour ahead or behind"
    seconds = (4, 8)

    def strike(self, scene):
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", LIBRARY, SOURCE, "-ldl"], check=True)
        self.restart(scene, {"LD_PRELOAD": str(LIBRARY), "CLOCK_SHIFT_SECONDS": scene.rest.choice(("-3600", "3600"))})

    def heal(self, scene):
        self.restart(scene, {})

    @staticmethod
    def restart(scene, environment):
        agent, before = scene.agent, dict(scene.agent.env)
        agent.terminate()
        agent.env.update(environment)
        try:
            agent.start()
        finally:
            agent.env = before

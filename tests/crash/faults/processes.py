"""Processes that end, or stand still, without a word."""

import os
import signal
import time

from tests.crash.faults import Fault
from tests.support.waiting import wait_until


class AgentKill(Fault):
    name = "agent-kill"
    description = "kill -9 of the agent; a supervisor starts it again"

    def strike(self, scene):
        scene.agent.kill9()
        scene.agent.start()


class AgentZombie(Fault):
    """What it has in hand is given to others meanwhile; when it wakes up, its acks come too late."""
    name = "agent-zombie"
    description = "SIGSTOP of the agent for three visibility timeouts, then SIGCONT: its acks are late"
    deceives_endpoints = True  # it waits for answers, and does not know that it does

    def strike(self, scene):
        scene.agent.send(signal.SIGSTOP)
        time.sleep(3 * scene.visibility_seconds)

    def heal(self, scene):
        scene.agent.send(signal.SIGCONT)


class AgentStop(Fault):
    name = "agent-stop"
    description = "SIGTERM of the agent: it finishes what it has begun; a supervisor starts it again"

    def strike(self, scene):
        scene.agent.terminate()
        scene.agent.start()


def kill_and_be_noticed(scene, pid):
    """Not the killing ends the other sessions, but the postmaster, when it hears of it."""
    before = scene.crashes()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: scene.crashes() > before, "the postmaster has noticed", 60, 0.05)


class WorkerKill(Fault):
    """Postgres takes all sessions down with it and recovers."""
    name = "worker-kill"
    description = "kill -9 of the capture worker; the server restarts all its processes"

    def strike(self, scene):
        kill_and_be_noticed(scene, wait_until(scene.worker_pid, "there is a capture worker", 60))


class WorkerTerminate(Fault):
    name = "worker-terminate"
    description = "SIGTERM of the capture worker; the launcher starts another one"

    def strike(self, scene):
        os.kill(wait_until(scene.worker_pid, "there is a capture worker", 60), signal.SIGTERM)


class WorkerZombie(Fault):
    name = "worker-zombie"
    description = "SIGSTOP of the capture worker for some seconds, then SIGCONT"
    seconds = (1, 4)

    def strike(self, scene):
        self.pid = wait_until(scene.worker_pid, "there is a capture worker", 60)
        os.kill(self.pid, signal.SIGSTOP)

    def heal(self, scene):
        os.kill(self.pid, signal.SIGCONT)


class PostmasterKill(Fault):
    """What a power cut does to processes."""
    name = "postmaster-kill"
    description = "kill -9 of the postmaster and all its children; a supervisor starts the server again"

    def strike(self, scene):
        scene.server.kill9_postmaster()
        scene.server.start()


class BackendKill(Fault):
    name = "backend-kill"
    description = "kill -9 of a session that settles or receives; the server restarts all its processes"

    def strike(self, scene):
        kill_and_be_noticed(scene, wait_until(scene.queue_session, "a session settles or receives", 60))


class ImmediateShutdown(Fault):
    name = "immediate-shutdown"
    description = "SIGQUIT of the postmaster, then a start: recovery from the WAL"

    def strike(self, scene):
        scene.server.send(signal.SIGQUIT)
        scene.server.wait()
        scene.server.start()


class FastShutdown(Fault):
    name = "fast-shutdown"
    description = "SIGINT of the postmaster, then a start"

    def strike(self, scene):
        scene.server.terminate()
        scene.server.start()


class RestartLoop(Fault):
    name = "restart-loop"
    description = "the postmaster is killed again as soon as it accepts connections, five times"

    def strike(self, scene):
        for _ in range(5):
            scene.server.kill9_postmaster()
            scene.server.start()

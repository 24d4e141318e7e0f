"""All instances of the lab: each follows what EC2 says about it, whoever launched or ended it."""

import signal
import time

from deployer.lab.context import Context
from deployer.lab.instances import view
from deployer.lab.instances.machine import Machine

LAST_WORDS_S = 2.0  # real: what applications get when the lab is closed


class Machines:
    """`poll` is called by one long-lived thread; the rest by any."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._machines: dict[str, Machine] = {}

    def poll(self, now: float) -> None:
        """Start, supervise and end processes; downloads happen here, outside the lab's lock."""
        with self._context.lock:
            states = view.states(self._context)
            new = [
                view.booted(self._context, key)
                for key, state in states.items()
                if state == "running" and key not in self._machines
            ]
        for booted in new:
            self._machines[booted.id] = Machine(self._context, booted)
        for machine in list(self._machines.values()):
            state = states.get(machine.id, "terminated")
            machine.look(wanted=state == "running", now=now)
            if machine.ended and state in ("shutting-down", "terminated"):
                self._forget(machine)
        self._end_bare(states)
        self._halt(states)

    def _forget(self, machine: Machine) -> None:
        machine.clear()
        del self._machines[machine.id]
        with self._context.lock:
            view.bury(self._context, machine.id)
        self._context.wake.set()

    def _halt(self, states: dict[str, str]) -> None:
        """Instances that were told to stop, once nothing runs on them."""
        told = [key for key, state in states.items() if state == "stopping"]
        idle = [key for key in told if key not in self._machines or self._machines[key].ended]
        if idle:
            with self._context.lock:
                for key in idle:
                    view.halt(self._context, key)
            self._context.wake.set()

    def _end_bare(self, states: dict[str, str]) -> None:
        """Instances that were told to end before they ever ran anything."""
        bare = [k for k, s in states.items() if s == "shutting-down" and k not in self._machines]
        if bare:
            with self._context.lock:
                for key in bare:
                    view.bury(self._context, key)
            self._context.wake.set()

    def get(self, instance_id: str) -> Machine | None:
        return self._machines.get(instance_id)

    def all(self) -> tuple[Machine, ...]:
        return tuple(self._machines.values())

    def signal(self, instance_id: str, number: signal.Signals) -> None:
        """Send a signal to an instance's application.

        Raises:
            LookupError: no such instance, or nothing runs on it.
        """
        machine = self._machines.get(instance_id)
        if machine is None or not machine.signal(number):
            raise LookupError(f"nothing runs on instance {instance_id}")

    def close(self) -> None:
        """SIGTERM, a moment, SIGKILL; all processes are gone afterwards."""
        for machine in self.all():
            machine.signal(signal.SIGCONT)
            machine.signal(signal.SIGTERM)
        deadline = time.monotonic() + LAST_WORDS_S
        for machine in self.all():
            if not machine.wait(max(0.0, deadline - time.monotonic())):
                machine.signal(signal.SIGKILL)
                machine.wait(LAST_WORDS_S)
        self._machines.clear()

"""Keeps Envoy in step with what the API has stored, and target health in step with Envoy.

Locks: actions and ticks hold the lab's lock, the poll must not; what both touch (registrations and
the files for Envoy) is guarded by a lock of our own, taken second and never held over the network.
"""

import logging
import socket
import threading
import time
from typing import Any

from moto.ec2.models import ec2_backends
from moto.elbv2.models import elbv2_backends

from deployer.lab.balancer import health, state
from deployer.lab.balancer.clusters import CHECKS, routable
from deployer.lab.balancer.counters import Counters
from deployer.lab.balancer.envoy import Envoy, EnvoyFailed
from deployer.lab.balancer.model import Fleet, Group
from deployer.lab.balancer.pipes import Lines
from deployer.lab.balancer.registry import Registry, Target
from deployer.lab.balancer.tls import Certificates
from deployer.lab.balancer.xds import Files
from deployer.lab.context import Context
from deployer.lab.traffic import Traffic

ADMIN_INDEX = 253  # the balancer address that Envoy's admin interface takes: 127.N.255.254
# Real seconds. A group that is no longer referenced keeps its clusters for this long: Envoy may
# still be reading routes that name them.
LINGER_S = 1.0
REJECTIONS_EVERY_S = 1.0
LISTENING_S = 5.0
TAKEN_S = 15.0
STOPPED = frozenset({"stopping", "stopped"})
GONE = frozenset({"shutting-down", "terminated"})

_log = logging.getLogger("deployer.lab")


class DataPlane:
    """Component and TrafficSource: all but the API, which `component.Balancer` adds."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.certificates = Certificates(context)
        self.registry = Registry()
        self.mutex = threading.RLock()
        self.fleet = Fleet()
        self._indexes: dict[str, int] = {}
        self._used_at: dict[str, float] = {}
        self._next_look = 0.0
        self._taken = 0
        self._counters = Counters()
        self._files = Files(context.directory / "balancer", context.clock.scale)
        self._requests = Lines(self._files.access_log)
        self._checks = Lines(self._files.health_log)
        sources = {kind: self._files.source(kind, "all") for kind in ("lds", "cds")}
        address = context.balancer_address(ADMIN_INDEX)
        self.envoy = Envoy(self._files.directory, address, sources)
        self.envoy.wait_ready()

    # ---- what the API says, to Envoy --------------------------------------------------------

    @property
    def store(self) -> Any:
        """Moto's store of load balancers, listeners, rules and target groups."""
        return elbv2_backends[self.context.account][self.context.region]

    def publish(self) -> None:
        """Bring Envoy to what the API's store says now. The caller holds the lab's lock.

        When this returns, Envoy goes by it, however busy the machine: whoever has read that nobody is
        sent to an instance any more may end it.

        Raises:
            EnvoyFailed: it does not get to it within TAKEN_S.
        """
        store = self.store
        addresses = self._addresses(list(store.load_balancers))
        for arn, each in store.load_balancers.items():
            each.dns_name, each.state = addresses[arn], "active"
        fleet = state.read(store, addresses, self.certificates)
        for group in fleet.groups.values():
            owner = fleet.owner(group.name)
            store.target_groups[group.arn].load_balancer_arns = [owner.arn] if owner else []
        with self.mutex:
            self._retire_unused(fleet)
            self.fleet = fleet
            self._write()
        self._await_taken()
        with self.mutex:
            self.registry.left(self.context.clock.now())

    def _await_taken(self) -> None:
        """An Envoy that has ended sends nobody anywhere; the next one begins with what is written."""
        number = self._files.number
        deadline = time.monotonic() + TAKEN_S
        while number != self._taken and (left := self._files.unread(self.envoy.versions())):
            if self.envoy.ended():
                return
            if time.monotonic() > deadline:
                raise EnvoyFailed(f"Envoy does not read {left}; its log: {self.envoy.log}")
            time.sleep(0.001)
        self._taken = number

    def _addresses(self, arns: list[str]) -> dict[str, str]:
        self._indexes = {arn: index for arn, index in self._indexes.items() if arn in arns}
        for arn in arns:
            if arn not in self._indexes:
                free = set(range(ADMIN_INDEX)) - set(self._indexes.values())
                self._indexes[arn] = min(free)
        return {arn: self.context.balancer_address(at) for arn, at in self._indexes.items()}

    def _retire_unused(self, fleet: Fleet) -> None:
        """Target groups that lost their last rule know nothing of their targets' health."""
        now = time.time()
        used = {name for each in fleet.balancers for name in each.groups()}
        for name in self._used_at.keys() - used:
            if self.fleet.owner(name):
                self.registry.unused(name, now)
        self._used_at |= dict.fromkeys(used, now)
        self._used_at = {
            name: at
            for name, at in self._used_at.items()
            if name in fleet.groups and at >= now - LINGER_S
        }

    def _write(self) -> None:
        """Endpoints first: a cluster waits for its own."""
        kept = [self.fleet.groups[name] for name in sorted(self._used_at)]
        for group in kept:
            self._write_endpoints(group)
        self._files.publish(self.fleet, kept)

    def _write_endpoints(self, group: Group) -> None:
        healthy = self.registry.healthy(group.name)
        unhealthy = self.registry.unhealthy(group.name)
        self._files.endpoints(group.name, routable(group, healthy, unhealthy))
        self._files.endpoints(CHECKS + group.name, self.registry.checked(group))

    def await_listening(self, address: str, port: int) -> None:
        """Return when a new listener takes connections.

        Raises:
            EnvoyFailed: it does not.
        """
        deadline = time.monotonic() + LISTENING_S
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex((address, port)) == 0:
                    return
            time.sleep(0.005)
        raise EnvoyFailed(f"no listener on {address}:{port}; see {self.envoy.log}")

    # ---- in time ----------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Under the lab's lock: instances that stopped or ended, draining that is over."""
        with self.mutex:
            self._look_at_instances()
            self.registry.expire(now)
        self.publish()

    def _look_at_instances(self) -> None:
        states = {each.id: str(each.state) for each in self._instances()}
        for name, target in list(self.registry.everyone()):
            group = self.fleet.groups.get(name)
            if group is None:
                self.registry.forget(name)
            elif target.id.startswith("i-"):
                self._look(group, target, states.get(target.id, "terminated"))

    def _instances(self) -> list[Any]:
        backend = ec2_backends[self.context.account][self.context.region]
        return list(backend.all_instances())

    def _look(self, group: Group, target: Target, instance_state: str) -> None:
        """A terminated instance is deregistered, a stopped one gets no requests."""
        if instance_state in GONE:
            in_use = self.fleet.owner(group.name) is not None
            self.registry.drain(group, target, in_use=in_use)
            return
        stopped = instance_state if instance_state in STOPPED else ""
        if target.stopped and not stopped:
            target.tally, target.since = health.Tally(), time.time()
        target.stopped = stopped

    def poll(self, now: float) -> None:  # noqa: ARG002  outcomes and counts carry no virtual time
        """Without the lab's lock: take in health checks and requests, keep Envoy alive.

        Raises:
            EnvoyFailed: Envoy refused what was written, or does not stay alive: the lab's answers
                would be wrong from now on.
        """
        with self.mutex:
            changed = {
                outcome.group
                for outcome in health.outcomes(self._checks.read())
                if self._record(outcome)
            }
            for name in changed:
                self._write_endpoints(self.fleet.groups[name])
        self._count()
        if self.envoy.ended():
            self._revive()
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + REJECTIONS_EVERY_S
            self._look_for_rejections()

    def _record(self, outcome: health.Outcome) -> bool:
        group = self.fleet.groups.get(outcome.group)
        return group is not None and self.registry.record(group, outcome)

    def _revive(self) -> None:
        _log.error("Envoy ended unexpectedly and is started again; see %s", self.envoy.log)
        self._requests.forget()
        self._checks.forget()
        self.envoy.restart()

    def _look_for_rejections(self) -> None:
        found = self.envoy.rejections()
        if found:
            raise EnvoyFailed(f"Envoy refused {', '.join(found)}; its log: {self.envoy.log}")

    def close(self) -> None:
        self.envoy.close()
        self._requests.close()
        self._checks.close()

    # ---- what flowed ------------------------------------------------------------------------

    def _count(self) -> None:
        with self._counters.lock:
            for line in self._requests.read():
                self._counters.feed(line)

    def read(self) -> Traffic:
        """Everything since the lab began; requests are counted when they end."""
        self._count()
        with self.mutex:
            fleet = self.fleet
            targets = {name: self.registry.zones(name) for name in fleet.groups}
        return self._counters.traffic(fleet, targets)

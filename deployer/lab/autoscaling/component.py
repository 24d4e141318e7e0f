"""The fleet: Auto Scaling's groups and the processes of their instances, as one part of the lab."""

import signal
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.lab import addresses, ec2
from deployer.lab.autoscaling import scaling
from deployer.lab.autoscaling.api import table
from deployer.lab.autoscaling.api.desk import Desk
from deployer.lab.autoscaling.cloud import Cloud
from deployer.lab.autoscaling.decide import Reading, Seen, decide, wanted_readings
from deployer.lab.autoscaling.hands import Hands
from deployer.lab.autoscaling.intents import Launch
from deployer.lab.autoscaling.model import Group, Lifecycle, Member
from deployer.lab.autoscaling.moto_cloud import MotoCloud
from deployer.lab.autoscaling.store import Store
from deployer.lab.context import Context
from deployer.lab.instances import view
from deployer.lab.instances.machines import Machines
from deployer.lab.ringing import Ringing
from deployer.lab.usage import Usage

BURST = 2  # launches of one group in one tick: each holds the lab's lock for some 20 ms
ROUNDS = 4  # looks in one tick: enough for what follows at once from what was just done
URGENT_S = 0.2  # real seconds between two readings of a target group that drains ...
STEADY_S = 10.0  # ... and virtual ones of a target group that is only watched,
STEADY_REAL_S = 0.5  # but not more often than this
SPOT_SIGNALS = ("rebalance", "interrupt")


class Reconciler:
    """Looks at every group and does what it wants; `cloud` is a fake in tests."""

    def __init__(self, cloud: Cloud) -> None:
        self.store = Store()
        self.cloud = cloud
        self.hands = Hands(self.store, cloud)
        self.readings: dict[str, Reading] = {}

    def tick(self, now: float) -> None:
        """One look at each group, more where something happened; under the lab's lock."""
        for name in list(self.store.groups):
            launches = 0
            for _ in range(ROUNDS):
                group = self.store.groups.get(name)
                intents = decide(group, self._seen(group), now) if group else ()
                for intent in intents:
                    launches += isinstance(intent, Launch)
                    if launches <= BURST or not isinstance(intent, Launch):
                        self.hands.carry_out(name, intent, now)
                if not intents or launches > BURST:
                    break  # what is left is wanted again in the next tick

    def _seen(self, group: Group) -> Seen:
        return Seen(self.cloud.states([member.id for member in group.members]), self.readings)

    def due(self, now: float, urgent_s: float, steady_s: float) -> list[str]:
        """Target groups whose health is to be read now; under the lab's lock."""
        urgent, steady = set[str](), set[str]()
        for group in self.store.groups.values():
            soon, later = wanted_readings(group)
            urgent |= soon
            steady |= later
        self.readings = {arn: self.readings[arn] for arn in urgent | steady if arn in self.readings}
        ages = [(arn, urgent_s) for arn in urgent] + [(arn, steady_s) for arn in steady - urgent]
        return sorted(arn for arn, age in ages if now - self._read_at(arn) >= age)

    def _read_at(self, arn: str) -> float:
        reading = self.readings.get(arn)
        return reading.at if reading else float("-inf")


class Fleet:
    """A `Component`; making it takes over the Auto Scaling API and the launch templates'."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reconciler = Reconciler(MotoCloud(context))
        self._machines = Machines(context)
        ec2.install()
        addresses.install()
        hands, clock = self._reconciler.hands, context.clock
        table.install(Desk(hands, clock.now, context.account, context.region))

    def tick(self, now: float) -> None:
        """Reconcile every group; under the lab's lock."""
        self._reconciler.tick(now)

    def poll(self, now: float) -> None:
        """Read target health where it is waited for; supervise the processes."""
        self._read_targets()
        self._machines.poll(now)

    def _read_targets(self) -> None:
        clock, scale = self._context.clock, self._context.clock.scale
        steady_s = max(STEADY_S, STEADY_REAL_S * scale)
        with self._context.lock:
            due = self._reconciler.due(clock.now(), URGENT_S * scale, steady_s)
        for arn in due:
            with self._context.lock:
                asked = clock.now()
                states = self._reconciler.cloud.target_states(arn)
                self._reconciler.readings[arn] = Reading(asked, states)
            self._context.wake.set()

    def scale(self, ringing: Sequence[Ringing], now: float) -> None:
        """What the alarms of scaling policies ask for; under the lab's lock."""
        scaling.answer(self._reconciler.store, ringing, now)

    def usage(self) -> list[Usage]:
        """CPU time of all instances in service; under the lab's lock.

        Those that still warm up do not count in their group's metric if the group says how long.
        """
        now, monitored = self._context.clock.now(), view.monitored(self._context)
        return [
            Usage(
                member.id,
                group.name if now - member.since >= (group.warmup_s or 0) else "",
                machine.cpu_s,
                member.id in monitored,
            )
            for group in self._reconciler.store.groups.values()
            for member in group.members
            if member.lifecycle is Lifecycle.IN_SERVICE
            and (machine := self._machines.get(member.id)) is not None
        ]

    def notify_spot(self, instance_id: str, signal: str) -> None:
        """EC2's word to a Spot instance: `rebalance`, or `interrupt`: two minutes are left.

        Raises:
            LookupError: no such signal, or no Spot instance of a group that is there to stay.
        """
        if signal not in SPOT_SIGNALS:
            raise LookupError(f"no such signal: {signal!r} (known: {', '.join(SPOT_SIGNALS)})")
        with self._context.lock:
            hands, now = self._reconciler.hands, self._context.clock.now()
            found = hands.store.find(instance_id)
            if found is None or not found[1].spot or found[1].ending:
                raise LookupError(f"{instance_id} is no Spot instance of an Auto Scaling group")
            hands.notice(*found, now, final=signal == "interrupt")
        self._context.wake.set()

    def fail_launches(self, group: str, reason: str, count: int = 1) -> None:
        """The next `count` launches of a group fail with `reason` (fault injection).

        Raises:
            LookupError: no such group.
        """
        with self._context.lock:
            if group not in self._reconciler.store.groups:
                raise LookupError(f"no Auto Scaling group {group}")
            self._reconciler.store.launch_faults[group] = (reason, count)

    def crash(self, instance_id: str) -> None:
        """SIGKILL the instance's application; its unit restarts it. Raises LookupError."""
        self._machines.signal(instance_id, signal.SIGKILL)

    def pause(self, instance_id: str) -> None:
        """SIGSTOP the instance's application: it hangs. Raises LookupError."""
        self._machines.signal(instance_id, signal.SIGSTOP)

    def resume(self, instance_id: str) -> None:
        """SIGCONT, after `pause`. Raises LookupError."""
        self._machines.signal(instance_id, signal.SIGCONT)

    def close(self) -> None:
        """End every process."""
        self._machines.close()

    def describe(self) -> list[dict[str, Any]]:
        """One row for each member, for `deployer lab status`; oldest group first.

        Keys: instance, group, lifecycle, health, version (launch template's), zone, type, market
        (`on-demand` or `spot`), release,
        address (`HOST:PORT`, empty before boot), process (new, running, resting, failed, ...),
        pid, restarts, reason (why nothing runs), log (last line).
        """
        with self._context.lock:
            members = [
                (group, member)
                for group in self._reconciler.store.groups.values()
                for member in group.members
            ]
        return [self._row(group, member) for group, member in members]

    def _row(self, group: Group, member: Member) -> dict[str, Any]:
        known: Mapping[str, Any] = {
            "instance": member.id,
            "group": group.name,
            "lifecycle": member.lifecycle.value,
            "health": member.health,
            "version": int(member.template.version),
            "zone": member.subnet.zone,
            "type": member.instance_type,
            "market": "spot" if member.spot else "on-demand",
        }
        machine = self._machines.get(member.id)
        if machine is None:
            nothing = {"pid": None, "restarts": 0, "reason": "", "log": ""}
            return {**known, "release": "", "address": "", "process": "new", **nothing}
        port = f":{machine.service.port}" if machine.service else ""
        return {
            **known,
            "release": machine.artifact.release if machine.artifact else "",
            "address": f"{machine.address}{port}",
            "process": machine.unit.phase.value,
            "pid": machine.pid,
            "restarts": machine.unit.restarts,
            "reason": machine.reason,
            "log": machine.last_line(),
        }

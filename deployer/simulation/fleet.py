"""One slot's Auto Scaling group and target group, as time passes (aws-facts 1.3, 1.5, 3.2)."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from deployer.model import Health, Instance, LaunchFailure, Release, Slot, SlotState, WarmPool

NEVER = math.inf
_named = cache(Release)
NOTICE_S = 10.0  # two failed health checks, 5 s apart
REPLACE_S = 5.0  # from `unhealthy` to the group's termination of the instance
GIVE_UP_S = 90.0  # an instance that never becomes healthy is replaced
RETRY_S = 60.0  # between two failed launches


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a release's instances behave.

    boot_s:        Pending -> InService.
    health_s:      registered -> first good health check.
    healthy:       False: no health check ever passes.
    errors:        per mille of its answers that are 5xx.
    slow:          per mille of them that are slow.
    crash_after_s: seconds of health after which the process is gone for good.
    """

    boot_s: float = 30.0
    health_s: float = 10.0
    healthy: bool = True
    errors: float = 0
    slow: float = 0
    crash_after_s: float = NEVER


@dataclass(slots=True)
class SimInstance:
    """One instance; its whole life is a handful of moments, in epoch seconds.

    replacement: it stands in for one that broke by itself.
    version:     of the launch template that it was launched from.
    """

    id: str
    release: str | None
    behaviour: Behaviour
    launched_at: float
    replacement: bool = False
    zone: str = "a"
    version: int = 0
    protected: bool = False
    in_service_at: float = field(init=False)
    healthy_at: float = field(init=False)
    fails_at: float = field(init=False)
    leaving_at: float = NEVER
    gone_at: float = NEVER
    _read: Instance | None = None

    def __post_init__(self) -> None:
        how = self.behaviour
        self.in_service_at = self.launched_at + how.boot_s
        self.healthy_at = self.in_service_at + how.health_s if how.healthy else NEVER
        self.fails_at = self.healthy_at + how.crash_after_s

    @property
    def noticed_at(self) -> float:
        return self.fails_at + NOTICE_S

    @property
    def replaced_at(self) -> float:
        """When the group gives it up."""
        if self.healthy_at == NEVER:
            return self.in_service_at + GIVE_UP_S
        return self.noticed_at + REPLACE_S

    def steady(self, now: float) -> bool:
        """Healthy, and nothing of it will change by itself: most of a large fleet is."""
        return self.healthy_at <= now and self.fails_at == NEVER and self.leaving_at == NEVER

    @property
    def moments(self) -> tuple[float, ...]:
        """When something about it changes."""
        return (
            self.in_service_at, self.healthy_at, self.fails_at, self.noticed_at, self.replaced_at,
            self.gone_at,
        )  # fmt: skip

    def registered(self, now: float) -> bool:
        return self.in_service_at <= now < self.leaving_at

    def looks_healthy(self, now: float) -> bool:
        """What the load balancer believes."""
        return self.registered(now) and self.healthy_at <= now < self.noticed_at

    def able(self, now: float) -> bool:
        """What is true."""
        return self.registered(now) and self.healthy_at <= now < self.fails_at

    def excused(self, now: float) -> bool:
        """Broken by itself, or the replacement of such a one that is not up yet."""
        return now >= self.fails_at or (self.replacement and now < self.healthy_at)

    def reading(self, now: float, *, checked: bool) -> Instance:
        """What AWS would say of it: the same words while nothing has changed."""
        read, lifecycle, health = self._read, self._lifecycle(now), self._health(now, checked)
        if (
            read is None
            or (read.lifecycle, read.health) != (lifecycle, health)
            or (read.release, read.protected, read.version)
            != (self.release, self.protected, self.version)
        ):
            read = self._read = Instance(
                self.id, lifecycle, self.release, health, self.zone, self.protected, self.version
            )
        return read

    def _lifecycle(self, now: float) -> str:
        if now >= self.leaving_at:
            return "Terminating:Wait"
        return "InService" if now >= self.in_service_at else "Pending"

    def _health(self, now: float, checked: bool) -> Health | None:
        if now < self.in_service_at:
            return None
        if not checked:
            return Health.UNUSED
        if now >= self.leaving_at:
            return Health.DRAINING
        if now >= self.noticed_at or (self.healthy_at == NEVER and now > self.in_service_at + 10):
            return Health.UNHEALTHY
        return Health.HEALTHY if now >= self.healthy_at else Health.INITIAL


@dataclass(frozen=True, slots=True)
class Loss:
    """Shares of a slot's requests that fail, 0..1.

    ours:   the slot had too little capacity, or none, and nothing excuses it.
    errors: answered with an error by the release.
    broken: lost with instances that broke by themselves.
    slow:   answered, and slowly.
    opened: sent although no target was healthy.
    """

    ours: float = 0.0
    errors: float = 0.0
    broken: float = 0.0
    slow: float = 0.0
    opened: float = 0.0


@dataclass
class SimGroup:
    """A slot.

    behaviours:  release -> how its instances behave; any other release is good.
    referenced:  some listener rule names the target group, so that it is health-checked.
    least:       AWS refuses to be asked for less.
    no_capacity: AWS's reason why no instance can be launched; None: launches succeed.
    zones:       a new instance comes to the one with the fewest; the first of several.
    version:     number of the launch template's default version; `versions`: of each release.
    suspended:   processes of the group; by whom is for the oracle to know.
    keeps_warm:  instances that its warm pool is filled up to, after each round of launches, with what
                 the group boots then. `warm`: releases and versions of those in it; a launch takes
                 the last one first (AWS does not say which).
    """

    slot: Slot
    desired: int = 0
    boots: Release | None = None
    min_size: int = 0
    max_size: int = 12
    least: int = 0
    drain_s: float = 20.0
    stale: bool = False
    stack_image: str | None = None
    referenced: bool = True
    no_capacity: str | None = None
    behaviours: Mapping[str, Behaviour] = field(default_factory=dict)
    instances: list[SimInstance] = field(default_factory=list)
    failures: list[LaunchFailure] = field(default_factory=list)
    owed: int = 0
    launched: int = 0
    retry_at: float = 0.0
    zones: tuple[str, ...] = ("a", "b")
    version: int = 0
    versions: dict[str, int] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    keeps_warm: int = 0
    warm: list[tuple[str | None, int]] = field(default_factory=list)

    def stock(self, now: float) -> "SimGroup":
        """Begin with the desired instances long since healthy."""
        self.settle(now - 3600.0)
        for instance in self.instances:
            instance.fails_at = NEVER
        return self

    def next_moment(self, now: float) -> float:
        """The next time at which anything changes by itself."""
        moments = [m for i in self.instances if not i.steady(now) for m in i.moments if m > now]
        return min((*moments, self.retry_at if self.retry_at > now else NEVER))

    def settle(self, now: float) -> None:
        """What Auto Scaling does at this moment."""
        for instance in self.instances:
            if instance.steady(now):
                continue
            if instance.leaving_at == NEVER and now >= instance.replaced_at:
                self.owed += instance.excused(now)
                instance.leaving_at = instance.gone_at = now
        self.instances = [i for i in self.instances if now < i.gone_at]
        staying = [i for i in self.instances if i.leaving_at == NEVER]
        for instance in staying[self.desired :]:
            self._dismiss(instance, now)
        if self.desired > len(staying):
            zones = Counter(i.zone for i in staying)
            for _ in range(self.desired - len(staying)):
                self._launch(now, zones)
        boots = self.boots.name if self.boots else None
        self.warm.extend([(boots, self.version)] * (self.keeps_warm - len(self.warm)))

    def pin(self, pinned: Release) -> None:
        """The default version is one that carries `release`, on top of the newest of the stack."""
        release = pinned.name
        if self.boots is not None:
            self.versions.setdefault(self.boots.name, self.version)
        if self.stale or release not in self.versions:
            self.versions[release] = max((-1, *self.versions.values())) + 1
        self.boots = replace(pinned, image=pinned.image or self.stack_image)
        self.stale, self.version = False, self.versions[release]

    @property
    def staying(self) -> frozenset[str]:
        """Ids of the members that the group counts."""
        return frozenset(i.id for i in self.instances if i.leaving_at == NEVER)

    def terminate(self, ids: Iterable[str], now: float, *, shrink: bool) -> None:
        """Members leave; those that are leaving already do not count twice."""
        for instance in self.instances:
            if instance.id in ids and instance.leaving_at == NEVER:
                self.owed += instance.excused(now)
                self._dismiss(instance, now)
                self.desired -= shrink

    def _dismiss(self, instance: SimInstance, now: float) -> None:
        instance.leaving_at = now
        instance.gone_at = now + (self.drain_s if instance.in_service_at <= now else 1.0)

    def _launch(self, now: float, zones: Counter[str]) -> None:
        if self.no_capacity is not None:
            if now >= self.retry_at:
                self.failures.insert(0, LaunchFailure(now, self.no_capacity))
                self.retry_at = now + RETRY_S
            return
        boots, version = (
            self.warm.pop()
            if self.warm
            else (self.boots.name if self.boots else None, self.version)
        )
        how = self.behaviours.get(boots or "", Behaviour())
        self.launched += 1
        name = f"{self.slot}-{self.launched}"
        zone = min(self.zones, key=lambda zone: zones[zone])
        zones[zone] += 1
        self.instances.append(
            SimInstance(
                name, boots, how, now, replacement=self.owed > 0,
                zone=zone, version=version,
            )
        )  # fmt: skip
        self.owed = max(0, self.owed - 1)

    def break_one(self, now: float) -> None:
        """An able instance dies by itself."""
        for instance in self.instances:
            if instance.able(now):
                instance.fails_at = now
                return

    def state(self, now: float) -> SlotState:
        """One reading."""
        return SlotState(
            slot=self.slot,
            min_size=self.min_size,
            max_size=self.max_size,
            desired=self.desired,
            instances=tuple(i.reading(now, checked=self.referenced) for i in self.instances),
            boots=self.boots,
            stale=self.stale,
            stack_image=self.stack_image,
            draining=sum(i.leaving_at <= now and i.in_service_at <= now for i in self.instances),
            launch_failures=tuple(self.failures),
            suspended=frozenset(self.suspended),
            version=self.version,
            known=self._known(),
            pool=WarmPool(f"sim-{self.slot}", len(self.warm), self.keeps_warm)
            if self.keeps_warm
            else None,
        )

    def _known(self) -> tuple[Release, ...]:
        names = {self.boots.name if self.boots else None, *(i.release for i in self.instances)}
        return tuple(map(_named, sorted(n for n in names if n is not None)))

    def able(self, now: float) -> int:
        return sum(i.able(now) for i in self.instances)

    def accounted(self, now: float) -> int:
        """Able instances, and those whose absence nobody could have helped."""
        excused = sum(i.excused(now) for i in self.instances if i.leaving_at == NEVER)
        return self.able(now) + excused + self.owed

    def loss(self, need: int, now: float) -> Loss:
        """What becomes of requests when `need` able instances would carry them.

        Healthy targets get everything; without any, all registered ones do (fail open); without
        any of those, nobody answers.
        """
        healthy = [i for i in self.instances if i.looks_healthy(now)]
        targets = healthy or [i for i in self.instances if i.registered(now)]
        able = [i for i in targets if i.able(now)]
        shortage = max(1 - len(able) / len(targets), (need - len(able)) / need) if able else 1.0
        errors = (1 - shortage) * sum(i.behaviour.errors for i in able) / 1000 / max(1, len(able))
        slow = (1 - shortage) * sum(i.behaviour.slow for i in able) / 1000 / max(1, len(able))
        opened = float(bool(targets) and not healthy)
        if len(able) < need and self.accounted(now) < need:
            return Loss(ours=shortage, errors=errors, slow=slow, opened=opened)
        return Loss(errors=errors, broken=shortage, slow=slow, opened=opened)

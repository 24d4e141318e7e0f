"""Which instances a rolling replacement touches next. Pure: one reading in, one move out.

Nothing is remembered from one look to the next, so that a crash, a late reading or an instance that
dies by itself needs no case of its own: whatever the group looks like, the same rules apply.

With surge the group launches first and shrinks after: it never has fewer healthy instances than it
began with. Without, instances are terminated and the group launches their replacements: it has at
most `max_unavailable` fewer. A group that somebody scaled out meanwhile keeps what it was given: only
what the record names as the surge is given back.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from deployer.changes import SetDesired, Terminate
from deployer.model import Health, Instance, SlotState
from deployer.record.held import Surge
from deployer.steps.base import Act, Done, Progress, Waiting


class Pace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of a replacement, in instances.

    count:           the group's size, before and after.
    max_unavailable: so many fewer than `count` may be healthy.
    surge:           so many more than `count` may be asked for.
    """

    count: int
    max_unavailable: int
    surge: int

    @property
    def batch(self) -> int:
        """Instances that are replaced at a time, at most."""
        return self.max_unavailable + self.surge


@dataclass(frozen=True, slots=True)
class Standing:
    """A group's members, by what a replacement makes of them. Members on standby are left alone.

    ready:   of the release, and healthy in the target group.
    coming:  of the release, and not there yet.
    old:     to be replaced.
    kept:    to be replaced, but protected from scale-in: left alone.
    leaving: on their way out; they drain first.
    missing: asked for and not launched yet.
    """

    ready: tuple[Instance, ...]
    coming: tuple[Instance, ...]
    old: tuple[Instance, ...]
    kept: tuple[Instance, ...]
    leaving: int
    missing: int

    @property
    def members(self) -> tuple[Instance, ...]:
        return (*self.ready, *self.coming, *self.old, *self.kept)

    @property
    def healthy(self) -> int:
        return sum(instance.serving for instance in self.members)

    def goal(self, until: int, count: int) -> int:
        """Instances of the release that `until` of `count` come to beside the protected ones."""
        return max(0, min(until, count - len(self.kept)))

    def __str__(self) -> str:
        parts = {
            "ready": len(self.ready), "starting": len(self.coming), "to be launched": self.missing,
            "to be replaced": len(self.old), "protected": len(self.kept), "draining": self.leaving,
        }  # fmt: skip
        return ", ".join(f"{number} {word}" for word, number in parts.items() if number)


def stand(state: SlotState, release: str, *, renewed: bool) -> Standing:
    """The group as it is.

    renewed: the release is what the default version makes of it: instances that run it from another
             version are to be replaced too.
    """
    version = state.version if renewed else None
    parts: dict[str, list[Instance]] = {"ready": [], "coming": [], "old": [], "kept": []}
    for instance in filter(counted, state.instances):
        parts[_part(instance, release, version)].append(instance)
    return Standing(
        **{part: tuple(instances) for part, instances in parts.items()},
        leaving=sum(map(departs, state.instances)),
        missing=max(0, state.desired - sum(map(len, parts.values()))),
    )


def _part(instance: Instance, release: str, version: int | None) -> str:
    if instance.release == release and version in (None, instance.version):
        return "ready" if instance.serving else "coming"
    return "kept" if instance.protected else "old"


def counted(instance: Instance) -> bool:
    """Whether the group counts it towards its desired capacity."""
    return instance.lifecycle == "InService" or instance.lifecycle.startswith("Pending")


def departs(instance: Instance) -> bool:
    """Whether it is on its way out; one that is retained never goes (aws-facts 3.2)."""
    going = instance.lifecycle.startswith(("Terminating", "Detaching"))
    return going and instance.lifecycle != "Terminating:Retained"


def next_batch(
    state: SlotState, at: Standing, pace: Pace, until: int, surge: Surge | None
) -> Progress:
    """The next move towards `until` of `pace.count` instances of the release, or what is awaited.

    Done leaves no surge behind. `until == pace.count` means every instance that is not protected.
    """
    size = own_size(state, pace, surge)
    extra, spare = state.desired - size, spare_of(state, at, pace, size)
    left = len(at.old) if until >= pace.count else at.goal(until, pace.count) - len(at.ready)
    if at.coming or at.missing:
        return _meanwhile(state, at, pace, left, (size, spare))
    if extra > 0:
        return _shrink(state, at, extra, spare)
    if left <= 0 and extra >= 0:
        return Done(f"{at}")
    if at.leaving:
        return Waiting(f"{at}")
    room = max(0, min(pace.surge, left, len(at.old), state.max_size - size))
    if room or extra < 0:
        return Act(SetDesired(state.slot, size + room, state.desired))
    most = min(left, cautious(at, pace))
    return _terminate(state, at, at.old, most=most, spare=spare, shrink=False)


def cautious(at: Standing, pace: Pace) -> int:
    """How many may go at once whatever their health.

    Where nothing reads as healthy the load balancer sends to all of them (fail open, aws-facts 1.5),
    and what looks broken may serve: a batch at most goes then, and never the last.
    """
    return len(at.members) if at.healthy else min(pace.batch, len(at.members) - 1)


def own_size(state: SlotState, pace: Pace, surge: Surge | None) -> int:
    """The group's size without our surge: at least what it began with."""
    return max(pace.count, state.desired - (surge.of(state.desired) if surge else 0))


def spare_of(state: SlotState, at: Standing, pace: Pace, size: int) -> int:
    """How many healthy instances may go now; negative: so many are missing already.

    A group that was scaled out to its maximum has no room for a surge: it gives what it has beyond
    the size that it began with.
    """
    base = max(pace.count, min(size, state.max_size - pace.surge))
    return at.healthy - (base - pace.max_unavailable)


def clear(state: SlotState, at: Standing, pace: Pace, surge: Surge | None) -> Act | None:
    """On the way back: whatever of the other release is broken goes at once; nobody misses it.

    First what the surge had launched, with its place; the group replaces the rest by what works.
    But a target group is never emptied because of how we see its health: nothing goes like this
    while nothing is healthy (`cautious`).
    """
    if not at.healthy:
        return None
    broken = [instance for instance in at.old if not instance.serving]
    size = own_size(state, pace, surge)
    extra = state.desired - size
    shrink = extra > 0
    spare = min(0, spare_of(state, at, pace, size))
    chosen = choose(broken, at.members, extra if shrink else len(broken), spare)
    return _ended(state, at, chosen, shrink=shrink) if chosen else None


def _meanwhile(
    state: SlotState, at: Standing, pace: Pace, left: int, own: tuple[int, int]
) -> Progress:
    """Instances are starting. Right after a surge was asked for, the rest of its batch may go.

    own: the group's own size, and how many healthy instances may go now.
    """
    size, spare = own
    extra, starting = state.desired - size, len(at.coming) + at.missing
    if extra > 0 and at.missing and not at.old and state.launch_failures:
        # they fail to come, and nobody needs them
        return Act(SetDesired(state.slot, size, state.desired))
    most = min(pace.max_unavailable, left - starting)
    if 0 < extra == starting and not at.leaving and most > 0 and spare > 0:
        return _terminate(state, at, at.old, most=most, spare=spare, shrink=False)
    return Waiting(f"{at}")


def _shrink(state: SlotState, at: Standing, extra: int, spare: int) -> Progress:
    """What the surge launched is healthy: as many of the others go.

    If others died meanwhile and were replaced, some of its own are surplus. Which they are is said:
    a smaller desired capacity would leave the choice to the group (aws-facts 3.2).
    """
    surplus = at.old or at.ready
    return _terminate(state, at, surplus, most=extra, spare=spare, shrink=True)


def _terminate(
    state: SlotState,
    at: Standing,
    those: Iterable[Instance],
    *,
    most: int,
    spare: int,
    shrink: bool,
) -> Progress:
    chosen = choose(those, at.members, most, spare)
    if not chosen:
        return Waiting(f"too few are healthy to spare one: {at}")
    return _ended(state, at, chosen, shrink=shrink)


def _ended(state: SlotState, at: Standing, chosen: tuple[str, ...], *, shrink: bool) -> Act:
    members = frozenset(member.id for member in at.members)
    return Act(Terminate(state.slot, chosen, shrink, members, state.desired))


def choose(
    old: Iterable[Instance], members: Sequence[Instance], most: int, spare: int
) -> tuple[str, ...]:
    """Ids of at most `most` of `old`, of which at most `spare` are healthy.

    The unhealthy first, since nobody misses them; then those that are still starting, unless they
    are needed (`spare` is negative); then the oldest launch-template version; among
    those from the zone with the most of them left, the fullest of several: so that no zone runs out
    of them long before the others. The same reading always gives the same answer.
    """
    zones = Counter(member.zone for member in members)
    chosen = list[str]()
    for hope, alike in _by_age(old):
        free = hope is Hope.NONE or (hope is Hope.STARTING and spare >= 0)
        room = min(most - len(chosen), most if free else spare)
        for _ in range(min(room, sum(map(len, alike.values())))):
            zone = max(sorted(alike), key=lambda z: (len(alike[z]), zones[z]))
            zones[zone] -= 1
            chosen.append(alike[zone].pop())
            spare -= hope is Hope.SERVING
    return tuple(chosen)


class Hope(IntEnum):
    """What an instance is good for: nothing, perhaps something, or users."""

    NONE = 0
    STARTING = 1
    SERVING = 2


def hope_of(instance: Instance) -> Hope:
    """By its target health; one that is not registered yet, or not checked yet, is starting."""
    if instance.serving:
        return Hope.SERVING
    return Hope.STARTING if instance.health in (None, Health.INITIAL) else Hope.NONE


def _by_age(old: Iterable[Instance]) -> Iterator[tuple[Hope, dict[str, list[str]]]]:
    """What they are good for, and their ids by zone, last first: one for each kind, in turn."""
    kinds: dict[tuple[Hope, int], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for instance in sorted(old, key=lambda i: i.id, reverse=True):
        kinds[hope_of(instance), instance.version][instance.zone].append(instance.id)
    for kind in sorted(kinds):
        yield kind[0], kinds[kind]

"""Which instances go next: a table of situations, and what holds for every group."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.changes import SetDesired, Terminate
from deployer.engine.surging import members, surge_without
from deployer.model import Health, Instance, LaunchFailure, Release, Slot, SlotState
from deployer.record.held import Surge
from deployer.steps.base import Act, Done, Waiting
from deployer.steps.batches import Pace, choose, clear, next_batch, stand
from tests.sim.fleet import Behaviour, SimGroup

BLUE = Slot.BLUE


def one(
    name: str,
    release: str = "v1",
    health: Health = Health.HEALTHY,
    lifecycle: str = "InService",
    **facts: object,
) -> Instance:
    return Instance(name, lifecycle, release, health, **{"zone": "a", **facts})  # type: ignore[arg-type]


def group(*instances: Instance, desired: int | None = None, **facts: object) -> SlotState:
    wanted = len(instances) if desired is None else desired
    most = facts.pop("max_size", 20)
    return SlotState(BLUE, 0, most, wanted, instances, "v2", **facts)  # type: ignore[arg-type]


def move(
    state: SlotState, pace: Pace, until: int | None = None, *, ours: bool = True
) -> Act | Waiting | Done:
    """ours: what the group has beyond its size is the surge that was asked for."""
    standing = stand(state, "v2", renewed=False)
    surge = Surge(BLUE, pace.count, pace.count + pace.surge) if ours else None
    return next_batch(state, standing, pace, pace.count if until is None else until, surge)


SURGE = Pace(3, 0, 1)
DIP = Pace(3, 1, 0)
OLD = (one("a"), one("b"), one("c"))
NEW = one("n", "v2")
BOOTING = one("n", "v2", Health.INITIAL)
PENDING = Instance("n", "Pending:Wait", "v2", None, "a")
DYING = Instance("z", "Terminating:Wait", "v1", Health.DRAINING, "a")

MOVES: dict[str, tuple[SlotState, Pace, object]] = {
    "surge launches first": (group(*OLD), SURGE, SetDesired(BLUE, 4)),
    "what was asked for is awaited": (group(*OLD, desired=4), SURGE, None),
    "a hook is waited for": (group(*OLD, PENDING), SURGE, None),
    "not healthy yet": (group(*OLD, BOOTING), SURGE, None),
    "then one goes, with its place": (group(*OLD, NEW), SURGE, (("a",), True)),
    "what left drains before the next": (group(one("b"), one("c"), NEW, DYING, desired=3), SURGE, None),
    "the next one": (group(one("b"), one("c"), NEW), SURGE, SetDesired(BLUE, 4)),
    "without surge one goes first": (group(*OLD), DIP, (("a",), False)),
    "and its replacement is awaited": (group(one("b"), one("c"), desired=3), DIP, None),
    "an unhealthy one costs nothing": (
        group(one("a"), one("b", health=Health.UNHEALTHY), one("c")), DIP,
        (("b",), False),
    ),
    "two are down already": (
        group(one("a"), one("n", "v2", Health.UNHEALTHY), one("c")), DIP, None,
    ),
    "both at once: the surge first": (group(*OLD), Pace(3, 1, 1), SetDesired(BLUE, 4)),
    "and the dip beside it": (
        group(*OLD, desired=4), Pace(3, 1, 1), (("a",), False),
    ),
    "and no more than that": (
        group(one("b"), one("c"), DYING, desired=4), Pace(3, 1, 1), None,
    ),
    "protected ones are skipped": (
        group(one("a", protected=True), one("b"), NEW, one("m", "v2")), SURGE,
        (("b",), True),
    ),
    "standby is left alone": (
        group(Instance("s", "Standby", "v1", None, "a"), *OLD, desired=3), SURGE,
        SetDesired(BLUE, 4),
    ),
    "the group is smaller than it was": (group(one("a"), one("b")), SURGE, SetDesired(BLUE, 4)),
    "smaller, and nothing left to replace": (
        group(NEW, one("m", "v2")), SURGE, SetDesired(BLUE, 3),
    ),
    "scaled out by somebody: it keeps its size": (
        group(*OLD, one("d"), one("e")), SURGE, SetDesired(BLUE, 6),
    ),
    "scaled out to its maximum: there is no room for a surge": (
        group(*OLD, one("d"), one("e"), max_size=5), SURGE, (("a",), False),
    ),
    "surplus at the end goes by name": (
        group(NEW, one("m", "v2"), one("o", "v2"), one("p", "v2")), SURGE,
        (("m",), True),
    ),
    "launches that fail, and nobody needs them": (
        group(
            NEW, one("m", "v2"), one("o", "v2"), desired=4,
            launch_failures=(LaunchFailure(0.0, "no capacity"),),
        ), SURGE, SetDesired(BLUE, 3),
    ),
    "one of the release is unhealthy: it is waited for": (
        group(one("b"), one("c"), one("n", "v2", Health.UNHEALTHY)), SURGE, None,
    ),
}  # fmt: skip


def said(change: object) -> object:
    """Of a termination: whom, and whether the group shrinks; of a size: which."""
    if isinstance(change, Done):
        return "done"
    change = change.change if isinstance(change, Act) else change
    if isinstance(change, SetDesired):
        return SetDesired(change.slot, change.desired)
    return (change.instances, change.shrink) if isinstance(change, Terminate) else change


@pytest.mark.parametrize("name", MOVES)
def test_the_next_move(name: str) -> None:
    state, pace, expected = MOVES[name]
    progress = move(state, pace)
    if expected is None:
        assert isinstance(progress, Waiting)
    else:
        assert isinstance(progress, Act)
        assert said(progress.change) == expected


@pytest.mark.parametrize("more", [1, 2])
def test_what_nobody_here_asked_for_is_not_given_back(more: int) -> None:
    """Target tracking wants one instance more, between two batches: as many as a surge would be."""
    grown = group(*OLD[1:], NEW, *(one(f"m{n}") for n in range(more)))
    assert said(move(grown, SURGE, 1, ours=False)) == "done"
    size = 3 + more
    assert said(move(grown, SURGE, ours=False)) == SetDesired(BLUE, size + 1)


def test_what_the_surge_has_left_is_given_back_by_the_names_that_go() -> None:
    surge = Surge(BLUE, base=3, top=5, leaving=("a", "b"))
    assert surge.seen({"a", "b", "c"}, 5) == surge
    assert surge.seen({"b", "c"}, 4) == Surge(BLUE, 3, 4)
    assert surge.seen({"c"}, 3) is None
    assert surge.seen({"b", "c", "d"}, 5) == surge  # one broke by itself, and was replaced
    assert (surge.less(1), surge.less(2)) == (Surge(BLUE, 3, 4), None)
    assert [surge.of(desired) for desired in (2, 3, 4, 5, 6)] == [0, 0, 1, 2, 0]


def unhealthy(release: str, *names: str) -> tuple[Instance, ...]:
    return tuple(one(name, release, Health.UNHEALTHY) for name in names)


ALL_SICK = {
    "old alone, one may go first": (group(*unhealthy("v1", "a", "b", "c", "d")), Pace(4, 2, 0), 2),
    "fewer than a batch": (group(*unhealthy("v1", "a", "b"), desired=2), Pace(2, 2, 0), 1),
    "the release too": (group(*unhealthy("v1", "a"), *unhealthy("v2", "b")), Pace(2, 1, 0), 0),
    "with surge more are launched first": (group(*unhealthy("v1", "a", "b")), Pace(2, 0, 1), 0),
}


@pytest.mark.parametrize("name", ALL_SICK)
def test_a_group_in_which_nothing_is_healthy_is_not_emptied_because_of_that(name: str) -> None:
    """The load balancer sends to all of them then: what looks broken to us may serve."""
    state, pace, most = ALL_SICK[name]
    standing = stand(state, "v2", renewed=False)
    assert clear(state, standing, pace, None) is None
    progress = move(state, pace)
    gone = progress.change if isinstance(progress, Act) else None
    assert (len(gone.instances) if isinstance(gone, Terminate) else 0) == most


def test_what_is_broken_beside_something_healthy_goes_at_once() -> None:
    state = group(one("n", "v2"), *unhealthy("v1", "a", "b", "c"))
    progress = clear(state, stand(state, "v2", renewed=False), Pace(4, 1, 0), None)
    assert progress is not None
    assert said(progress.change) == (("a", "b", "c"), False)


REACHED = {
    "all": (group(NEW, one("m", "v2"), one("o", "v2")), SURGE, 3),
    "as many as asked for": (group(one("b"), one("c"), NEW), SURGE, 1),
    "but the protected": (group(one("a", protected=True), NEW, one("m", "v2")), SURGE, 3),
    "while the last one drains": (group(NEW, one("m", "v2"), one("o", "v2"), DYING, desired=3), DIP, 3),
    "in a group that grew": (
        group(*(one(f"n{n}", "v2") for n in range(6))), SURGE, 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REACHED)
def test_the_goal_holds(name: str) -> None:
    state, pace, until = REACHED[name]
    assert isinstance(move(state, pace, until), Done)


def test_a_termination_says_what_the_group_must_look_like() -> None:
    standby = Instance("s", "Standby", "v1", None, "a")
    progress = move(group(*OLD, NEW, standby, desired=4), SURGE)
    assert isinstance(progress, Act)
    assert isinstance(progress.change, Terminate)
    assert progress.change.members == {"a", "b", "c", "n"}
    assert progress.change.desired == 4
    grow = move(group(*OLD), SURGE)
    assert isinstance(grow, Act)
    assert grow.change == SetDesired(BLUE, 4, live=3)


def test_an_instance_from_an_older_launch_template_is_old_only_when_that_is_asked() -> None:
    state = group(one("a", "v2", version=1), one("b", "v2", version=2), version=2)
    assert [i.id for i in stand(state, "v2", renewed=True).old] == ["a"]
    assert stand(state, "v2", renewed=False).old == ()


def test_retained_instances_are_waited_for_by_nobody() -> None:
    state = group(*OLD, Instance("r", "Terminating:Retained", "v1", None, "a"), desired=3)
    assert stand(state, "v2", renewed=False).leaving == 0


def test_oldest_first_then_the_fullest_zone() -> None:
    members = (
        one("a1", version=2), one("a2", version=2), one("a3", version=2),
        one("b1", version=1, zone="b"), one("b2", version=2, zone="b"),
        one("c1", version=2, zone="c"),
    )  # fmt: skip
    assert choose(members, members, 4, 4) == ("b1", "a1", "a2", "a3")
    assert choose(members[1:], members, 1, 0) == ()


def test_the_unhealthy_first_whatever_may_be_spared() -> None:
    members = (one("a"), one("b", health=Health.UNHEALTHY), one("c", health=Health.INITIAL))
    assert choose(members, members, 3, 0) == ("b", "c")
    assert choose(members, members, 3, 1) == ("b", "c", "a")
    assert choose(members, members, 1, 1) == ("b",)
    assert choose(members, members, 3, -1) == ("b",)  # too few serve: whoever starts is needed


@dataclass(frozen=True)
class Fleet:
    """A group at the start, and how it is replaced."""

    size: int
    zones: int
    max_unavailable: int
    surge: int
    protected: int
    older: int
    deaths: tuple[int, ...]

    @property
    def pace(self) -> Pace:
        return Pace(self.size, self.max_unavailable, self.surge)


@st.composite
def fleets(draw: st.DrawFn, *, calm: bool = False) -> Fleet:
    size = draw(st.integers(1, 14))
    surge = draw(st.integers(1 if size == 1 else 0, 5))
    unavailable = draw(st.integers(0 if surge else 1, max(1, size // 2))) if size > 1 else 0
    return Fleet(
        size, draw(st.integers(1, 3)), unavailable, surge,
        protected=0 if calm else draw(st.integers(0, size // 3)),
        older=0 if calm else draw(st.integers(0, size)),
        deaths=() if calm else tuple(draw(st.lists(st.integers(1, 60), max_size=3))),
    )  # fmt: skip


@dataclass
class Life:
    """What was seen on the way, every five seconds."""

    group: SimGroup
    moves: list[SetDesired | Terminate]
    lowest: int
    largest: int
    spread: int


def carry_out(fleet: Fleet) -> Life:
    """Replace v1 by v2 as fast as the group lets us."""
    now, zones = 0.0, tuple("abc"[: fleet.zones])
    sim = SimGroup(
        BLUE, fleet.size, Release("v1"), max_size=50, zones=zones,
        behaviours={"v2": Behaviour(boot_s=10.0, health_s=5.0)},
    )  # fmt: skip
    sim.stock(now)
    for n, instance in enumerate(sim.instances):
        instance.protected, instance.version = n < fleet.protected, int(n >= fleet.older)
    sim.versions, sim.version = {"v1": 1}, 1
    sim.pin(Release("v2"))
    life = Life(sim, [], fleet.size, fleet.size, 0)
    surge: Surge | None = None
    for tick in range(3000):
        sim.settle(now)
        for death in fleet.deaths:
            if death == tick:
                sim.break_one(now)
        state = sim.state(now)
        surge = surge and surge.seen(members(state), state.desired)
        standing = stand(state, "v2", renewed=True)
        progress = next_batch(state, standing, fleet.pace, fleet.size, surge)
        if isinstance(progress, Done):
            return life
        if isinstance(progress, Act):
            assert isinstance(progress.change, SetDesired | Terminate)
            surge = told(progress.change, surge, fleet.size)
            make(sim, progress.change, now)
            life.moves.append(progress.change)
        note(life, sim, now)
        now += 5.0
    raise AssertionError(f"no end: {stand(sim.state(now), 'v2', renewed=True)}")


def told(change: SetDesired | Terminate, surge: Surge | None, size: int) -> Surge | None:
    """What the record would say of it."""
    if isinstance(change, SetDesired):
        return Surge(BLUE, size, change.desired) if change.desired > size else surge
    return surge_without(surge, change) if surge is not None and change.shrink else surge


def make(sim: SimGroup, change: SetDesired | Terminate, now: float) -> None:
    if isinstance(change, SetDesired):
        sim.desired = change.desired
    else:
        sim.terminate(change.instances, now, shrink=change.shrink)
    sim.settle(now)


def note(life: Life, sim: SimGroup, now: float) -> None:
    staying = [i for i in sim.instances if i.leaving_at > now]
    counts = [sum(i.zone == zone for i in staying) for zone in sim.zones]
    life.spread = max(life.spread, max(counts) - min(counts))
    life.lowest = min(life.lowest, sim.accounted(now))
    life.largest = max(life.largest, sim.desired)


def rounds(fleet: Fleet) -> int:
    return -(-fleet.size // (fleet.max_unavailable + fleet.surge))


@given(fleet=fleets())
def test_every_group_ends_with_the_release_and_its_size(fleet: Fleet) -> None:
    life = carry_out(fleet)
    staying = [i for i in life.group.instances if i.leaving_at == float("inf")]
    assert life.group.desired == fleet.size
    assert sum(i.release == "v1" for i in staying) == sum(i.protected for i in staying)
    assert len(staying) == fleet.size


@given(fleet=fleets())
def test_capacity_falls_by_what_is_allowed_and_no_more(fleet: Fleet) -> None:
    assert carry_out(fleet).lowest >= fleet.size - fleet.max_unavailable


@given(fleet=fleets().map(lambda fleet: replace(fleet, max_unavailable=0, surge=fleet.surge or 1)))
def test_with_surge_alone_capacity_never_falls(fleet: Fleet) -> None:
    assert carry_out(fleet).lowest >= fleet.size


@given(fleet=fleets())
def test_the_group_never_grows_beyond_its_surge(fleet: Fleet) -> None:
    assert carry_out(fleet).largest <= fleet.size + fleet.surge


@given(fleet=fleets(calm=True))
def test_moves_grow_with_batches_not_with_instances(fleet: Fleet) -> None:
    """At most three a batch: ask for more, let the dip go, let the surplus go."""
    assert len(carry_out(fleet).moves) <= 3 * rounds(fleet)


@given(fleet=fleets(calm=True))
def test_zones_stay_even(fleet: Fleet) -> None:
    """Within one without surge: what goes is replaced in the zone that it left.

    With surge the group launches first, into whichever zone it likes where they are level: that is
    within two, until AZRebalance, which is resumed at the end, evens it out.
    """
    assert carry_out(fleet).spread <= (2 if fleet.surge else 1)

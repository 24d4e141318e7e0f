"""What holds for every group, whatever is asked of it and whatever happens to its instances."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.lab.autoscaling.component import Reconciler
from deployer.lab.autoscaling.decide import BOOT_S, Reading
from deployer.lab.autoscaling.intents import Retire
from deployer.lab.autoscaling.model import (
    COMING,
    DRAINING,
    PROCESSES,
    Attachment,
    Group,
    Lifecycle,
    Maintenance,
    Member,
)
from deployer.lab.autoscaling.size import settle
from deployer.lab.autoscaling.victims import POLICIES, choose
from deployer.lab.autoscaling.zones import population
from tests.lab_autoscaling.world import BLUE, NOW, FakeCloud, group, member

ACTIONS = ("wait", "resize", "kill", "sicken", "fault", "suspend", "resume", "drain", "standby")
STEPS = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 8)), max_size=25)
POLICY = st.sampled_from([None, Maintenance(100, 110), Maintenance(100, 200), Maintenance(50, 100)])
PLACES = st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=9)


def members(places: list[tuple[str, bool, bool]]) -> list[Member]:
    return [
        member(str(n), zone, protected=protected, health="Unhealthy" if unwell else "Healthy")
        for n, (zone, protected, unwell) in enumerate(places)
    ]


class Play:
    """A group, a cloud, and things that happen."""

    def __init__(self, policy: Maintenance | None) -> None:
        self.cloud = FakeCloud()
        self.fleet = Reconciler(self.cloud)
        self.now = NOW
        self.fleet.store.put(
            group(maintenance=policy, maximum=8, attachments=(Attachment(BLUE, since=NOW),))
        )

    @property
    def group(self) -> Group:
        return self.fleet.store.groups["web"]

    def put(self, **changes: Any) -> None:
        self.fleet.store.put(replace(self.group, **changes))

    def happen(self, action: str, number: int) -> None:
        serving = [m for m in self.group.members if m.lifecycle is Lifecycle.IN_SERVICE]
        victim = serving[number % len(serving)] if serving else None
        match action:
            case "resize":
                self.put(desired=number)
            case "kill" if victim:
                self.cloud.instances[victim.id] = "terminated"
            case "sicken" if victim:
                self.fleet.store.put(self.group.put(replace(victim, health="Unhealthy")))
            case "fault":
                self.fleet.store.launch_faults["web"] = ("no capacity", number % 3)
            case "suspend":
                self.put(suspended=self.group.suspended | {PROCESSES[number]})
            case "resume":
                self.put(suspended=frozenset())
            case "drain":
                self.cloud.drained()
            case "standby" if victim:
                to = Lifecycle.ENTERING_STANDBY
                self.fleet.hands.step_aside(self.group, victim, to, "told.", self.now)
        self.pass_time(float(number % 4))

    def pass_time(self, duration_s: float) -> None:
        self.now += max(0.1, duration_s)
        for arn in self.fleet.due(self.now, 0.0, 0.0):
            self.fleet.readings[arn] = Reading(self.now, self.cloud.target_states(arn))
        self.fleet.tick(self.now)


def most(of: Group) -> int:
    """How many counted members the group may have by its own doing."""
    beyond = 1  # rebalancing
    if of.maintenance and of.maintenance.max_healthy > 100:
        beyond = max(1, of.desired * (of.maintenance.max_healthy - 100) // 100)
    return of.desired + beyond


@settings(max_examples=60, deadline=None)
@given(policy=POLICY, steps=STEPS)
def test_launches_never_exceed_what_is_wanted(
    policy: Maintenance | None, steps: list[tuple[str, int]]
) -> None:
    play = Play(policy)
    for action, number in steps:
        before = len(play.cloud.acts("launch"))
        play.happen(action, number)
        if len(play.cloud.acts("launch")) > before:
            assert len(play.group.active) <= most(play.group)


@settings(max_examples=60, deadline=None)
@given(policy=POLICY, steps=STEPS)
def test_every_group_comes_to_rest_as_wanted(
    policy: Maintenance | None, steps: list[tuple[str, int]]
) -> None:
    play = Play(policy)
    for action, number in steps:
        play.happen(action, number)
    play.put(suspended=frozenset(), failures=0, retry_at=0.0)
    play.fleet.store.launch_faults.clear()
    for _ in range(60):
        play.pass_time(BOOT_S)
        play.cloud.drained()
    active = play.group.active
    assert len(active) == play.group.desired
    assert all(m.healthy and m.lifecycle is Lifecycle.IN_SERVICE for m in active)
    assert max(population(play.group).values()) - min(population(play.group).values()) <= 1
    assert not [m for m in play.group.members if m.lifecycle in COMING | DRAINING]
    registered = {key for key, state in play.cloud.targets[BLUE].items() if state != "draining"}
    assert registered == {m.id for m in active if m.targets}
    if ("suspend", PROCESSES.index("AddToLoadBalancer")) not in steps:
        assert registered == {m.id for m in active}


@settings(max_examples=60, deadline=None)
@given(policy=POLICY, steps=STEPS)
def test_nobody_ends_before_it_has_drained(
    policy: Maintenance | None, steps: list[tuple[str, int]]
) -> None:
    play = Play(policy)
    for action, number in steps:
        play.happen(action, number)
        ended = {one[1] for one in play.cloud.acts("terminate")}
        assert not ended & set(play.cloud.targets[BLUE])


@given(places=PLACES, desired=st.integers(0, 9), policy=POLICY)
def test_a_scale_in_alone_never_goes_below_the_desired_capacity(
    places: list[tuple[str, bool, bool]], desired: int, policy: Maintenance | None
) -> None:
    of = group(members(places), desired=desired, maintenance=policy)
    alive = frozenset(one.id for one in of.members)
    retired = {intent.member for intent in settle(of, alive, NOW) if isinstance(intent, Retire)}
    healthy_left = [m for m in of.active if m.healthy and m.id not in retired]
    healthy = [m for m in of.active if m.healthy]
    assert len(healthy_left) >= min(desired, len(healthy))


@given(
    places=PLACES,
    count=st.integers(0, 9),
    policies=st.lists(st.sampled_from(POLICIES), min_size=1, max_size=3),
)
def test_victims_are_distinct_unprotected_and_as_many_as_possible(
    places: list[tuple[str, bool, bool]], count: int, policies: list[str]
) -> None:
    of = group(members(places), policies=tuple(policies))
    victims = choose(of, count, NOW)
    assert len({victim.id for victim in victims}) == len(victims)
    assert not any(victim.protected for victim in victims)
    assert len(victims) == min(count, sum(not one.protected for one in of.members))


@given(places=PLACES, count=st.integers(1, 8))
def test_scaling_in_never_unbalances_zones_of_healthy_members(
    places: list[tuple[str, bool, bool]], count: int
) -> None:
    well = [replace(one, health="Healthy", protected=False) for one in members(places)]
    of = group(well)
    spread: Callable[[Group], int] = lambda g: (  # noqa: E731
        max(population(g).values()) - min(population(g).values())
    )
    gone = {victim.id for victim in choose(of, count, NOW)}
    after = group([one for one in well if one.id not in gone])
    assert spread(after) <= max(1, spread(of))

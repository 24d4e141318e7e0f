"""Stacks go one after the other; what stops one is told, and whoever comes again goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from deployer.operations.rest import deletion
from deployer.operations.rest.deletion import DELETING, FAILED, GONE, ORDER, Deletion, Stack
from tests.sim.clock import SimClock
from tests.sim.faults import Fault, Gate, Killed

TAKES_S = 300.0
TAGS = frozenset({("deployer:env-class", "ephemeral")})


@dataclass
class Cloud:
    """CloudFormation: a deletion takes five minutes, or fails after them.

    imports: a stack that uses another one's exports: that one cannot go before.
    """

    clock: SimClock
    gate: Gate
    there: dict[str, str] = field(default_factory=lambda: dict.fromkeys(ORDER, "CREATE_COMPLETE"))
    ends_at: dict[str, float] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)
    buckets: dict[str, Sequence[str]] = field(default_factory=dict)
    tags: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    def look(self) -> Sequence[Stack]:
        return self.gate.through("look", self._look)

    def _look(self) -> Sequence[Stack]:
        self._live()
        return [
            Stack(p, f"shop-dev-{p}", f"arn:{p}", self.there[p], False, self.tags.get(p, TAGS))
            for p in ORDER
            if p in self.there
        ]

    def status(self, stack: Stack) -> str:
        return self.gate.through("status", lambda: self._status(stack.part))

    def _status(self, part: str) -> str:
        self._live()
        return self.there.get(part, GONE)

    def delete(self, stack: Stack) -> None:
        self.gate.through("delete", lambda: self._delete(stack.part))

    def _delete(self, part: str) -> None:
        self.asked.append(part)
        before = ORDER[: ORDER.index(part)]
        if part != "control" and set(before) & set(self.there):
            self.violations.append(f"{part} was asked to go before what uses it")
        if self.there.get(part) == DELETING:
            self.violations.append(f"{part} was asked twice")
        self.there[part] = DELETING
        self.ends_at[part] = self.clock.now() + TAKES_S

    def _live(self) -> None:
        for part, at in list(self.ends_at.items()):
            if self.clock.now() >= at:
                del self.ends_at[part]
                if part in self.fails:
                    self.there[part] = FAILED
                else:
                    del self.there[part]

    def full(self, stack: Stack) -> Sequence[str]:
        return self.buckets.get(stack.part, ())

    def failures(self, stack: Stack) -> Sequence[str]:
        return tuple(why for part, why in self.fails.items() if part == stack.part)


def cloud(faults: dict[int, Fault] | None = None) -> Cloud:
    clock = SimClock()
    return Cloud(clock, Gate(clock, faults or {}))


def delete(sim: Cloud) -> Deletion:
    return deletion.run(sim, sim.clock, 10.0, lambda *_: None, sim.delete)


def test_each_goes_after_what_uses_it() -> None:
    sim = cloud()
    assert delete(sim).gone == tuple(f"shop-dev-{part}" for part in ORDER)
    assert (sim.there, sim.violations) == ({}, [])


@pytest.mark.parametrize("kill", [Fault.KILLED_BEFORE, Fault.KILLED_AFTER])
def test_killed_at_any_call_the_next_one_goes_on(kill: Fault) -> None:
    undisturbed = cloud()
    delete(undisturbed)
    for call in range(len(undisturbed.gate.names)):
        sim = cloud({call: kill})
        with pytest.raises(Killed):
            delete(sim)
        sim.clock.sleep(30.0)
        assert delete(sim).blocked == ""
        assert (sim.there, sim.violations) == ({}, [])


def test_one_that_fails_stops_it_with_the_reason_and_is_tried_again_by_hand_only() -> None:
    sim = cloud()
    sim.fails["network"] = "Vpc (AWS::EC2::VPC): has dependencies and cannot be deleted"
    done = delete(sim)
    assert done.left == ("shop-dev-network", "shop-dev-control")
    assert (
        "shop-dev-network is DELETE_FAILED: Vpc (AWS::EC2::VPC): has dependencies" in done.blocked
    )
    asked = len(sim.asked)
    assert deletion.visit(sim, sim.delete).blocked == done.blocked
    assert len(sim.asked) == asked  # nobody asks again and again by himself
    del sim.fails["network"]
    assert delete(sim).blocked == ""
    assert sim.there == {}


def test_what_is_known_to_stop_it_is_told_before_anything_of_that_stack_goes() -> None:
    sim = cloud()
    sim.buckets["control"] = ("artifacts", "logs")
    done = delete(sim)
    assert "control" not in sim.asked
    assert done.left == ("shop-dev-control",)
    assert 'Bucket("artifacts")' in done.blocked
    assert 'Bucket("logs")' in done.blocked


@pytest.mark.parametrize(
    ("stack", "says"),
    [
        (
            Stack("service", "s", "arn:s", "UPDATE_COMPLETE", protected=True, tags=TAGS),
            "termination protection",
        ),
        (
            Stack("service", "s", "arn:s", "UPDATE_IN_PROGRESS", protected=False, tags=TAGS),
            "wait until",
        ),
        (
            Stack("service", "s", "arn:s", DELETING, protected=True, tags=TAGS),
            "",
        ),  # that is on its way
        (Stack("service", "s", "arn:s", "ROLLBACK_COMPLETE", protected=False, tags=TAGS), ""),
    ],
)
def test_obstacles(stack: Stack, says: str) -> None:
    found = deletion.obstacle(stack, ())
    assert says in found
    assert bool(found) is bool(says)


def test_a_visit_asks_for_one_and_waits_for_nothing() -> None:
    sim = cloud()
    before = sim.clock.now()
    assert deletion.visit(sim, sim.delete).left == tuple(f"shop-dev-{p}" for p in ORDER)
    deletion.visit(sim, sim.delete)
    assert sim.asked == ["monitoring"]
    assert sim.clock.now() == before
    visits = 0
    while deletion.visit(sim, sim.delete).left:
        sim.clock.sleep(600.0)
        visits += 1
    assert visits == len(ORDER)
    assert sim.violations == []


def test_one_that_takes_for_ever_is_left_to_itself() -> None:
    sim = cloud()
    sim.there = {"service": DELETING}
    done = delete(sim)
    assert "goes on by itself" in done.blocked
    assert sim.asked == []


def test_none_goes_if_one_of_them_does_not_call_itself_ephemeral() -> None:
    sim = cloud()
    sim.tags["control"] = frozenset({("deployer:env-class", "lasting")})
    for found in (delete(sim), deletion.visit(sim, sim.delete)):
        assert found.blocked.startswith("shop-dev-control: no tag deployer:env-class = ephemeral")
        assert len(found.left) == len(ORDER)
    assert sim.asked == []

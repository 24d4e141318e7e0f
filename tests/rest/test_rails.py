"""What forbids a teardown: one row for each rail, and that nothing else does."""

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest

from deployer.cohort import Cohort
from deployer.journal import Active, Lease
from deployer.model import Admitted, Slot, Weights
from deployer.operations.rest.deletion import GONE, Stack
from deployer.operations.rest.levels import Level
from deployer.operations.rest.rails import Facts, Rail, Use, of_what_is_left, refusals
from deployer.plan import Deployment, Plan, Status
from deployer.planning import strategies
from deployer.planning.preflight import Surroundings
from deployer.steps.linger import Linger
from tests.sim.play import ENVIRONMENT, INTENT, play

SEEN = play().runner("p").cloud.observe()
QUIET = Facts(
    seen=SEEN, ephemeral=True, tagged=True, protected=False, use=Use(20.0, 20, 3600.0)
)  # fmt: skip
SHARED = {Level.SLEEP, Level.DELETE}
ALL = set(Level)


def record(plan: Plan, status: Status = Status.RUNNING, cursor: int = 0) -> Deployment:
    return Deployment(
        id="d1", environment=ENVIRONMENT, status=status, plan=plan, cursor=cursor,
        started_at=0.0, entered_at=0.0, written=Weights(1000, 0),
    )  # fmt: skip


def held(plan: Plan, cursor: int = 0) -> Active:
    return Active(record(plan, cursor=cursor), Lease("somebody", 60.0))


CANARY = strategies.canary(SEEN, INTENT)
WINDOW = strategies.blue_green(SEEN, INTENT)
KEEPS = next(n for n, s in enumerate(WINDOW.steps) if isinstance(s, Linger) and s.least_s)
GROUP = Admitted(Cohort.parse("header:X-Beta=yes"), Slot.GREEN)
Change = Callable[[Facts], Facts]


def around(**what: object) -> Change:
    return lambda facts: replace(facts, around=Surroundings(**what))  # type: ignore[arg-type]


# What is not as it should be -> the rail, and the levels that it forbids.
ROWS: dict[str, tuple[Change, Rail, set[Level]]] = {
    "the settings do not call it ephemeral": (
        lambda f: replace(f, ephemeral=False), Rail.NOT_EPHEMERAL, ALL),
    "its stacks were deployed before the settings did": (
        lambda f: replace(f, tagged=False), Rail.NOT_EPHEMERAL, ALL),
    "it is protected": (lambda f: replace(f, protected=True), Rail.PROTECTED, ALL),
    "a deployment runs, or its runner is dead": (
        lambda f: replace(f, active=held(CANARY)), Rail.DEPLOYMENT, ALL),
    "a deployment keeps the old slot for going back": (
        lambda f: replace(f, active=held(WINDOW, KEEPS)), Rail.WINDOW, ALL),
    "the last deployment halted": (
        lambda f: replace(f, last=record(CANARY, Status.HALTED)), Rail.HALTED, ALL),
    "a stack is being updated": (
        around(stacks={"shop-dev-service": "UPDATE_IN_PROGRESS"}), Rail.STACK, ALL),
    "a stack needs a person": (
        around(stacks={"shop-dev-network": "UPDATE_ROLLBACK_FAILED"}), Rail.STACK, ALL),
    "a stack is being deleted by somebody": (
        around(stacks={"shop-dev-service": "DELETE_IN_PROGRESS"}), Rail.STACK,
        {Level.RETIRE, Level.SLEEP}),
    "an instance refresh replaces instances": (
        around(refreshes={"g": "InProgress"}), Rail.REFRESH, ALL),
    "it has traffic": (
        lambda f: replace(f, use=Use(21.0, 20, 3600.0)), Rail.TRAFFIC, SHARED),
    "nobody knows whether it has traffic": (
        lambda f: replace(f, use=Use(None, 20, 3600.0)), Rail.UNKNOWN, SHARED),
    "both slots have weight": (
        lambda f: replace(f, seen=replace(SEEN, weights=Weights(999, 1))), Rail.WEIGHT, ALL),
    "a user group goes its own way": (
        lambda f: replace(f, seen=replace(SEEN, cohort=GROUP)), Rail.WEIGHT, ALL),
    "it could not be emptied": (
        around(suspended={"g": ("Terminate",)}), Rail.SUSPENDED, ALL),
    "it could not be woken": (around(suspended={"g": ("Launch",)}), Rail.SUSPENDED, ALL),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_it_is_refused(name: str) -> None:
    change, rail, levels = ROWS[name]
    for level in Level:
        found = [each.code for each in refusals(level, change(QUIET))]
        assert found == ([rail] if level in levels else []), level


def test_every_rail_has_a_row() -> None:
    assert {rail for _, rail, _ in ROWS.values()} == set(Rail)


def test_nothing_else_forbids_it() -> None:
    harmless = [
        QUIET,
        replace(QUIET, use=Use(0.0, 0, 3600.0)),
        replace(QUIET, use=None),  # a page answers, or nothing was ever released
        replace(QUIET, seen=replace(SEEN, asleep=True), use=None),
        replace(QUIET, seen=replace(SEEN, weights=None), use=None),
        replace(QUIET, seen=None, use=None),
        replace(QUIET, last=record(CANARY, Status.SHIPPED)),
        replace(QUIET, last=record(CANARY, Status.ROLLED_BACK)),
        replace(
            QUIET, last=record(msgspec.structs.replace(CANARY, strategy="sleep"), Status.HALTED)
        ),
        around(stacks={"shop-dev-service": "REVIEW_IN_PROGRESS"})(QUIET),
        around(refreshes={"g": "Successful"})(QUIET),
        around(suspended={"g": ("AZRebalance",)})(QUIET),
    ]
    for facts in harmless:
        for level in Level:
            assert refusals(level, facts) == ()


def test_all_of_them_are_told_at_once() -> None:
    facts = QUIET
    for change, _, _ in ROWS.values():
        facts = replace(change(facts), around=facts.around)
    found = {each.code for each in refusals(Level.SLEEP, facts)}
    assert found >= {Rail.PROTECTED, Rail.NOT_EPHEMERAL, Rail.WINDOW, Rail.HALTED, Rail.UNKNOWN}
    assert all(str(each).startswith(f"{each.code}: ") for each in refusals(Level.SLEEP, facts))


def test_a_deletion_that_died_is_no_deployment_to_the_next_one() -> None:
    dead = replace(QUIET, active=held(msgspec.structs.replace(CANARY, strategy="delete")))
    assert refusals(Level.DELETE, dead) == ()
    assert [each.code for each in refusals(Level.SLEEP, dead)] == [Rail.DEPLOYMENT]


def left(part: str, status: str) -> Stack:
    return Stack(part, f"shop-dev-{part}", f"arn:{part}", status, protected=False)


@pytest.mark.parametrize(
    ("ephemeral", "protected", "service", "rails"),
    [
        (True, False, GONE, []),
        (True, False, "DELETE_IN_PROGRESS", []),
        (True, False, "DELETE_FAILED", []),
        (True, False, "UPDATE_COMPLETE", [Rail.STACK]),  # its parameter is gone: users may be there
        (False, False, GONE, [Rail.NOT_EPHEMERAL]),
        (True, True, GONE, [Rail.PROTECTED]),
    ],
)
def test_rails_of_what_cannot_be_looked_at_any_more(
    ephemeral: bool, protected: bool, service: str, rails: list[Rail]
) -> None:
    stacks = [left("network", "CREATE_COMPLETE")]
    stacks += [left("service", service)] if service != GONE else []
    found = of_what_is_left(stacks, ephemeral=ephemeral, protected=protected)
    assert [each.code for each in found] == rails

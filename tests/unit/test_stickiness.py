"""What a rule that sticks means, and when it may stick again: tables."""

import pytest
from msgspec.structs import replace

from deployer.changes import SetWeights, Stick
from deployer.engine import control, parting
from deployer.engine.settling import Outcome, standing
from deployer.errors import PlanInvalid
from deployer.intent import Intent
from deployer.journal import Ask, Request
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.planning import stickiness, strategies
from deployer.record.held import Frozen, Suspended, Unstuck
from deployer.steps.base import Act, Done
from deployer.steps.route import Route
from tests.unit.world import NOW, instances, slot, snapshot, world

BLUE, GREEN = Slot.BLUE, Slot.GREEN
ALL_BLUE, ALL_GREEN, TEN = Weights(1000, 0), Weights(0, 1000), Weights(900, 100)
INTENT = Intent(release=Release("v2"))
BOTH = (slot(BLUE, *instances(4)), slot(GREEN, *instances(4, "v2"), boots="v2"))


def seen(weights: Weights | None, sticky_s: int | None = None) -> Snapshot:
    return Snapshot(NOW, weights, *BOTH, sticky_s=sticky_s)


def record(**facts: object) -> Deployment:
    """A canary that has ended, unless it says otherwise."""
    plan = strategies.canary(snapshot(ALL_BLUE, slot(BLUE, *instances(4))), INTENT)
    made = Deployment(
        id="d1", environment="e", status=Status.RUNNING, plan=plan, started_at=NOW - 900,
        entered_at=NOW, written=ALL_GREEN, unstuck=Unstuck(300, NOW - 100), ending=Status.SHIPPED,
    )  # fmt: skip
    return replace(made, **facts)


@pytest.mark.parametrize(
    ("weights", "live", "sticky_s", "expected"),
    [
        (TEN, ALL_BLUE, 600, SetWeights(TEN, ALL_BLUE, 600)),
        (TEN, TEN, 600, None),
        (ALL_GREEN, TEN, 600, SetWeights(ALL_GREEN, TEN, 600)),
        (ALL_GREEN, TEN, None, SetWeights(ALL_GREEN, TEN)),
        (ALL_GREEN, ALL_GREEN, None, None),
        (ALL_GREEN, ALL_GREEN, 600, SetWeights(ALL_GREEN, ALL_GREEN, 600)),
    ],
)
def test_a_route_ends_with_its_weights_and_to_one_slot_alone_without_stickiness(
    weights: Weights, live: Weights, sticky_s: int | None, expected: SetWeights | None
) -> None:
    progress = Route(weights, 4, 60.0).advance(world(seen(live, sticky_s)))
    assert progress == (Act(expected) if expected else Done(f"live weights: {live}"))


@pytest.mark.parametrize(
    ("weights", "unsticks", "words"),
    [
        (TEN, False, "send blue 90 % / green 10 %"),
        (ALL_GREEN, True, "send blue 0 % / green 100 %, with the rule's stickiness off"),
    ],
)
def test_what_a_change_of_weights_does_to_it(weights: Weights, unsticks: bool, words: str) -> None:
    change = SetWeights(weights, ALL_BLUE, 600)
    assert (change.unsticks, str(change)) == (unsticks, words)
    kept = stickiness.remembering(record(unstuck=None), change, NOW).unstuck
    assert kept == (Unstuck(600, NOW) if unsticks else None)


def test_what_was_remembered_outlives_a_change_that_meets_it_off_already() -> None:
    change = SetWeights(ALL_BLUE, ALL_GREEN)
    assert stickiness.remembering(record(), change, NOW).unstuck == Unstuck(300, NOW - 100)


def with_wait(wait_s: float) -> Plan:
    return strategies.canary(
        snapshot(ALL_BLUE, slot(BLUE, *instances(4))), replace(INTENT, sticky_wait_s=wait_s)
    )


WAITING = {"unstuck": Unstuck(3600, NOW), "plan": with_wait(3660.0)}


@pytest.mark.parametrize(
    ("facts", "live", "now", "expected"),
    [
        ({}, seen(ALL_GREEN), NOW, "in 4m20s the production rule may stick again: cookies of the other slot last 5m"),
        ({}, seen(ALL_GREEN), NOW + 260, Stick(300, ALL_GREEN)),
        ({"unstuck": None}, seen(ALL_GREEN), NOW, None),
        ({"unstuck": Unstuck(3600, NOW)}, seen(ALL_GREEN), NOW, None),
        ({"unstuck": Unstuck(3600, NOW - 3400)}, seen(ALL_GREEN), NOW + 260, Stick(3600, ALL_GREEN)),
        ({"ending": Status.HALTED}, seen(ALL_GREEN), NOW, None),
        ({"ending": Status.HALTED, "unstuck": Unstuck(300, NOW - 400)}, seen(ALL_GREEN), NOW, Stick(300, ALL_GREEN)),
        ({}, seen(TEN), NOW + 260, f"looking again: the production rule sends {TEN}, and d1 left {ALL_GREEN}: somebody else moved traffic"),
        ({}, seen(TEN), NOW + 320, None),
        ({}, seen(None), NOW + 319, f"looking again: the production rule sends nothing: it is gone, and d1 left {ALL_GREEN}: somebody else moved traffic"),
        ({}, seen(None), NOW + 320, None),
        ({}, seen(ALL_BLUE), NOW + 320, None),
        ({"ending": Status.HALTED, "unstuck": Unstuck(300, NOW - 360)}, seen(ALL_BLUE), NOW, None),
        (WAITING, seen(ALL_GREEN), NOW, "in 1h1m the production rule may stick again: cookies of the other slot last 1h"),
        (WAITING, seen(ALL_GREEN), NOW + 3660, Stick(3600, ALL_GREEN)),
        ({}, None, NOW + 260, None),
        ({}, seen(ALL_GREEN, 600), NOW, None),
        ({"unstuck": Unstuck(300, NOW - 59)}, seen(ALL_GREEN, 600), NOW, "looking again whether the production rule sticks"),
    ],
)  # fmt: skip
def test_how_it_comes_back_at_the_end(
    facts: dict[str, object], live: Snapshot | None, now: float, expected: object
) -> None:
    assert stickiness.handing_back(record(**facts), live, now) == expected


def test_nothing_is_owed_where_it_sticks_again() -> None:
    assert stickiness.owed(stickiness.settled(record(), seen(ALL_GREEN, 60))) == ""
    assert "5m is still off" in stickiness.owed(stickiness.settled(record(), seen(ALL_GREEN)))


@pytest.mark.parametrize(
    ("cursor", "unstuck_at", "live", "status", "gives_back"),
    [
        (0, NOW - 360, seen(ALL_GREEN), Status.RUNNING, True),
        (1, NOW - 360, seen(ALL_GREEN), Status.RUNNING, True),
        (2, NOW - 360, seen(ALL_GREEN), Status.RUNNING, False),
        (0, NOW - 359, seen(ALL_GREEN), Status.RUNNING, False),
        (0, NOW - 360, seen(TEN), Status.RUNNING, False),
        (0, NOW - 360, seen(ALL_GREEN, 60), Status.RUNNING, False),
        (0, NOW - 360, seen(ALL_GREEN), Status.RETREATING, False),
    ],
)
def test_the_next_deployment_gives_it_back_before_its_first_share(
    cursor: int, unstuck_at: float, live: Snapshot, status: Status, gives_back: bool
) -> None:
    begun = record(cursor=cursor, unstuck=Unstuck(300, unstuck_at), status=status, ending=None)
    assert (stickiness.overdue(begun, live, NOW) is not None) is gives_back


def test_what_a_plan_says_of_it() -> None:
    sticky = seen(ALL_BLUE, 600)
    shares, switch = strategies.canary(sticky, INTENT).notes
    assert "sticks (AWSALBTG, 10m)" in shares
    assert "the observed share lags behind the weight" in shares
    assert "switches that stickiness off in the same call" in switch
    assert switch.endswith("no cookie from before is left, 10m later.")
    (only,) = strategies.blue_green(seen(ALL_BLUE, 3600), INTENT).notes
    assert only.endswith(
        "1h later: at the end of this deployment, if that is at most 10m away then, else by "
        "`deployer settle`."
    )
    patient = replace(INTENT, sticky_wait_s=7200.0)
    (only,) = strategies.blue_green(seen(ALL_BLUE, 3600), patient).notes
    assert only.endswith("no cookie from before is left, 1h later.")
    assert strategies.canary(seen(ALL_BLUE), INTENT).notes == ()
    assert not [n for n in strategies.rolling(sticky, INTENT).notes if "AWSALBTG" in n]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, True),
        ({"unstuck": None}, False),
        ({"ending": None}, False),
        ({"ending": Status.ROLLED_BACK}, True),
        ({"ending": Status.HALTED}, False),
        ({"unstuck": Unstuck(540, NOW)}, True),
        ({"unstuck": Unstuck(541, NOW)}, False),
        ({"frozen": Frozen(BLUE, 0, 2)}, False),
        ({"suspended": Suspended(BLUE, ("AZRebalance",))}, False),
        ({"finished_at": NOW}, False),
    ],
)
def test_who_keeps_its_environment_for_that_and_may_be_hurried(
    facts: dict[str, object], *, expected: bool
) -> None:
    ended = record(**facts)
    assert stickiness.waits(ended) is expected
    assert (Ask.PROMOTE in control.possible(ended)) is expected
    assert not stickiness.waits(stickiness.impatient(ended))


def test_hurrying_one_that_only_waits_for_its_rule_ends_no_step_of_its_plan() -> None:
    """Its record would tell of a step that was over long before somebody clicked."""
    hurried = control.grant(record(), Request(Ask.PROMOTE, "alice", "p1"), NOW)
    assert not stickiness.waits(hurried)
    assert (hurried.log[-1].kind, hurried.log[-1].detail) == ("asked", {})
    assert (hurried.audit[-1].what, hurried.audit[-1].note) == ("promote", "")


OWING = record(status=Status.SHIPPED, ending=None, finished_at=NOW, unstuck=Unstuck(300, NOW))


@pytest.mark.parametrize(
    ("ended", "live", "now", "expected"),
    [
        (replace(OWING, unstuck=None), seen(ALL_GREEN), NOW, Outcome.NOTHING),
        (OWING, seen(ALL_GREEN), NOW + 359, Outcome.EARLY),
        (OWING, seen(ALL_GREEN), NOW + 360, None),
        (OWING, seen(ALL_GREEN, 60), NOW + 59, Outcome.EARLY),
        (OWING, seen(ALL_GREEN, 60), NOW + 60, None),
        (OWING, seen(None), NOW + 60, None),
        (OWING, seen(ALL_BLUE), NOW + 360, Outcome.HINDERED),
        (OWING, seen(TEN), NOW + 360, Outcome.HINDERED),
        (replace(OWING, written=TEN), seen(TEN), NOW + 360, Outcome.HINDERED),
        (replace(OWING, intended=(ALL_BLUE,)), seen(ALL_BLUE), NOW + 360, None),
    ],
)
def test_what_stands_in_the_way_of_settling_it(
    ended: Deployment, live: Snapshot, now: float, expected: Outcome | None
) -> None:
    found = standing(ended, live, now)
    assert (found.outcome if found else None) is expected
    if found is not None:
        assert found.unstuck == ended.unstuck


def test_a_record_that_is_opened_again_comes_to_the_same_end() -> None:
    for status in (Status.SHIPPED, Status.ROLLED_BACK, Status.HALTED):
        ended = replace(OWING, status=status)
        opened = parting.reopened(ended, NOW + 400)
        assert (opened.status.final, opened.reopened, opened.over) == (False, True, True)
        assert control.possible(opened) == ()
        closed = parting.leave(opened, NOW + 410)
        assert closed == replace(ended, resumed_at=NOW + 400)
        assert not closed.reopened


def test_a_plan_is_not_begun_when_the_stickiness_has_changed_meanwhile() -> None:
    plan = strategies.canary(seen(ALL_BLUE), INTENT)
    plan.require_fresh(seen(ALL_BLUE))
    with pytest.raises(PlanInvalid, match="changed while the plan was shown"):
        plan.require_fresh(seen(ALL_BLUE, 600))

"""Plans: fingerprints, freshness, and the codec."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.analysis.judge import Rule
from deployer.errors import PlanInvalid
from deployer.intent import Intent, Limits
from deployer.journal import decode, encode
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.plan import Deployment, Event, Plan, Status, basis_of
from deployer.planning.strategies import canary
from deployer.steps.bake import Bake
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from tests.unit.world import BLUE, GREEN, INITIAL, NOW, instances, slot, snapshot

SEEN = snapshot(Weights(1000, 0), slot(BLUE, *instances(4)))
PLAN = canary(SEEN, Intent(release=Release("v2")))

positive = st.floats(0.1, 1e6)
words = st.text(min_size=1, max_size=12)
slots = st.sampled_from(Slot)
shares = st.integers(0, 1000)
counts = st.integers(0, 50)
releases = st.builds(Release, words, st.none() | words, st.none() | words)
weights = st.builds(Weights.toward, slots, shares)
rules = st.builds(Rule, counts, counts, st.floats(0, 1))
steps = st.one_of(
    st.builds(Provision, slots, st.none() | releases, counts, positive, positive),
    st.builds(Probe, slots, words, counts, counts, positive),
    st.builds(Route, weights, counts, positive),
    st.builds(Bake, slots, shares, counts, positive, rules, positive, positive,
              st.sampled_from(["abort", "promote"]), positive),
    st.builds(Linger, slots, positive, positive, positive),
    st.builds(Retire, slots, positive),
)  # fmt: skip
intents = st.builds(
    Intent,
    release=releases,
    weights=st.lists(shares, max_size=4).map(tuple),
    bake_s=positive,
    rule=rules,
    inconclusive=st.sampled_from(["abort", "promote"]),
    limits=st.builds(Limits, provision_s=positive),
)
plans = st.builds(
    Plan,
    strategy=words,
    intent=intents,
    candidate=slots,
    stable=st.none() | slots,
    previous=st.none() | words,
    capacity=counts,
    steps=st.lists(steps, min_size=1, max_size=8).map(tuple),
    basis=words,
)
details = st.dictionaries(words, st.none() | words | st.integers(-1000, 1000) | st.booleans())
events = st.builds(Event, positive, words, words, details)
deployments = st.builds(
    Deployment,
    id=words,
    environment=words,
    status=st.sampled_from(Status),
    plan=plans,
    original=st.none() | plans,
    cursor=counts,
    started_at=positive,
    entered_at=positive,
    finished_at=st.none() | positive,
    written=st.none() | weights,
    intended=st.lists(weights, max_size=3).map(tuple),
    intended_at=st.none() | positive,
    moved_since=st.none() | positive,
    reason=words,
    by=words,
    log=st.lists(events, max_size=4).map(tuple),
    version=counts,
)


@given(deployments)
def test_a_record_survives_the_round_trip(deployment: Deployment) -> None:
    assert decode(encode(deployment)) == deployment


@given(plans)
def test_a_fingerprint_survives_it_too(plan: Plan) -> None:
    again = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    assert again.fingerprint == plan.fingerprint


def test_fingerprints_tell_plans_apart() -> None:
    assert len(PLAN.fingerprint) == 12
    others = (
        replace(PLAN, steps=PLAN.steps[:-1]),
        replace(PLAN, basis="another"),
        replace(PLAN, intent=replace(PLAN.intent, release=Release("v3"))),
    )
    assert len({PLAN.fingerprint, *(other.fingerprint for other in others)}) == 4


GARBAGE = [
    b"", b"{", b"[]", b"null", b'{"id": 1}',
    encode(Deployment(id="d", environment="e", status=Status.RUNNING, plan=PLAN, started_at=0.0,
                      entered_at=0.0, written=Weights(1000, 0))).replace(b'"Retire"', b'"Rotate"'),
    encode(Deployment(id="d", environment="e", status=Status.RUNNING, plan=PLAN, started_at=0.0,
                      entered_at=0.0, written=Weights(1000, 0))).replace(b'"blue":1000', b'"blue":1'),
]  # fmt: skip


@pytest.mark.parametrize("record", GARBAGE)
def test_a_record_of_another_version_is_refused_with_a_sentence(record: bytes) -> None:
    with pytest.raises(PlanInvalid, match="cannot be read by this version of the deployer"):
        decode(record)


@pytest.mark.parametrize(
    "changed",
    [
        snapshot(Weights(999, 1), SEEN.blue),
        snapshot(None, SEEN.blue),
        snapshot(SEEN.weights, slot(BLUE, *instances(5))),
        snapshot(SEEN.weights, slot(BLUE, *instances(4, "v9"))),
        snapshot(SEEN.weights, slot(BLUE, *instances(4), boots="v9")),
        snapshot(SEEN.weights, SEEN.blue, slot(GREEN, *instances(1), boots=None)),
    ],
)
def test_a_stale_plan_is_refused(changed: Snapshot) -> None:
    with pytest.raises(PlanInvalid, match="environment changed while the plan was shown"):
        PLAN.require_fresh(changed)


def test_passing_health_does_not_make_a_plan_stale() -> None:
    PLAN.require_fresh(snapshot(SEEN.weights, slot(BLUE, *instances(4, "v1", INITIAL))))
    assert basis_of(SEEN) == PLAN.basis


@pytest.mark.parametrize(
    ("status", "final"),
    [("running", False), ("retreating", False), ("shipped", True), ("rolled_back", True),
     ("halted", True)],
)  # fmt: skip
def test_final_statuses(status: str, final: bool) -> None:
    assert Status(status).final is final


def deployment(**facts: object) -> Deployment:
    record = Deployment(
        id="d1", environment="prod", status=Status.RUNNING, plan=PLAN, started_at=NOW,
        entered_at=NOW, written=Weights(1000, 0),
    )  # fmt: skip
    return replace(record, **facts)


def test_the_log_keeps_the_newest_200() -> None:
    noted = deployment().noting(*(Event(float(n), "change", "x") for n in range(300)))
    assert [event.at for event in noted.log] == [float(n) for n in range(100, 300)]


def test_the_step_and_the_plan_that_was_asked_for() -> None:
    back = replace(PLAN, strategy="rollback")
    assert deployment(cursor=1).step == PLAN.steps[1]
    assert deployment().first_plan is PLAN
    assert deployment(plan=back, original=PLAN).first_plan is PLAN

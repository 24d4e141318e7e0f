"""Any deployment and any reading that the types allow, sensible or not."""

from hypothesis import strategies as st

from deployer.analysis.judge import Rule
from deployer.intent import Intent
from deployer.journal import Active, Ask, Lease
from deployer.model import Health, Instance, Release, Slot, SlotState, Snapshot, Weights
from deployer.plan import Deployment, Event, Plan, Status
from deployer.render.progress import Standing, View
from deployer.steps.approve import Approve
from deployer.steps.bake import Bake
from deployer.steps.linger import Linger
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route

words = st.text(max_size=60)
names = st.text(max_size=20)
moments = st.floats(-1e15, 1e15)
spans_s = st.floats(0, 1e7)
slots = st.sampled_from(Slot)
shares = st.integers(0, 1000)
counts = st.integers(0, 10**6)
weights = st.builds(Weights.toward, slots, shares)
releases = st.builds(Release, names)

instances = st.builds(
    Instance, names, st.sampled_from(["Pending", "InService", "Terminating:Wait", "\x1b[2J"]),
    st.none() | names, st.none() | st.sampled_from(Health),
)  # fmt: skip


def states(slot: Slot) -> st.SearchStrategy[SlotState]:
    return st.builds(
        SlotState, st.just(slot), counts, counts, counts,
        st.lists(instances, max_size=4).map(tuple), st.none() | releases, st.booleans(),
        draining=counts,
    )  # fmt: skip


snapshots = st.builds(
    Snapshot, moments, st.none() | weights, states(Slot.BLUE), states(Slot.GREEN)
)  # fmt: skip

bakes = st.builds(
    Bake, candidate=slots, share=shares, capacity=counts, bake_s=spans_s, rule=st.just(Rule()),
    delay_s=spans_s, patience_s=spans_s, inconclusive=st.just("abort"), deadline_s=spans_s,
)  # fmt: skip
steps = st.one_of(
    st.builds(Provision, slots, st.none() | releases, counts, spans_s),
    st.builds(Probe, slots, names, counts, counts, spans_s),
    st.builds(Route, weights, counts, spans_s),
    bakes,
    st.builds(Approve, bakes, spans_s),
    st.builds(Linger, slots, spans_s, spans_s, spans_s, spans_s),
    st.builds(Retire, slots, spans_s, counts),
)  # fmt: skip
intents = st.builds(Intent, release=releases)
plans = st.builds(
    Plan, strategy=st.sampled_from(["canary", "first", "rollback"]), intent=intents,
    candidate=slots, stable=st.none() | slots, previous=st.none() | names, capacity=counts,
    steps=st.lists(steps, min_size=1, max_size=14).map(tuple), basis=names,
)  # fmt: skip
details = st.dictionaries(
    st.sampled_from(
        ["verdict", "candidate_requests", "candidate_failures", "stable_requests", "output"]
    ),
    st.none() | counts | words,
)
KINDS = [
    "started", "waiting", "step_done", "change", "retreat", "halted", "unavailable", "asked",
    "refused", "other",
]  # fmt: skip
wishes = st.builds("{} by {}".format, st.sampled_from(Ask), names)
events = st.builds(Event, moments, st.sampled_from(KINDS), words | wishes, details)


@st.composite
def deployments(draw: st.DrawFn) -> Deployment:
    plan = draw(plans)
    return Deployment(
        id=draw(names), environment=draw(names), status=draw(st.sampled_from(Status)), plan=plan,
        original=draw(st.none() | plans), cursor=draw(st.integers(0, len(plan.steps) - 1)),
        started_at=draw(moments), entered_at=draw(moments), finished_at=draw(st.none() | moments),
        written=draw(st.none() | weights), reason=draw(words), by=draw(words),
        paused_at=draw(st.none() | moments),
        log=draw(st.lists(events, max_size=6).map(tuple)),
    )  # fmt: skip


views = st.builds(
    View, st.just("shop"), names, deployments(), st.none() | snapshots, words,
    st.none() | details, st.floats(0.1, 1000),
)  # fmt: skip
actives = st.builds(Active, deployments(), st.builds(Lease, words, moments))
standings = st.builds(
    Standing, st.just("shop"), names, words, snapshots, st.none() | actives,
    st.none() | deployments(), moments,
)  # fmt: skip

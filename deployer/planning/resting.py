"""Compilers of plans that ship nothing: an environment goes to sleep, wakes, or retires its idle slot.

Traffic before capacity on the way to sleep: the page answers first, both slots fall silent, then
their instances leave. Capacity before traffic on the way back: instances of the same release, as
many as before, healthy; then the page goes. The production rule is never touched: behind the page it
sends what it sent. So each half-way state either serves or shows the page, and whoever finds one,
after a kill at any instruction, goes on from there.

What waking puts back is in the plan (`Rest`), hence in the record, before anything is changed. It is
read from an environment that is awake, only: one that sleeps is not read again.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from deployer.errors import NotPossibleNow
from deployer.intent import Intent
from deployer.journal import NOT_BEGUN
from deployer.model import Slot, Snapshot
from deployer.plan import RETIRE, SLEEP, WAKE, Deployment, Plan, Status, basis_of
from deployer.planning.footing import require_room
from deployer.record.held import Rest, Size
from deployer.steps.base import LATE_READING_S
from deployer.steps.hush import Hush
from deployer.steps.keep import Keep
from deployer.steps.kinds import Step
from deployer.steps.linger import Linger
from deployer.steps.page import Page
from deployer.steps.probe import Probe
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.silence import MINUTE_S

# aws-facts 1.5.
ROUTE_53 = (
    "A Route 53 alias record with EvaluateTargetHealth takes a load balancer with an empty target group "
    "for unhealthy: failover, weighted and latency records lead elsewhere then. Switch that off for "
    "this load balancer, if you have such records."
)
AWAKE_AGAIN = "`deployer wake` puts back what it was"


def remembered(records: Sequence[Deployment]) -> Deployment | None:
    """The record that tells what a sleeping environment was; `records` newest first.

    None if the newest one that did anything has left it awake.
    """
    for record in records:
        plan = record.first_plan
        if record.reason.startswith(NOT_BEGUN) or plan.strategy == RETIRE:
            continue
        awake = Status.SHIPPED if plan.strategy == WAKE else Status.ROLLED_BACK
        return record if plan.rest is not None and record.status is not awake else None
    return None


def sleeps(seen: Snapshot) -> bool:
    """The page answers, and nothing runs behind it."""
    return seen.asleep and seen.blue.empty and seen.green.empty


def needs_waking(seen: Snapshot) -> bool:
    """The page answers, or the slot that has everything was emptied behind it."""
    serving = seen.weights.sole if seen.weights else None
    return seen.asleep or (serving is not None and seen[serving].desired == 0)


def asleep(seen: Snapshot, intent: Intent, records: Sequence[Deployment] = ()) -> Plan:
    """Both groups to zero, behind a page.

    records: newest first; what they tell of an environment that sleeps, or half does, counts then.

    Raises:
        NotPossibleNow: nothing was ever released, both slots have traffic, or nobody knows how large
                        it was.
    """
    serving = _serving(seen)
    half = seen.asleep or seen[serving].desired == 0
    if not half:
        _require_one_release(seen, serving)
    rest = _known(records) if half else _woken(records, seen.at) or rest_of(seen)
    if rest is None:
        raise NotPossibleNow(
            f"{serving} serves everything, and its group is asked for 0 instances: nobody knows how "
            "many waking should start; give it its desired capacity back, then run the command again"
        )
    quiet = _quiet(intent, rest, serving)
    notes = (f"Waking puts back: {rest}.", *_pools(seen), ROUTE_53)
    return _plan(SLEEP, seen, quiet, rest, steps=_lie_down(quiet, rest), notes=notes)


def awake(seen: Snapshot, intent: Intent, records: Sequence[Deployment] = ()) -> Plan:
    """What it was before it went to sleep: release, sizes, floor; then the page goes.

    records: newest first; if none tells, the settings' size counts, and what the slot boots.

    Raises:
        NotPossibleNow: it does not sleep, or traffic was moved behind the page.
        PlanInvalid: the group may not be that large any more.
    """
    serving, known = _serving(seen), _known(records)
    if known is not None and known.weights != seen.weights:
        raise NotPossibleNow(
            f"behind the page the production rule sends {seen.weights}, and it sent {known.weights} "
            "when the environment went to sleep: find out who moved it, and put it back"
        )
    rest = known or _by_settings(seen, intent)
    for slot in Slot:
        require_room(seen, slot, rest[slot].desired)
    told = f"No record tells how large it was: {rest[serving].desired}, as the settings say."
    notes = () if known else (told,)
    quiet = _quiet(intent, rest, serving)
    return _plan(WAKE, seen, quiet, rest, steps=_get_up(quiet, rest), notes=notes)


def retired(seen: Snapshot, intent: Intent, keep: int = 0) -> Plan:
    """The slot without traffic gives its instances back, standby ones too, but for `keep`.

    Raises:
        NotPossibleNow: nothing was ever released, both slots have traffic, or nothing runs in it.
    """
    serving = _serving(seen)
    idle, state = serving.twin, seen[serving.twin]
    if state.empty:
        raise NotPossibleNow(f"{idle} is empty: there is nothing to retire")
    rest = rest_of(seen)
    quiet = _quiet(intent, rest, serving)
    steps = (
        Linger(idle, quiet.linger_s, quiet.delay_s, quiet.linger_s + 120.0),
        Retire(idle, quiet.limits.retire_s, keep=keep, settle_s=LATE_READING_S),
    )
    notes = (f"`deployer rollback` boots instances from then on. It was: {rest}.", ROUTE_53)
    return _plan(RETIRE, seen, quiet, rest, steps=steps, notes=notes)


def back(seen: Snapshot, deployment: Deployment) -> Plan:
    """The way back of one that failed, or that somebody has aborted; `seen` may be a late reading."""
    plan = deployment.plan
    rest = plan.rest or rest_of(seen)
    if plan.strategy == WAKE:
        steps = _lie_down(plan.intent, rest)
    elif plan.strategy == SLEEP:
        steps = _get_up(plan.intent, rest, settle_s=LATE_READING_S)
    else:
        steps = _standby(plan.intent, rest)
    return replace(plan, steps=steps, basis=basis_of(seen), notes=())


def left(deployment: Deployment, error: Exception) -> str:
    """Why it goes neither on nor back, and what a person does; empty: it goes back.

    What is done for users is not undone because the rest of it failed.
    """
    plan, step = deployment.plan, deployment.step
    if plan.strategy == SLEEP and isinstance(step, Hush | Retire):
        return (
            f"the page answers everybody, but {error}: `deployer teardown "
            f"{deployment.environment} --level sleep` goes on, {AWAKE_AGAIN}"
        )
    past = any(isinstance(s, Page) for s in plan.steps[: deployment.cursor])
    if plan.strategy == WAKE and past:
        return f"{plan.release.name} serves again, but {error}; see `deployer status`"
    return ""


def rest_of(seen: Snapshot) -> Rest:
    """What an environment is that is awake.

    Raises:
        NotPossibleNow: it cannot go to sleep.
    """
    _serving(seen)
    assert seen.weights is not None  # noqa: S101 - `_serving` has looked
    sizes = (
        Size(state.desired, min(state.min_size, state.desired), state.boots)
        for state in (seen.blue, seen.green)
    )
    return Rest(seen.at, seen.weights, *sizes)


def _pools(seen: Snapshot) -> tuple[str, ...]:
    """What goes on costing."""
    pools = (seen[slot].pool for slot in Slot)
    return tuple(
        f"The warm pool of {pool.group} keeps up to {pool.most} instances while it sleeps."
        for pool in pools
        if pool is not None and pool.most
    )


def _known(records: Sequence[Deployment]) -> Rest | None:
    record = remembered(records)
    return record.first_plan.rest if record else None


def _woken(records: Sequence[Deployment], at: float) -> Rest | None:
    """What it was woken to a moment ago: a reading may be from before the last of that."""
    newest = next((r for r in records if not r.reason.startswith(NOT_BEGUN)), None)
    if newest is None or newest.finished_at is None:
        return None
    if newest.first_plan.strategy not in (SLEEP, WAKE):
        return None
    return newest.first_plan.rest if at - newest.finished_at < 2 * LATE_READING_S else None


def _serving(seen: Snapshot) -> Slot:
    """The slot that has, or will have, everything.

    Raises:
        NotPossibleNow: there is none.
    """
    if seen.weights is None:
        raise NotPossibleNow("nothing was ever released here, and nothing runs")
    if seen.weights.sole is None or seen.admitted is not None:
        raise NotPossibleNow(
            f"traffic is shared ({seen.weights}{f', {seen.admitted}' if seen.admitted else ''}): an "
            "earlier deployment was left half-way; `deployer status` names the command that leads on"
        )
    return seen.weights.sole


def _by_settings(seen: Snapshot, intent: Intent) -> Rest:
    rest, serving = rest_of(seen), _serving(seen)
    size = replace(rest[serving], desired=max(intent.size, rest[serving].desired))
    return replace(rest, **{str(serving): size})


def _quiet(intent: Intent, rest: Rest, serving: Slot) -> Intent:
    """Nothing of what a release is judged, announced or approved by."""
    return replace(
        intent, release=rest[serving].release or intent.release, weights=(), approve=(), hooks={},
        alarms=(), cohort=None, sticky_wait_s=0.0, floor=0,
    )  # fmt: skip


def _lie_down(intent: Intent, rest: Rest) -> tuple[Step, ...]:
    """Traffic first: the page, silence, and only then the instances."""
    serving, limits = rest.serving, intent.limits
    least_s = intent.delay_s + 2 * MINUTE_S
    linger_s = max(intent.linger_s, least_s + MINUTE_S)
    return (
        Page(True, serving, 0, limits.route_s + LATE_READING_S, settle_s=LATE_READING_S),
        Hush(linger_s, intent.delay_s, linger_s + 120.0),
        *(
            Retire(slot, limits.retire_s, settle_s=LATE_READING_S)
            for slot in (serving, serving.twin)
        ),
    )


def _get_up(intent: Intent, rest: Rest, settle_s: float = 0.0) -> tuple[Step, ...]:
    """Capacity first: as many as before, healthy, of the same release; then the page goes.

    A reading may be from before the slot was emptied: its end is looked at twice.
    settle_s: likewise of the page, where it may have been put up a moment ago.
    """
    serving, limits = rest.serving, intent.limits
    size = rest[serving]
    probe = Probe(
        serving, intent.release.name, intent.probe_requests, intent.probe_allowed_failures,
        limits.probe_s,
    )  # fmt: skip
    return (
        _filled(intent, serving, size),
        *((Keep(serving, size.floor, limits.route_s),) if size.floor else ()),
        *((probe,) if size.release else ()),
        Page(
            False, serving, size.desired, limits.route_s + limits.provision_s + settle_s, settle_s
        ),
        *_standby(intent, rest),
    )


def _standby(intent: Intent, rest: Rest) -> tuple[Step, ...]:
    """What the slot without traffic had."""
    idle = rest.serving.twin
    return (_filled(intent, idle, rest[idle]),) if rest[idle].desired else ()


def _filled(intent: Intent, slot: Slot, size: Size) -> Provision:
    deadline_s = intent.limits.provision_s + LATE_READING_S
    return Provision(slot, size.release, size.desired, deadline_s, settle_s=LATE_READING_S)


def _plan(
    strategy: str,
    seen: Snapshot,
    intent: Intent,
    rest: Rest,
    *,
    steps: tuple[Step, ...],
    notes: tuple[str, ...],
) -> Plan:
    return Plan(
        strategy=strategy, intent=intent, candidate=rest.serving, stable=None, previous=None,
        capacity=rest[rest.serving].desired, steps=steps, basis=basis_of(seen), notes=notes,
        rest=rest,
    )  # fmt: skip


def _require_one_release(seen: Snapshot, serving: Slot) -> None:
    """What waking would boot is what runs.

    Raises:
        NotPossibleNow: it is not.
    """
    state = seen[serving]
    if set(state.releases) - {state.boots_name}:
        raise NotPossibleNow(
            f"{serving} runs {', '.join(state.releases)} and would boot "
            f"{state.boots_name or 'no release'}: an earlier deployment was left half-way; "
            "`deployer status` names the command that leads on"
        )

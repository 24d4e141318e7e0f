"""What a plan will come to: carried out by the engine in a simulated environment like the real one. Pure.

Three times: with a good release to the end; with a bad one until nobody reaches it any more; and, after
the good end, the way back. What people, hooks and target tracking do to it nobody can know: people say
yes at once, hooks take no time, and nothing scales.
"""

from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace as altered

from msgspec.structs import replace

from deployer.analysis.limits import FAILURES, SLOW
from deployer.errors import DeployError
from deployer.model import Release, Snapshot
from deployer.operations import pace
from deployer.operations.likeness import PATIENCE, Likeness, likenesses
from deployer.operations.reckoning import Course, gone_through
from deployer.plan import Deployment, Plan, Status
from deployer.planning import strategies
from deployer.record.outlook import Assumed, Bad, Outlook, Price
from deployer.simulation.cloud import SimCloud
from deployer.simulation.fleet import Behaviour
from deployer.simulation.rehearsal import Rehearsal, Sighted, TooLong
from deployer.simulation.stage import staged
from deployer.steps.bake import A_PERSON

HEALTH_S = 10.0  # of the time to boot: from registered to healthy
PLENTY_PER_MIN = 60_000.0  # taken where nobody knows how many come: enough to judge by
GROUP = 50  # per mille of the users that are taken to be a group's
MINUTE_S = 60.0
LONGEST_S = 30 * 86_400.0
QUICK = 40_000.0  # instances looked at, over all looks of one run: what a plan may take
THOROUGH = 40 * QUICK
UNDECIDED = f"there is no verdict in time, and {A_PERSON}"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan is rehearsed under.

    poll_s: seconds between two looks of a runner.
    price:  of an hour of one instance; None: unknown.
    work:   how much a run may look at (`Rehearsal.work`).
    """

    assumed: Assumed
    poll_s: float
    price: Price | None = None
    work: float = QUICK


def foresee(plan: Plan, seen: Snapshot, under: Circumstances) -> Outlook:
    """The outlook of a plan that begins now; what could not be simulated is None, and says why.

    plan: made from `seen`; it ships something.
    """
    found: Outlook | None = None
    for like in likenesses(plan, seen, under.work):
        with suppress(TooLong):
            found = _good(like, under)
            return _with_bad(found, like, under)
    if found is not None:
        return replace(found, unfound="the plan is too large to be simulated that quickly")
    why = "The plan is too large to be simulated that quickly."
    return Outlook(
        assumed=under.assumed, price=under.price, why=(why,), unfound=why[0].lower() + why[1:-1]
    )


def _good(like: Likeness, under: Circumstances) -> Outlook:
    """With a release that is as good as the one that serves, and the way back after its end.

    Raises:
        TooLong: more work than was allowed.
    """
    courses: list[Course] = []
    left = under.work / 2
    for stride in like.strides():
        if left < 0 and stride < like.longer:
            continue
        near = like.at(stride)
        play = _rehearsal(near, under, failing=0.0)
        ended = play.run()
        left -= under.work - play.work
        known = Outlook(
            assumed=under.assumed, price=under.price, people=play.memory.people,
            reduced=like.reduced,
        )  # fmt: skip
        if play.held or ended.status is not Status.SHIPPED or play.full_at is None:
            why = _stuck(play) or play.turned or ended.reason
            return replace(known, why=(f"Even a good release would not get everything: {why}.",))
        late_s = play.now() - play.full_at
        courses.append(_course(play, near, stride))
    took_s, beside_s = gone_through(courses)
    return replace(
        known, full_s=took_s - late_s, end_s=took_s, extra_hours=like.one_to * beside_s / 3600,
        undo_s=_undone_s(like.plan, play.cloud, under),
    )  # fmt: skip


def _course(play: Rehearsal, near: Likeness, stride: float) -> Course:
    """How long it took, and the seconds of instances beyond those there were, batch by batch."""
    before = len_of(near.seen)
    marks = [*play.marks[: max(0, near.rounds - 1)], (play.now(), play.cloud.instance_s)]
    done = ((at - play.began_at, spent) for at, spent in marks)
    return Course(stride, tuple((gone_s, spent - before * gone_s) for gone_s, spent in done))


def len_of(seen: Snapshot) -> int:
    """Instances of both slots, those on their way out apart."""
    return sum(
        not instance.lifecycle.startswith("Terminating")
        for state in (seen.blue, seen.green)
        for instance in state.instances
    )


def _undone_s(plan: Plan, cloud: SimCloud, under: Circumstances) -> float | None:
    """Seconds from `deployer rollback`, run after the end, until nobody reaches the release."""
    if plan.previous is None or plan.irreversible or plan.strategy in ("first", "rollback"):
        return None
    left = plan.before or Release(plan.previous)
    seen = Sighted(cloud).observe()
    try:
        back = strategies.return_to(seen, replace(plan.intent, release=left, hooks={}))
        play = _on(cloud, back, under, under.work)
        play.run()
    except (DeployError, TooLong):
        return None
    return None if play.full_at is None else play.full_at - play.began_at


def _with_bad(found: Outlook, like: Likeness, under: Circumstances) -> Outlook:
    """With what becomes of a release that fails some of its requests.

    Raises:
        TooLong: more work than was allowed.
    """
    if like.plan.strategy in ("first", "rollback"):
        return replace(found, unfound="the release is not analysed")
    unfound = ""
    for stride in like.strides():
        bad, unfound = _found_out(like, under, stride)
        if bad is not None:
            return replace(found, bad=bad)
    return replace(found, unfound=unfound)


def _found_out(like: Likeness, under: Circumstances, stride: float) -> tuple[Bad | None, str]:
    """What becomes of a bad release, or why nothing does.

    stride: batches of the real plan that each rehearsed one stands for. Where that is a larger part
            of its fleet than those are of theirs, the release fails the less often for it, so that
            as many requests fail after each batch as in the real fleet.

    Raises:
        TooLong: more work than was allowed.
    """
    failing = under.assumed.failing
    play = _rehearsal(like.at(stride), under, failing=failing * like.at_first(stride))
    play = altered(play, enough=lambda run, _: run.left_at is not None)
    ended = play.run()
    if play.turned_at is None or play.left_at is None or play.first_user_at is None:
        return None, _unfound(play, ended, under.assumed)
    known = under.assumed.requests_per_min is not None
    failed = play.found * stride
    bad = Bad(
        exposed=failed / failing if known else None,
        failed=failed if known else None,
        found_s=(play.turned_at - play.first_user_at) * stride,
        back_s=(play.left_at - play.turned_at) * like.back(stride),
    )
    return bad, ""


def _unfound(play: Rehearsal, ended: Deployment, assumed: Assumed) -> str:
    """Why a bad release is not sent back, for people."""
    if ended.status is Status.SHIPPED:
        return f"with so few requests a release that fails {assumed.failing:.0%} of them would not be found out"
    return _stuck(play) or play.turned or ended.reason or "the simulation came to no verdict"


def _stuck(play: Rehearsal) -> str:
    """What it waits for, without the evidence: that is of requests which nobody has sent yet."""
    return UNDECIDED if play.held.startswith(A_PERSON) else play.held


def _rehearsal(like: Likeness, under: Circumstances, *, failing: float) -> Rehearsal:
    assumed, plan, seen = under.assumed, like.plan, like.seen
    boot_s = max(0.0, assumed.boot_s - HEALTH_S)
    usual = Behaviour(boot_s=boot_s, health_s=min(HEALTH_S, assumed.boot_s))
    release = plan.release.name
    behaviours = dict.fromkeys(
        (*seen.blue.releases, *seen.green.releases, plan.previous or ""), usual
    )
    behaviours[release] = altered(usual, errors=1000 * failing)
    per_min = PLENTY_PER_MIN if assumed.requests_per_min is None else assumed.requests_per_min
    cloud = staged(
        seen, behaviours, drain_s=assumed.drain_s, rate=per_min / MINUTE_S,
        group=GROUP if plan.intent.cohort or seen.admitted else 0, limit_s=LONGEST_S,
    )  # fmt: skip
    return _on(cloud, plan, under, under.work)


def _on(cloud: SimCloud, plan: Plan, under: Circumstances, work: float) -> Rehearsal:
    terms = plan.intent.terms
    further = tuple(
        metric.name
        for metric in (terms.limits.metrics if terms else ())
        if metric.name not in (FAILURES.name, SLOW.name)
    )
    return Rehearsal(cloud, plan, under.poll_s, rest_s, work, further)


def rest_s(deployment: Deployment, now: float) -> float:
    """Seconds until the next look has anything to find, but for instances that come and go.

    Where nothing moves: until the next minute is published, or the step's own time is over. What has
    lasted for hours is looked at less often: a day's bake need not be read 1,440 times.
    """
    if not pace.still(deployment):
        return MINUTE_S - now % MINUTE_S
    late_s = deployment.first_plan.intent.delay_s
    published = now + MINUTE_S - (now - late_s) % MINUTE_S
    published = max(published, now + (now - deployment.entered_at) / PATIENCE)
    return min(at for at in (published, *pace.own_times(deployment)) if at > now) - now

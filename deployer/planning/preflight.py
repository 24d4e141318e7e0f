"""Why a deployment must not begin: what is wrong around live groups, all of it at once. Pure.

Each objection has a code for machines and one sentence for people: what, where, what to do. What
keeps a strategy from making a plan at all (an unhealthy slot, a group too small) is told by the
strategy and joins them as `no-plan`; what keeps a plan from being carried out by the groups as they
are (a warm pool) is told of the plan.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.errors import UsageError
from deployer.model import Health, Slot, Snapshot, WarmPool, Weights
from deployer.plan import Deployment, Plan, Status
from deployer.steps.provision import Provision
from deployer.topology import SLOT_HEADER

# Without one of these a slot cannot be filled, registered, judged or emptied (aws-facts 3.2).
NEEDED_PROCESSES = ("Launch", "Terminate", "AddToLoadBalancer", "HealthCheck")
# How an instance refresh ends (aws-facts 3.1); in any other state it replaces instances, or may.
REFRESH_OVER = ("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")
# A change set waits for the first execution of a stack: there is nothing yet.
NOT_BEGUN_STACK = "REVIEW_IN_PROGRESS"


class Code(StrEnum):
    """What programs tell objections apart by; documented in docs/cli.md."""

    ALARM_RINGING = "alarm-ringing"
    FROZEN = "frozen"
    GROUP_LEFT = "group-left"
    HOOK_UNFIT = "hook-unfit"
    INSTANCE_REFRESH = "instance-refresh"
    IRREVERSIBLE = "irreversible"
    NO_PLAN = "no-plan"
    PROBE_ASTRAY = "probe-astray"
    PROCESS_SUSPENDED = "process-suspended"
    STACK_BUSY = "stack-busy"
    STACK_FAILED = "stack-failed"
    TARGET_STICKINESS = "target-stickiness"
    TARGETS_UNUSED = "targets-unused"
    WARM_POOL = "warm-pool"
    WEIGHTS_DRIFTED = "weights-drifted"


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to begin, in one sentence; `code`: a Code, or a teardown's Rail."""

    code: StrEnum
    words: str

    def __str__(self) -> str:
        return f"{self.code}: {self.words}"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a snapshot does not show of an environment.

    stacks:    status of those of its stacks that exist, by name.
    refreshes: status of each group's instance refreshes that are not over, by the group's name.
    suspended: processes that are suspended, by the group's name.
    sticky:    target groups that keep a client with one target (cookie AWSALB).
    astray:    slots that no rule of others lets a smoke request reach by themselves.
    """

    stacks: Mapping[str, str] = field(default_factory=dict)
    refreshes: Mapping[str, str] = field(default_factory=dict)
    suspended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sticky: tuple[str, ...] = ()
    astray: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that objections are made of.

    ringing:        alarm -> why it forbids going on, as the port `Alarms` tells it.
    last:           the newest deployment that changed anything; None: there was none.
    accept_weights: whoever moved traffic since then, or left a user group a rule, it is fine.
    one_way:        the release, if it cannot go back and nobody has confirmed that.
    moves_traffic:  weights will change; in place they do not.
    """

    seen: Snapshot
    around: Surroundings
    ringing: Mapping[str, str] = field(default_factory=dict)
    last: Deployment | None = None
    accept_weights: bool = False
    one_way: str = ""
    moves_traffic: bool = True


def objections(facts: Facts) -> tuple[Objection, ...]:
    """All of them; empty: the deployment may begin."""
    return (
        *_alarms(facts.ringing),
        *_refreshes(facts.around),
        *_stacks(facts.around),
        *_unused(facts.seen),
        *_suspended(facts.around),
        *_drifted(facts),
        *_left(facts),
        *_irreversible(facts.one_way),
        *(_sticky(facts.around.sticky) if facts.moves_traffic else ()),
        *(_astray(facts.around.astray) if facts.moves_traffic else ()),
    )


def of_plan(plan: Plan, seen: Snapshot) -> tuple[Objection, ...]:
    """What objects to this plan, made from `seen`: a warm pool that it would not use up.

    A launch takes from the pool first, and what is in there runs what it was booted with. A slot
    that is filled at once, from nothing, by as many as the pool has or may have, uses all of that up:
    `Provision` finds it old, empties the slot, and fills it again from a pool that is the release's
    own by then. What stays behind would serve users at some later launch, unasked.
    """
    pool = seen[plan.candidate].pool if plan.ships else None
    why = _unfit(pool, plan) if pool is not None and pool.most else ""
    return (Objection(Code.WARM_POOL, why),) if why else ()


def of_return(plan: Plan, seen: Snapshot) -> tuple[Objection, ...]:
    """The same of a plan that goes back to an earlier release; whoever goes back is in a hurry.

    Where the slot launches exactly that release already, the pool has been filled with it: the
    instances that it keeps ready are the ones that are wanted.
    """
    ready = seen[plan.candidate].boots_exactly(plan.release)
    return () if ready else of_plan(plan, seen)


def of_error(error: UsageError) -> Objection:
    """A strategy's own refusal."""
    return Objection(Code.NO_PLAN, str(error))


def remarks(around: Surroundings) -> tuple[str, ...]:
    """What could not be checked."""
    if around.stacks:
        return ()
    return ("The environment has no stacks of the deployer: stack updates were not looked for.",)


def _alarms(ringing: Mapping[str, str]) -> Iterator[Objection]:
    for name, why in ringing.items():
        yield Objection(
            Code.ALARM_RINGING,
            f"alarm {name} {why}: mend that, or, to fix forward, begin all the same with "
            "--accept-alarms",
        )


def _refreshes(around: Surroundings) -> Iterator[Objection]:
    for group, status in around.refreshes.items():
        if status not in REFRESH_OVER:
            yield Objection(
                Code.INSTANCE_REFRESH,
                f"an instance refresh of {group} is {status} and replaces instances by itself: "
                "wait for its end, or run `aws autoscaling cancel-instance-refresh "
                f"--auto-scaling-group-name {group}`",
            )


def _stacks(around: Surroundings) -> Iterator[Objection]:
    for name, status in around.stacks.items():
        if status.endswith("_IN_PROGRESS") and status != NOT_BEGUN_STACK:
            yield Objection(
                Code.STACK_BUSY,
                f"stack {name} is {status} and may change groups and rules beneath a deployment: "
                "wait until that is over",
            )
        elif status.endswith("_FAILED"):
            yield Objection(
                Code.STACK_FAILED,
                f"stack {name} is {status}, its resources may be half-way between two templates: "
                f"repair it first (`cdk deploy {name}`, or `aws cloudformation "
                f"continue-update-rollback --stack-name {name}`)",
            )


def _unused(seen: Snapshot) -> Iterator[Objection]:
    """`unused` is a matter of configuration: waiting never makes such a target healthy."""
    for slot in Slot:
        settled = [i for i in seen[slot].instances if i.lifecycle == "InService"]
        unused = sum(instance.health is Health.UNUSED for instance in settled)
        if unused:
            yield Objection(
                Code.TARGETS_UNUSED,
                f"{unused} of {len(settled)} targets of {slot} are `unused`, so nothing checks "
                "their health: no listener rule names the target group, or the load balancer "
                "lacks their zone; deploy the service stack",
            )


def _suspended(around: Surroundings) -> Iterator[Objection]:
    for group, processes in around.suspended.items():
        needed = [process for process in NEEDED_PROCESSES if process in processes]
        if needed:
            yield Objection(
                Code.PROCESS_SUSPENDED,
                f"{group} has {', '.join(needed)} suspended, which a deployment needs: find out "
                "why, then run `aws autoscaling resume-processes --auto-scaling-group-name "
                f"{group} --scaling-processes {' '.join(needed)}`",
            )


def _drifted(facts: Facts) -> Iterator[Objection]:
    last, live = facts.last, facts.seen.weights
    if last is None or facts.accept_weights or not disturbed(last, facts.seen):
        return
    began = f"{last.first_plan.strategy} {last.first_plan.release.name} ({last.id})"
    yield Objection(
        Code.WEIGHTS_DRIFTED,
        f"the production rule sends {_spelled(live)}, but the last deployment, {began}, left "
        f"{_spelled(last.written)}: somebody moved traffic since then; find out who and why "
        "(ModifyRule and DeleteRule in CloudTrail), put it back, or begin from where it is "
        "with --accept-weights",
    )


def _left(facts: Facts) -> Iterator[Objection]:
    """A user group that still goes its own way, which no plan should inherit unasked."""
    live = facts.seen.admitted
    if live is None or facts.accept_weights:
        return
    yield Objection(
        Code.GROUP_LEFT,
        f"a rule of its own still sends the users {live}: if the last deployment halted, run "
        "`deployer rollback`; else find out who made it and delete it, or let the plan begin with "
        "that, with --accept-weights",
    )


def _irreversible(release: str) -> Iterator[Objection]:
    if release:
        words = (
            f"{release} is marked rollback-safe: false: once users reach it, nothing goes back by "
            "itself; add --irreversible to ship it all the same (docs/schema-changes.md)"
        )
        yield Objection(Code.IRREVERSIBLE, words)


def _astray(slots: tuple[Slot, ...]) -> Iterator[Objection]:
    """A probe that the live slot answers would pass, whatever the candidate is."""
    if slots:
        yield Objection(
            Code.PROBE_ASTRAY,
            f"no rule sends requests with {SLOT_HEADER}: {' or '.join(slots)} to that slot alone, so "
            "smoke requests would ask the wrong one: `deployer verify` prints the commands that make "
            "such rules",
        )


def _sticky(groups: tuple[str, ...]) -> Iterator[Objection]:
    """Where a target group sticks its rule must, so that no switch could be instant (aws-facts 1.3)."""
    for group in groups:
        yield Objection(
            Code.TARGET_STICKINESS,
            f"target group {group} keeps clients with one target (stickiness.enabled): the rule "
            "must stick then, and no cut-over or way back would take them off a slot; switch it off "
            "(`aws elbv2 modify-target-group-attributes`), and use the rule's own stickiness",
        )


def disturbed(last: Deployment | None, seen: Snapshot) -> bool:
    """Somebody has moved traffic since the last deployment ended."""
    return last is not None and seen.weights not in left_by(last)


def left_by(last: Deployment) -> tuple[Weights | None, ...]:
    """Weights that a finished deployment may have left.

    One that halted may have written some that it did not live to see.
    """
    return (last.written, *(last.intended if last.status is Status.HALTED else ()))


def _unfit(pool: WarmPool, plan: Plan) -> str:
    """Why the pool of the plan's slot forbids it, in words; empty: it does not."""
    slot = f"{pool.group} ({plan.candidate})"
    away = (
        "delete the pool (fleet.warm_pool = 0 and deploy the service stack, or `aws autoscaling "
        f"delete-warm-pool --auto-scaling-group-name {pool.group} --force-delete`)"
    )
    if plan.in_place:
        return (
            f"the warm pool of {slot} has or may have {pool.most} instances, booted with the release "
            "before: batches would leave some of them, to serve users at a later launch; ship with "
            f"`deployer canary` or `deployer blue-green`, or {away}"
        )
    if pool.reuses:
        return (
            f"the warm pool of {slot} takes instances back that leave the group: the slot would be "
            "filled with those of an earlier release again and again; switch InstanceReusePolicy off "
            f"(`aws autoscaling put-warm-pool`), or {away}"
        )
    at_once = next(s.count for s in plan.steps if isinstance(s, Provision) and s.release)
    left = "those that stay behind would serve users at a later launch"
    if at_once < plan.capacity:
        return (
            f"the warm pool of {slot} has or may have {pool.most} instances of an earlier release, "
            f"and matched capacity launches {at_once} first and others while users are there: "
            f"{left}; add --capacity full, or {away}"
        )
    if at_once < pool.most:
        return (
            f"the warm pool of {slot} has or may have {pool.most} instances of an earlier release, "
            f"and {at_once} are launched at once: {left}; keep no more than {at_once} "
            f"(fleet.warm_pool, or `aws autoscaling put-warm-pool`), or {away}"
        )
    return ""


def _spelled(weights: Weights | None) -> str:
    return str(weights) if weights is not None else "nothing (there is no such rule)"

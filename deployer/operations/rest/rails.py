"""What forbids to tear one environment down: every rail, whoever asks, by hand or by schedule. Pure.

What is not known forbids: a metric that is missing is not silence, a stack in a state that needs a
person is not at rest. No flag takes a rail away; each says what would.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from deployer.durations import spell
from deployer.journal import Active
from deployer.model import Slot, Snapshot
from deployer.operations.rest.deletion import Stack
from deployer.operations.rest.levels import Level
from deployer.plan import DELETE, Deployment, Status
from deployer.planning import preflight
from deployer.planning.preflight import Objection, Surroundings
from deployer.steps.linger import Linger
from deployer.topology import CLASS_TAG, EPHEMERAL

NEEDED_PROCESSES = ("Launch", "Terminate", "AddToLoadBalancer")  # to leave, and to come back


class Rail(StrEnum):
    """What programs tell refusals apart by; documented in docs/teardown.md."""

    NOT_EPHEMERAL = "not-ephemeral"
    PROTECTED = "protected"
    DEPLOYMENT = "deployment"
    WINDOW = "rollback-window"
    HALTED = "halted"
    STACK = "stack-operation"
    REFRESH = "instance-refresh"
    TRAFFIC = "traffic"
    UNKNOWN = "traffic-unknown"
    WEIGHT = "weight"
    SUSPENDED = "process-suspended"


@dataclass(frozen=True, slots=True)
class Use:
    """What users did lately.

    requests: that were use, in the busiest of the windows that were looked at; None: not known.
    most:     so many within one window are still no use.
    window_s: how long a window is.
    """

    requests: float | None
    most: int
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One environment, as the rails see it.

    seen:      None: its service stack is gone already, or was never there.
    ephemeral: the settings say so.
    tagged:    its load balancer says so, hence the stacks were deployed that way.
    active:    the deployment that holds it.
    last:      the newest one that did anything.
    use:       None: nobody can reach it any more: a page answers, or there is no load balancer.
    """

    seen: Snapshot | None
    ephemeral: bool
    tagged: bool
    protected: bool
    active: Active | None = None
    last: Deployment | None = None
    around: Surroundings = field(default_factory=Surroundings)
    use: Use | None = None


def refusals(level: Level, facts: Facts) -> tuple[Objection, ...]:
    """Every rail that forbids it now."""
    return (
        *_class(facts),
        *_held(facts.active, level),
        *_halted(facts.last),
        *_stacks(facts.around, level),
        *_refreshes(facts.around),
        *(_used(facts.use) if level is not Level.RETIRE else ()),
        *_weights(facts.seen, level),
        *_suspended(facts.around),
    )


def of_what_is_left(
    stacks: Sequence[Stack], *, ephemeral: bool, protected: bool
) -> tuple[Objection, ...]:
    """What forbids to delete the stacks of an environment that can no longer be looked at.

    Its service stack must be gone, or going: while it is there, so may be instances and users.
    """
    facts = Facts(seen=None, ephemeral=ephemeral, tagged=True, protected=protected)
    there = (each for each in stacks if each.part == "service")
    return (
        *_class(facts),
        *(
            Objection(
                Rail.STACK,
                f"{each.name} is {each.status}, but what the environment is cannot be read: deploy its "
                "stacks, then run the command again",
            )
            for each in there
            if not each.status.startswith("DELETE_")
        ),
    )


def _class(facts: Facts) -> Iterator[Objection]:
    if facts.protected:
        yield Objection(
            Rail.PROTECTED,
            "the settings protect it: `protected = false` and a deploy of the stacks",
        )
    if not facts.ephemeral:
        yield Objection(
            Rail.NOT_EPHEMERAL,
            "only what is ephemeral is torn down: [environments.NAME.teardown] ephemeral = true, "
            "and deploy the stacks",
        )
    elif not facts.tagged:
        yield Objection(
            Rail.NOT_EPHEMERAL,
            f"the settings call it ephemeral, but its load balancer has no tag {CLASS_TAG} = "
            f"{EPHEMERAL}: deploy the stacks",
        )


def _held(active: Active | None, level: Level) -> Iterator[Objection]:
    """A deletion that died goes on."""
    if active is None:
        return
    if level is Level.DELETE and active.deployment.plan.strategy == DELETE:
        return
    deployment = active.deployment
    what = f"{deployment.first_plan.strategy} of {deployment.first_plan.release.name}"
    step = None if deployment.over else deployment.step
    if isinstance(step, Linger) and step.least_s:
        yield Objection(
            Rail.WINDOW,
            f"{what} ({deployment.id}) keeps the old slot warm for going back: `deployer promote` "
            "ends that window",
        )
        return
    yield Objection(
        Rail.DEPLOYMENT, f"{what} ({deployment.id}) holds the environment: see `deployer status`"
    )


def _halted(last: Deployment | None) -> Iterator[Objection]:
    if last is not None and last.status is Status.HALTED and last.first_plan.ships:
        yield Objection(
            Rail.HALTED,
            f"{last.first_plan.release.name} ({last.id}) halted and a person is to look: "
            "`deployer status` names the command that leads on",
        )


def _stacks(around: Surroundings, level: Level) -> Iterator[Objection]:
    for name, status in around.stacks.items():
        if level is Level.DELETE and status.startswith("DELETE_"):
            continue  # that is what is wanted
        busy = status.endswith("_IN_PROGRESS") and status != preflight.NOT_BEGUN_STACK
        if busy or status.endswith("_FAILED"):
            yield Objection(
                Rail.STACK, f"stack {name} is {status}: wait until it is over, or repair it"
            )


def _refreshes(around: Surroundings) -> Iterator[Objection]:
    for group, status in around.refreshes.items():
        if status not in preflight.REFRESH_OVER:
            yield Objection(Rail.REFRESH, f"an instance refresh of {group} is {status}")


def _used(use: Use | None) -> Iterator[Objection]:
    if use is None:
        return
    window = spell(use.window_s)
    if use.requests is None:
        yield Objection(
            Rail.UNKNOWN,
            "nobody knows whether it is used: the load balancer has no metrics of the last "
            f"{window}, and missing metrics are no silence; look at it, and ask again later",
        )
    elif use.requests > use.most:
        yield Objection(
            Rail.TRAFFIC,
            f"it is used: {use.requests:g} requests within {window}, and {use.most} are none "
            "(teardown.requests)",
        )


def _weights(seen: Snapshot | None, level: Level) -> Iterator[Objection]:
    """A slot with weight is not idle; and what is half-way between two releases is nobody's to take."""
    if seen is None or seen.weights is None or seen.asleep:
        return
    if seen.weights.sole is None or seen.admitted is not None:
        shared = " and ".join(f"{slot}: {seen.traffic_of(slot)}" for slot in Slot)
        idle = "there is no idle slot" if level is Level.RETIRE else "a deployment is half-way"
        yield Objection(Rail.WEIGHT, f"both slots have traffic ({shared}), so {idle}")


def _suspended(around: Surroundings) -> Iterator[Objection]:
    for group, processes in around.suspended.items():
        needed = [process for process in NEEDED_PROCESSES if process in processes]
        if needed:
            yield Objection(
                Rail.SUSPENDED,
                f"{group} has {', '.join(needed)} suspended: it could not be emptied, or not be "
                "woken; find out why, then `aws autoscaling resume-processes`",
            )

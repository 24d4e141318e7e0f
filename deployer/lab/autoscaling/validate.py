"""What a group may be asked for, in AWS's words when it may not. Pure; raises `Refused`.

Sources: autoscaling API model (types, ranges), aws-facts 3.2. Messages follow the service's; those
that are not documented are worded alike.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from deployer.lab.actions import Refused
from deployer.lab.autoscaling.model import (
    LAUNCHING,
    PROCESSES,
    TERMINATING,
    Hook,
    Maintenance,
    Tag,
)
from deployer.lab.autoscaling.victims import POLICIES


def invalid(message: str) -> Refused:
    """ValidationError, the code of nearly everything that is wrong here; to be raised."""
    return Refused("ValidationError", message)


def only(action: str, params: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse parameters that the lab does not simulate, naming them."""
    unknown = sorted(key for key, value in params.items() if value and key not in known)
    if unknown:
        raise Refused(
            "NotImplemented", f"the lab does not simulate {action} with {', '.join(unknown)}"
        )


def sizes(minimum: int, maximum: int, desired: int) -> None:
    if min(minimum, maximum, desired) < 0:
        raise invalid("MinSize, MaxSize and DesiredCapacity must not be negative")
    if maximum < minimum:
        raise invalid(
            f"Max bound, {maximum}, must be greater than or equal to min bound, {minimum}"
        )
    if not minimum <= desired <= maximum:
        raise invalid(
            f"Desired capacity:{desired} must be between the specified min size:{minimum}"
            f" and max size:{maximum}"
        )


def resized(
    minimum: int, maximum: int, desired: int, asked: Mapping[str, Any]
) -> tuple[int, int, int]:
    """(min, max, desired) after UpdateAutoScalingGroup.

    A bound moves the desired capacity along unless that is given too (aws-facts 3.2).
    """
    minimum = asked.get("MinSize", minimum)
    maximum = asked.get("MaxSize", maximum)
    if "DesiredCapacity" in asked:
        desired = asked["DesiredCapacity"]
    elif minimum <= maximum:
        desired = min(max(desired, minimum), maximum)
    sizes(minimum, maximum, desired)
    return minimum, maximum, desired


def new_desired(minimum: int, maximum: int, wanted: int) -> None:
    """SetDesiredCapacity's own words."""
    if wanted > maximum:
        raise invalid(
            f"New SetDesiredCapacity value {wanted} is above max value {maximum}"
            " for the AutoScalingGroup."
        )
    if wanted < minimum:
        raise invalid(
            f"New SetDesiredCapacity value {wanted} is below min value {minimum}"
            " for the AutoScalingGroup."
        )


def processes(asked: Iterable[str]) -> frozenset[str]:
    """The scaling processes meant; none named means all of them."""
    named = frozenset(asked)
    for name in sorted(named - frozenset(PROCESSES)):
        raise invalid(
            f"Invalid scaling process name: {name}. Valid processes: {', '.join(PROCESSES)}"
        )
    return named or frozenset(PROCESSES)


def policies(asked: Iterable[str]) -> tuple[str, ...]:
    named = tuple(asked) or ("Default",)
    for name in named:
        if name not in POLICIES:
            raise Refused("NotImplemented", f"the lab does not simulate TerminationPolicies {name}")
    if "Default" in named[:-1]:
        raise invalid("If you include the Default termination policy, it must be the last one")
    return named


def health_check_type(asked: str) -> str:
    """`EC2` or `ELB`; others exist on AWS (EBS, VPC_LATTICE)."""
    named = {part.strip() for part in asked.split(",")}
    if unknown := named - {"EC2", "ELB"}:
        raise Refused(
            "NotImplemented",
            f"the lab does not simulate HealthCheckType {','.join(sorted(unknown))}",
        )
    return "ELB" if "ELB" in named else "EC2"


def within(what: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise invalid(f"{what} must be between {low} and {high}, not {value}")
    return value


def maintenance(asked: Mapping[str, Any] | None) -> Maintenance | None:
    """Both percentages, at most 100 apart; -1 for both clears the policy (aws-facts 3.2)."""
    if not asked:
        return None
    low, high = asked.get("MinHealthyPercentage"), asked.get("MaxHealthyPercentage")
    if low is None or high is None:
        raise invalid("You must specify both MinHealthyPercentage and MaxHealthyPercentage")
    if (low, high) == (-1, -1):
        return None
    within("MinHealthyPercentage", low, 0, 100)
    within("MaxHealthyPercentage", high, 100, 200)
    if high - low > 100:
        raise invalid(
            "The difference between MaxHealthyPercentage and MinHealthyPercentage exceeds 100"
        )
    return Maintenance(low, high)


def hook(asked: Mapping[str, Any], old: Hook | None = None) -> Hook:
    """A hook from the API's fields; what is not given stays as it was."""
    base = old or Hook(asked["LifecycleHookName"], asked.get("LifecycleTransition", ""))
    transition = asked.get("LifecycleTransition") or base.transition
    if transition not in (LAUNCHING, TERMINATING):
        raise invalid(
            f"Lifecycle transition {transition or 'null'} is not {LAUNCHING} or {TERMINATING}"
        )
    result = asked.get("DefaultResult") or base.default_result
    if result not in ("CONTINUE", "ABANDON"):
        raise invalid(f"DefaultResult must be CONTINUE or ABANDON, not {result}")
    return Hook(
        name=base.name,
        transition=transition,
        heartbeat_s=within(
            "HeartbeatTimeout", asked.get("HeartbeatTimeout") or base.heartbeat_s, 30, 7200
        ),
        default_result=result,
        metadata=asked.get("NotificationMetadata") or base.metadata,
        target_arn=_no_target(asked.get("NotificationTargetARN") or ""),
        role_arn=asked.get("RoleARN") or base.role_arn,
    )


def _no_target(arn: str) -> str:
    if arn:
        raise Refused(
            "NotImplemented", "the lab does not simulate lifecycle hooks with NotificationTargetARN"
        )
    return ""


def tags(asked: Iterable[Mapping[str, Any]]) -> tuple[Tag, ...]:
    """Tags of a group; `aws:` keys are AWS's own."""
    made = {}
    for one in asked:
        key = one["Key"]
        if key.startswith("aws:"):
            raise invalid(f"Tag keys may not begin with aws: ({key})")
        made[key] = Tag(key, one.get("Value") or "", bool(one.get("PropagateAtLaunch")))
    return tuple(made.values())

"""What a schedule must be like: read from a CreateSchedule or UpdateSchedule call, or refused.

Source: [M:scheduler.CreateSchedule]; the targets' own rules: EventBridge Scheduler User Guide,
"Using templated targets".
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from deployer.lab.scheduler.cron import BadExpression, NotSimulated
from deployer.lab.scheduler.expressions import Times, parse
from deployer.lab.wire import Refused

NAME = re.compile(r"[0-9a-zA-Z\-_.]{1,64}")
LARGEST_INPUT = 256 * 1024
LAMBDA, STATES = ":lambda:", ":states:"
# Of a target, beside its ARN and role: what the lab carries out.
_TARGET = {"Arn", "RoleArn", "Input", "RetryPolicy", "DeadLetterConfig"}
_DEFAULTS: dict[str, Any] = {
    "ScheduleExpressionTimezone": "UTC",
    "State": "ENABLED",
    "ActionAfterCompletion": "NONE",
}
_KEPT = (
    *("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "Description"),
    *("State", "Target", "FlexibleTimeWindow", "ActionAfterCompletion"),
)


def invalid(message: str) -> Refused:
    return Refused("ValidationException", message)


def unsimulated(what: str) -> Refused:
    """For what AWS does and the lab does not."""
    return Refused("NotImplemented", f"the lab does not simulate {what} of a schedule")


def require_name(name: str) -> None:
    """Raises Refused: not a name of a schedule or a group."""
    if not NAME.fullmatch(name):
        raise invalid(f"Value '{name}' at 'name' failed to satisfy constraint: {NAME.pattern}")


def settings_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """The schedule's settings with defaults for what is not said.

    Raises:
        Refused: not valid, or not simulated.
    """
    require_name(params["Name"])
    if params.get("KmsKeyArn"):
        raise unsimulated("KmsKeyArn")
    window = params["FlexibleTimeWindow"]
    if window["Mode"] != "OFF":
        raise unsimulated("a FlexibleTimeWindow other than OFF")
    if "MaximumWindowInMinutes" in window:
        raise invalid("MaximumWindowInMinutes must not be set when the mode is OFF.")
    given = {**_DEFAULTS, **{key: params[key] for key in _KEPT if params.get(key) is not None}}
    _require_dates(given)
    return {**given, "Target": _target(given["Target"])}


def _require_dates(given: Mapping[str, Any]) -> None:
    start, end = given.get("StartDate"), given.get("EndDate")
    if start is not None and end is not None and start >= end:
        raise invalid("The StartDate must come before the EndDate.")


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(target.keys() - _TARGET)
    if unknown:
        raise unsimulated(f"the target's {', '.join(unknown)}")
    kind = target["Arn"]
    if not (
        (LAMBDA in kind and ":function:" in kind) or (STATES in kind and ":stateMachine:" in kind)
    ):
        raise unsimulated(f"the target {kind}")
    if "Input" not in target:
        raise unsimulated("a target without Input (its default notification)")
    _require_json(target["Input"])
    policy = target.get("RetryPolicy", {})
    attempts = policy.get("MaximumRetryAttempts", 185)
    age_s = policy.get("MaximumEventAgeInSeconds", 86_400)
    if not (0 <= attempts <= 185 and 60 <= age_s <= 86_400):
        raise invalid("RetryPolicy: 0 to 185 attempts, and an age of 60 to 86400 seconds.")
    whole = {"MaximumRetryAttempts": attempts, "MaximumEventAgeInSeconds": age_s}
    return {**target, "RetryPolicy": whole}


def _require_json(text: str) -> None:
    if len(text.encode()) > LARGEST_INPUT:
        raise invalid("The Input of a target is 256 KB at most.")
    try:
        json.loads(text)
    except ValueError as error:
        raise invalid("Invalid RequestJson provided. Reason: the Input is not JSON.") from error


def times_of(settings: Mapping[str, Any], now: float) -> Times:
    """When the schedule is due.

    Raises:
        Refused: the expression, or its time zone, is not valid, or not simulated.
    """
    start = settings.get("StartDate")
    origin = now if start is None else start.timestamp()
    try:
        return parse(settings["ScheduleExpression"], settings["ScheduleExpressionTimezone"], origin)
    except NotSimulated as error:
        raise Refused("NotImplemented", str(error)) from error
    except BadExpression as error:
        raise invalid(str(error)) from error

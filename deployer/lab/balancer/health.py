"""A target's state from the outcomes of its health checks, by ALB's rules.

A new target is `initial` until its first success (then healthy at once) or until
UnhealthyThreshold failures in a row; a healthy one becomes unhealthy after that many, an unhealthy
one healthy after HealthyThreshold successes in a row (aws-facts 1.5).
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deployer.lab.balancer.clusters import CHECKS
from deployer.lab.balancer.model import HealthCheck

INITIAL, HEALTHY, UNHEALTHY = "initial", "healthy", "unhealthy"

SUCCESSES = frozenset({"successful_health_check_event", "add_healthy_event"})
# Envoy's word for what went wrong -> ALB's reason.
REASONS = {
    "ACTIVE": "Target.ResponseCodeMismatch",
    "NETWORK": "Target.FailedHealthChecks",
    "NETWORK_TIMEOUT": "Target.Timeout",
}
DESCRIPTIONS = {
    "Target.ResponseCodeMismatch": "Health checks failed with these codes: [{code}]",
    "Target.FailedHealthChecks": "Health checks failed",
    "Target.Timeout": "Request timed out",
    "Elb.RegistrationInProgress": "Target registration is in progress",
    "Elb.InitialHealthChecking": "Initial health checks in progress",
    "Target.NotRegistered": "Target is not registered to the target group",
    "Target.NotInUse": "Target group is not configured to receive traffic from the load balancer",
    "Target.InvalidState": "Target is in the stopped state",
    "Target.DeregistrationInProgress": "Target deregistration is in progress",
}


@dataclass(frozen=True, slots=True)
class Tally:
    """A target's health so far; `reason` is ALB's, empty while healthy; `code` the last answer's."""

    state: str = INITIAL
    successes: int = 0
    failures: int = 0
    reason: str = "Elb.RegistrationInProgress"
    code: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One health check: of which group's target, when (wall, epoch s), how it went.

    reason: ALB's for a failure, empty for a success; code: the HTTP status of a wrong answer.
    """

    group: str
    address: str
    port: int
    at: float
    reason: str = ""
    code: int = 0


def after(tally: Tally, outcome: Outcome, check: HealthCheck) -> Tally:
    """The tally after one more check."""
    counted = (
        replace(tally, successes=0, failures=tally.failures + 1)
        if outcome.reason
        else replace(tally, successes=tally.successes + 1, failures=0)
    )
    state = _state(counted, check)
    if state == HEALTHY:
        return replace(counted, state=state, reason="", code=0)
    if state == INITIAL:
        return replace(counted, state=state, reason="Elb.InitialHealthChecking", code=0)
    if not outcome.reason:  # on its way back
        return counted
    return replace(counted, state=state, reason=outcome.reason, code=outcome.code)


def _state(counted: Tally, check: HealthCheck) -> str:
    if counted.failures >= check.unhealthy_threshold:
        return UNHEALTHY
    enough = 1 if counted.state == INITIAL else check.healthy_threshold
    return HEALTHY if counted.successes >= enough else counted.state


def describe(reason: str, code: int = 0) -> str:
    """ALB's sentence for a reason."""
    return DESCRIPTIONS[reason].format(code=code)


def outcomes(lines: Iterable[str]) -> Iterator[Outcome]:
    """Envoy's health check events, one JSON document a line.

    A success is one of two events (the second when it changed Envoy's mind), a failure always
    one; what else Envoy tells about a failure is left out.
    """
    for line in lines:
        event = json.loads(line)
        if SUCCESSES & event.keys():
            yield _outcome(event)
        elif "health_check_failure_event" in event:
            failure = event["health_check_failure_event"]
            reason = REASONS[failure["failure_type"]]
            yield replace(_outcome(event), reason=reason, code=failure["http_status_code"])


def _outcome(event: Mapping[str, Any]) -> Outcome:
    where = event["host"]["socket_address"]
    return Outcome(
        group=event["cluster_name"].removeprefix(CHECKS),
        address=where["address"],
        port=where["port_value"],
        at=datetime.fromisoformat(event["timestamp"]).timestamp(),
    )

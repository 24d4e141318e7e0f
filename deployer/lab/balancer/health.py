"""A target's state from the outcomes of its health checks, by ALB's rules.

A new target is `initial` until its first success (then healthy at once) or until
UnhealthyThreshold failures in a row; a healthy one becomes unhealthy after that many, an unhealthy
one healthy after HealthyThreshold successes in a row (aws-facts 1.5).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deployer.lab.balancer.clusters import CHECKS
from deployer.lab.balancer.model import HealthCheck

INITIAL, HEALTHY, UNHEALTHY = "initial", "healthy", "unhealthy"

# Envoy's word for what went wrong -> ALB's reason.
REASONS = {
    "ACTIVE": "Target.ResponseCodeMismatch",
    "NETWORK": "Target.FailedHealthChecks",
    "NETWORK_TIMEOUT": "Target.Timeout",
}
DESCRIPTIONS = {
    "Target.ResponseCodeMismatch": "Health checks failed: the answer's code is not in {codes}",
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
    """A target's health so far; `reason` is ALB's, empty while healthy."""

    state: str = INITIAL
    successes: int = 0
    failures: int = 0
    reason: str = "Elb.RegistrationInProgress"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One health check: of which group's target, when (wall, epoch s), and ALB's reason or ""."""

    group: str
    address: str
    port: int
    at: float
    reason: str


def after(tally: Tally, reason: str, check: HealthCheck) -> Tally:
    """The tally after one more check; `reason` is empty for a success."""
    counted = (
        replace(tally, successes=0, failures=tally.failures + 1)
        if reason
        else replace(tally, successes=tally.successes + 1, failures=0)
    )
    state = _state(counted, check)
    if state == HEALTHY:
        return replace(counted, state=state, reason="")
    if state == INITIAL:
        return replace(counted, state=state, reason="Elb.InitialHealthChecking")
    return replace(counted, state=state, reason=reason or tally.reason)


def _state(counted: Tally, check: HealthCheck) -> str:
    if counted.failures >= check.unhealthy_threshold:
        return UNHEALTHY
    enough = 1 if counted.state == INITIAL else check.healthy_threshold
    return HEALTHY if counted.successes >= enough else counted.state


def describe(reason: str, check: HealthCheck) -> str:
    """ALB's sentence for a reason code."""
    return DESCRIPTIONS[reason].format(codes=spell_codes(check))


def spell_codes(check: HealthCheck) -> str:
    """The matcher as the API writes it: `200,300-399`."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in check.codes)


def outcomes(lines: Iterator[str]) -> Iterator[Outcome]:
    """Envoy's health check events, one JSON document a line; other events are left out."""
    for line in lines:
        event = json.loads(line)
        failed = event.get("health_check_failure_event")
        if failed is None and "successful_health_check_event" not in event:
            continue
        yield _outcome(event, failed)


def _outcome(event: Mapping[str, Any], failed: Mapping[str, Any] | None) -> Outcome:
    where = event["host"]["socket_address"]
    return Outcome(
        group=event["cluster_name"].removeprefix(CHECKS),
        address=where["address"],
        port=where["port_value"],
        at=datetime.fromisoformat(event["timestamp"]).timestamp(),
        reason="" if failed is None else REASONS[failed.get("failure_type", "ACTIVE")],
    )

"""A target's state after a row of checks (aws-facts 1.5)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.balancer.health import Outcome, Tally, after, describe, outcomes
from deployer.lab.balancer.model import HealthCheck

CHECK = HealthCheck(healthy_threshold=3, unhealthy_threshold=2)


def run(row: str, check: HealthCheck = CHECK) -> Tally:
    """`+` is a success, `x` a wrong code, `t` a timeout, `-` a refused connection."""
    reasons = {
        "+": ("", 0),
        "x": ("Target.ResponseCodeMismatch", 503),
        "t": ("Target.Timeout", 0),
        "-": ("Target.FailedHealthChecks", 0),
    }
    tally = Tally()
    for mark in row:
        reason, code = reasons[mark]
        tally = after(tally, Outcome("g", "127.1.1.1", 80, 0.0, reason, code), check)
    return tally


@pytest.mark.parametrize(
    ("row", "state", "reason"),
    [
        ("", "initial", "Elb.RegistrationInProgress"),
        ("+", "healthy", ""),
        ("x", "initial", "Elb.InitialHealthChecking"),
        ("x+", "healthy", ""),
        ("xx", "unhealthy", "Target.ResponseCodeMismatch"),
        ("xt", "unhealthy", "Target.Timeout"),
        ("--", "unhealthy", "Target.FailedHealthChecks"),
        ("+x", "healthy", ""),
        ("+x+x+x", "healthy", ""),
        ("+xx", "unhealthy", "Target.ResponseCodeMismatch"),
        ("+xx++", "unhealthy", "Target.ResponseCodeMismatch"),
        ("+xx+++", "healthy", ""),
        ("+xx++x++", "unhealthy", "Target.ResponseCodeMismatch"),
        ("--+t", "unhealthy", "Target.Timeout"),
    ],
)
def test_states_follow_the_thresholds(row: str, state: str, reason: str) -> None:
    tally = run(row)
    assert (tally.state, tally.reason) == (state, reason)


def test_the_wrong_code_is_told() -> None:
    tally = run("xx+")
    assert describe(tally.reason, tally.code) == "Health checks failed with these codes: [503]"


@given(
    row=st.text("+x", max_size=30),
    healthy=st.integers(2, 10),
    unhealthy=st.integers(2, 10),
)
def test_a_state_changes_only_after_enough_in_a_row(row: str, healthy: int, unhealthy: int) -> None:
    check = HealthCheck(healthy_threshold=healthy, unhealthy_threshold=unhealthy)
    tally = run(row, check)
    if row.endswith("x" * unhealthy):
        assert tally.state == "unhealthy"
    if row.endswith("+" * healthy):
        assert tally.state == "healthy"
    if tally.state == "healthy":
        assert not tally.reason
        assert "x" * unhealthy not in row.rpartition("+")[2]
    if tally.state == "initial":
        assert "+" not in row


def line(**event: object) -> str:
    host = {"socket_address": {"address": "127.1.1.4", "port_value": 8080}}
    whole = {
        "health_checker_type": "HTTP",
        "host": host,
        "cluster_name": "checks/targetgroup/a/1",
        "timestamp": "1970-01-01T00:00:01.500Z",
        **event,
    }
    return json.dumps(whole)


def test_envoys_events_are_read_each_check_once() -> None:
    failure = {"failure_type": "ACTIVE", "first_check": False, "http_status_code": 503}
    lines = [
        line(add_healthy_event={"first_check": True}),
        line(successful_health_check_event={}),
        line(eject_unhealthy_event=failure),
        line(health_check_failure_event=failure),
        line(health_check_failure_event={**failure, "failure_type": "NETWORK_TIMEOUT"}),
    ]
    read = list(outcomes(lines))
    assert {(each.group, each.address, each.port, each.at) for each in read} == {
        ("targetgroup/a/1", "127.1.1.4", 8080, 1.5)
    }
    assert [each.reason for each in read] == [
        "",
        "",
        "Target.ResponseCodeMismatch",
        "Target.Timeout",
    ]
    assert read[2].code == 503

"""Target groups become clusters: who is checked how, and who gets requests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.balancer.clusters import (
    assignment,
    checks_cluster,
    minimum_healthy,
    routable,
    traffic_cluster,
)
from deployer.lab.balancer.model import Endpoint, Group, HealthCheck

GROUP = Group("targetgroup/a/1", "arn", 8080)


def fleet(first: int, count: int) -> list[Endpoint]:
    return [Endpoint(f"127.1.1.{first + at}", 8080) for at in range(count)]


@given(healthy=st.integers(0, 5), unhealthy=st.integers(0, 5))
def test_unhealthy_targets_get_requests_only_when_nobody_is_healthy(
    healthy: int, unhealthy: int
) -> None:
    good, bad = fleet(1, healthy), fleet(100, unhealthy)
    chosen = routable(GROUP, good, bad)
    if healthy:
        assert chosen == good
    else:
        assert [(each.address, each.fail_open) for each in chosen] == [
            (each.address, True) for each in bad
        ]


@pytest.mark.parametrize(
    ("count", "percent", "registered", "least"),
    [(1, None, 10, 1), (3, None, 10, 3), (1, 50, 10, 5), (1, 50, 3, 2), (4, 10, 10, 4)],
)
def test_the_higher_of_count_and_percentage_is_the_minimum(
    count: int, percent: int | None, registered: int, least: int
) -> None:
    group = Group("g", "arn", 80, minimum_healthy=count, minimum_percent=percent)
    assert minimum_healthy(group, registered) == least


@pytest.mark.parametrize(
    ("scale", "interval", "timeout"), [(1, "30s", "5s"), (10, "3s", "1s"), (300, "0.2s", "1s")]
)
def test_checks_are_scaled_down_to_a_floor(scale: float, interval: str, timeout: str) -> None:
    (check,) = checks_cluster(GROUP, {}, "log", scale)["health_checks"]
    intervals = {check[key] for key in check if key.endswith("interval")}
    assert intervals == {interval}
    assert check["timeout"] == timeout


def test_every_outcome_is_told_and_envoy_decides_nothing() -> None:
    group = Group("g", "arn", 80, check=HealthCheck(path="/up", codes=((200, 200), (300, 399))))
    made = checks_cluster(group, {}, "log", 1)
    (check,) = made["health_checks"]
    assert check["always_log_health_check_failures"]
    assert check["always_log_health_check_success"]
    assert (check["healthy_threshold"], check["unhealthy_threshold"]) == (1, 1)
    assert check["http_health_check"]["path"] == "/up"
    ranges = [
        (each["start"], each["end"]) for each in check["http_health_check"]["expected_statuses"]
    ]
    assert ranges == [(200, 201), (300, 400)]
    assert "health_checks" not in traffic_cluster(group, {}, 1)
    assert made["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}


def test_slow_start_is_scaled_and_off_by_default() -> None:
    assert "round_robin_lb_config" not in traffic_cluster(GROUP, {}, 10)
    slow = traffic_cluster(Group("g", "arn", 80, slow_start_s=60), {}, 10)
    assert slow["round_robin_lb_config"]["slow_start_config"] == {"slow_start_window": "6s"}


def test_an_assignment_is_the_same_for_the_same_endpoints_in_any_order() -> None:
    endpoints = fleet(1, 3)
    assert assignment("g", endpoints) == assignment("g", [*reversed(endpoints), endpoints[0]])
    assert assignment("g", [])["endpoints"] == []

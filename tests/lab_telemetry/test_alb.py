"""What a load balancer publishes for a minute."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.telemetry.alb import Hosts, Sample, difference, hosts, samples, share, spread
from deployer.lab.traffic import BalancerTraffic, GroupTraffic, Traffic

LB, BLUE, GREEN = "app/shop/1", "targetgroup/blue/1", "targetgroup/green/2"
ONLY_LB = (("LoadBalancer", LB),)


def of(group: str) -> tuple[tuple[str, str], ...]:
    return (*ONLY_LB, ("TargetGroup", group))


def sums(found: list[Sample], where: tuple[tuple[str, str], ...]) -> dict[str, float]:
    return {s.metric.name: s.point.total for s in found if s.metric.dimensions == where}


BUSY = Traffic(
    (BalancerTraffic(LB, 105, {"502": 3, "503": 2}, fixed_responses=1),),
    (
        GroupTraffic(
            LB,
            BLUE,
            requests=90,
            responses={"2XX": 80, "4XX": 2, "5XX": 5},
            connection_errors=3,
            latency={0.01: 80, 0.1: 7},
            healthy=2,
        ),
        GroupTraffic(LB, GREEN, requests=10, responses={"2XX": 10}, fail_open=10, latency={0.01: 10}, unhealthy=1),
    ),
)  # fmt: skip


def test_a_busy_minute() -> None:
    found = samples(BUSY, {})
    assert sums(found, of(BLUE)) == {
        "RequestCount": 90,
        "HTTPCode_Target_2XX_Count": 80,
        "HTTPCode_Target_4XX_Count": 2,
        "HTTPCode_Target_5XX_Count": 5,
        "TargetConnectionErrorCount": 3,
        "TargetResponseTime": pytest.approx(1.5),
        "RequestCountPerTarget": 45,
        "HealthyHostCount": 2,
        "UnHealthyHostCount": 0,
    }
    assert sums(found, of(GREEN)) == {
        "RequestCount": 10,
        "HTTPCode_Target_2XX_Count": 10,
        "UnhealthyRoutingRequestCount": 10,
        "TargetResponseTime": pytest.approx(0.1),
        "RequestCountPerTarget": 10,
        "HealthyHostCount": 0,
        "UnHealthyHostCount": 1,
    }
    assert sums(found, ONLY_LB) == {
        "RequestCount": 105,
        "HTTPCode_ELB_5XX_Count": 5,
        "HTTPCode_ELB_502_Count": 3,
        "HTTPCode_ELB_503_Count": 2,
        "HTTP_Fixed_Response_Count": 1,
        "HTTPCode_Target_2XX_Count": 90,
        "HTTPCode_Target_4XX_Count": 2,
        "HTTPCode_Target_5XX_Count": 5,
        "TargetConnectionErrorCount": 3,
        "TargetResponseTime": pytest.approx(1.6),
    }
    assert sums(found, (("TargetGroup", BLUE),)) == {"RequestCountPerTarget": 45}


def test_elb_errors_are_never_attributed_to_a_target_group() -> None:
    for sample in samples(BUSY, {}):
        if "ELB" in sample.metric.name:
            assert sample.metric.dimensions == ONLY_LB


def test_a_silent_minute_has_only_what_is_always_reported() -> None:
    silent = Traffic((BalancerTraffic(LB),), (GroupTraffic(LB, BLUE, healthy=1),))
    found = samples(silent, {})
    assert sums(found, ONLY_LB) == {"RequestCount": 0}
    hosts = {"HealthyHostCount": 1, "UnHealthyHostCount": 0}
    assert sums(found, of(BLUE)) == {**hosts, "RequestCountPerTarget": 0}


def test_without_a_target_nothing_is_counted_per_target() -> None:
    empty = samples(Traffic((), (GroupTraffic(LB, BLUE, requests=3),)), {})
    assert "RequestCountPerTarget" not in {sample.metric.name for sample in empty}


def test_counts_are_samples_of_one() -> None:
    requests = next(s.point for s in samples(BUSY, {}) if s.metric.name == "RequestCount")
    assert (requests.count, requests.low, requests.high) == (105, 1, 1)


def test_numbers_of_hosts_are_sampled_during_the_minute() -> None:
    seen = {(LB, BLUE, ""): Hosts(Counter({2: 5, 1: 1}), Counter({0: 5, 1: 1}))}
    found = samples(Traffic((), (GroupTraffic(LB, BLUE, healthy=2),)), seen)
    points = {s.metric.name: (s.point.low, s.point.high, s.point.count) for s in found}
    del points["RequestCountPerTarget"]
    assert points == {"HealthyHostCount": (1, 2, 6), "UnHealthyHostCount": (0, 1, 6)}


def test_the_endless_bucket_counts_as_the_last_finite_bound() -> None:
    group = GroupTraffic(LB, BLUE, latency={0.1: 1, 10.0: 0, float("inf"): 3})
    times = [s.point for s in samples(Traffic((), (group,)), {}) if s.unit == "Seconds"]
    assert times[0].values == {0.1: 1, 10.0: 3}


def test_what_flowed_between_two_readings() -> None:
    earlier = Traffic(
        (BalancerTraffic(LB, 100, {"502": 3}),), (GroupTraffic(LB, BLUE, requests=80, healthy=9),)
    )
    flowed = difference(earlier, BUSY)
    assert (flowed.balancers[0].requests, flowed.balancers[0].elb_5xx) == (5, {"502": 0, "503": 2})
    assert (flowed.groups[0].requests, flowed.groups[0].healthy) == (10, 2)
    assert flowed.groups[1] == BUSY.groups[1]  # was not there before: all of it is new


def test_counters_that_began_anew_are_all_new() -> None:
    assert difference(BUSY, Traffic((BalancerTraffic(LB, 4),))).balancers[0].requests == 4


ZONED = Traffic(
    (BalancerTraffic(LB, 30, {"502": 4}),),
    (
        GroupTraffic(LB, BLUE, requests=12, responses={"2XX": 12}, latency={0.1: 12}, healthy=1, zone="a"),
        GroupTraffic(LB, BLUE, requests=8, responses={"5XX": 7}, connection_errors=1, fail_open=8, latency={0.2: 7}, unhealthy=1, zone="b"),
        GroupTraffic(LB, GREEN, requests=10, responses={"2XX": 10}, latency={0.1: 10}, healthy=1, zone="a"),
    ),
)  # fmt: skip


def test_zones_are_published_beside_the_whole() -> None:
    found = samples(ZONED, {})
    assert sums(found, (("AvailabilityZone", "b"), *of(BLUE))) == {
        "RequestCount": 8,
        "HTTPCode_Target_5XX_Count": 7,
        "TargetConnectionErrorCount": 1,
        "UnhealthyRoutingRequestCount": 8,
        "TargetResponseTime": pytest.approx(1.4),
        "RequestCountPerTarget": 8,
        "HealthyHostCount": 0,
        "UnHealthyHostCount": 1,
    }
    assert sums(found, (("AvailabilityZone", "a"), *ONLY_LB)) == {
        "RequestCount": 22,
        "HTTPCode_Target_2XX_Count": 22,
        "TargetResponseTime": pytest.approx(2.2),
    }
    whole = sums(found, of(BLUE))
    assert (whole["RequestCount"], whole["HTTPCode_Target_5XX_Count"]) == (20, 7)
    assert (whole["RequestCountPerTarget"], whole["HealthyHostCount"]) == (10, 1)
    assert sums(found, (("AvailabilityZone", "b"), ("TargetGroup", BLUE))) == {
        "RequestCountPerTarget": 8
    }


def test_no_zone_is_told_of_what_the_load_balancer_does_itself() -> None:
    zoned = [s for s in samples(ZONED, {}) if s.metric.dimensions[0][0] == "AvailabilityZone"]
    assert zoned
    assert not [s for s in zoned if "ELB" in s.metric.name]


def test_hosts_are_told_by_zone_and_together() -> None:
    assert {place: (up, down) for place, up, down in hosts(ZONED)} == {
        (LB, BLUE, ""): (1, 1),
        (LB, BLUE, "a"): (1, 0),
        (LB, BLUE, "b"): (0, 1),
        (LB, GREEN, ""): (1, 0),
        (LB, GREEN, "a"): (1, 0),
    }


def test_zones_are_counted_apart_between_two_readings() -> None:
    flowed = difference(ZONED, spread(ZONED, 1)[0])
    assert [(one.zone, one.requests) for one in flowed.groups] == [("a", 0), ("b", 0), ("a", 0)]
    assert [one.zone for one in spread(ZONED, 3)[1].groups] == ["a", "b", "a"]


@given(st.integers(0, 10_000), st.integers(1, 60))
def test_spreading_loses_nothing_and_is_even(count: int, parts: int) -> None:
    shares = [share(count, parts, part) for part in range(parts)]
    assert sum(shares) == count
    assert max(shares) - min(shares) <= 1


@given(st.integers(1, 20))
def test_traffic_read_over_several_minutes_is_spread(parts: int) -> None:
    pieces = spread(BUSY, parts)
    for group in range(2):
        whole = BUSY.groups[group]
        assert sum(piece.groups[group].requests for piece in pieces) == whole.requests
        for kind, count in whole.responses.items():
            assert sum(piece.groups[group].responses[kind] for piece in pieces) == count
        for bound, count in whole.latency.items():
            assert sum(piece.groups[group].latency[bound] for piece in pieces) == count
    assert sum(piece.balancers[0].elb_5xx["502"] for piece in pieces) == 3

"""One line of Envoy's log is one request, counted as CloudWatch would (aws-facts 1.8, 2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.balancer.counters import Counters, bucket
from deployer.lab.balancer.model import Fleet, Forward, Listener, LoadBalancer, Rule, Share
from deployer.lab.traffic import BalancerTraffic, GroupTraffic

LB, TG, HOST = "app/x/1", "targetgroup/a/1", "127.1.1.4:8080"
RESET = "upstream_reset_before_response_started{remote_connection_failure}"
FLEET = Fleet(
    (
        LoadBalancer(
            LB, "lb", "", (Listener("l", 80, (Rule(None, (), Forward((Share(TG, 1),))),)),)
        ),
    ),
    {},
)


def reading(*lines: tuple[str, ...]) -> tuple[BalancerTraffic, GroupTraffic]:
    counters = Counters()
    for each in lines:
        counters.feed("\t".join((LB, *each)))
    traffic = counters.traffic(FLEET, {TG: {"us-east-1a": (1, 2)}})
    return traffic.balancers[0], traffic.groups[0]


def test_an_answer_of_a_target_counts_for_its_group() -> None:
    balancer, group = reading(
        (TG, HOST, "200", "via_upstream", "-", "forward", "1000", "-", "us-east-1a"),
        (TG, HOST, "503", "via_upstream", "-", "forward", "2000", "1", "us-east-1a"),
    )
    assert (balancer.requests, balancer.elb_5xx, balancer.fixed_responses) == (2, {}, 0)
    assert (group.requests, group.responses, group.fail_open) == (2, {"2XX": 1, "5XX": 1}, 1)
    assert group.latency == {0.001: 1, bucket(0.002): 1}
    assert (group.healthy, group.unhealthy) == (1, 2)


def test_an_answer_of_the_load_balancer_is_no_answer_of_a_target() -> None:
    balancer, group = reading(
        (TG, HOST, "502", RESET, "UF", "forward", "-", "-", "us-east-1a"),
        (
            TG,
            HOST,
            "502",
            "upstream_reset_after_response_started",
            "UC",
            "forward",
            "-",
            "-",
            "us-east-1a",
        ),
        (TG, HOST, "504", "stream_idle_timeout", "SI", "forward", "-", "-", "us-east-1a"),
    )
    assert balancer.elb_5xx == {"502": 2, "504": 1}
    assert (group.requests, group.responses, group.connection_errors) == (3, {}, 1)
    assert group.latency == {}


def test_a_request_without_a_target_is_in_no_request_count() -> None:
    balancer, group = reading(
        (TG, "-", "503", "no_healthy_upstream", "UH", "forward", "-", "-", "-"),
        ("-", "-", "503", "direct_response", "-", "fixed", "-", "-", "-"),
        ("-", "-", "301", "direct_response", "-", "redirect", "-", "-", "-"),
    )
    assert (balancer.requests, balancer.elb_5xx, balancer.fixed_responses) == (0, {"503": 1}, 1)
    assert (group.requests, group.responses) == (0, {})


def test_a_client_that_left_is_no_error_of_anyone() -> None:
    balancer, group = reading(
        (TG, HOST, "0", "downstream_remote_disconnect", "DC", "forward", "-", "-", "us-east-1a")
    )
    assert (balancer.requests, balancer.elb_5xx) == (1, {})
    assert (group.requests, group.responses, group.connection_errors) == (1, {}, 0)


def test_requests_are_counted_in_the_zone_of_their_target() -> None:
    counters = Counters()
    for zone, code in (("us-east-1a", "200"), ("us-east-1b", "500"), ("-", "200")):
        line = (LB, TG, HOST, code, "via_upstream", "-", "forward", "1000", "-", zone)
        counters.feed("\t".join(line))
    targets = {TG: {"us-east-1b": (1, 0), "us-east-1c": (0, 2)}}
    found = counters.traffic(FLEET, targets).groups
    assert [(one.zone, one.requests, one.healthy, one.unhealthy) for one in found] == [
        ("", 1, 0, 0),
        ("us-east-1a", 1, 0, 0),
        ("us-east-1b", 1, 1, 0),
        ("us-east-1c", 0, 0, 2),
    ]
    assert found[2].responses == {"5XX": 1}


def test_a_group_of_which_nothing_is_known_is_there() -> None:
    assert Counters().traffic(FLEET, {TG: {}}).groups == (GroupTraffic(LB, TG),)


@given(st.floats(1e-6, 1e4))
def test_a_bucket_holds_its_durations_and_is_narrow(seconds: float) -> None:
    bound = bucket(seconds)
    assert seconds <= bound * (1 + 1e-5)
    assert bound <= seconds * 10 ** (1 / 40) * (1 + 1e-5)


def test_a_duration_of_nothing_has_a_bucket() -> None:
    assert bucket(0.0) == pytest.approx(1e-6)

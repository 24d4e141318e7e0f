"""What the pure checks refuse, and what they make of what they accept."""

from typing import Any

import pytest

from deployer.lab.balancer import attributes, groups, rule_actions, rule_conditions
from deployer.lab.balancer.rule_actions import Setting
from deployer.lab.wire import Refused

A, B = "arn:a", "arn:b"
SETTING = Setting("lb", {A: None, B: "lb", "arn:other": "lb2"})


def forward(*shares: Any, **more: Any) -> dict[str, Any]:
    tuples = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in shares]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": tuples, **more}}


def sticky(seconds: int | None) -> dict[str, Any]:
    config: dict[str, Any] = {"Enabled": True}
    if seconds is not None:
        config["DurationSeconds"] = seconds
    return {"TargetGroupStickinessConfig": config}


def fixed(**config: Any) -> dict[str, Any]:
    return {"Type": "fixed-response", "FixedResponseConfig": config}


def redirect(**config: Any) -> dict[str, Any]:
    return {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", **config}}


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], "ValidationError", "At least one action"),
        ([{"Type": "authenticate-oidc"}], "NotImplemented", "authenticate-oidc"),
        ([{"Type": "jwt-validation"}], "NotImplemented", "jwt-validation"),
        ([forward((A, 1)), forward((B, 1))], "InvalidLoadBalancerAction", "Exactly one"),
        ([{"Type": "forward"}], "ValidationError", "target group ARN"),
        ([forward((A, 1000), (B, 1))], "ValidationError", "from 0 to 999"),
        ([forward((A, -1), (B, 1))], "ValidationError", "from 0 to 999"),
        ([forward((A, "x"), (B, 1))], "ValidationError", "whole number"),
        ([forward((A, None), (B, 1))], "ValidationError", "weight must be specified"),
        ([forward((A, 0), (B, 0))], "InvalidLoadBalancerAction", "greater than 0"),
        ([forward((A, 1), (A, 2))], "InvalidLoadBalancerAction", "unique"),
        ([forward(*[(f"arn:{n}", 1) for n in range(6)])], "InvalidLoadBalancerAction", "at most 5"),
        ([forward(("arn:no", 1))], "TargetGroupNotFound", "arn:no"),
        ([forward(("arn:other", 1))], "TargetGroupAssociationLimit", "arn:other"),
        ([{**forward((A, 1)), "TargetGroupArn": B}], "InvalidLoadBalancerAction", "both"),
        ([forward((A, 1), **sticky(None))], "ValidationError", "DurationSeconds"),
        ([forward((A, 1), **sticky(604_801))], "ValidationError", "604800"),
        ([fixed(StatusCode="302")], "ValidationError", "2XX, 4XX or 5XX"),
        ([fixed(StatusCode="200", ContentType="a/b")], "InvalidLoadBalancerAction", "ContentType"),
        ([fixed(StatusCode="200", MessageBody="x" * 1025)], "ValidationError", "1024"),
        ([redirect()], "InvalidLoadBalancerAction", "loop"),
        ([redirect(StatusCode="HTTP_307", Path="/x")], "ValidationError", "HTTP_301"),
        ([redirect(Protocol="FTP")], "ValidationError", "protocol"),
        ([redirect(Port="70000")], "ValidationError", "65535"),
        ([redirect(Path="x")], "ValidationError", "start with '/'"),
        ([redirect(Path="/#{host}")], "NotImplemented", "path"),
        ([redirect(Host="a.#{host}")], "NotImplemented", "host"),
        ([redirect(Path="/x", Query="#{query}&a=b")], "NotImplemented", "query"),
    ],
)
def test_actions_that_are_refused(given: Any, code: str, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        rule_actions.actions(given, SETTING)
    assert refusal.value.code == code
    assert words in refusal.value.message


def test_target_stickiness_in_a_weighted_rule_needs_group_stickiness() -> None:
    setting = Setting("lb", {A: None, B: None}, sticky=frozenset({A}))
    with pytest.raises(Refused, match="InvalidConfigurationRequest"):
        rule_actions.actions([forward((A, 1), (B, 1))], setting)
    assert rule_actions.actions([forward((A, 1))], setting)
    assert rule_actions.actions([forward((A, 1), (B, 1), **sticky(60))], setting)


def test_a_forward_is_told_in_one_form_however_it_was_said() -> None:
    """AWS returns both ways of saying it for a single group (aws-facts 1.1)."""
    expected = [
        {
            "Type": "forward",
            "TargetGroupArn": A,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": A, "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]
    assert rule_actions.actions([{"Type": "forward", "TargetGroupArn": A}], SETTING) == expected
    assert rule_actions.actions([forward((A, 1))], SETTING) == expected
    assert rule_actions.actions([{**forward((A, 1)), "TargetGroupArn": A}], SETTING) == expected
    (two,) = rule_actions.actions([forward((A, 999), (B, 0))], SETTING)
    assert "TargetGroupArn" not in two


def header(*values: str, name: str = "X-A") -> dict[str, Any]:
    config = {"HttpHeaderName": name, "Values": list(values)}
    return {"Field": "http-header", "HttpHeaderConfig": config}


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "Values": list(values)}


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ([], "ValidationError", "A condition"),
        ([{"Field": "cookie"}], "ValidationError", "'cookie'"),
        ([path()], "ValidationError", "A condition value"),
        ([path("/" + "x" * 128)], "ValidationError", "128"),
        ([path(*"abcdef")], "ValidationError", "at most 5 condition values"),
        ([path("/***"), header("***")], "ValidationError", "wildcards"),
        ([path("/a"), path("/b")], "ValidationError", "at most one 'path-pattern'"),
        ([header("x", name="X A")], "ValidationError", "header name"),
        ([header("x", name="x" * 41)], "ValidationError", "header name"),
        ([header("x", name="Host")], "ValidationError", "host-header"),
        ([{"Field": "http-header", "Values": ["x"]}], "ValidationError", "not compatible"),
        ([{**path("/a"), "RegexValues": ["x"]}], "NotImplemented", "regular expressions"),
        (
            [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}],
            "ValidationError",
            "method",
        ),
        (
            [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.300/8"]}}],
            "ValidationError",
            "CIDR",
        ),
        (
            [{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}],
            "ValidationError",
            "CIDR",
        ),
    ],
)
def test_conditions_that_are_refused(given: Any, code: str, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        rule_conditions.conditions(given)
    assert refusal.value.code == code
    assert words in refusal.value.message


def test_a_path_is_told_in_both_forms_however_it_was_said() -> None:
    expected = [
        {"Field": "path-pattern", "Values": ["/*"], "PathPatternConfig": {"Values": ["/*"]}}
    ]
    assert rule_conditions.conditions([path("/*")]) == expected
    only_config = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}
    assert rule_conditions.conditions([only_config]) == expected


NEW = {"Name": "g", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc"}


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"Name": "-g"}, "ValidationError", "'-g'"),
        ({"Name": "x" * 33}, "ValidationError", "32"),
        ({"Protocol": "HTTPS"}, "NotImplemented", "HTTPS"),
        ({"Protocol": "TCP"}, "NotImplemented", "TCP"),
        ({"ProtocolVersion": "GRPC"}, "NotImplemented", "GRPC"),
        ({"TargetType": "lambda"}, "NotImplemented", "lambda"),
        ({"IpAddressType": "ipv6"}, "NotImplemented", "ipv6"),
        ({"TargetControlPort": 3000}, "NotImplemented", "TargetControlPort"),
        ({"Port": 0}, "ValidationError", "Port"),
        ({"Port": 65536}, "ValidationError", "Port"),
        ({"VpcId": None}, "ValidationError", "VpcId"),
        ({"HealthCheckProtocol": "TCP"}, "NotImplemented", "TCP"),
        ({"HealthCheckEnabled": False}, "InvalidConfigurationRequest", "disabled"),
        ({"HealthCheckIntervalSeconds": 4}, "ValidationError", "5 to 300"),
        ({"HealthCheckTimeoutSeconds": 1}, "ValidationError", "2 to 120"),
        ({"HealthCheckIntervalSeconds": 6}, "ValidationError", "smaller than the interval"),
        ({"HealthyThresholdCount": 1}, "ValidationError", "2 to 10"),
        ({"UnhealthyThresholdCount": 11}, "ValidationError", "2 to 10"),
        ({"HealthCheckPort": "http"}, "ValidationError", "HealthCheckPort"),
        ({"HealthCheckPath": "health"}, "ValidationError", "start with '/'"),
        ({"Matcher": {"HttpCode": "200-500"}}, "ValidationError", "200-499"),
        ({"Matcher": {"HttpCode": "ok"}}, "ValidationError", "200-499"),
        ({"Matcher": {"GrpcCode": "12"}}, "NotImplemented", "gRPC"),
    ],
)
def test_target_groups_that_are_refused(change: Any, code: str, words: str) -> None:
    with pytest.raises(Refused) as refusal:
        groups.check_new({**NEW, **change})
    assert refusal.value.code == code
    assert words in refusal.value.message


def test_the_widest_target_group_is_accepted() -> None:
    groups.check_new(NEW)
    groups.check_new(
        {
            **NEW,
            "Name": "x" * 32,
            "HealthCheckIntervalSeconds": 300,
            "HealthCheckTimeoutSeconds": 120,
            "HealthCheckPort": "65535",
            "HealthCheckPath": "/a?b=c",
            "Matcher": {"HttpCode": "200,300-499"},
        }
    )


DELAY, SLOW = "deregistration_delay.timeout_seconds", "slow_start.duration_seconds"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (DELAY, "3601", "ValidationError"),
        (DELAY, "soon", "ValidationError"),
        (SLOW, "29", "ValidationError"),
        (SLOW, "901", "ValidationError"),
        ("stickiness.enabled", "yes", "ValidationError"),
        ("stickiness.type", "app_cookie", "NotImplemented"),
        ("stickiness.type", "source_ip", "ValidationError"),
        ("stickiness.app_cookie.cookie_name", "x", "NotImplemented"),
        ("load_balancing.algorithm.type", "least_outstanding_requests", "NotImplemented"),
        ("load_balancing.algorithm.type", "random", "ValidationError"),
        ("load_balancing.cross_zone.enabled", "false", "NotImplemented"),
        ("target_group_health.dns_failover.minimum_healthy_targets.count", "3", "NotImplemented"),
        ("no.such.key", "1", "ValidationError"),
    ],
)
def test_attributes_of_target_groups_that_are_refused(key: str, value: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        attributes.check(attributes.GROUP, {key: value}, "Target group")
    assert refusal.value.code == code
    assert key in refusal.value.message


def test_attributes_at_their_limits_are_accepted() -> None:
    for key, values in {
        DELAY: ("0", "3600"),
        SLOW: ("0", "30", "900"),
        "stickiness.lb_cookie.duration_seconds": ("1", "604800"),
        "load_balancing.algorithm.type": ("round_robin",),
        attributes.ROUTING + "percentage": ("off", "1", "100"),
    }.items():
        for value in values:
            attributes.check(attributes.GROUP, {key: value}, "Target group")


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("idle_timeout.timeout_seconds", "0", "ValidationError"),
        ("idle_timeout.timeout_seconds", "4001", "ValidationError"),
        ("routing.http.xff_header_processing.mode", "remove", "NotImplemented"),
        ("routing.http.desync_mitigation_mode", "strictest", "NotImplemented"),
        ("deletion_protection.enabled", "1", "ValidationError"),
        ("no.such.key", "1", "ValidationError"),
    ],
)
def test_attributes_of_load_balancers_that_are_refused(key: str, value: str, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        attributes.check(attributes.LOAD_BALANCER, {key: value}, "Load balancer")
    assert refusal.value.code == code
    assert key in refusal.value.message

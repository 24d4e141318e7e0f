"""Attributes of target groups and load balancers: which values are taken, which are refused.

Source: elbv2 API model, TargetGroupAttribute and LoadBalancerAttribute; aws-facts 1.3 to 1.5.
What would change traffic and is not simulated is refused; what changes nothing that the lab shows
(logs, web application firewall, cross-zone) is stored.
"""

from collections.abc import Callable, Mapping

from deployer.lab.balancer.refusals import invalid, not_simulated, one_of, whole
from deployer.lab.wire import Refused

BOOLEAN = ("true", "false")
HEALTH = "target_group_health."
ROUTING = HEALTH + "unhealthy_state_routing.minimum_healthy_targets."
DNS = HEALTH + "dns_failover.minimum_healthy_targets."

Check = Callable[[str, str], object]


def _number(low: int, high: int) -> Check:
    return lambda key, value: whole(key, value, low, high)


def _word(*allowed: str) -> Check:
    return lambda key, value: one_of(key, value, allowed)


def _only(*simulated: str, of: tuple[str, ...] = ()) -> Check:
    """A known attribute of which the lab simulates some values; `of`: the others that AWS knows."""

    def check(key: str, value: str) -> None:
        if of:
            one_of(key, value, (*simulated, *of))
        if value not in simulated:
            raise not_simulated(f"'{key}' = '{value}'")

    return check


def _slow_start(key: str, value: str) -> None:
    if value != "0":
        whole(key, value, 30, 900)


def _percentage(key: str, value: str) -> None:
    if value != "off":
        whole(key, value, 1, 100)


def _anything(_key: str, _value: str) -> None:
    """Stored, without effect on anything that the lab shows."""


GROUP: Mapping[str, Check] = {
    "deregistration_delay.timeout_seconds": _number(0, 3600),
    "slow_start.duration_seconds": _slow_start,
    "stickiness.enabled": _word(*BOOLEAN),
    "stickiness.type": _only("lb_cookie", of=("app_cookie",)),
    "stickiness.lb_cookie.duration_seconds": _number(1, 604_800),
    "stickiness.app_cookie.cookie_name": _only(),
    "stickiness.app_cookie.duration_seconds": _only(),
    "load_balancing.algorithm.type": _only(
        "round_robin", of=("least_outstanding_requests", "weighted_random")
    ),
    "load_balancing.algorithm.anomaly_mitigation": _only("off", of=("on",)),
    "load_balancing.cross_zone.enabled": _only(
        "true", "use_load_balancer_configuration", of=("false",)
    ),
    ROUTING + "count": _number(1, 1000),
    ROUTING + "percentage": _percentage,
    DNS + "count": _only("1", "off"),
    DNS + "percentage": _only("off"),
}

LOAD_BALANCER: Mapping[str, Check] = {
    "idle_timeout.timeout_seconds": _number(1, 4000),
    "client_keep_alive.seconds": _number(60, 604_800),
    "deletion_protection.enabled": _word(*BOOLEAN),
    "routing.http.drop_invalid_header_fields.enabled": _word(*BOOLEAN),
    "routing.http.desync_mitigation_mode": _only("defensive", of=("monitor", "strictest")),
    "routing.http.preserve_host_header.enabled": _word(*BOOLEAN),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _only("false", of=("true",)),
    "routing.http.xff_client_port.enabled": _only("false", of=("true",)),
    "routing.http.xff_header_processing.mode": _only("append", of=("preserve", "remove")),
    "routing.http2.enabled": _word(*BOOLEAN),  # needs TLS, which the lab has not
    "load_balancing.cross_zone.enabled": _only("true", of=("false",)),
    "zonal_shift.config.enabled": _word(*BOOLEAN),
    "waf.fail_open.enabled": _word(*BOOLEAN),
    "ipv6.deny_all_igw_traffic": _word(*BOOLEAN),
    "access_logs.s3.enabled": _word(*BOOLEAN),
    "access_logs.s3.bucket": _anything,
    "access_logs.s3.prefix": _anything,
    "connection_logs.s3.enabled": _word(*BOOLEAN),
    "connection_logs.s3.bucket": _anything,
    "connection_logs.s3.prefix": _anything,
    "health_check_logs.s3.enabled": _word(*BOOLEAN),
    "health_check_logs.s3.bucket": _anything,
    "health_check_logs.s3.prefix": _anything,
}


def check(table: Mapping[str, Check], given: Mapping[str, str], what: str) -> None:
    """Every attribute is one that `what` has, with a value that it takes.

    Raises:
        Refused: one is not.
    """
    for key, value in given.items():
        if key not in table:
            raise invalid(f"{what} attribute key '{key}' is not recognized")
        table[key](key, value)


def check_stickiness(enabled: bool, in_weighted_rule_without: bool) -> None:
    """Target stickiness in a weighted rule needs group stickiness there (aws-facts 1.3).

    Raises:
        Refused: it has none.
    """
    if enabled and in_weighted_rule_without:
        raise Refused(
            "InvalidConfigurationRequest",
            "This target group appears behind a rule with group stickiness disabled. You must "
            "enable group stickiness before enabling target stickiness.",
        )

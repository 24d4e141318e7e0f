"""Target groups as Envoy's clusters: two for each group that a rule references.

`checks/NAME`  all registered targets, health-checked by Envoy, never routed to. Every single
               outcome is logged; `health` counts them by ALB's thresholds (Envoy's own differ:
               one wrong status code makes a target unhealthy at once, and a target whose first
               check fails needs the full threshold).
`NAME`         the targets that get requests now: `routable` decides, Envoy only balances.

So a target in state `initial` gets no request even when it is alone, and failing open is our
decision, marked on the endpoint so that each such request can be counted exactly. A group that no
rule references has no cluster: it is never checked (aws-facts 1.2).
A deregistered target leaves both clusters at once: requests in flight finish, no new ones come
(`ignore_health_on_host_removal`); Envoy's status DRAINING would get requests as soon as a group
has no other target.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from deployer.lab.balancer.model import Endpoint, Group, HealthCheck
from deployer.lab.balancer.routes import TYPE, Json, duration

CHECKS = "checks/"
# Real seconds. Below the first, Python applications would spend their time on checks; the second
# keeps a pause of a busy machine from looking like a dead target (a dead process refuses the
# connection, which needs no timeout).
INTERVAL_FLOOR_S = 0.2
TIMEOUT_FLOOR_S = 1.0
# ALB answers 504 when a target does not accept the connection within 10 s (aws-facts 1.8).
CONNECT_TIMEOUT_S = 10
# Idle connections to targets are given up before common servers close theirs (2 s and up): a
# request on a connection that the target is just closing would be a 502, as it is on AWS.
UPSTREAM_IDLE_S = 1
UNLIMITED = 1_000_000
LOG_FIELD = "lab"  # endpoint metadata namespace, read by the access log


def traffic_cluster(group: Group, eds: Json, scale: float) -> Json:
    """Envoy's Cluster that takes the group's requests, evenly over its endpoints."""
    cluster = _cluster(group.name, eds)
    cluster["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": TYPE + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {}},
            "common_http_protocol_options": {"idle_timeout": duration(UPSTREAM_IDLE_S)},
        }
    }
    if group.slow_start_s:
        window = duration(group.slow_start_s / scale)
        cluster["round_robin_lb_config"] = {"slow_start_config": {"slow_start_window": window}}
    return cluster


def checks_cluster(group: Group, eds: Json, event_log: str, scale: float) -> Json:
    """Envoy's Cluster that only checks the group's targets."""
    cluster = _cluster(CHECKS + group.name, eds)
    cluster["health_checks"] = [_health_check(group.check, event_log, scale)]
    return cluster


def _cluster(name: str, eds: Json) -> Json:
    return {
        "@type": TYPE + "envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "eds_cluster_config": {"service_name": name, "eds_config": eds},
        "connect_timeout": duration(CONNECT_TIMEOUT_S),
        "lb_policy": "ROUND_ROBIN",
        # Failing open is decided by `routable`.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "ignore_health_on_host_removal": True,
        # ALB has no such limits; Envoy's (1024) would answer 503 at high latencies.
        "circuit_breakers": {
            "thresholds": [
                {
                    "max_connections": UNLIMITED,
                    "max_pending_requests": UNLIMITED,
                    "max_requests": UNLIMITED,
                }
            ]
        },
    }


def _health_check(check: HealthCheck, event_log: str, scale: float) -> Json:
    interval = duration(max(INTERVAL_FLOOR_S, check.interval_s / scale))
    return {
        "timeout": duration(max(TIMEOUT_FLOOR_S, check.timeout_s / scale)),
        "interval": interval,
        "unhealthy_interval": interval,
        "no_traffic_interval": interval,
        "no_traffic_healthy_interval": interval,
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        "reuse_connection": False,
        "always_log_health_check_failures": True,
        "always_log_health_check_success": True,
        "http_health_check": _http_check(check),
        "event_logger": [
            {
                "name": "envoy.health_check.event_sinks.file",
                "typed_config": {
                    "@type": TYPE
                    + "envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
                    "event_log_path": event_log,
                },
            }
        ],
    }


def _http_check(check: HealthCheck) -> Json:
    return {
        "path": check.path,
        "expected_statuses": [{"start": low, "end": high + 1} for low, high in check.codes],
        "request_headers_to_add": [
            {
                "header": {"key": "user-agent", "value": "ELB-HealthChecker/2.0"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
    }


def assignment(name: str, endpoints: Iterable[Endpoint]) -> Json:
    """Envoy's ClusterLoadAssignment: who is in the cluster `name`."""
    unique = sorted(set(endpoints), key=lambda each: (each.address, each.port))
    return {
        "@type": TYPE + "envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": [_endpoint(each) for each in unique]}] if unique else [],
    }


def _endpoint(endpoint: Endpoint) -> Json:
    address = {"address": endpoint.address, "port_value": endpoint.port}
    hostname = f"{endpoint.address}:{endpoint.port}"
    made: dict[str, Any] = {
        "endpoint": {
            "address": {"socket_address": address},
            # ALB's checks carry the target's address and port as Host (aws-facts 1.5).
            "health_check_config": {"hostname": hostname},
        }
    }
    told = {"fail_open": "1"} if endpoint.fail_open else {}
    told |= {"zone": endpoint.zone} if endpoint.zone else {}
    if told:
        made["metadata"] = {"filter_metadata": {LOG_FIELD: told}}
    return made


def routable(
    group: Group, healthy: Iterable[Endpoint], unhealthy: Iterable[Endpoint]
) -> list[Endpoint]:
    """Who gets requests: the healthy; with fewer than the minimum of them, the unhealthy too.

    Targets in state `initial` are in neither (a target gets requests only after its first
    successful check). Empty if there is nobody: ALB then answers 503.
    Source: "Health checks for Application Load Balancer target groups" (fail open) and the
    attributes target_group_health.unhealthy_state_routing.* (aws-facts 1.5).
    """
    good, bad = list(healthy), list(unhealthy)
    if len(good) >= minimum_healthy(group, len(good) + len(bad)):
        return good
    return [*good, *(replace(each, fail_open=True) for each in bad)]


def minimum_healthy(group: Group, registered: int) -> int:
    """How many targets must be healthy so that only healthy ones get requests."""
    by_percent = math.ceil(registered * (group.minimum_percent or 0) / 100)
    return max(group.minimum_healthy, by_percent)

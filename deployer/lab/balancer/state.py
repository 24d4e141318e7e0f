"""moto's objects as our model. The one place that knows how moto stores load balancers.

moto stores and describes; whatever it decides about health, targets and attributes is replaced
(lab.md B). Numbers arrive as text or as numbers, depending on who created the thing.
"""

from collections.abc import Mapping
from typing import Any

from deployer.lab.balancer import tls
from deployer.lab.balancer.model import (
    Action,
    Fixed,
    Fleet,
    Forward,
    Group,
    HealthCheck,
    Listener,
    LoadBalancer,
    Redirect,
    Rule,
    Share,
    dimension,
)

TRAFFIC_PORT = "traffic-port"
ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets."


def read(backend: Any, addresses: Mapping[str, str], certificates: tls.Certificates) -> Fleet:
    """Moto's elbv2 backend to our model; `addresses`: load balancer ARN -> loopback address."""
    return Fleet(
        balancers=tuple(
            _balancer(each, addresses[each.arn], certificates)
            for each in backend.load_balancers.values()
        ),
        groups={dimension(arn): group(each) for arn, each in backend.target_groups.items()},
    )


def _balancer(stored: Any, address: str, certificates: tls.Certificates) -> LoadBalancer:
    attributes = stored.attrs
    return LoadBalancer(
        name=dimension(stored.arn),
        arn=stored.arn,
        address=address,
        listeners=tuple(_listener(each, certificates) for each in stored.listeners.values()),
        idle_timeout_s=int(attributes.get("idle_timeout.timeout_seconds") or 60),
        client_keep_alive_s=int(attributes.get("client_keep_alive.seconds") or 3600),
        drop_invalid_headers=is_true(
            attributes.get("routing.http.drop_invalid_header_fields.enabled")
        ),
    )


def _listener(stored: Any, certificates: tls.Certificates) -> Listener:
    return Listener(
        arn=stored.arn,
        port=int(stored.port),
        rules=tuple(_rule(each) for each in stored.rules.values()),
        tls=tls.read(stored, certificates),
    )


def _rule(stored: Any) -> Rule:
    return Rule(
        priority=None if stored.is_default else int(stored.priority),
        conditions=tuple(stored.conditions),
        action=action(stored.actions[0].data),
    )


def action(data: Mapping[str, Any]) -> Action:
    """One action, as the API says it.

    Raises:
        ValueError: a kind of action that is not simulated.
    """
    match data["Type"]:
        case "forward":
            return _forward(data)
        case "fixed-response":
            config = data["FixedResponseConfig"]
            return Fixed(
                status=int(config["StatusCode"]),
                content_type=config.get("ContentType") or "text/plain",
                body=config.get("MessageBody") or "",
            )
        case "redirect":
            return _redirect(data["RedirectConfig"])
    raise ValueError(f"the lab does not simulate actions of type {data['Type']}")


def _forward(data: Mapping[str, Any]) -> Forward:
    config = data.get("ForwardConfig") or {}
    stickiness = config.get("TargetGroupStickinessConfig") or {}
    tuples = config.get("TargetGroups") or [{"TargetGroupArn": data["TargetGroupArn"]}]
    return Forward(
        shares=tuple(
            Share(dimension(each["TargetGroupArn"]), int(each.get("Weight", 1))) for each in tuples
        ),
        sticky_s=int(stickiness["DurationSeconds"]) if is_true(stickiness.get("Enabled")) else None,
    )


def _redirect(config: Mapping[str, Any]) -> Redirect:
    return Redirect(
        status=301 if config["StatusCode"] == "HTTP_301" else 302,
        protocol=config.get("Protocol") or "#{protocol}",
        host=config.get("Host") or "#{host}",
        port=config.get("Port") or "#{port}",
        path=config.get("Path") or "/#{path}",
        query=config.get("Query", "#{query}"),
    )


def group(stored: Any) -> Group:
    """A target group, its attributes included."""
    attributes = stored.attributes
    percent = attributes.get(ROUTING + "percentage", "off")
    return Group(
        name=dimension(stored.arn),
        arn=stored.arn,
        port=int(stored.port),
        target_type=stored.target_type,
        check=_check(stored),
        deregistration_delay_s=int(attributes["deregistration_delay.timeout_seconds"]),
        slow_start_s=int(attributes.get("slow_start.duration_seconds") or 0),
        sticky_s=(
            int(attributes.get("stickiness.lb_cookie.duration_seconds") or 86400)
            if is_true(attributes.get("stickiness.enabled"))
            else None
        ),
        minimum_healthy=int(attributes.get(ROUTING + "count") or 1),
        minimum_percent=None if percent == "off" else int(percent),
    )


def _check(stored: Any) -> HealthCheck:
    port = str(stored.health_check_port or TRAFFIC_PORT)
    return HealthCheck(
        interval_s=int(stored.health_check_interval_seconds),
        timeout_s=int(stored.health_check_timeout_seconds),
        healthy_threshold=int(stored.healthy_threshold_count),
        unhealthy_threshold=int(stored.unhealthy_threshold_count),
        path=stored.health_check_path or "/",
        port=None if port == TRAFFIC_PORT else int(port),
        codes=codes(str((stored.matcher or {}).get("HttpCode") or "200")),
    )


def codes(matcher: str) -> tuple[tuple[int, int], ...]:
    """`"200,300-399"` -> ((200, 200), (300, 399)).

    Raises:
        ValueError: not a list of codes and ranges.
    """
    pairs = [part.partition("-") for part in matcher.split(",")]
    return tuple((int(low), int(high) if dash else int(low)) for low, dash, high in pairs)


def is_true(value: object) -> bool:
    """A boolean as the API or a template may write it."""
    return str(value).lower() == "true"

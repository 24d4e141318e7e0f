"""What ALB accepts as a target group: protocol, ports, health check (elbv2 API model)."""

import re
from collections.abc import Mapping
from typing import Any

from deployer.lab.balancer.refusals import invalid, not_simulated, whole
from deployer.lab.balancer.state import TRAFFIC_PORT, codes
from deployer.lab.wire import Refused

NUMBERS = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
DEFAULT_TIMEOUT_S = 6  # HTTP; moto has 5
DEFAULT_INTERVAL_S = 30


def check_new(params: Mapping[str, Any]) -> None:
    """Parameters of CreateTargetGroup.

    Raises:
        Refused: AWS would refuse them, or the lab does not simulate them.
    """
    _check_name(params.get("Name") or "")
    simulated = {
        "TargetType": ("instance", "ip"),
        "Protocol": ("HTTP",),
        "ProtocolVersion": ("HTTP1",),
        "IpAddressType": ("ipv4",),
    }
    for key, allowed in simulated.items():
        if params.get(key, allowed[0]) not in allowed:
            raise not_simulated(f"target groups with {key} '{params[key]}'")
    if params.get("TargetControlPort"):
        raise not_simulated("target optimizers (TargetControlPort)")
    for key in ("Protocol", "Port", "VpcId"):
        if not params.get(key):
            raise invalid(f"A {key} must be specified")
    whole("Port", params["Port"], 1, 65535)
    check_health(params)
    check_times(
        params.get("HealthCheckIntervalSeconds", DEFAULT_INTERVAL_S),
        params.get("HealthCheckTimeoutSeconds", DEFAULT_TIMEOUT_S),
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"(?!internal-)[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?", name):
        raise invalid(
            f"Target group name '{name}' must have 1 to 32 letters, digits or hyphens, and no "
            "hyphen at either end"
        )


def check_health(params: Mapping[str, Any]) -> None:
    """The health check settings among the parameters of CreateTargetGroup or ModifyTargetGroup.

    Raises:
        Refused: AWS would refuse them, or the lab does not simulate them.
    """
    if params.get("HealthCheckProtocol", "HTTP") != "HTTP":
        raise not_simulated(f"health checks over {params['HealthCheckProtocol']}")
    if params.get("HealthCheckEnabled") is False:
        raise Refused(
            "InvalidConfigurationRequest",
            "Health checks cannot be disabled for target groups with target type 'instance' or 'ip'",
        )
    for key, (low, high) in NUMBERS.items():
        if params.get(key) is not None:
            whole(key, params[key], low, high)
    port = params.get("HealthCheckPort", TRAFFIC_PORT)
    if port != TRAFFIC_PORT:
        whole("HealthCheckPort", port, 1, 65535)
    path = params.get("HealthCheckPath", "/")
    if not re.fullmatch(r"/[\x21-\x7e]{0,1023}", path):
        raise invalid(f"Health check path '{path}' must start with '/' and have no spaces")
    _check_matcher(params.get("Matcher"))


def _check_matcher(matcher: Mapping[str, str] | None) -> None:
    if not matcher:
        return
    if matcher.get("GrpcCode"):
        raise not_simulated("gRPC health checks")
    text = matcher.get("HttpCode") or ""
    if not re.fullmatch(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*", text) or not all(
        200 <= low <= high <= 499 for low, high in codes(text)
    ):
        raise invalid(f"Health check matcher HTTP code '{text}' must be within '200-499' inclusive")


def check_times(interval_s: int, timeout_s: int) -> None:
    """A check must end before the next begins.

    Raises:
        Refused: it may not.
    """
    if timeout_s >= interval_s:
        raise invalid(
            f"Health check timeout '{timeout_s}' must be smaller than the interval '{interval_s}'"
        )

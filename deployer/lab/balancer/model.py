"""Load balancers, listeners, rules and target groups, as far as traffic depends on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Share:
    """A target group (its CloudWatch dimension value) and its relative weight, 0..999."""

    group: str
    weight: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Send the request to one of these groups; `sticky_s`: real seconds of AWSALBTG, or None."""

    shares: tuple[Share, ...]
    sticky_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """Answer without a target."""

    status: int
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Redirect; each part in ALB's own notation (`#{host}` keeps what the request had)."""

    status: int
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


Action = Forward | Fixed | Redirect


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with requests that meet all `conditions` (as the API says them).

    `priority` is None for the listener's default rule.
    """

    priority: int | None
    conditions: tuple[Mapping[str, Any], ...]
    action: Action


@dataclass(frozen=True, slots=True)
class Tls:
    """What a listener shows its clients: PEM texts, and the oldest version that it speaks."""

    chain: str
    key: str
    oldest: str


@dataclass(frozen=True, slots=True)
class Listener:
    """`rules` in no particular order, the default rule among them; `tls` None: plain HTTP."""

    arn: str
    port: int
    rules: tuple[Rule, ...]
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """`name` is the CloudWatch dimension value (`app/NAME/ID`); durations in real seconds."""

    name: str
    arn: str
    address: str
    listeners: tuple[Listener, ...]
    idle_timeout_s: float = 60
    client_keep_alive_s: float = 3600
    drop_invalid_headers: bool = False

    def groups(self) -> frozenset[str]:
        """Target groups that a rule or default action names, whatever their weights."""
        return frozenset(
            share.group
            for listener in self.listeners
            for rule in listener.rules
            if isinstance(rule.action, Forward)
            for share in rule.action.shares
        )


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """`interval_s`, `timeout_s` in virtual seconds; `port` None means the traffic port.

    codes: ranges of good answers, both ends included: `((200, 299),)`.
    """

    interval_s: float = 30
    timeout_s: float = 5
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    path: str = "/"
    port: int | None = None
    codes: tuple[tuple[int, int], ...] = ((200, 200),)


@dataclass(frozen=True, slots=True)
class Group:
    """A target group; `name` is the CloudWatch dimension value. Durations in virtual seconds.

    sticky_s:          duration of the AWSALB cookie, None without target stickiness.
    minimum_healthy:   below this many healthy targets the group fails open.
    minimum_percent:   the same as a percentage of the registered targets, None if off.
    """

    name: str
    arn: str
    port: int
    target_type: str = "instance"
    check: HealthCheck = HealthCheck()
    deregistration_delay_s: float = 300
    slow_start_s: float = 0
    sticky_s: float | None = None
    minimum_healthy: int = 1
    minimum_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Envoy finds a target.

    fail_open: it is used although it is not healthy.
    zone:      its Availability Zone; empty: unknown.
    """

    address: str
    port: int
    fail_open: bool = False
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Everything that is behind one lab's Envoy."""

    balancers: tuple[LoadBalancer, ...] = ()
    groups: Mapping[str, Group] = field(default_factory=dict)

    def owner(self, group: str) -> LoadBalancer | None:
        """The load balancer that uses this target group (there is at most one)."""
        return next((each for each in self.balancers if group in each.groups()), None)


def dimension(arn: str) -> str:
    """An ARN's tail as CloudWatch names it: `app/NAME/ID` or `targetgroup/NAME/ID`."""
    tail = arn.split(":", 5)[5]
    return tail.removeprefix("loadbalancer/")

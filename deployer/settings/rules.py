"""Rules that one value alone cannot break: each yields the key and what is allowed. Pure."""

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from itertools import pairwise

from deployer.amount import Amount
from deployer.durations import percent, spell
from deployer.model import WHOLE
from deployer.settings import artifacts, freezing, metrics, notify, stack_rules, teardown_rules
from deployer.settings.existing import ExistingSettings
from deployer.settings.objection import Objection
from deployer.settings.schema import EnvironmentSettings, Settings


def objections(settings: Settings) -> Iterator[Objection]:
    """Everything in `settings` that contradicts something else in it."""
    yield from _release(settings)
    yield from _networks(settings.environment)
    if settings.existing is None:
        yield from _zones(settings.environment)
    else:
        yield from _pair(settings.existing)
    yield from _sizes(settings.environment)
    yield from _standby(settings)
    yield from _batches(settings)
    yield from _listeners(settings.environment)
    yield from _weights(settings)
    yield from _approvals(settings)
    yield from _held_back(settings)
    yield from metrics.objections(settings.analysis.metrics)
    yield from notify.objections(settings.notify)
    yield from _times(settings)
    yield from stack_rules.objections(settings)
    yield from teardown_rules.objections(settings)
    yield from freezing.objections(settings.windows)
    if settings.journal.poll_s * 3 > settings.journal.lease_s:
        yield Objection(
            "journal.poll",
            "a third of journal.lease at most: the lease is renewed as often as the runner looks",
        )
    if settings.probe.allowed_failures >= settings.probe.requests:
        yield Objection("probe.allowed_failures", "less than probe.requests")


def _release(settings: Settings) -> Iterator[Objection]:
    if wrong := artifacts.objection(settings.release.artifact):
        yield Objection("release.artifact", wrong)


def _networks(environment: EnvironmentSettings) -> Iterator[Objection]:
    for key in ("vpc_cidr", "ingress_cidr", "test_listener_cidr"):
        try:
            network = IPv4Network(getattr(environment, key))
        except (AddressValueError, NetmaskValueError, ValueError) as error:
            yield Objection(f"environment.{key}", f"an IPv4 network such as 10.0.0.0/16 ({error})")
            continue
        if key == "vpc_cidr" and not 16 <= network.prefixlen <= 20:
            yield Objection(f"environment.{key}", "a network from /16 to /20: VPC and subnets fit")


def _zones(environment: EnvironmentSettings) -> Iterator[Objection]:
    zones, region = environment.zones, environment.region
    if not 2 <= len(set(zones)) == len(zones) <= 6:
        yield Objection(
            "environment.zones", "two to six different zones: a load balancer needs two"
        )
    elif any(not zone.startswith(region) or zone == region for zone in zones):
        yield Objection("environment.zones", f"zones of the Region {region}, such as {region}a")


def _pair(existing: ExistingSettings) -> Iterator[Objection]:
    """Two slots are two of everything, and a rule of the listener is one of that listener."""
    for key in ("target_group", "group", "launch_template"):
        blue, green = (getattr(existing, f"{slot}_{key}") for slot in ("blue", "green"))
        if blue and blue == green:
            yield Objection(
                f"existing.green_{key}", f"another one than blue_{key}: slots share nothing"
            )
    of_listener = existing.listener.replace(":listener/", ":listener-rule/", 1)
    if existing.rule and not existing.rule.startswith(f"{of_listener}/"):
        yield Objection("existing.rule", f"a rule of {existing.listener}")
    test = existing.test_listener
    if test and test.rpartition("/")[0] != existing.listener.rpartition("/")[0]:
        yield Objection("existing.test_listener", "a listener of the same load balancer")


def _sizes(environment: EnvironmentSettings) -> Iterator[Objection]:
    if environment.instances > environment.max_instances:
        yield Objection(
            "environment.instances", f"max_instances ({environment.max_instances}) at most"
        )
    if environment.health_check_timeout_s >= environment.health_check_interval_s:
        yield Objection(
            "environment.health_check_timeout",
            f"less than health_check_interval ({environment.health_check_interval_s:g}s)",
        )


def _listeners(environment: EnvironmentSettings) -> Iterator[Objection]:
    if environment.test_listener_port == environment.listener_port:
        yield Objection("environment.test_listener_port", "a port other than listener_port")


def _weights(settings: Settings) -> Iterator[Objection]:
    if any(a >= b for a, b in pairwise(settings.canary.weights)):
        yield Objection(
            "canary.weights", "rising percents above 0 and below 100, such as [5, 25, 50]"
        )


def _approvals(settings: Settings) -> Iterator[Objection]:
    canary, held = settings.canary, WHOLE - settings.canary.held
    stops: set[int] = {*canary.weights, held, WHOLE, *((0,) if canary.group else ())}
    more = f"{percent(held)}, " if held < WHOLE else ""
    if not canary.group and 0 in canary.approve:
        yield Objection("canary.approve", 'without "group", as long as canary.group names none')
    elif not stops.issuperset(canary.approve) and canary.weights:
        yield Objection(
            "canary.approve", f"among canary.weights, {more}or 100: approval is asked there"
        )
    elif not stops.issuperset(canary.approve):
        yield Objection(
            "canary.approve",
            f"among {more}or 100: a ramp has no other stops; name canary.weights for those",
        )


def _held_back(settings: Settings) -> Iterator[Objection]:
    last = max(settings.canary.stops)
    if settings.canary.held >= WHOLE - last:
        what = "the last of canary.weights" if settings.canary.weights else "the end of a ramp"
        yield Objection(
            "canary.hold_back",
            f"below {percent(WHOLE - last)}: {what}, {percent(last)}, comes before",
        )


def _times(settings: Settings) -> Iterator[Objection]:
    analysis = settings.analysis
    if analysis.max_time_s < analysis.warm_up_s + analysis.min_time_s:
        least = spell(analysis.warm_up_s + analysis.min_time_s)
        yield Objection("analysis.max_time", f"{least} at least: warm_up and min_time are in it")
    if analysis.metrics_delay_s >= analysis.max_time_s:
        yield Objection(
            "analysis.metrics_delay", "shorter than max_time: no minute would be known in time"
        )


def _standby(settings: Settings) -> Iterator[Objection]:
    most = settings.environment.max_instances
    if settings.blue_green.standby > most:
        yield Objection("blue_green.standby", f"max_instances ({most}) at most")


def _batches(settings: Settings) -> Iterator[Objection]:
    rolling = settings.rolling
    if rolling.until and not Amount.parse(rolling.until).up(1000):
        yield Objection("rolling.until", 'above 0, or "" (--until none) for no checkpoint')
    if not any(Amount.parse(part).up(1000) for part in (rolling.surge, rolling.max_unavailable)):
        yield Objection("rolling.surge", "above 0 where max_unavailable is 0: one or the other")

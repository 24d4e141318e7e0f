"""The kinds of value a setting can have; each carries the sentence that says what is allowed."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final

from msgspec import Meta

from deployer.amount import Amount
from deployer.cohort import EXAMPLES, Cohort
from deployer.durations import per_mille, seconds

GROUP = "group"  # the stop before any weight
AUTO = "auto"  # not said: something else decides
OFF = "off"


class Seconds(float):
    """A duration in seconds; written `90s`, `10m`, `1h30m`."""

    __slots__ = ()


class Share(int):
    """A share in per mille; written in percent: `5`, `0.1`, `"25%"`."""

    __slots__ = ()


class Portion(str):
    """A number of instances, or a share of them: `2`, `"25%"`."""

    __slots__ = ()


class PortionOrNone(str):
    """The same, or nothing: `""`."""

    __slots__ = ()


class Stop(int):
    """Where a plan stops: a share in per mille, or 0 for `"group"`: before any weight."""

    __slots__ = ()


class Climb(tuple[Share, ...]):
    """The candidate's shares; written `[5, 25, 50]`, or `"auto"`, which is none: a ramp finds them."""

    __slots__ = ()


class ShareOrAuto(str):
    """A share, or `"auto"`."""

    __slots__ = ()

    @property
    def given(self) -> Share | None:
        """Per mille; None: auto."""
        return None if self == AUTO else Share(per_mille(self))


class SecondsOrAuto(str):
    """A duration, or `"auto"`; where the setting allows it, `"off"` too."""

    __slots__ = ()

    @property
    def given(self) -> Seconds | None:
        """Seconds; None: auto, or off."""
        return None if self in (AUTO, OFF) else Seconds(seconds(self))


class GroupOrNone(str):
    """A user group, `header:X-Beta=yes` (deployer.cohort), or nothing: `""`."""

    __slots__ = ()


def decode(kind: type, raw: Any) -> Any:
    """The hook that msgspec calls for the kinds above.

    Raises:
        ValueError: not written as one writes it.
        NotImplementedError: a kind that this hook does not know (a mistake in the schema).
    """
    if (reading := _READINGS.get(kind)) is None:
        raise NotImplementedError(kind)
    return reading(raw)


def _seconds(raw: Any) -> Seconds:
    return Seconds(seconds(raw if isinstance(raw, str) else f"{raw} without a unit"))


def _share(raw: Any) -> Share:
    return Share(per_mille("not a number" if isinstance(raw, bool) else str(raw)))


def _share_or_auto(raw: Any) -> ShareOrAuto:
    return ShareOrAuto(raw if raw == AUTO else f"{_share(raw) / 10:g}")


def _seconds_or_auto(raw: Any) -> SecondsOrAuto:
    if raw not in (AUTO, OFF):
        _seconds(raw)
    return SecondsOrAuto(raw)


def _stop(raw: Any) -> Stop:
    return Stop(0 if raw == GROUP else (int(_share(raw)) or -1))


def _group(raw: Any) -> GroupOrNone:
    return GroupOrNone(Cohort.parse(str(raw)) if raw != "" else "")


def _portion(raw: Any) -> Portion:
    Amount.parse("not a number" if isinstance(raw, bool) else str(raw))
    return Portion(raw)


def _portion_or_none(raw: Any) -> PortionOrNone:
    return PortionOrNone(_portion(raw) if raw != "" else "")


def _climb(raw: Any) -> Climb:
    if raw == AUTO:
        return Climb()
    if not isinstance(raw, list | tuple) or not raw:
        raise ValueError("no list of shares")
    return Climb(_share(each) for each in raw)


_READINGS: Final[Mapping[type, Callable[[Any], Any]]] = {
    Seconds: _seconds,
    Share: _share,
    Climb: _climb,
    ShareOrAuto: _share_or_auto,
    SecondsOrAuto: _seconds_or_auto,
    Stop: _stop,
    GroupOrNone: _group,
    Portion: _portion,
    PortionOrNone: _portion_or_none,
}


VEILED = "veiled"  # in a Meta's extra: what is wrong there may be a secret, and is not shown


def within(
    low: float, high: float, allowed: str, *, whole: float = 0.0, words: tuple[str, ...] = ()
) -> Meta:
    """Bounds of a duration (seconds) or a share (per mille), with the sentence for people.

    whole: it is a multiple of that; 0: of nothing.
    words: what it may be beside a number.
    """
    extra = {"low": low, "high": high, "whole": whole, "words": words}
    return Meta(description=allowed, extra=extra)


DAY_S = 86_400

Slug = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,31}$",
        description="up to 32 of a-z, 0-9 and -, beginning with a letter",
    ),
]
Line = Annotated[
    str,
    Meta(
        # No control characters and no line separators, in nobody's opinion of what a line is.
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$",
        max_length=4096,
        description="one line of text, not empty, without control characters, up to 4096 long",
    ),
]
Path = Annotated[
    str, Meta(pattern=r"^/[!-~]{0,1023}$", description="a path that begins with /, without spaces")
]
ListenerPort = Annotated[int, Meta(ge=1, le=65_535, description="a port from 1 to 65535")]
ServicePort = Annotated[
    int,
    Meta(
        ge=1024,
        le=65_535,
        description="a port from 1024 to 65535 (the service runs as an unprivileged user)",
    ),
]
Count = Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")]
CountOrNone = Annotated[int, Meta(ge=0, le=1000, description="a whole number from 0 to 1000")]
Requests = Annotated[
    int, Meta(ge=1, le=1_000_000_000, description="a whole number of requests, 1 or more")
]
Probes = Annotated[int, Meta(ge=0, le=6000, description="a whole number a minute from 0 to 6000")]
Threshold = Annotated[
    int, Meta(ge=2, le=10, description="a whole number from 2 to 10 (the load balancer's limits)")
]
AlarmName = Annotated[str, Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$", max_length=255)]
AlarmNames = Annotated[
    tuple[AlarmName, ...],
    Meta(max_length=50, description='up to 50 names of CloudWatch alarms, such as ["shop-fatal"]'),
]
Cidr = Annotated[str, Meta(description="an IPv4 network such as 10.0.0.0/16")]
Region = Annotated[
    str,
    Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", description="the name of a Region such as us-east-1"),
]
Account = Annotated[
    str,
    Meta(pattern=r"^(\d{12})?$", description='the 12 digits of an AWS account, in quotes, or ""'),
]
Image = Annotated[
    str,
    Meta(
        pattern=r"^ami-[0-9a-f]{8,17}$",
        description="the id of an AMI such as ami-0abcdef1234567890 (pinned: it never re-resolves)",
    ),
]
ImageOrNone = Annotated[
    str,
    Meta(
        pattern=r"^(ami-[0-9a-f]{8,17})?$",
        description='the id of an AMI such as ami-0abcdef1234567890, or "" for the stack\'s own',
    ),
]
InstanceType = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$",
        description="an EC2 instance type such as t3.micro",
    ),
]
Pause = Annotated[Seconds, within(0, 7 * DAY_S, "a duration from 0s to 7d, such as 10m")]
Deadline = Annotated[Seconds, within(1, DAY_S, "a duration from 1s to 24h, such as 10m")]
Wait = Annotated[Seconds, within(1, 7 * DAY_S, "a duration from 1s to 7d, such as 24h")]
# Longer than one call to AWS may last, retries included (deployer.aws.session).
Lease = Annotated[Seconds, within(40, DAY_S, "a duration from 40s to 24h, such as 1m")]
Draining = Annotated[Seconds, within(0, 3600, "whole seconds from 0s to 1h", whole=1)]
SlowStart = Annotated[
    Seconds, within(0, 900, "whole seconds from 30s to 15m, or 0s for none", whole=1)
]
Stickiness = Annotated[
    Seconds, within(0, 7 * DAY_S, "whole seconds up to 7d, or 0s for none", whole=1)
]
Interval = Annotated[Seconds, within(5, 300, "whole seconds from 5s to 5m", whole=1)]
Patience = Annotated[Seconds, within(2, 120, "whole seconds from 2s to 2m", whole=1)]
Grace = Annotated[Seconds, within(0, 7200, "whole seconds from 0s to 2h", whole=1)]
CanaryWeights = Annotated[
    Climb,
    within(
        1, 999, 'rising percents above 0 and below 100, 0.1 at the finest: [5, 25, 50], or "auto"'
    ),
]
Approvals = Annotated[
    tuple[Stop, ...],
    within(0, 1000, 'percents among canary.weights, or 100: [5, 25]; "group" with canary.group'),
]
GroupOfUsers = Annotated[GroupOrNone, Meta(description=f'such as {EXAMPLES}, or ""')]
HoldBack = Annotated[
    ShareOrAuto,
    within(
        0, 999, 'percent from 0 (nothing) to below 100, 0.1 at the finest, or "auto"', words=(AUTO,)
    ),
]
HoldBackTime = Annotated[
    SecondsOrAuto,
    within(0, 7 * DAY_S, 'a duration from 0s to 7d, such as 10m, or "auto"', words=(AUTO,)),
]
Slowness = Annotated[
    SecondsOrAuto,
    within(
        0.001, 60, 'a duration from 1ms to 1m, such as 500ms, "auto" or "off"', words=(AUTO, OFF)
    ),
]
Minutes = Annotated[
    Seconds, within(60, DAY_S, "whole minutes from 1m to 24h, such as 30m", whole=60)
]
MinutesOrNone = Annotated[Seconds, within(0, 3600, "whole minutes from 0s to 1h", whole=60)]
Bound = Annotated[
    float, Meta(ge=1e-6, le=0.5, description="a probability from 0.000001 to 0.5, such as 0.01")
]
Ratio = Annotated[float, Meta(ge=1, le=10, description="a number from 1 to 10, such as 1.1")]
Budget = Annotated[
    float, Meta(ge=1, le=1e9, description="a number of requests, 1 or more, such as 100")
]
Batch = Annotated[
    Portion, Meta(description='a whole number of instances up to 1000, or a share such as "25%"')
]
BatchOrNone = Annotated[
    PortionOrNone, Meta(description='a number of instances, a share such as "25%", or ""')
]
Tolerance = Annotated[Share, within(0, 1000, "percent from 0 to 100, 0.1 at the finest")]

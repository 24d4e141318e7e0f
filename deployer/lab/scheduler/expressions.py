"""Schedule expressions: `rate(5 minutes)`, `at(2026-11-23T08:00:00)`, `cron(0 8 ? * MON-FRI *)`. Pure.

Source: EventBridge Scheduler User Guide, "Schedule types": rates count on a clock that knows no
summer time; a date of a cron expression that does not exist is skipped, one that exists twice is
met once. [M:scheduler.CreateSchedule.ScheduleExpression]
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deployer.lab.scheduler.cron import BadExpression, NotSimulated, moment_of
from deployer.lab.scheduler.cron import parse as parse_cron

_RATE = re.compile(r"rate\((\d+) +(minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((.+)\)")
_UNITS_S = {"minute": 60.0, "hour": 3_600.0, "day": 86_400.0}


class Times(Protocol):
    """When a schedule is due."""

    def after(self, moment: float) -> float | None:
        """The first time later than `moment`, epoch seconds; None: never again."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """At `origin`, and every `every_s` from then on."""

    every_s: float
    origin: float

    def after(self, moment: float) -> float | None:
        if moment < self.origin:
            return self.origin
        return self.origin + ((moment - self.origin) // self.every_s + 1) * self.every_s


@dataclass(frozen=True, slots=True)
class Once:
    """At `moment`, and never again."""

    at: float

    def after(self, moment: float) -> float | None:
        return self.at if self.at > moment else None


def parse(text: str, zone_name: str, origin: float) -> Times:
    """The times of an expression, read in that time zone.

    origin: when a rate is due first, epoch seconds.

    Raises:
        BadExpression: AWS would refuse it.
        NotSimulated: AWS would not, the lab does.
    """
    zone = zone_of(zone_name)
    if rate := _RATE.fullmatch(text):
        if not int(rate[1]):
            raise BadExpression(f"Invalid Schedule Expression {text}.")
        return Rate(int(rate[1]) * _UNITS_S[rate[2]], origin)
    if once := _AT.fullmatch(text):
        return Once(_moment(once[1], zone))
    if cron := _CRON.fullmatch(text):
        try:
            return parse_cron(cron[1], zone)
        except NotSimulated:
            raise
        except BadExpression as error:
            raise BadExpression(f"Invalid Schedule Expression {text}. ({error})") from error
    raise BadExpression(f"Invalid Schedule Expression {text}.")


def zone_of(name: str) -> ZoneInfo:
    """A time zone of the tz database.

    Raises:
        BadExpression: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadExpression(f"Provided ScheduleExpressionTimezone {name} is not valid.") from error


def _moment(text: str, zone: ZoneInfo) -> float:
    try:
        local = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadExpression(f"Invalid Schedule Expression at({text}).") from error
    at = moment_of(local, zone)
    if at is None:
        raise NotSimulated(f"the lab does not simulate at({text}), which {zone} skips")
    return at

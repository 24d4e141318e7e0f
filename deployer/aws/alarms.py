"""The alarms that guard a service: whether one of them rings, or is not there.

DescribeAlarms tells of metric alarms only unless it is asked for the other kinds too, and is silent
about names that do not exist (aws-facts 2): both would read as "all is well".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.aws.failures import asking
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.literals import AlarmTypeType
    from mypy_boto3_cloudwatch.type_defs import DescribeAlarmsOutputTypeDef

NEEDS = (Need("cloudwatch:DescribeAlarms", Resource.ALARMS),)
# A standard alarm is evaluated about once a minute, and DescribeAlarms may be called nine times a
# second in an account (aws-facts 2): to look more often would tell nothing and cost others.
MEMORY_S = 10.0
KINDS: tuple[AlarmTypeType, ...] = ("MetricAlarm", "CompositeAlarm", "LogAlarm")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was told of `names` at `at`, epoch seconds."""

    names: tuple[str, ...]
    at: float
    ringing: Mapping[str, str]


class CloudWatchAlarms:
    """The port `Alarms`.

    strict: an alarm without enough data counts as ringing.
    """

    def __init__(self, aws: Aws, clock: Clock, *, strict: bool = False) -> None:
        self._aws = aws
        self._clock = clock
        self._strict = strict
        self._last: Reading | None = None

    def ringing(self, names: Sequence[str]) -> Mapping[str, str]:
        """As the port says. One call per 100 names, or none within 10 s of the one before.

        Raises:
            CloudUnavailable: no answer; nothing is remembered of it.
            AccessProblem: the permission is missing.
        """
        wanted, now = tuple(names), self._clock.now()
        last = self._last
        if last is None or last.names != wanted or now - last.at >= MEMORY_S:
            states = read(self._aws, wanted)
            self._last = last = Reading(wanted, now, ringing(wanted, states, strict=self._strict))
        return last.ringing


def read(aws: Aws, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """State and its reason of those alarms that exist.

    Raises:
        CloudUnavailable, AccessProblem: as `failures.asking`.
    """
    states: dict[str, tuple[str, str]] = {}
    with asking("cloudwatch:DescribeAlarms", ", ".join(names)):
        for start in range(0, len(names), 100):
            pages = aws.cloudwatch.get_paginator("describe_alarms").paginate(
                AlarmNames=names[start : start + 100], AlarmTypes=KINDS
            )
            for page in pages:
                states |= _states(page)
    return states


def _states(page: DescribeAlarmsOutputTypeDef) -> dict[str, tuple[str, str]]:
    told = (
        *page.get("MetricAlarms", ()),
        *page.get("CompositeAlarms", ()),
        *page.get("LogAlarms", ()),
    )
    return {
        alarm["AlarmName"]: (alarm["StateValue"], " ".join(alarm.get("StateReason", "").split()))
        for alarm in told
    }


def ringing(
    names: Sequence[str], states: Mapping[str, tuple[str, str]], *, strict: bool
) -> dict[str, str]:
    """Which of `names` forbid going on, and why. Pure."""
    good = {"OK"} if strict else {"OK", "INSUFFICIENT_DATA"}
    missing = ("", "")
    return {
        name: _why(*states.get(name, missing))
        for name in names
        if states.get(name, missing)[0] not in good
    }


def _why(state: str, reason: str) -> str:
    if not state:
        return "does not exist"
    shown = reason if len(reason) <= 200 else reason[:197] + "..."
    return f"is in {state}" + (f": {shown}" if shown else "")

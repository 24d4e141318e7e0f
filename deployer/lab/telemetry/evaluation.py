"""Does an alarm change its state? The rule of CloudWatch, missing data included. Pure.

Source: CloudWatch user guide, alarms-and-missing-data. More points are retrieved than
EvaluationPeriods (the evaluation range: its example has 5 for 3, so the lab takes N + 2); real
points are preferred, however old; only what is then still lacking is filled as TreatMissingData
says. A lone breaching point does not raise the alarm before it is as old as DatapointsToAlarm
("avoiding premature transitions").
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

RANGE_BEYOND = 2


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """TreatMissingData."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (
        lambda value, limit: value >= limit,
        "greater than or equal to",
    ),
    "GreaterThanThreshold": (lambda value, limit: value > limit, "greater than"),
    "LessThanThreshold": (lambda value, limit: value < limit, "less than"),
    "LessThanOrEqualToThreshold": (lambda value, limit: value <= limit, "less than or equal to"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """`datapoints` (M) breaching points of `periods` (N) raise the alarm."""

    comparison: str
    threshold: float
    periods: int
    datapoints: int
    missing: Missing

    @property
    def range(self) -> int:
        """How many of the newest points are looked at."""
        return self.periods + RANGE_BEYOND

    def breaching(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`state` None: the alarm keeps the one it has."""

    state: State | None
    reason: str


def decide(rule: Rule, points: Sequence[float | None]) -> Outcome:
    """points: the newest last; None is missing; `rule.range` of them (fewer: the rest is missing)."""
    real = [value for value in points if value is not None]
    recent = real[-rule.periods :]
    breaching = sum(rule.breaching(value) for value in recent)
    lacking = max(0, rule.periods - len(real))
    if not real:
        return _without_data(rule)
    if rule.missing is Missing.BREACHING:
        breaching += lacking
    if breaching >= rule.datapoints:
        return Outcome(State.ALARM, _reason(rule, recent, breaching, lacking))
    tolerant = rule.missing in (Missing.MISSING, Missing.IGNORE)
    if lacking and tolerant and all(rule.breaching(value) for value in real):
        return _only_breaching(rule, points, recent, lacking)
    return Outcome(State.OK, _reason(rule, recent, breaching, lacking))


def _without_data(rule: Rule) -> Outcome:
    filled = f"no datapoints were received for {rule.periods} periods"
    match rule.missing:
        case Missing.MISSING:
            return Outcome(State.INSUFFICIENT_DATA, f"Insufficient Data: {filled}")
        case Missing.IGNORE:
            return Outcome(None, f"{filled}, ignored")
        case Missing.BREACHING:
            reason = (
                f"Threshold Crossed: {filled} and missing datapoints were treated as [Breaching]"
            )
            return Outcome(State.ALARM, reason)
        case Missing.NOT_BREACHING:
            reason = (
                f"Threshold Crossed: {filled} and missing datapoints were treated as [NonBreaching]"
            )
            return Outcome(State.OK, reason)


def _only_breaching(
    rule: Rule, points: Sequence[float | None], recent: Sequence[float], lacking: int
) -> Outcome:
    """All there is breaches, but there is too little of it."""
    if rule.missing is Missing.IGNORE:
        return Outcome(None, "too few datapoints, ignored")
    oldest = next(age for age, value in _by_age(points) if value is not None)
    if oldest >= rule.datapoints:
        return Outcome(State.ALARM, _reason(rule, recent, len(recent), lacking))
    return Outcome(
        State.INSUFFICIENT_DATA, "Insufficient Data: a breaching datapoint may not be sustained"
    )


def _by_age(points: Sequence[float | None]) -> list[tuple[int, float | None]]:
    """The oldest first; the newest has the age 1."""
    return [(len(points) - index, value) for index, value in enumerate(points)]


def _reason(rule: Rule, recent: Sequence[float], breaching: int, lacking: int) -> str:
    shown = ", ".join(f"{value:g}" for value in reversed(recent))
    words = COMPARISONS[rule.comparison][1]
    of = f"{breaching} out of the last {rule.periods} datapoints [{shown}]"
    filled = f", {lacking} missing treated as {rule.missing}" if lacking else ""
    return (
        f"Threshold Crossed: {of} were {words} the threshold ({rule.threshold:g}){filled} "
        f"(minimum {rule.datapoints} to raise the alarm)."
    )

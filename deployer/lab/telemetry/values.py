"""The values of metric math, and what missing data means when they are combined. Pure.

A value is a scalar, a time series, or an array of time series (CloudWatch's S, TS, TS[]). Source:
CloudWatch user guide, using-metric-math: in arithmetic and comparison of two series a point that
is missing in one of them counts as 0; a point missing in both is missing in the result; a division
by zero drops the point.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Series = dict[int, float]  # timestamp (epoch s) -> value
Value = float | Series | list[Series]
Binary = Callable[[float, float], float]


class BadExpression(ValueError):
    """The expression cannot be evaluated; the text says why."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression may refer to.

    lookup:   id -> value of another query (raises KeyError: no such id).
    metrics:  (id, series) of every query that is a metric, in order, for METRICS().
    grid:     every timestamp of the span that was asked for, ascending.
    period_s: seconds between them.
    """

    lookup: Callable[[str], Value]
    metrics: Callable[[], Sequence[tuple[str, Series]]]
    grid: Sequence[int]
    period_s: int


def attempt(apply: Callable[..., object], *values: float) -> float | None:
    """None where there is no finite real result: the point is dropped."""
    if any(math.isnan(value) for value in values):
        return None
    try:
        result = apply(*values)
    except (ArithmeticError, ValueError):
        return None
    if isinstance(result, complex):
        return None
    number = float(result)  # type: ignore[arg-type]  # a number or a truth value
    return number if math.isfinite(number) else None


def each(apply: Callable[[float], float], value: Value) -> Value:
    if isinstance(value, list):
        return [points({at: attempt(apply, x) for at, x in series.items()}) for series in value]
    if isinstance(value, dict):
        return points({at: attempt(apply, x) for at, x in value.items()})
    return scalar(attempt(apply, value))


def points(values: Mapping[int, float | None]) -> Series:
    return {at: value for at, value in values.items() if value is not None}


def scalar(value: float | None) -> float:
    """A scalar without a value stays one: whatever it meets has no points."""
    return math.nan if value is None else value


def combine(apply: Binary, left: Value, right: Value) -> Value:
    if isinstance(left, list) and isinstance(right, list):
        raise BadExpression("two arrays of time series cannot be combined")
    if isinstance(left, list):
        return [_one(apply, series, right) for series in left]  # type: ignore[arg-type]  # no list any more
    if isinstance(right, list):
        return [_one(apply, left, series) for series in right]
    if isinstance(left, dict) or isinstance(right, dict):
        return _one(apply, left, right)
    return scalar(attempt(apply, left, right))


def _one(apply: Binary, left: float | Series, right: float | Series) -> Series:
    """At least one of them is a series."""
    moments = sorted({*_moments(left), *_moments(right)})
    return points({at: attempt(apply, _at(left, at), _at(right, at)) for at in moments})


def _moments(value: float | Series) -> Sequence[int]:
    return tuple(value) if isinstance(value, dict) else ()


def _at(value: float | Series, at: int) -> float:
    """A missing value is 0 when the other operand has one (using-metric-math)."""
    return value.get(at, 0.0) if isinstance(value, dict) else value


def compare(apply: Binary, left: Value, right: Value) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        raise BadExpression("arrays of time series cannot be compared")
    return combine(apply, left, right)


def all_or_any(both: bool, values: Sequence[Value]) -> Value:
    apply: Binary = (
        (lambda a, b: bool(a) and bool(b)) if both else (lambda a, b: bool(a) or bool(b))
    )
    result = values[0]
    for value in values[1:]:
        result = compare(apply, result, value)
    return result


def as_list(value: Value) -> list[Series]:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise BadExpression("an array holds time series, no scalars")

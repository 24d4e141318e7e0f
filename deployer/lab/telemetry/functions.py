"""The functions of metric math that the lab knows. Pure.

Each takes the scope and its arguments: values, or words (`REPEAT`, a quoted string).
"""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

from deployer.lab.telemetry.values import (
    BadExpression,
    Scope,
    Series,
    Value,
    as_list,
    attempt,
    each,
    points,
)


class Function(NamedTuple):
    """`least` to `most` arguments."""

    least: int
    most: int
    apply: Callable[..., Value]


def metrics(scope: Scope, part: Any = "") -> Value:
    """METRICS(), METRICS("errors"): the metrics of the request (whose id contains the text)."""
    if not isinstance(part, str):
        raise BadExpression("METRICS takes a quoted string, or nothing")
    return [series for name, series in scope.metrics() if part in name]


def fill(scope: Scope, value: Any, filler: Any) -> Value:
    """FILL(m, 0 | REPEAT | LINEAR | other series): over the whole span that was asked for."""
    if isinstance(value, list):
        return [_filled(scope, series, filler) for series in value]
    if not isinstance(value, dict):
        raise BadExpression("FILL takes a time series or an array of them")
    return _filled(scope, value, filler)


def _filled(scope: Scope, series: Series, filler: Any) -> Series:
    if filler == "REPEAT":
        return _repeated(scope, series)
    if filler == "LINEAR":
        return _interpolated(scope, series)
    if isinstance(filler, dict):
        return points({at: series.get(at, filler.get(at)) for at in scope.grid})
    if isinstance(filler, float) and math.isfinite(filler):
        return {at: series.get(at, filler) for at in scope.grid}
    raise BadExpression("FILL fills with a number, a time series, REPEAT or LINEAR")


def _repeated(scope: Scope, series: Series) -> Series:
    filled: Series = {}
    last: float | None = None
    for at in scope.grid:
        last = series.get(at, last)
        if last is not None:
            filled[at] = last
    return filled


def _interpolated(scope: Scope, series: Series) -> Series:
    """Between two known points; what lies before the first or after the last stays missing."""
    known = sorted(series)
    filled: Series = dict(series)
    for before, after in pairwise(known):
        step = (series[after] - series[before]) / (after - before)
        filled |= {
            at: series[before] + step * (at - before) for at in scope.grid if before < at < after
        }
    return dict(sorted(filled.items()))


def if_(_scope: Scope, condition: Value, then: Any, otherwise: Any = None) -> Value:
    """IF(condition, then[, else]), point by point of the condition.

    True with no point in `then` is 0; false with no point in `else` is dropped.
    """
    if isinstance(condition, list) or any(isinstance(x, list | str) for x in (then, otherwise)):
        raise BadExpression("IF takes scalars and time series")
    if isinstance(condition, float):
        chosen = then if condition != 0 else otherwise
        return {} if chosen is None or math.isnan(condition) else chosen
    return points(
        {
            at: _pick(then, at, 0.0) if truth != 0 else _pick(otherwise, at, None)
            for at, truth in condition.items()
        }
    )


def _pick(value: Any, at: int, missing: float | None) -> float | None:
    if isinstance(value, dict):
        return value.get(at, missing)
    return value if isinstance(value, float) and math.isfinite(value) else None


def period(scope: Scope, _series: Value) -> Value:
    """PERIOD(m): seconds; all metrics of an expression have the same."""
    return float(scope.period_s)


def time_series(scope: Scope, value: Value) -> Value:
    """TIME_SERIES(5): the scalar at every timestamp."""
    if not isinstance(value, float):
        raise BadExpression("TIME_SERIES takes a scalar")
    return points(dict.fromkeys(scope.grid, attempt(lambda: value)))


def _aggregate(over: Callable[[list[float]], float]) -> Function:
    """Of one series: a scalar. Of an array: a series, at each timestamp that any of them has."""

    def apply(_scope: Scope, value: Value) -> Value:
        if isinstance(value, float):
            raise BadExpression("an aggregate takes time series, no scalar")
        if isinstance(value, dict):
            return over(list(value.values())) if value else math.nan
        moments = sorted({at for series in value for at in series})
        return {at: over([series[at] for series in value if at in series]) for at in moments}

    return Function(1, 1, apply)


def average(_scope: Scope, value: Value) -> Value:
    """AVG: over an array a missing value counts as 0."""
    if isinstance(value, float):
        raise BadExpression("an aggregate takes time series, no scalar")
    if isinstance(value, dict):
        return sum(value.values()) / len(value) if value else math.nan
    moments = sorted({at for series in value for at in series})
    return {at: sum(series.get(at, 0.0) for series in value) / len(value) for at in moments}


def _rounding(how: Callable[[float], float]) -> Function:
    return Function(1, 1, lambda _scope, value: each(how, value))


FUNCTIONS: dict[str, Function] = {
    "ABS": _rounding(abs),
    "AVG": Function(1, 1, average),
    "CEIL": _rounding(math.ceil),
    "FILL": Function(2, 2, fill),
    "FLOOR": _rounding(math.floor),
    "IF": Function(2, 3, if_),
    "LOG": _rounding(math.log),
    "LOG10": _rounding(math.log10),
    "MAX": _aggregate(max),
    "METRICS": Function(0, 1, metrics),
    "METRIC_COUNT": Function(1, 1, lambda _scope, value: float(len(as_list(value)))),
    "MIN": _aggregate(min),
    "PERIOD": Function(1, 1, period),
    "SUM": _aggregate(math.fsum),
    "TIME_SERIES": Function(1, 1, time_series),
}

"""Reading CloudWatch requests: metrics, periods, times; and refusing them in AWS's words. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deployer.lab.telemetry import unpublished
from deployer.lab.telemetry.store import MINUTE_S, Metric
from deployer.lab.wire import Refused

MOST_DIMENSIONS = 30
LONGEST_PERIOD_S = 86_400
_PERIODS_OF_HIGH_RESOLUTION = (1, 5, 10, 20, 30)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def refused(message: str) -> Refused:
    """What CloudWatch answers to a request that it can read but not accept."""
    return Refused("ValidationError", message)


def invalid(message: str) -> Refused:
    """What the older actions (PutMetricData, GetMetricStatistics) answer instead."""
    return Refused("InvalidParameterValue", message)


def missing(name: str) -> Refused:
    return Refused("MissingParameter", f"The parameter {name} is required.")


def unsupported(what: str) -> Refused:
    """CloudWatch has it, the lab has not: never silence."""
    return Refused("NotImplemented", f"the lab does not simulate {what}")


def refuse_present(params: Mapping[str, Any], names: Sequence[str], action: str) -> None:
    """Raises Refused if a parameter that the lab does not simulate is given."""
    for name in names:
        if params.get(name):
            raise unsupported(f"{action}'s {name}")


def dimensions_of(raw: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Sorted by name.

    Raises:
        Refused: more than 30, a name twice, or an empty or unprintable name or value.
    """
    pairs = [(str(one.get("Name", "")), str(one.get("Value", ""))) for one in raw]
    if len(pairs) > MOST_DIMENSIONS:
        raise invalid(f"At most {MOST_DIMENSIONS} dimensions are allowed, not {len(pairs)}.")
    if any(not text.strip() or _CONTROL.search(text) for pair in pairs for text in pair):
        raise invalid("Names and values of dimensions must be printable and not empty.")
    if len({name for name, _ in pairs}) < len(pairs):
        raise invalid("A dimension is given twice.")
    return tuple(sorted(pairs))


def metric_of(raw: Mapping[str, Any]) -> Metric:
    """From `Namespace`, `MetricName`, `Dimensions`.

    Raises:
        Refused: one of them is missing or malformed, or the lab does not publish it.
    """
    for name in ("Namespace", "MetricName"):
        if not raw.get(name):
            raise missing(name)
    namespace, name = str(raw["Namespace"]), str(raw["MetricName"])
    if namespace.startswith(":") or len(namespace) > 255 or len(name) > 255:
        raise invalid(f"{namespace!r}, {name!r}: at most 255 characters; no colon at the beginning")
    found = Metric(namespace, name, dimensions_of(raw.get("Dimensions") or ()))
    if lack := unpublished.lacking(found):
        raise unsupported(lack)
    return found


def require_period(period: Any) -> int:
    """A multiple of 60 s, at most a day.

    Raises:
        Refused: not a period, or one of high-resolution metrics, which the lab does not keep.
    """
    if period is None:
        raise missing("Period")
    if period in _PERIODS_OF_HIGH_RESOLUTION:
        raise unsupported(f"high-resolution metrics (Period {period})")
    if not 0 < int(period) <= LONGEST_PERIOD_S or int(period) % MINUTE_S:
        raise refused(f"The parameter Period must be a multiple of 60 up to 86400, not {period}.")
    return int(period)


def span_of(params: Mapping[str, Any]) -> tuple[int, int]:
    """[StartTime, EndTime) in epoch seconds; the start is rounded down to a whole minute.

    Raises:
        Refused: one is missing, or the end is not after the start.
    """
    for name in ("StartTime", "EndTime"):
        if params.get(name) is None:
            raise missing(name)
    start, end = epoch(params["StartTime"]), epoch(params["EndTime"])
    if start >= end:
        raise refused("The parameter StartTime must be less than the parameter EndTime.")
    return int(start // MINUTE_S) * MINUTE_S, -int(-end // 1)


def epoch(moment: Any) -> float:
    """Epoch seconds of what botocore parsed."""
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)

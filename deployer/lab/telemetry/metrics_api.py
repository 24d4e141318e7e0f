"""PutMetricData, GetMetricData, GetMetricStatistics, ListMetrics on the store."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from deployer.lab.telemetry.queries import Evaluation, parse, parse_statistic
from deployer.lab.telemetry.requests import (
    epoch,
    invalid,
    metric_of,
    missing,
    moment,
    refuse_present,
    refused,
    require_period,
    span_of,
    unsupported,
)
from deployer.lab.telemetry.store import RETENTION_S, Datapoint, Metric, Store
from deployer.lab.wire import Refused

MOST_DATAPOINTS = 100_800  # of a GetMetricData call [M:cloudwatch.GetMetricData]
MOST_STATISTICS_POINTS = 1_440  # of a GetMetricStatistics call
MOST_METRICS = 1_000  # of a PutMetricData call
MOST_VALUES = 150  # of a datum
LISTED_AFTER_S = 15 * 60  # "can take up to fifteen minutes" [M:cloudwatch.PutMetricData]
PAGE = 500
_FUTURE_S = 2 * 3600
_LARGEST = 2.0**360
_BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")

Params = Mapping[str, Any]


def put_metric_data(store: Store, params: Params, now: float) -> None:
    """Everything is checked before anything is stored.

    Raises:
        Refused: malformed, or something that the lab does not keep.
    """
    refuse_present(params, ("EntityMetricData", "StrictEntityValidation"), "PutMetricData")
    data = params.get("MetricData") or []
    if len(data) > MOST_METRICS:
        raise invalid(f"MetricData has at most {MOST_METRICS} members, not {len(data)}")
    namespace = params.get("Namespace")
    if str(namespace).startswith("AWS/"):
        raise invalid("The value AWS/ for parameter Namespace is invalid: it is reserved.")
    ready = [
        (metric_of({**datum, "Namespace": namespace}), _time(datum, now), _point(datum), datum)
        for datum in data
    ]
    for metric, at, point, datum in ready:
        store.put(metric, at, point, datum.get("Unit", "None"), now)


def _time(datum: Params, now: float) -> float:
    if datum.get("StorageResolution", 60) != 60:
        raise unsupported("high-resolution metrics (StorageResolution 1)")
    at = epoch(datum["Timestamp"]) if datum.get("Timestamp") is not None else now
    if at > now + _FUTURE_S:
        raise invalid("The parameter Timestamp must be at most two hours in the future.")
    if at < now - RETENTION_S:
        raise unsupported(f"datapoints older than {RETENTION_S // 3600} hours")
    return at


def _point(datum: Params) -> Datapoint:
    ways = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if len(ways) != 1:
        raise Refused(
            "InvalidParameterCombination",
            "Each datum has exactly one of Value, Values and StatisticValues.",
        )
    if ways == ["StatisticValues"]:
        return _statistic_set(datum["StatisticValues"])
    values = [datum["Value"]] if ways == ["Value"] else list(datum["Values"])
    counts = list(datum.get("Counts") or [1.0] * len(values))
    if not 0 < len(values) <= MOST_VALUES or len(counts) != len(values):
        raise invalid(f"Values has 1 to {MOST_VALUES} members, and Counts as many, if given")
    tally: Counter[float] = Counter()
    for value, count in zip(values, counts, strict=True):
        if _number(count) <= 0:
            raise invalid("Counts are above zero")
        tally[_number(value)] += count
    return Datapoint.of(tally)


def _statistic_set(raw: Params) -> Datapoint:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    for name in names:
        if raw.get(name) is None:
            raise missing(f"StatisticValues.{name}")
    count, total, low, high = (_number(raw[name]) for name in names)
    if count <= 0 or low > high:
        raise invalid("StatisticValues: SampleCount is above zero and Minimum at most Maximum")
    return Datapoint(count, total, low, high, None)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise invalid(f"The value {value} is not a number within -2^360..2^360.")
    return number


def get_metric_data(store: Store, params: Params) -> dict[str, Any]:
    """Raises Refused: malformed, or something that the lab does not evaluate."""
    zone = (params.get("LabelOptions") or {}).get("Timezone", "+0000")
    if zone != "+0000":
        raise unsupported("LabelOptions other than +0000")
    start, end = span_of(params)
    queries = parse(params.get("MetricDataQueries") or [])
    backwards = params.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    most = int(params.get("MaxDatapoints") or MOST_DATAPOINTS)
    if not 0 < most <= MOST_DATAPOINTS:
        raise refused(f"MaxDatapoints is 1 to {MOST_DATAPOINTS}, not {most}")
    skip, room = _token(params.get("NextToken")), most
    results, cut = [], False
    for result in Evaluation(store, queries, start, end).results():
        points = sorted(result.series.items(), reverse=backwards)
        skipped = min(skip, len(points))
        taken = points[skipped : skipped + room]
        partial = skipped + len(taken) < len(points)
        skip, room, cut = skip - skipped, room - len(taken), cut or partial
        results.append(
            {
                "Id": result.id,
                "Label": result.label,
                "Timestamps": [moment(at) for at, _ in taken],
                "Values": [value for _, value in taken],
                "StatusCode": "PartialData" if partial else "Complete",
            }
        )
    done = _token(params.get("NextToken")) + most
    token = {"NextToken": str(done)} if cut else {}
    return {"MetricDataResults": results, "Messages": [], **token}


def _token(text: Any) -> int:
    """How many datapoints were returned before.

    Raises:
        Refused: not a token of ours.
    """
    if text is None:
        return 0
    if not str(text).isdigit():
        raise Refused("InvalidNextToken", "The next token is not valid.")
    return int(text)


def get_metric_statistics(store: Store, params: Params) -> dict[str, Any]:
    """Raises Refused: malformed, too many datapoints, both or neither kind of statistic."""
    basic, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    if bool(basic) == bool(extended):
        raise Refused(
            "InvalidParameterCombination",
            "Must specify either Statistics or ExtendedStatistics, but not both.",
        )
    if unknown := [name for name in basic if name not in _BASIC]:
        raise invalid(f"The value {unknown[0]} for parameter Statistics is not supported.")
    metric, period_s = metric_of(params), require_period(params.get("Period"))
    start, end = span_of(params)
    if (wanted := -(-(end - start) // period_s)) > MOST_STATISTICS_POINTS:
        raise Refused(
            "InvalidParameterCombination",
            f"You have requested up to {wanted} datapoints, which exceeds the limit of "
            f"{MOST_STATISTICS_POINTS}.",
        )
    functions = {name: parse_statistic(name) for name in (*basic, *extended)}
    unit = params.get("Unit")
    points = []
    for at, point in store.read(metric, start, end, period_s, unit).items():
        values = {name: compute(point) for name, compute in functions.items()}
        known = {name: value for name, value in values.items() if value is not None}
        if known:
            shown: dict[str, Any] = {"ExtendedStatistics": known} if extended else dict(known)
            points.append({"Timestamp": moment(at), "Unit": unit or store.unit(metric), **shown})
    return {"Label": metric.name, "Datapoints": points}


def list_metrics(store: Store, params: Params, now: float) -> dict[str, Any]:
    """Metrics that became known at least 15 minutes ago, 500 a page."""
    refuse_present(params, ("IncludeLinkedAccounts", "OwningAccount"), "ListMetrics")
    found = sorted(
        metric
        for metric, since in store.metrics()
        if since + LISTED_AFTER_S <= now
        and _matches(metric, params)
        and _recent(store, metric, params, now)
    )
    first = _token(params.get("NextToken"))
    page = found[first : first + PAGE]
    more = {"NextToken": str(first + PAGE)} if first + PAGE < len(found) else {}
    return {"Metrics": [describe(metric) for metric in page], **more}


def describe(metric: Metric) -> dict[str, Any]:
    """As CloudWatch shows a metric."""
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}


def _matches(metric: Metric, params: Params) -> bool:
    if params.get("Namespace") not in (None, metric.namespace):
        return False
    if params.get("MetricName") not in (None, metric.name):
        return False
    present = dict(metric.dimensions)
    return all(
        one.get("Name") in present and one.get("Value") in (None, present[one["Name"]])
        for one in params.get("Dimensions") or ()
    )


def _recent(store: Store, metric: Metric, params: Params, now: float) -> bool:
    if not params.get("RecentlyActive"):
        return True
    newest = store.newest(metric)
    return newest is not None and newest >= now - 3 * 3600

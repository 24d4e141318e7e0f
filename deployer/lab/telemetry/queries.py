"""MetricDataQuery lists, as GetMetricData and metric-math alarms take them, evaluated. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.lab.telemetry import expressions
from deployer.lab.telemetry.requests import metric_of, refused, require_period, unsupported
from deployer.lab.telemetry.statistics import NotSimulated, Statistic, UnknownStatistic, statistic
from deployer.lab.telemetry.store import MINUTE_S, Metric, Store
from deployer.lab.telemetry.values import BadExpression, Scope, Series, Value

MOST_QUERIES = 500
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_INSIGHTS = re.compile(r"\s*SELECT\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Query:
    """One MetricDataQuery, checked: a metric with its statistic, or an expression.

    period_s: None for an expression that names none (it takes that of its metrics).
    """

    id: str
    label: str
    returned: bool
    period_s: int | None
    expression: str | None = None
    metric: Metric | None = None
    stat: Statistic | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One time series of a query; an expression can have several."""

    id: str
    label: str
    series: Series


def parse(raw: Sequence[Mapping[str, Any]]) -> list[Query]:
    """Check the queries of one request.

    Raises:
        Refused: ValidationError in CloudWatch's manner; NotImplemented for what the lab lacks.
    """
    if not 0 < len(raw) <= MOST_QUERIES:
        raise refused(f"MetricDataQueries must have 1 to {MOST_QUERIES} members, not {len(raw)}")
    queries = [_query(one) for one in raw]
    ids = [query.id for query in queries]
    if len(set(ids)) < len(ids):
        raise refused("The values for parameter id in MetricDataQueries are not unique.")
    for query in queries:
        if query.expression is not None:
            _check_expression(query, set(ids))
    return queries


def _query(raw: Mapping[str, Any]) -> Query:
    name = str(raw.get("Id", ""))
    if not _ID.fullmatch(name):
        raise refused(
            f"The value {name!r} for parameter MetricDataQueries.Id is not matching {_ID.pattern}"
        )
    if raw.get("AccountId"):
        raise unsupported("MetricDataQuery.AccountId (metrics of another account)")
    if "${" in str(raw.get("Label", "")):
        raise unsupported("dynamic labels")
    returned = bool(raw.get("ReturnData", True))
    if bool(raw.get("Expression")) == bool(raw.get("MetricStat")):
        raise refused(f"Either Expression or MetricStat must be given for {name!r}, not both")
    if raw.get("Expression"):
        period = raw.get("Period")
        period_s = None if period is None else require_period(period)
        return Query(name, raw.get("Label", name), returned, period_s, str(raw["Expression"]))
    return _metric_query(name, raw["MetricStat"], raw, returned=returned)


def _metric_query(
    name: str, source: Mapping[str, Any], raw: Mapping[str, Any], *, returned: bool
) -> Query:
    metric = metric_of(source.get("Metric", {}))
    return Query(
        id=name,
        label=raw.get("Label", metric.name),
        returned=returned,
        period_s=require_period(source.get("Period")),
        metric=metric,
        stat=parse_statistic(str(source.get("Stat", ""))),
        unit=source.get("Unit"),
    )


def parse_statistic(text: str) -> Statistic:
    """Raises Refused: unknown to CloudWatch, or to the lab."""
    try:
        return statistic(text)
    except NotSimulated as error:
        raise unsupported(f"the statistic {text}") from error
    except UnknownStatistic as error:
        raise refused(str(error)) from error


def _check_expression(query: Query, ids: set[str]) -> None:
    expression = query.expression or ""
    if _INSIGHTS.match(expression):
        raise unsupported("Metrics Insights queries (SELECT)")
    try:
        unknown = expressions.names(expression) - ids
    except BadExpression as error:
        raise refused(f"Error in expression {query.id!r}: {error}") from error
    if unknown:
        raise refused(
            f"Error in expression {query.id!r}: there is no metric or expression with the id "
            f"{', '.join(sorted(unknown))}"
        )


class Evaluation:
    """The values of one request's queries over one span; each is computed once."""

    def __init__(self, store: Store, queries: Sequence[Query], start: int, end: int) -> None:
        """`start` (inclusive) and `end` (exclusive) in epoch seconds; `start` a whole minute."""
        self._store = store
        self._queries = {query.id: query for query in queries}
        self._start, self._end = start, end
        self._known: dict[str, Value] = {}
        self._under_way: list[str] = []

    def results(self) -> list[Result]:
        """The series of every query with ReturnData, in order.

        Raises:
            Refused: an expression that has no value, or that is a scalar.
        """
        return [
            result
            for query in self._queries.values()
            if query.returned
            for result in self._result(query)
        ]

    def _result(self, query: Query) -> list[Result]:
        value = self._value(query.id)
        if isinstance(value, float):
            raise refused(
                f"Error in expression {query.id!r}: the result is a scalar; it must be a time series"
            )
        if isinstance(value, dict):
            return [Result(query.id, query.label, value)]
        return [Result(query.id, f"{query.label} {n}", x) for n, x in enumerate(value, 1)]

    def _value(self, name: str) -> Value:
        if name not in self._known:
            if name in self._under_way:
                circle = " -> ".join([*self._under_way, name])
                raise refused(f"Error in expression {name!r}: it refers to itself ({circle})")
            self._under_way.append(name)
            self._known[name] = self._compute(self._queries[name])
            self._under_way.pop()
        return self._known[name]

    def _compute(self, query: Query) -> Value:
        if query.metric is not None and query.stat is not None:
            return self._metric(query)
        period_s = self._period_s(query)
        scope = Scope(
            lookup=self._value,
            metrics=self._metrics,
            grid=range(self._start, self._end, period_s),
            period_s=period_s,
        )
        try:
            return expressions.evaluate(query.expression or "", scope)
        except BadExpression as error:
            raise refused(f"Error in expression {query.id!r}: {error}") from error

    def _metric(self, query: Query) -> Series:
        if query.metric is None or query.stat is None:
            raise AssertionError(f"{query.id} is no metric")
        period_s = query.period_s or MINUTE_S
        points = self._store.read(query.metric, self._start, self._end, period_s, query.unit)
        values = ((at, query.stat(point)) for at, point in points.items())
        return {at: value for at, value in values if value is not None}

    def _metrics(self) -> list[tuple[str, Series]]:
        return [
            (query.id, self._metric(query))
            for query in self._queries.values()
            if query.metric is not None
        ]

    def _period_s(self, query: Query) -> int:
        """That of the metrics below; they must agree, and with the expression's own."""
        periods = self._periods(query.id, set())
        if "METRICS" in (query.expression or ""):
            periods |= {q.period_s for q in self._queries.values() if q.metric and q.period_s}
        if query.period_s is not None:
            periods.add(query.period_s)
        if len(periods) > 1:
            raise unsupported(
                f"metrics of different periods {sorted(periods)} in one expression ({query.id})"
            )
        return periods.pop() if periods else MINUTE_S

    def _periods(self, name: str, seen: set[str]) -> set[int]:
        query = self._queries[name]
        if name in seen:
            return set()
        if query.expression is None:
            return {query.period_s or MINUTE_S}
        below = expressions.names(query.expression)
        return {p for other in below for p in self._periods(other, seen | {name})}

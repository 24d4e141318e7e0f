"""Alarms: what PutMetricAlarm and PutCompositeAlarm ask for, checked; and what an alarm is. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.ringing import PREFIX
from deployer.lab.telemetry import composites
from deployer.lab.telemetry.composites import BadRule, CompositeRule
from deployer.lab.telemetry.evaluation import COMPARISONS, Missing, Rule, State
from deployer.lab.telemetry.queries import Query, parse
from deployer.lab.telemetry.requests import missing, refuse_present, refused, unsupported
from deployer.lab.telemetry.store import MINUTE_S

METRIC, COMPOSITE = "MetricAlarm", "CompositeAlarm"
ACTION_LISTS = {
    State.OK: "OKActions",
    State.ALARM: "AlarmActions",
    State.INSUFFICIENT_DATA: "InsufficientDataActions",
}
_OF_A_METRIC = ("Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
_NOT_SIMULATED = (
    "ActionConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
    "EvaluationWindow",
    "ThresholdMetricId",
    "WarmUpConfiguration",
)
_COMPOSITE_NOT_SIMULATED = (
    "ActionConfiguration",
    "ActionsSuppressor",
    "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod",
)
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)")
_DAY_S, _WEEK_S = 86_400, 604_800


@dataclass(frozen=True, slots=True)
class Watch:
    """What a metric alarm looks at: the one query with ReturnData, and the rule for its points.

    least_samples: with EvaluateLowSampleCountPercentile=ignore, the alarm keeps its state while
                   the evaluated periods hold fewer samples; 0 otherwise.
    """

    queries: tuple[Query, ...]
    watched: str
    period_s: int
    rule: Rule
    least_samples: float = 0.0


@dataclass(slots=True)
class Alarm:
    """An alarm and its state; `settings` are the request's, keyed as the API keys them."""

    name: str
    arn: str
    settings: dict[str, Any]
    watch: Watch | None
    composite: CompositeRule | None
    configured_at: float
    actions_enabled: bool = True
    state: State = State.INSUFFICIENT_DATA
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    updated_at: float = 0.0
    transitioned_at: float = 0.0
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return METRIC if self.watch is not None else COMPOSITE

    def actions(self, state: State) -> Sequence[str]:
        """ARNs to notify when it enters `state`."""
        return self.settings.get(ACTION_LISTS[state]) or ()


def metric_watch(params: Mapping[str, Any]) -> Watch:
    """Check a PutMetricAlarm request.

    Raises:
        Refused: as CloudWatch would, or NotImplemented for what the lab does not evaluate.
    """
    refuse_present(params, _NOT_SIMULATED, "PutMetricAlarm")
    _check_common(params, scaling=True)
    if bool(params.get("MetricName")) == bool(params.get("Metrics")):
        raise refused("Exactly one of MetricName and Metrics must be given.")
    queries = _math(params) if params.get("Metrics") else _single(params)
    watched = next(query for query in queries if query.returned)
    periods = {query.period_s for query in queries if query.metric is not None}
    if len(periods) != 1:
        raise refused(
            "All metrics of an alarm must have the same Period, and there is at least one."
        )
    period_s = periods.pop() or MINUTE_S
    return Watch(
        tuple(queries), watched.id, period_s, _rule(params, period_s), _least_samples(params)
    )


def _single(params: Mapping[str, Any]) -> list[Query]:
    if bool(params.get("Statistic")) == bool(params.get("ExtendedStatistic")):
        raise refused("Exactly one of Statistic and ExtendedStatistic must be given.")
    stat = {
        "Metric": {key: params.get(key) for key in ("Namespace", "MetricName", "Dimensions")},
        "Period": params.get("Period"),
        "Stat": params.get("Statistic") or params.get("ExtendedStatistic"),
        **({"Unit": params["Unit"]} if params.get("Unit") else {}),
    }
    return parse([{"Id": "m", "MetricStat": stat}])


def _math(params: Mapping[str, Any]) -> list[Query]:
    if present := [name for name in _OF_A_METRIC if params.get(name)]:
        raise refused(f"{', '.join(present)} cannot be given together with Metrics.")
    queries = parse(params["Metrics"])
    metrics = sum(query.metric is not None for query in queries)
    if metrics > 10 or len(queries) - metrics > 10:
        raise refused("An alarm has at most 10 metrics and 10 expressions.")
    if sum(query.returned for query in queries) != 1:
        raise refused("Exactly one element of the metrics list should return data.")
    return queries


def _rule(params: Mapping[str, Any], period_s: int) -> Rule:
    for name in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if params.get(name) is None:
            raise missing(name)
    comparison = str(params["ComparisonOperator"])
    if comparison not in COMPARISONS:
        raise unsupported(f"anomaly detection ({comparison})")
    periods = int(params["EvaluationPeriods"])
    datapoints = int(params.get("DatapointsToAlarm") or periods)
    if not 1 <= datapoints <= periods:
        raise refused("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods.")
    if periods * period_s > (_WEEK_S if period_s >= 3600 else _DAY_S):
        raise refused(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period)."
        )
    treat = str(params.get("TreatMissingData") or "missing")
    if treat not in [str(known) for known in Missing]:
        raise refused(f"The value {treat} for TreatMissingData is not supported.")
    return Rule(comparison, float(params["Threshold"]), periods, datapoints, Missing(treat))


def _least_samples(params: Mapping[str, Any]) -> float:
    """10/(1-p) for percentiles from the middle up, 10/p below (AlarmThatSendsEmail)."""
    low = params.get("EvaluateLowSampleCountPercentile")
    if low is None:
        return 0.0
    match = _PERCENTILE.fullmatch(str(params.get("ExtendedStatistic") or ""))
    if low not in ("evaluate", "ignore") or match is None:
        raise refused("EvaluateLowSampleCountPercentile is evaluate or ignore, for a percentile.")
    share = float(match[1]) / 100
    rarer = min(share, 1 - share) if share < 0.5 else 1 - share
    return round(10 / rarer, 6) if low == "ignore" and rarer > 0 else 0.0


def composite_rule(params: Mapping[str, Any]) -> CompositeRule:
    """Check a PutCompositeAlarm request.

    Raises:
        Refused: as CloudWatch would, or NotImplemented for suppressors.
    """
    refuse_present(params, _COMPOSITE_NOT_SIMULATED, "PutCompositeAlarm")
    _check_common(params)
    if not params.get("AlarmRule"):
        raise missing("AlarmRule")
    try:
        return composites.parse(str(params["AlarmRule"]))
    except BadRule as error:
        raise refused(f"AlarmRule: {error}") from error


def _check_common(params: Mapping[str, Any], *, scaling: bool = False) -> None:
    """`scaling`: whether a scaling policy may be an action, which rings in ALARM alone."""
    name = str(params.get("AlarmName") or "")
    if not 1 <= len(name) <= 255 or any(ord(char) < 32 for char in name):
        raise refused(f"AlarmName {name!r} must have 1 to 255 printable characters.")
    for state, key in ACTION_LISTS.items():
        actions = params.get(key) or ()
        if len(actions) > 5:
            raise refused(f"{key} has at most 5 members")
        allowed = (
            ("arn:aws:sns:", PREFIX) if scaling and state is State.ALARM else ("arn:aws:sns:",)
        )
        for arn in actions:
            if not str(arn).startswith(allowed):
                raise unsupported(f"alarm actions other than SNS topics ({arn})")

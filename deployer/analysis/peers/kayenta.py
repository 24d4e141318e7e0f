"""Kayenta's judge, NetflixACAJudge-v1.0: metric by metric a class, then a score (peers.md 2.3).

kayenta-judge/src/main/scala/com/netflix/kayenta/judge: MannWhitneyClassifier, MeanInequalityClassifier,
WeightedSumScorer, ThresholdScoreClassifier; orca's AggregateCanaryResultsTask. Where a metric's data is
constant on both sides, Kayenta adds noise of its own: here its source is an argument.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from deployer.analysis.peers.kayenta_effects import EFFECTS
from deployer.analysis.peers.mann_whitney import shift

Both = tuple[float, float]
Values = Sequence[float]


class Dice(Protocol):
    """Normal numbers, as `random.Random` has them."""

    def gauss(self, mu: float, sigma: float, /) -> float: ...


@dataclass(frozen=True)
class Rules:
    """One metric's settings; pairs are (decrease, increase)."""

    tolerance: float = 0.25
    confidence: float = 0.98
    effect: Both = (1.0, 1.0)
    critical_effect: Both = (1.0, 1.0)
    measure: str = "meanRatio"
    direction: str = "either"
    nan: str = "remove"
    critical: bool = False
    required: bool = False


@dataclass(frozen=True)
class Label:
    """Pass, High, Low, Nodata, NodataFailMetric or Error; whether that fails the whole canary."""

    name: str
    critical: bool = False
    deviation: float = 1.0
    reason: str = ""


def cleaned(values: Values, rules: Rules) -> list[float]:
    """Without NaN, or with zeros in their place."""
    if rules.nan == "replace":
        return [0.0 if math.isnan(value) else value for value in values]
    return [value for value in values if not math.isnan(value)]


def mann_whitney(experiment: Values, control: Values, rules: Rules, dice: Dice) -> Label:
    """High or Low if the shift's interval is beyond a part of the shift itself."""

    def compare(x: Values, y: Values) -> str:
        if sorted(x) == sorted(y):
            return "Pass"
        if len(set(x)) == len(set(y)) == 1:
            x = [value + dice.gauss(0, abs(value) * 1e-5) for value in x]
            y = [value + dice.gauss(0, abs(value) * 1e-5) for value in y]
        found = shift(x, y, rules.confidence)
        margin = rules.tolerance * abs(found.best)
        return "High" if found.low > margin else "Low" if found.high < -margin else "Pass"

    return classified(experiment, control, rules, compare)


def mean_inequality(experiment: Values, control: Values, rules: Rules) -> Label:
    """High or Low if the means differ by more than the tolerance."""

    def compare(x: Values, y: Values) -> str:
        ratio = fmean(x) / fmean(y) if fmean(y) else math.inf
        return (
            "High"
            if ratio > 1 + rules.tolerance
            else "Low"
            if ratio < 1 - rules.tolerance
            else "Pass"
        )

    return classified(experiment, control, rules, compare)


def classified(
    experiment: Values, control: Values, rules: Rules, compare: Callable[[Values, Values], str]
) -> Label:
    """What `compare` says, within direction and effect size; and what missing data means."""
    x, y = cleaned(experiment, rules), cleaned(control, rules)
    if not x or not y:
        return missing(rules)
    if sorted(x) == sorted(y):
        return Label("Pass")
    deviation = EFFECTS[rules.measure](x, y)
    try:
        name = compare(x, y)
    except ValueError as error:
        return Label("Error", reason=str(error))
    wanted = {"High": ("either", "increase"), "Low": ("either", "decrease")}.get(name, ())
    if rules.direction not in wanted or not beyond(deviation, rules.effect, name):
        return Label("Pass", deviation=deviation)
    critical = rules.critical and beyond(deviation, rules.critical_effect, name)
    return Label(name, critical, deviation, f"{name}: effect {deviation:.3g}")


def beyond(deviation: float, thresholds: Both, name: str) -> bool:
    """Whether the effect is large enough; an unknown one (a mean of zero) always is."""
    decrease, increase = thresholds
    if math.isnan(deviation):
        return True
    return deviation >= increase if name == "High" else deviation <= decrease


def missing(rules: Rules) -> Label:
    """No data on either side."""
    if rules.nan == "replace":
        return Label("Pass", reason="no data, taken for zeros")
    if rules.required and not rules.critical:
        return Label("NodataFailMetric", reason="no data, and it must have some")
    return Label("Nodata", rules.critical, reason="no data")


@dataclass(frozen=True)
class Scored:
    """One metric's label in its groups."""

    label: str
    groups: tuple[str, ...] = ("all",)
    critical: bool = False


COUNTED = ("Pass", "High", "Low", "NodataFailMetric")


def score(metrics: Sequence[Scored], weights: Mapping[str, float]) -> float:
    """The canary's score, 0..100. An erring metric is in nobody's denominator: so Kayenta has it."""
    if any(one.critical and one.label != "Pass" for one in metrics):
        return 0.0
    if 2 * sum(one.label == "Nodata" for one in metrics) >= len(metrics):
        return 0.0
    groups = sorted({group for one in metrics for group in one.groups})
    unweighted = [group for group in groups if group not in weights]
    rest = (100 - sum(weights.get(group, 0) for group in groups)) / (len(unweighted) or 1)
    total = sum(group_score(metrics, group) * weights.get(group, rest) / 100 for group in groups)
    return round(total, 2)


def group_score(metrics: Sequence[Scored], group: str) -> float:
    """The share of its metrics that pass; 100 without any that count."""
    labels = [one.label for one in metrics if group in one.groups and one.label in COUNTED]
    return 100 * labels.count("Pass") / len(labels) if labels else 100.0


def good_enough(scored: float, marginal: float | None, passing: float | None) -> bool:
    """Orca's aggregate: the last score must reach `passing`, or be above `marginal` without one."""
    if passing is not None:
        return scored >= passing
    return marginal is None or scored > marginal

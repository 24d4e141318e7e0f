"""An outside check of the peer that the benchmark compares with: Kayenta's own numeric test cases.

tests/data/kayenta_cases.json says where they come from, and under which licence.
"""

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist
from typing import Any

import pytest

from deployer.analysis.peers import kayenta, kayenta_effects
from deployer.analysis.peers.mann_whitney import Shift, shift, wilcoxon

CASES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "kayenta_cases.json").read_text()
)


def of(kind: str) -> list[Any]:
    return [pytest.param(case, id=case.get("id", str(n))) for n, case in enumerate(CASES[kind])]


def values(raw: list[Any]) -> list[float]:
    return [math.nan if value is None else float(value) for value in raw]


@pytest.mark.parametrize("case", of("classifier_cases"))
def test_classifiers(case: dict[str, Any]) -> None:
    said, want = case["settings"], case["expected"]
    rules = kayenta.Rules(
        said["tolerance"], said["confLevel"], tuple(said["effectSizeThresholds"]),
        tuple(said["criticalThresholds"]), said["effectSizeMeasure"], said["direction"],
        said["nanStrategy"], said["isCriticalMetric"], said["isDataRequired"],
    )  # fmt: skip
    experiment, control = values(case["experiment"]), values(case["control"])
    if case["classifier"] == "MannWhitney":
        dice = random.Random(1)  # noqa: S311 - a simulation
        found = kayenta.mann_whitney(experiment, control, rules, dice)
    else:
        found = kayenta.mean_inequality(experiment, control, rules)
    assert want["classification"] in (None, found.name)
    assert want["critical"] in (None, found.critical)
    if want["reason_not_empty"]:
        assert found.reason
    if want["deviation"] is not None:
        assert same(found.deviation, want["deviation"], 1e-9)


def same(found: float, want: float | str, tolerance: float) -> bool:
    wanted = float(want)
    return math.isnan(found) if math.isnan(wanted) else abs(found - wanted) <= tolerance


@pytest.mark.parametrize("case", of("mann_whitney_cases"))
def test_mann_whitney(case: dict[str, Any]) -> None:
    x, y = values(case["experiment"]), values(case["control"])
    low, high = min(x) - max(y), max(x) - min(y)
    z = -NormalDist().inv_cdf((1 - case["confidenceLevel"]) / 2)

    def interval() -> Shift:
        return shift(x, y, case["confidenceLevel"])

    known: dict[str, Callable[[], float]] = {
        "mannWhitney.wilcoxonDiff(0, 0, x, y)": lambda: wilcoxon(0, 0, x, y),
        "mannWhitney.wilcoxonDiff(5, 0, x, y)": lambda: wilcoxon(5, 0, x, y),
        "result.confidenceInterval.head": lambda: interval().low,
        "result.confidenceInterval.last": lambda: interval().high,
        "result.estimate": lambda: interval().best,
        "ciLower": lambda: interval().low,
        "ciUpper": lambda: interval().high,
        "estimate": lambda: interval().best,
        "muMin": lambda: low,
        "muMax": lambda: high,
        "fLower1": lambda: wilcoxon(low, z, x, y),
        "fUpper1": lambda: wilcoxon(high, z, x, y),
        "fLower2": lambda: wilcoxon(low, -z, x, y),
        "fUpper2": lambda: wilcoxon(high, -z, x, y),
        "zqLower": lambda: z,
        "zqUpper": lambda: -z,
    }
    for name, want in case["expected"].items():
        assert same(known[name](), want["value"], want["abs_tol"]), name


@pytest.mark.parametrize("case", of("scorer_cases"))
def test_scores(case: dict[str, Any]) -> None:
    metrics = [
        kayenta.Scored(one["label"], tuple(one["groups"]), one["critical"])
        for one in case["metrics"]
    ]
    assert kayenta.score(metrics, case["groupWeights"]) == case["expected"]["summaryScore"]


@pytest.mark.parametrize("case", of("detector_cases"))
def test_outliers(case: dict[str, Any]) -> None:
    detectors = {
        "IQR": kayenta_effects.outside_quartiles,
        "KSigma": kayenta_effects.outside_deviations,
    }
    assert detectors[case["detector"]](case["data"], case["factor"]) == case["expected"]


@pytest.mark.parametrize("case", of("statistic_cases"))
def test_statistics(case: dict[str, Any]) -> None:
    if case["kind"] == "percentile_R7":
        for want in case["expected"]:
            found = kayenta_effects.percentile(case["data"], want["p"])
            assert same(found, want["value"], max(want["tol"], 1e-12))
        return
    found = kayenta_effects.EFFECTS[case["kind"]](case["experiment"], case["control"])
    assert same(found, case["expected"]["value"], case["expected"]["tol"])


@pytest.mark.parametrize("case", of("aggregate_cases"))
def test_what_is_good_enough(case: dict[str, Any]) -> None:
    passed = kayenta.good_enough(case["finalScore"], case["marginal"], case["passing"])
    assert passed == case["expected_pass"]

"""Counting: percentiles, and who is to blame."""

import math

from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.load.histogram import Histogram
from deployer.lab.load.report import NONE, SAMPLES, UNANSWERED, LoadReport


@given(
    st.lists(st.floats(0.01, 60_000), min_size=1, max_size=200),
    st.sampled_from([1, 50, 95, 99, 99.9, 100]),
)
def test_percentiles_are_within_one_percent_of_the_exact_ones(
    durations: list[float], percent: float
) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    exact = sorted(durations)[max(1, math.ceil(len(durations) * percent / 100)) - 1]
    found = histogram.percentile(percent)
    assert found is not None
    assert exact * 0.9999 <= found <= exact * 1.0101
    assert histogram.summary()["max"] == round(max(durations), 3)


def test_without_durations_there_are_no_percentiles() -> None:
    assert Histogram().percentile(99) is None
    assert Histogram().summary() == {"p50": None, "p95": None, "p99": None, "max": None}


def test_failures_are_counted_by_release_and_cause() -> None:
    report = LoadReport("http://127.0.0.1/", 10, 1)
    report.answered("v1", 200, 1.0, 0.1)
    report.answered("v2", 500, 2.0, 0.2)
    report.answered(NONE, 503, 3.0, 0.3)
    report.lost(UNANSWERED, "connect", 0.4)
    report.lost("v2", "reset", 0.5)
    shown = report.as_json()
    assert (shown["requests"], shown["ok"], shown["failed"]) == (5, 1, 4)
    assert shown["failures"] == {"connect": 1, "http_500": 1, "http_503": 1, "reset": 1}
    assert {name: (t["ok"], t["failures"]) for name, t in shown["releases"].items()} == {
        "none": (0, {"http_503": 1}),
        "unanswered": (0, {"connect": 1}),
        "v1": (1, {}),
        "v2": (0, {"http_500": 1, "reset": 1}),
    }
    assert shown["failure_samples"][0] == {
        "at_s": 0.2,
        "cause": "http_500",
        "release": "v2",
        "idle_s": None,
    }


def test_failure_samples_are_bounded() -> None:
    report = LoadReport("http://127.0.0.1/", 10, 1)
    for _ in range(100):
        report.lost(UNANSWERED, "timeout", 0.0)
    report.lost(UNANSWERED, "reset", 9.0, 0.5)
    samples = report.as_json()["failure_samples"]
    assert len(samples) == SAMPLES + 1
    assert samples[-1] == {"at_s": 9.0, "cause": "reset", "release": UNANSWERED, "idle_s": 0.5}
    assert report.failed == 101

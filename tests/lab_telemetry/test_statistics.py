"""Statistics against naive computations over the list of samples."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.telemetry.statistics import NotSimulated, UnknownStatistic, statistic
from deployer.lab.telemetry.store import Datapoint, merge

TEN = Datapoint.of({float(n): 1.0 for n in range(1, 11)})
SAMPLES = st.lists(st.integers(0, 400).map(lambda n: n / 8), min_size=1, max_size=120)


def point(samples: list[float]) -> Datapoint:
    return Datapoint.of({value: float(n) for value, n in Counter(samples).items()})


@pytest.mark.parametrize(
    ("stat", "value"),
    [
        ("SampleCount", 10),
        ("Sum", 55),
        ("Average", 5.5),
        ("Minimum", 1),
        ("Maximum", 10),
        ("p0", 1),
        ("p50", 5),
        ("p90", 9),
        ("p99.9", 10),
        ("p100", 10),
        ("tm90", 5.0),
        ("tc90", 9),
        ("ts90", 45),
        ("TM(20%:80%)", 5.5),
        ("TM(25%:75%)", 5.5),
        ("IQM", 5.5),
        ("TM(:95%)", (45 + 5) / 9.5),
        ("TS(80%:)", 19),
        ("TM(2:4)", 3.5),
        ("TC(2:4)", 2),
        ("TC(:0.5)", 0),
        ("TM(:0.5)", None),
        ("TS(100:200)", 0),
        ("PR(:3)", 30),
        ("PR(3:7)", 40),
        ("PR(9:)", 10),
    ],
)
def test_statistics_of_one_to_ten(stat: str, value: float | None) -> None:
    assert statistic(stat)(TEN) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize(
    "stat",
    ["", "sum", "P99", "p101", "p-1", "p", "tm", "TM(5%:10)", "PR(1%:2%)", "PR(:)", "TM()",
     "TM(90%:10%)", "tm101", "p99,9", "TC(a:b)", "pp99"],
)  # fmt: skip
def test_what_is_no_statistic_is_refused(stat: str) -> None:
    with pytest.raises(UnknownStatistic, match="not supported"):
        statistic(stat)


@pytest.mark.parametrize("stat", ["wm98", "WM(10%:90%)"])
def test_winsorized_means_are_refused_by_name(stat: str) -> None:
    with pytest.raises(NotSimulated, match="winsorized"):
        statistic(stat)


@given(SAMPLES, st.sampled_from([0, 1, 10, 50, 90, 95, 99, 99.9, 100]))
def test_percentiles_are_nearest_rank(samples: list[float], percent: float) -> None:
    rank = max(1, math.ceil(round(len(samples) * percent / 100, 9)))
    assert statistic(f"p{percent}")(point(samples)) == sorted(samples)[rank - 1]


@given(SAMPLES, st.integers(0, 100))
def test_trimmed_statistics_agree_with_the_list_when_the_cut_is_between_samples(
    samples: list[float], kept: int
) -> None:
    samples = sorted(samples) * 100  # so that any whole percentage cuts between samples
    samples.sort()
    naive = samples[: len(samples) * kept // 100]
    data = point(samples)
    assert statistic(f"tc{kept}")(data) == pytest.approx(len(naive))
    assert statistic(f"ts{kept}")(data) == pytest.approx(sum(naive))
    mean = statistic(f"tm{kept}")(data)
    assert mean == (pytest.approx(sum(naive) / len(naive)) if naive else None)


@given(SAMPLES, st.integers(0, 50), st.integers(0, 50))
def test_fixed_bounds_exclude_the_lower_and_include_the_upper(
    samples: list[float], low: int, high: int
) -> None:
    naive = [value for value in samples if low < value <= high]
    data = point(samples)
    assert statistic(f"TC({low}:{high})")(data) == len(naive)
    assert statistic(f"TS({low}:{high})")(data) == pytest.approx(sum(naive))
    assert statistic(f"PR({low}:{high})")(data) == pytest.approx(100 * len(naive) / len(samples))


@given(SAMPLES, SAMPLES)
def test_merging_datapoints_is_joining_the_samples(left: list[float], right: list[float]) -> None:
    merged = merge([point(left), point(right)])
    joined = point(left + right)
    assert merged is not None
    assert merged.values == joined.values
    assert (merged.count, merged.low, merged.high) == (joined.count, joined.low, joined.high)
    assert merged.total == pytest.approx(joined.total)


def test_a_statistic_set_has_percentiles_only_when_all_its_values_are_the_same() -> None:
    mixed = Datapoint(10, 30, 1, 5, None)
    assert statistic("Average")(mixed) == 3
    assert statistic("p99")(mixed) is None
    assert statistic("p99")(Datapoint(10, 30, 3, 3, None)) == 3
    assert statistic("p50")(merge([mixed, TEN]) or TEN) is None


def test_negative_values_have_no_percentiles() -> None:
    assert statistic("p50")(Datapoint.of({-1.0: 1, 2.0: 1})) is None
    assert statistic("Minimum")(Datapoint.of({-1.0: 1, 2.0: 1})) == -1

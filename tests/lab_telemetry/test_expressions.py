"""Metric math: the examples of the AWS documentation, missing data, and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.telemetry.expressions import evaluate, names
from deployer.lab.telemetry.values import BadExpression, Scope, Series, Value

GRID = (0, 60, 120, 180, 240)


def series(*values: float | None) -> Series:
    return {at: float(v) for at, v in zip(GRID, values, strict=False) if v is not None}


def compute(expression: str, grid: tuple[int, ...] = GRID, /, **known: Series) -> Value:
    return evaluate(expression, Scope(known.__getitem__, lambda: list(known.items()), grid, 60))


N = None
M1 = series(30, 20, 0, 0)
M2 = series(20, N, 20, N)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # using-metric-math, "Comparison and logical operators": metric2 has no value at the 2nd
        # and 4th timestamp, which counts as 0 against a value of metric1.
        ("m1 < m2", series(0, 0, 1, 0)),
        ("m1 >= 30", series(1, 0, 0, 0)),
        ("m1 > 15 AND m2 > 15", series(1, 0, 0, 0)),
        ("m1 > 15 && m2 > 15", series(1, 0, 0, 0)),
        ("m1 > 15 OR m2 > 15", series(1, 1, 1, 0)),
        ("m1 > 15 || m2 > 15", series(1, 1, 1, 0)),
        ("m1 == 0", series(0, 0, 1, 1)),
        ("m1 != 0", series(1, 1, 0, 0)),
        ("m1 <= m2", series(0, 0, 1, 1)),
        # Arithmetic: missing is 0 beside a value; a division by zero drops the point.
        ("m1 + m2", series(50, 20, 20, 0)),
        ("m2 - m1", series(-10, -20, 20, 0)),
        ("m1 / m2", series(1.5, N, 0, N)),
        ("m2 / m1", series(20 / 30, 0, N, N)),
        ("m2 * 2", series(40, N, 40, N)),
        ("-m2", series(-20, N, -20, N)),
        ("m2 ^ 2", series(400, N, 400, N)),
        ("m1 / 0", {}),
        ("2 * (m1 + 1)", series(62, 42, 2, 2)),
        # FILL fills the whole span.
        ("FILL(m2, 7)", series(20, 7, 20, 7, 7)),
        ("FILL(m2, REPEAT)", series(20, 20, 20, 20, 20)),
        ("FILL(m2, LINEAR)", series(20, 20, 20)),
        ("FILL(m2, m1)", series(20, 20, 20, 0)),
        ("FILL(m2, -1)", series(20, -1, 20, -1, -1)),
        ("FILL(m2, MIN(m1))", series(20, 0, 20, 0, 0)),
        # One series aggregates to a scalar, an array to a series.
        ("m1 - MIN(m1)", series(30, 20, 0, 0)),
        ("m1 * 0 + AVG(m2)", series(20, 20, 20, 20)),
        ("SUM([m1, m2])", series(50, 20, 20, 0)),
        ("MAX(METRICS())", series(30, 20, 20, 0)),
        ("MIN([m1, m2])", series(20, 20, 0, 0)),
        ("AVG([m1, m2])", series(25, 10, 10, 0)),
        ('SUM(METRICS("2"))', series(20, N, 20, N)),
        ("SUM(METRICS('m1'))", M1),
        ("m1 / PERIOD(m1)", series(0.5, 20 / 60, 0, 0)),
        ("m1 / METRIC_COUNT(METRICS())", series(15, 10, 0, 0)),
        ("TIME_SERIES(5)", series(5, 5, 5, 5, 5)),
        ("ABS(m2 - m1)", series(10, 20, 20, 0)),
        ("CEIL(m1 / 7)", series(5, 3, 0, 0)),
        ("FLOOR(m1 / 7)", series(4, 2, 0, 0)),
        ("LOG10(m1 * 10 / 3)", series(2, 1.8239087409)),
        ("IF(m1 > 0, 100 * FILL(m2, 0) / m1)", series(2000 / 30, 0, N, N)),
        ("SUM(100 / [m1, m2])", series(100 / 30 + 5, 5, 5)),
    ],
)
def test_math(expression: str, expected: Series) -> None:
    found = compute(expression, m1=M1, m2=M2)
    assert found == pytest.approx(expected)


def test_an_operation_on_an_array_gives_an_array() -> None:
    assert compute("METRICS() * 2", m1=series(1), m2=series(N, 2)) == [series(2), series(N, 4)]
    assert compute("FILL(METRICS(), 0)", (0, 60), m1=series(1), m2=series(N, 2)) == [
        series(1, 0),
        series(0, 2),
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # using-metric-math, "Using IF expressions": the four tables.
        ("IF(m1, m2, m3)", series(30, 0, 20, N, N)),
        ("IF(m1, 5, m3)", series(5, 5, 20, N, N)),
        ("IF(m1, m2, 5)", series(30, 0, 5, 5, N)),
        ("IF(m1, m2)", series(30, 0)),
        ("IF(1, m2, m3)", series(30, N, 0, 0, 30)),
        ("IF(0, m2, m3)", series(0, 0, 20, N, 20)),
        ("IF(0, m2)", {}),
        ("IF(m2 < 400, 10, 2)", series(10, N, 10, 10, 10)),
    ],
)
def test_if(expression: str, expected: Series) -> None:
    m1, m2, m3 = series(1, 1, 0, 0, N), series(30, N, 0, 0, 30), series(0, 0, 20, N, 20)
    assert compute(expression, m1=m1, m2=m2, m3=m3) == expected


def test_without_any_data_there_is_no_data() -> None:
    assert compute("m1 + m1", m1={}) == {}
    assert compute("m1 > 1", m1={}) == {}
    assert compute("m2 + SUM(m1)", m1={}, m2=series(1)) == {}
    assert compute("m2 > MAX(m1)", m1={}, m2=series(1)) == {}
    assert compute("IF(SUM(m1), m2)", m1={}, m2=series(1)) == {}
    assert compute("FILL(m1, REPEAT)", m1={}) == {}
    assert compute("FILL(m1, 0)", m1={}) == series(0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "expression",
    [
        "", "m1 +", "(m1", "m1 m2", "unknown", "m1.x", "m1[0]", "lambda: 1", "f'{m1}'", "m1 if 1 else 2",
        "RATE(m1)", "sum(m1)", "SUM()", "SUM(m1, m2)", "FILL(m1)", "FILL(m1, 'x')", "FILL(1, 0)",
        "IF(m1)", "IF([m1], 1, 2)", "IF(m1, REPEAT, 0)", "METRICS(1)", "[m1] + [m2]", "[m1] > 1",
        "[1, 2]", "SUM(1)", "AVG(1)", "TIME_SERIES(m1)", "1 < m1 < 2", "m1 % 2", "m1 // 2", "~m1", "not m1",
        "True", "REPEAT", "'text'", "m1 and 'text'", "__import__('os')", "SUM(x=m1)", "m1 := 1",
        "SEARCH('{AWS/EC2} CPU', 'Average', 300)", "1" * 3000, "-" * 2000 + "1", "(" * 500 + "1" + ")" * 500,
        "9" * 400,
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        compute(expression, m1=M1, m2=M2)


@pytest.mark.parametrize("expression", ["9.0 ^ 9 ^ 9 + m1", "(0 - 8) ^ 0.5 + m1", "LOG(0 * m1)"])
def test_values_that_are_no_finite_numbers_are_dropped(expression: str) -> None:
    assert compute(expression, m1=series(1, 2)) == {}


def test_names_are_those_of_queries_not_of_functions() -> None:
    assert names('IF(req > 0, FILL(e1, REPEAT) / SUM(METRICS("x")))') == {"req", "e1"}


SERIES = st.dictionaries(st.sampled_from(GRID), st.integers(-50, 50).map(float))


@given(SERIES, SERIES)
def test_addition_treats_missing_as_zero_beside_a_value(left: Series, right: Series) -> None:
    expected = {at: left.get(at, 0) + right.get(at, 0) for at in left.keys() | right.keys()}
    assert compute("m1 + m2", m1=left, m2=right) == expected
    assert compute("SUM([m1, m2])", m1=left, m2=right) == expected


@given(SERIES, SERIES)
def test_a_quotient_has_a_point_exactly_where_the_divisor_is_known_and_not_zero(
    left: Series, right: Series
) -> None:
    found = compute("m1 / m2", m1=left, m2=right)
    assert isinstance(found, dict)
    assert found.keys() == {at for at, value in right.items() if value != 0}

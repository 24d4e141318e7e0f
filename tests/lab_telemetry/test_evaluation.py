"""Alarm evaluation: the tables of the AWS documentation, word for word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.telemetry.evaluation import Missing, Rule, State, decide

OK, ALARM, LACK, KEEP = State.OK, State.ALARM, State.INSUFFICIENT_DATA, None
VALUES = {"0": 0.0, "X": 9.0, "-": None}


def outcome(points: str, m: int, n: int, missing: Missing) -> State | None:
    rule = Rule("GreaterThanThreshold", 5.0, n, m, missing)
    return decide(rule, [VALUES[point] for point in points.split()]).state


@pytest.mark.parametrize(
    ("points", "m", "states"),
    [
        # alarms-and-missing-data, first table: 3 out of 3. MISSING, IGNORE, BREACHING, NOT BREACHING
        ("0 - X - X", 3, (OK, OK, OK, OK)),
        ("0 - - - -", 3, (OK, OK, OK, OK)),
        ("- - - - -", 3, (LACK, KEEP, ALARM, OK)),
        ("0 X X - X", 3, (ALARM, ALARM, ALARM, ALARM)),
        ("- - X - -", 3, (ALARM, KEEP, ALARM, OK)),
        # second table: 2 out of 3
        ("0 - X - X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 0 X 0 X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0 - X - -", 2, (OK, OK, ALARM, OK)),
        ("- - - - 0", 2, (OK, OK, ALARM, OK)),
        ("- - - X -", 2, (ALARM, KEEP, ALARM, OK)),
        # "Avoiding premature transitions": not yet
        ("- - - - X", 3, (LACK, KEEP, ALARM, OK)),
        ("- - - X -", 3, (LACK, KEEP, ALARM, OK)),
        ("- - - - X", 2, (LACK, KEEP, ALARM, OK)),
        ("- - - X 0", 3, (OK, OK, OK, OK)),
        ("- - X - 0", 3, (OK, OK, OK, OK)),
        # nothing is missing: only the newest three count
        ("X X 0 0 0", 2, (OK, OK, OK, OK)),
        ("0 0 X X X", 3, (ALARM, ALARM, ALARM, ALARM)),
    ],
)
def test_the_tables_of_the_documentation(
    points: str, m: int, states: tuple[State | None, ...]
) -> None:
    found = tuple(outcome(points, m, 3, missing) for missing in Missing)
    order = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)
    assert tuple(Missing) == order
    assert found == states


@pytest.mark.parametrize(
    ("points", "states"),
    [
        ("- - X", (ALARM, ALARM, ALARM, ALARM)),
        ("X - -", (ALARM, ALARM, ALARM, ALARM)),
        ("X - 0", (OK, OK, OK, OK)),
        ("- - -", (LACK, KEEP, ALARM, OK)),
    ],
)
def test_one_of_one_uses_the_newest_real_point(points: str, states: tuple[State, ...]) -> None:
    assert tuple(outcome(points, 1, 1, missing) for missing in Missing) == states


@pytest.mark.parametrize(
    ("comparison", "breaching"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_comparisons(comparison: str, breaching: list[bool]) -> None:
    rule = Rule(comparison, 5.0, 1, 1, Missing.MISSING)
    assert [rule.breaching(value) for value in (4.0, 5.0, 6.0)] == breaching


POINTS = st.lists(st.sampled_from([0.0, 9.0, None]), max_size=7)


@given(POINTS, st.integers(1, 5), st.integers(1, 5), st.sampled_from(list(Missing)))
def test_with_enough_real_points_missing_data_does_not_matter(
    points: list[float | None], m: int, n: int, missing: Missing
) -> None:
    m, n = min(m, n), max(m, n)
    real = [value for value in points if value is not None]
    rule = Rule("GreaterThanThreshold", 5.0, n, m, missing)
    found = decide(rule, points)
    if len(real) >= n:
        assert found.state is (ALARM if real[-n:].count(9.0) >= m else OK)
    if missing is Missing.NOT_BREACHING and 9.0 not in real:
        assert found.state is OK
    if found.state is ALARM and missing is not Missing.BREACHING:
        assert 9.0 in real
    assert found.reason

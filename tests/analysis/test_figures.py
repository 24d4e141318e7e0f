"""Numbers that people read have three digits and no exponent."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.analysis.figures import figure, rate


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (0.0000931, "0"),
        (0.0321, "0.0321"),
        (1, "1"),
        (1.0649, "1.06"),
        (38.9, "38.9"),
        (999.4, "999"),
        (1064, "1,060"),
        (144_321, "144,000"),
        (8.04e12, "over a billion"),
        (math.inf, "any"),
        (math.nan, "?"),
    ],
)
def test_three_digits(value: float, said: str) -> None:
    assert figure(value) == said


def test_rates_are_percents() -> None:
    assert [rate(share) for share in (0, 0.00412, 0.1241, 1)] == [
        "0 %",
        "0.412 %",
        "12.4 %",
        "100 %",
    ]


@given(st.floats(0, 1e15))
def test_never_an_exponent(value: float) -> None:
    assert "e+" not in figure(value)
    assert "e-" not in figure(value)

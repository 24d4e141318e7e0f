"""Durations and shares as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.durations import per_mille, percent, seconds, spell


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1d", 86400), ("50ms", 0.05),
     ("1.5s", 1.5), ("0s", 0)],
)  # fmt: skip
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "90", "s", "-5s", "5 s", "5x", "1h-5m", "5s!", "1.s", "m5", "\uff15s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration: write 90s, 10m"):
        seconds(text)


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [(0, "0s"), (-1, "0s"), (0.05, "50ms"), (1, "1s"), (60, "1m"), (90, "1m30s"), (600, "10m"),
     (86400 + 3600, "1d1h"), (1.4, "1s")],
)  # fmt: skip
def test_spelling(duration_s: float, expected: str) -> None:
    assert spell(duration_s) == expected


@given(st.integers(0, 10**7))
def test_whole_seconds_survive_the_round_trip(duration_s: int) -> None:
    assert seconds(spell(duration_s)) == duration_s


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 50), ("0.1", 1), ("25%", 250), ("25 %", 250), ("100", 1000), ("0", 0), (" 5 ", 50),
     ("99.9", 999), ("33.3%", 333)],
)  # fmt: skip
def test_shares(text: str, expected: int) -> None:
    assert per_mille(text) == expected


@pytest.mark.parametrize(
    "text", ["", "%", "101", "-5", "0.05", "five", "1e1", "100.1", "5%%", "\uff15"]
)
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ValueError, match="is not a share: write percent from 0 to 100"):
        per_mille(text)


@given(st.integers(0, 1000))
def test_shares_survive_the_round_trip(share: int) -> None:
    assert per_mille(percent(share)) == share

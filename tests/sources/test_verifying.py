"""What `verify` says of a metric, by what it told."""

import pytest

from deployer.findings import Level
from deployer.model import Minute, Slot
from deployer.sources.verifying import findings


def told(custom: dict[str, tuple[float, float]], unknown: dict[str, str]) -> tuple[Level, str]:
    """Of three minutes on both slots, of which the last is so."""
    last = Minute(120.0, 9, custom=custom, unknown=unknown)
    minutes = [Minute(0.0, 9), Minute(60.0, 9), last]
    (row,) = findings(["refused"], dict.fromkeys(Slot, minutes))
    assert row.where == "refused"
    return row.level, row.what


@pytest.mark.parametrize(
    ("custom", "unknown", "level", "what"),
    [
        ({"refused": (3.0, 50.0)}, {}, Level.OK, "6 bad of 100 in the last 15 minutes"),
        ({}, {"refused": "https://p: timeout"}, Level.PROBLEM, "https://p: timeout"),
        ({"refused": (0.0, 0.0)}, {}, Level.WARNING, "nothing was counted"),
        ({"other": (3.0, 50.0)}, {"other": "x"}, Level.WARNING, "nothing was counted"),
        ({"refused": (5.0, 3.0)}, {}, Level.PROBLEM, "10 bad of 6"),
        ({}, {"refused": "nothing is known yet that {release} stands for"}, Level.UNKNOWN, "{release}"),
    ],
)  # fmt: skip
def test_a_row_for_each_metric(
    custom: dict[str, tuple[float, float]], unknown: dict[str, str], level: Level, what: str
) -> None:
    found, said = told(custom, unknown)
    assert found is level
    assert what in said

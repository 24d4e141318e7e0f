"""Which share a minute counts at."""

import pytest

from deployer.record.course import Stretch, share_in

COURSE = (Stretch(30.0, 40.0, 50), Stretch(400.0, 425.0, 250))


@pytest.mark.parametrize(
    ("start", "share"),
    [
        pytest.param(0.0, None, id="the first share came in it"),
        pytest.param(60.0, 50, id="the first whole minute"),
        pytest.param(300.0, 50, id="the last whole one before the next share was asked for"),
        pytest.param(360.0, None, id="the next share was asked for in it"),
        pytest.param(420.0, None, id="it was asked for before, and seen in it"),
        pytest.param(480.0, 250, id="the first whole one after it was seen"),
    ],
)
def test_a_minute_counts_at_the_share_that_it_had_all_through(
    start: float, share: int | None
) -> None:
    assert share_in(COURSE, start) == share


def test_of_a_minute_before_any_share_nothing_is_known() -> None:
    assert share_in((), 0.0) is None
    assert share_in(COURSE, -60.0) is None

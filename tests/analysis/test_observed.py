"""Minutes as they were published, and what the analysis makes of them."""

from deployer.analysis.counts import Counts, Pair
from deployer.analysis.limits import FAILURES, SLOW, Limits, Metric
from deployer.analysis.observed import observations, pair
from deployer.course import Stretch
from deployer.model import Minute

COURSE = (Stretch(0.0, 10.0, 10), Stretch(125.0, 130.0, 50))


def test_each_minute_has_its_share_and_its_counts() -> None:
    candidate = [Minute(60.0, 100, 2, 1, slow=7), Minute(120.0, 300, slow=0)]
    stable = [Minute(60.0, 9900, 20, slow=99), Minute(180.0, 9500, slow=1)]
    first, second, third = observations(candidate, stable, COURSE, Limits())
    assert (first.start, first.share) == (60.0, 10)
    assert first.pairs["failures"] == Pair(Counts(100, 3), Counts(9900, 20))
    assert first.pairs["slow"] == Pair(Counts(100, 7), Counts(9900, 99))
    assert (second.start, second.share) == (120.0, None)  # it changed in this minute
    assert (third.start, third.share) == (180.0, 50)
    assert third.pairs["failures"] == Pair(None, Counts(9500, 0))


def test_what_was_not_published_is_not_there() -> None:
    silent, served = Minute(0.0, None), Minute(0.0, 50, 1)
    assert pair(FAILURES.name, silent, served) == Pair(None, Counts(50, 1))
    assert pair(SLOW.name, served, Minute(0.0, 50, slow=1)) == Pair(None, None)
    assert pair(SLOW.name, silent, Minute(0.0, 50, slow=1)) == Pair(None, Counts(50, 1))


def test_a_metric_of_ones_own_is_read_by_its_name() -> None:
    refused = Metric("orders refused")
    minute = Minute(0.0, 50, custom={"orders refused": (3.0, 20.0)})
    (found,) = observations([minute], [Minute(0.0, 9)], (), Limits((FAILURES, refused)))
    assert found.pairs["orders refused"] == Pair(Counts(20.0, 3.0), None)
    assert set(found.pairs) == {"failures", "orders refused"}

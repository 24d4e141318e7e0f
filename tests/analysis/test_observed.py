"""Minutes as they were published, and what the analysis reads in them."""

import math

from deployer.analysis.counts import Counts, Pair
from deployer.analysis.limits import FAILURES, SLOW, Metric
from deployer.analysis.observed import counts, observations
from deployer.model import Minute
from deployer.record.course import Stretch

COURSE = (Stretch(0.0, 10.0, 10), Stretch(125.0, 130.0, 50))


def test_each_minute_has_its_share_and_its_counts() -> None:
    candidate = [Minute(60.0, 100, 2, 1, slow=7), Minute(120.0, 300, slow=0), Minute(180.0, None)]
    stable = [Minute(60.0, 9900, 20, slow=99), Minute(120.0, None), Minute(180.0, 9500, slow=1)]
    first, second, third = observations(candidate, stable, COURSE, (FAILURES, SLOW))
    assert (first.start, first.share) == (60.0, 10)
    assert first.pairs["failures"] == Pair(Counts(100, 3), Counts(9900, 20))
    assert first.pairs["slow"] == Pair(Counts(100, 7), Counts(9900, 99))
    assert (second.start, second.share) == (120.0, None)  # it changed in this minute
    assert (third.start, third.share) == (180.0, 50)
    assert third.pairs["failures"] == Pair(None, Counts(9500, 0))


def test_what_was_not_published_is_not_there_and_what_cannot_be_is_not_believed() -> None:
    assert counts(Minute(0.0, None), "failures") is None
    for minute, metric in ((Minute(0.0, None, 3), "failures"), (Minute(0.0, 50, 1), "slow")):
        found = counts(minute, metric)
        assert found is not None
        assert math.isnan(found.requests)


def test_no_request_is_bad_more_than_once() -> None:
    assert counts(Minute(0.0, 5, 1, 9, slow=6), "failures") == Counts(5, 5)
    assert counts(Minute(0.0, 5, 1, 9, slow=6), "slow") == Counts(5, 5)
    assert counts(Minute(0.0, 0, 0, 2), "failures") == Counts(2, 2)


def test_a_metric_of_ones_own_is_read_by_its_name() -> None:
    refused = Metric("orders refused")
    minute = Minute(0.0, 50, custom={"orders refused": (3.0, 20.0)})
    (found,) = observations([minute], [Minute(0.0, 9)], (), (FAILURES, refused))
    assert found.pairs["orders refused"] == Pair(Counts(20.0, 3.0), None)
    assert set(found.pairs) == {"failures", "orders refused"}

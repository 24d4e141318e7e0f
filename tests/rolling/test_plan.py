"""The plan: batches from settings, stages, notes, and the steps as the journal keeps them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import rolling, strategies
from deployer.model import Amount
from deployer.plan import Status, encode
from deployer.ports import Suspend
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.pin import Pin
from deployer.steps.quiet import Quiet
from deployer.steps.replace import Replace
from deployer.steps.soak import Soak
from tests.sim.play import play

from .stage import BLUE, USUAL, intent


@pytest.mark.parametrize(
    ("surge", "unavailable", "count", "expected"),
    [
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 10, (3, 2)),
        ("1%", "99%", 3, (1, 2)),
        ("2", "0", 5, (2, 0)),
        ("0", "3", 2, (0, 1)),
        ("0", "50%", 1, (1, 0)),
        ("100%", "0", 6, (6, 0)),
        ("0", "1", 1, (1, 0)),
    ],
)
def test_shares_round_up_for_surge_and_down_for_the_dip(
    surge: str, unavailable: str, count: int, expected: tuple[int, int]
) -> None:
    sim = play(size=count)
    sim.cloud.groups[BLUE].max_size = 100
    seen = sim.runner("x").cloud.observe()
    pace = rolling.pace_of(intent(surge=surge, max_unavailable=unavailable), seen.blue)
    assert (pace.surge, pace.max_unavailable) == expected
    assert pace.count == count


@pytest.mark.parametrize("text", ["", "-1", "1.5", "101%", "1001", "two", "%", "1.25%", "25 % x"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match="write 2 or 25%"):
        Amount.parse(text)


@pytest.mark.parametrize(
    ("text", "shown"), [("2", "2"), ("25%", "25 %"), ("0", "0"), ("12.5%", "12.5 %"), ("0%", "0 %")]
)
def test_what_is_an_amount(text: str, shown: str) -> None:
    assert str(Amount.parse(text)) == shown


@given(
    count=st.integers(1, 2000),
    batch=st.integers(1, 300),
    done=st.integers(0, 1999),
    stop=st.one_of(st.none(), st.integers(1, 2000)),
)
def test_stages_rise_from_one_batch_to_all_and_are_few(
    count: int, batch: int, done: int, stop: int | None
) -> None:
    old = max(1, count - done)
    marks = rolling.stages(old, count, batch, stop)
    assert marks[-1] == count
    assert list(marks) == sorted(set(marks))
    assert marks[0] <= min(count, count - old + batch)
    assert len(marks) <= rolling.MOST_STAGES + 1
    if stop is not None and count - old < stop <= count:
        assert stop in marks


def test_the_plan_of_four() -> None:
    seen = play(size=4).runner("x").cloud.observe()
    plan = strategies.rolling(seen, intent(until="25%", before=USUAL))
    kinds = [type(step) for step in plan.steps]
    assert kinds == [Quiet, Pin, Replace, Soak, Checkpoint, *[Replace, Soak] * 3]
    assert [step.until for step in plan.steps if isinstance(step, Replace)] == [1, 2, 3, 4]
    assert (plan.candidate, plan.stable, plan.previous) == (BLUE, BLUE, "v1")
    told = " ".join(plan.notes)
    assert "Both releases serve at once" in told
    assert "45 of 45000 failed (0.10%)" in told
    assert "No probe" in told
    assert "At least 4 of 4 instances stay healthy, at most 5" in told
    assert "AZRebalance" in told


def test_a_record_of_a_thousand_fits_into_an_item() -> None:
    """DynamoDB: 400 KB, the way back and 200 events included."""
    sim = play(size=1000)
    for group in sim.cloud.groups.values():
        group.max_size = 2000
    runner = sim.runner("x")
    deployment = sim.open(runner, intent(surge=1, before=USUAL), strategies.rolling, "d1")
    assert deployment.status is Status.RUNNING
    assert len(encode(deployment)) < 60_000
    assert str(Suspend(BLUE, ("AZRebalance",))) == "suspend AZRebalance of blue"

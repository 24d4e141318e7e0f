"""The plan: batches from settings, stages, notes, and the steps as the journal keeps them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from deployer.amount import Amount
from deployer.changes import Suspend
from deployer.intent import Intent
from deployer.journal import decode, encode
from deployer.plan import Deployment
from deployer.planning import rolling, strategies
from deployer.render.plan import plan_text
from deployer.steps.checkpoint import Checkpoint
from deployer.steps.pin import Pin
from deployer.steps.quiet import Quiet
from deployer.steps.replace import Replace
from deployer.steps.series import FEWEST, folded, unfolded
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
def test_stages_rise_from_one_batch_to_all_a_batch_at_a_time(
    count: int, batch: int, done: int, stop: int | None
) -> None:
    old = max(1, count - done)
    marks = rolling.stages(old, count, batch, stop)
    assert marks[-1] == count
    assert list(marks) == sorted(set(marks))
    assert marks[0] <= min(count, count - old + batch)
    assert all(here - before <= batch for before, here in pairwise((count - old, *marks)))
    assert len(marks) <= -(-old // batch) + (stop is not None)
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


def opened(size: int, wanted: Intent) -> Deployment:
    """Begun, in a group that may double."""
    sim = play(size=size)
    for group in sim.cloud.groups.values():
        group.max_size = 2 * size + 5
    return sim.open(sim.runner("x"), wanted, strategies.rolling, "d1")


def test_a_record_of_a_thousand_batches_is_as_small_as_any() -> None:
    """DynamoDB: 400 KB. All batches are steps of the plan, and each has a judgement behind it."""
    deployment = opened(1000, intent(surge=1, before=USUAL))
    kinds = [type(step) for step in deployment.plan.steps]
    assert kinds == [Quiet, Pin, *[Replace, Soak] * 1000]
    assert len(encode(deployment)) < 4_000
    back = replace(deployment, original=deployment.plan)
    assert len(encode(back)) < 6_000
    assert decode(encode(back)) == back
    assert str(Suspend(BLUE, ("AZRebalance",))) == "suspend AZRebalance of blue"


@given(
    size=st.integers(1, 60),
    surge=st.integers(0, 5),
    dip=st.integers(0, 3),
    until=st.one_of(st.none(), st.sampled_from(["1", "10%", "50%", "99%"])),
)
def test_what_the_journal_has_of_a_plan_is_the_plan(
    size: int, surge: int, dip: int, until: str | None
) -> None:
    wanted = intent(surge=surge or 1, max_unavailable=dip, until=until, before=USUAL)
    deployment = opened(size, wanted)
    assert decode(encode(deployment)) == deployment
    rest, series = folded(deployment.plan.steps)
    assert unfolded(rest, series) == deployment.plan.steps
    assert all(each.number >= FEWEST for each in series)
    assert len(rest) + sum(2 * each.number for each in series) == len(deployment.plan.steps)


def test_a_pair_that_differs_in_anything_else_ends_a_series() -> None:
    steps = opened(20, intent(before=USUAL)).plan.steps
    odd = next(n for n, s in enumerate(steps) if isinstance(s, Replace) and s.until == 8)
    batch = steps[odd]
    assert isinstance(batch, Replace)
    altered = (*steps[:odd], replace(batch, deadline_s=7.0), *steps[odd + 1 :])
    rest, series = folded(altered)
    assert [(each.batch.until, each.number) for each in series] == [(1, 7), (9, 12)]
    assert [type(step) for step in rest] == [Quiet, Pin, Replace, Soak]
    assert unfolded(rest, series) == altered


def test_a_plan_of_a_thousand_batches_is_read_at_a_glance() -> None:
    shown = plan_text(opened(1000, intent(surge=1, before=USUAL)).plan, "shop", "prod").plain
    lines = [line.split("  ") for line in shown.splitlines() if "…" in line]
    assert [[cell.strip() for cell in line if cell] for line in lines] == [
        ["…", "and so on: 999 more batches of 1 instance, each judged", "steps 5 to 2002"]
    ]
    assert len(shown.splitlines()) < 15

"""When nobody needs an environment: a table, and what holds whatever the facts are."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.operations.idle.judge import Why, judge
from deployer.operations.idle.ports import Facts, Notice, Span, Standing
from tests.idle.world import DAY_S, HOUR_S, QUIET, RULES, START, facts

OVER = {"expires_at": START - HOUR_S}
BUSY = (0.0, 0.0, 0.0, 0.0, 0.0, 21.0)
TABLE: list[tuple[str, dict[str, Any], Why]] = [
    ("idle", {}, Why.IDLE),
    ("threshold", {"windows": (20.0,) * 6}, Why.IDLE),
    ("no tag", {"tagged": False}, Why.NOT_TAGGED),
    ("deploying", {"deployment": "20261123-1"}, Why.DEPLOYING),
    ("stack", {"moving": "shop-dev-service is UPDATE_IN_PROGRESS"}, Why.MOVING),
    ("extended", {"standing": Standing(None, START + 1)}, Why.EXTENDED),
    ("extension over", {"standing": Standing(None, START)}, Why.IDLE),
    ("asleep", {"instances": (0, 0)}, Why.ASLEEP),
    ("young", {"changed_at": START - DAY_S + 1}, Why.YOUNG),
    ("just of age", {"changed_at": START - DAY_S}, Why.IDLE),
    ("clock skew", {"changed_at": START + 60}, Why.YOUNG),
    ("traffic now", {"recent": 21.0}, Why.USED),
    ("traffic", {"windows": BUSY}, Why.USED),
    ("traffic at first", {"windows": tuple(reversed(BUSY))}, Why.USED),
    ("traffic before", {"windows": (500.0, *QUIET)}, Why.IDLE),
    ("no metrics", {"windows": (None,) * 6}, Why.UNKNOWN),
    ("one window without", {"windows": (*QUIET[:5], None)}, Why.UNKNOWN),
    ("an old one without", {"windows": (None, *QUIET[:5])}, Why.UNKNOWN),
    ("too few windows", {"windows": QUIET[:5]}, Why.UNKNOWN),
    ("no windows at all", {"windows": ()}, Why.UNKNOWN),
    ("nothing yet in this window", {"recent": None}, Why.IDLE),
    ("over", OVER, Why.EXPIRED),
    ("not over yet", {"expires_at": START + 1, "changed_at": START}, Why.YOUNG),
    ("over, and young", {**OVER, "changed_at": START}, Why.EXPIRED),
    ("over, used before", {**OVER, "windows": tuple(reversed(BUSY))}, Why.EXPIRED),
    ("over, used in the last window", {**OVER, "windows": BUSY}, Why.USED),
    ("over, used now", {**OVER, "recent": 21.0}, Why.USED),
    ("over, last window unknown", {**OVER, "windows": (*QUIET, None)}, Why.UNKNOWN),
    ("over, nothing known", {**OVER, "windows": ()}, Why.UNKNOWN),
    ("over, deploying", {**OVER, "deployment": "x"}, Why.DEPLOYING),
    ("over, stack", {**OVER, "moving": "x"}, Why.MOVING),
    ("over, extended", {**OVER, "standing": Standing(None, START + 1)}, Why.EXTENDED),
    ("over, no tag", {**OVER, "tagged": False}, Why.NOT_TAGGED),
    ("over, and asleep: it is deleted", {**OVER, "instances": (0, 0)}, Why.EXPIRED),
]


@pytest.mark.parametrize(("more", "why"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_one_row_for_each_reason(more: dict[str, Any], why: Why) -> None:
    found = judge(facts(**more), RULES, START)
    assert found.why is why, found.words
    assert (found.level is not None) is (why in (Why.IDLE, Why.EXPIRED))
    assert found.words


def test_what_is_not_there_is_left_alone() -> None:
    assert judge(None, RULES, START).why is Why.ABSENT


def test_each_way_has_its_own_level() -> None:
    assert judge(facts(), RULES, START).level == "sleep"
    assert judge(facts(**OVER), RULES, START).level == "delete"


@pytest.mark.parametrize(
    ("instances", "why"), [((2, 0), Why.ASLEEP), ((0, 0), Why.ASLEEP), ((2, 1), Why.IDLE)]
)
def test_retiring_needs_two_slots_with_instances(instances: tuple[int, int], why: Why) -> None:
    retiring = replace(RULES, level="retire")
    assert judge(facts(instances=instances), retiring, START).why is why


def test_both_the_file_and_the_stacks_must_say_so() -> None:
    assert judge(facts(), replace(RULES, ephemeral=False), START).why is Why.NOT_TAGGED
    assert judge(facts(**OVER), replace(RULES, ephemeral=False), START).why is Why.NOT_TAGGED


def test_a_life_counts_from_the_making() -> None:
    mortal = replace(RULES, ttl_s=30 * DAY_S, level="sleep")
    assert judge(facts(), mortal, START).why is Why.EXPIRED
    assert judge(facts(), mortal, START - 1).why is Why.IDLE
    earlier = facts(expires_at=START - DAY_S)
    assert judge(earlier, replace(mortal, ttl_s=60 * DAY_S), START).why is Why.EXPIRED


MOMENTS = st.floats(START - 60 * DAY_S, START + 10 * DAY_S)
REQUESTS = st.none() | st.floats(0, 1000)
ANY = st.builds(
    Facts,
    tagged=st.booleans(),
    made_at=MOMENTS,
    changed_at=MOMENTS,
    moving=st.sampled_from(["", "shop-dev-service is DELETE_FAILED"]),
    deployment=st.sampled_from(["", "20261123-1"]),
    windows=st.lists(REQUESTS, max_size=10).map(tuple),
    recent=REQUESTS,
    instances=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    expires_at=st.none() | MOMENTS,
    standing=st.builds(
        Standing,
        st.none() | st.just(Notice("n", START, START, "sleep", "idle")),
        st.just(0.0) | MOMENTS,
    ),
)
SOME_RULES = st.builds(
    replace,
    st.just(RULES),
    level=st.sampled_from(["retire", "sleep", "delete"]),
    requests=st.integers(0, 100),
    span=st.builds(Span, st.just(3600), st.integers(2, 8)),
    ttl_s=st.sampled_from([0.0, DAY_S, 30 * DAY_S]),
)


@given(ANY, SOME_RULES)
def test_nothing_that_is_used_or_unknown_is_let_go(seen: Facts, rules: Any) -> None:
    found = judge(seen, rules, START)
    if found.level is None:
        return
    assert seen.tagged
    assert not seen.deployment
    assert not seen.moving
    assert seen.standing.extended_until <= START
    assert (seen.recent or 0) <= rules.requests
    needed = 1 if found.why is Why.EXPIRED else rules.span.windows
    assert len(seen.windows) >= needed
    assert all(r is not None and r <= rules.requests for r in seen.windows[-needed:])
    if found.why is Why.IDLE:
        assert START - seen.changed_at >= rules.grace_s


@given(ANY, SOME_RULES, st.integers(0, 9))
def test_losing_metrics_never_lets_anything_go(seen: Facts, rules: Any, at: int) -> None:
    if at >= len(seen.windows):
        return
    blind = replace(seen, windows=(*seen.windows[:at], None, *seen.windows[at + 1 :]))
    if judge(blind, rules, START).level is not None:
        assert (
            judge(replace(blind, windows=seen.windows), rules, START).level is not None
            or (seen.windows[at] or 0) > rules.requests
        )
        # What it let go did not rest on the window that was lost.
        needed = 1 if judge(blind, rules, START).why is Why.EXPIRED else rules.span.windows
        assert at < len(seen.windows) - needed

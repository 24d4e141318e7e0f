"""One move for each environment, and too many of them are none at all."""

from collections.abc import Sequence
from typing import Any

import pytest

from deployer.operations.idle.agenda import Move, agenda, item
from deployer.operations.idle.judge import Judgement, Why
from deployer.operations.idle.ports import Notice, Standing
from tests.idle.world import START, facts

IDLE = Judgement(Why.IDLE, "idle", "sleep")
USED = Judgement(Why.USED, "used")
ABSENT = Judgement(Why.ABSENT, "not there")


def noticed(**more: Any) -> Notice:
    known = {"id": "n", "given_at": START - 9, "due_at": START, "level": "sleep", "why": "idle"}
    return Notice(**{**known, "told": True, **more})


@pytest.mark.parametrize(
    ("judgement", "notice", "working", "move"),
    [
        (USED, None, False, Move.LEAVE),
        (USED, noticed(), False, Move.WITHDRAW),
        (USED, noticed(told=False), True, Move.WITHDRAW),
        (IDLE, None, False, Move.GIVE),
        (IDLE, None, True, Move.GIVE),
        (IDLE, noticed(told=False), False, Move.GIVE),
        (IDLE, noticed(level="delete"), False, Move.GIVE),
        (IDLE, noticed(level="retire"), False, Move.GIVE),
        (IDLE, noticed(due_at=START + 1), False, Move.WAIT),
        (IDLE, noticed(), True, Move.WAIT),
        (IDLE, noticed(), False, Move.ACT),
        (USED, noticed(begun=True), True, Move.WITHDRAW),
        (IDLE, noticed(begun=True), False, Move.GIVE),
    ],
)
def test_a_move(judgement: Judgement, notice: Notice | None, working: bool, move: Move) -> None:
    seen = facts(standing=Standing(notice))
    assert item("dev", judgement, seen, working=working, now=START).move is move


@pytest.mark.parametrize(
    ("level", "there"),
    [
        ("sleep", {"deployment": "s1"}),
        ("sleep", {"instances": (0, 0)}),
        ("retire", {"instances": (2, 0)}),
        ("delete", {"instances": (0, 0)}),
        ("delete", {"moving": "shop-dev-service is DELETE_IN_PROGRESS"}),
    ],
)
def test_what_is_there_of_an_act_is_carried_to_its_end(level: str, there: dict[str, Any]) -> None:
    seen = facts(standing=Standing(noticed(begun=True, level=level)), **there)
    for judgement in (USED, IDLE):
        assert item("dev", judgement, seen, working=True, now=START).move is Move.ACT


@pytest.mark.parametrize("level", ["sleep", "delete"])
def test_an_act_of_which_nothing_is_there_is_not_done_without_telling_anew(level: str) -> None:
    seen = facts(standing=Standing(noticed(begun=True, level=level)), instances=(2, 0))
    assert item("dev", IDLE, seen, working=False, now=START + 9).move is Move.GIVE


@pytest.mark.parametrize("why", [Why.ABSENT, Why.NOT_TAGGED])
def test_what_is_gone_or_not_tagged_is_never_touched(why: Why) -> None:
    seen = facts(tagged=False, standing=Standing(noticed(begun=True)))
    found = item("dev", Judgement(why, "x"), seen, working=False, now=START)
    assert found.move is Move.LEAVE
    assert item("dev", ABSENT, None, working=False, now=START).move is Move.LEAVE


def plan_of(notices: Sequence[Notice | None], most: int) -> str:
    names = [f"dev{n}" for n in range(len(notices))]
    seen = {
        n: facts(standing=Standing(each), deployment="s1" if each and each.begun else "")
        for n, each in zip(names, notices, strict=True)
    }
    judged, idle = dict.fromkeys(names, IDLE), dict.fromkeys(names, False)
    return agenda(judged, seen, idle, most=most, now=START).excess


def test_too_many_are_none() -> None:
    assert not plan_of([None] * 3, 3)
    assert "4 would be told that they go, but sweep.most is 3" in plan_of([None] * 4, 3)
    assert "4 would be torn down" in plan_of([noticed()] * 4, 3)


def test_yesterdays_notices_and_todays_count_apart() -> None:
    assert not plan_of([noticed(), noticed(), None, None], 2)


def test_what_has_begun_was_counted_then() -> None:
    assert not plan_of([noticed(begun=True)] * 3 + [noticed()], 1)

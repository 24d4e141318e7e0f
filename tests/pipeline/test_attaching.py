"""What it takes until a release serves: every situation there is, as a table."""

from itertools import product

import pytest

from deployer.operations.attaching import Move, Situation, decide, same_pipeline

SAID = [
    ("v2", Situation(), Move.BEGIN),
    ("v2", Situation(serving="v1"), Move.BEGIN),
    ("v2", Situation(serving="v2"), Move.NOTHING),
    ("v2", Situation(serving="v2", earlier=frozenset({"v2"})), Move.NOTHING),
    ("v1", Situation(serving="v2", earlier=frozenset({"v1"})), Move.RETURN),
    # Halted half-way, perhaps at 100 %: nobody may call that done.
    ("v2", Situation(serving=None, earlier=frozenset({"v1"})), Move.BEGIN),
    ("v2", Situation(running=True, towards="v2", back_to="v1"), Move.FOLLOW),
    ("v2", Situation(running=True, towards="v2", back_to="v1", ours=True), Move.FOLLOW),
    ("v3", Situation(running=True, towards="v2", back_to="v1", ours=True), Move.WAIT),
    # The stage of this pipeline is rolled back while its build's deployment still runs.
    ("v1", Situation(running=True, towards="v2", back_to="v1", ours=True), Move.TURN_BACK),
    # Nobody else's deployment is turned back.
    ("v1", Situation(running=True, towards="v2", back_to="v1"), Move.WAIT),
    # `deployer rollback` after a halt leads away from v2.
    ("v2", Situation(running=True, towards=None, back_to="v1", ours=True), Move.WAIT),
    ("v1", Situation(running=True, towards=None, back_to="v1", ours=True), Move.WAIT),
]


@pytest.mark.parametrize(("release", "situation", "move"), SAID)
def test_each_situation_has_its_move(release: str, situation: Situation, move: Move) -> None:
    assert decide(situation, release) is move


def every() -> list[Situation]:
    names = (None, "v1", "v2")
    earlier = (frozenset[str](), frozenset({"v1"}), frozenset({"v1", "v2"}))
    flags = (False, True)
    return [Situation(*each) for each in product(flags, names, names, flags, names, earlier)]


@pytest.mark.parametrize("release", ["v1", "v2", "v3"])
def test_nothing_is_begun_beside_what_runs_and_nothing_else_is_turned_back(release: str) -> None:
    for situation in every():
        move = decide(situation, release)
        joining = {Move.FOLLOW, Move.TURN_BACK, Move.WAIT}
        assert (move in joining) is situation.running
        if move is Move.TURN_BACK:
            assert situation.ours
            assert situation.back_to == release != situation.towards
        if move in (Move.NOTHING, Move.RETURN):
            assert situation.serving is not None or release in situation.earlier


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("CodeBuild shop-prod:1f2e", "CodeBuild shop-prod:77aa", True),
        ("CodeBuild shop-prod:1f2e", "CodeBuild shop-staging:1f2e", False),
        ("CodeBuild shop-prod:1f2e", "alice@laptop", False),
        ("alice@laptop", "alice@laptop", False),
        ("GitHub run 77", "GitHub run 77", False),
        ("CodeBuild broken", "CodeBuild broken", False),
    ],
)
def test_builds_of_one_project_are_one_pipeline(one: str, other: str, same: bool) -> None:
    assert same_pipeline(one, other) is same
    assert same_pipeline(other, one) is same

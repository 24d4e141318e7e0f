"""Which release served before."""

import pytest
from msgspec.structs import replace

from deployer.cli.lineage import lineage, one_way_since, release_before
from deployer.intent import Intent
from deployer.model import Release, Slot, SlotState, Snapshot
from deployer.plan import Deployment, Status
from deployer.planning import strategies


def record(text: str) -> Deployment:
    """`canary v2 shipped`."""
    strategy, release, status = text.split()
    nothing = Snapshot(0.0, None, SlotState(Slot.BLUE, 0, 9, 0), SlotState(Slot.GREEN, 0, 9, 0))
    plan = strategies.first(nothing, Intent(release=Release(release)))
    plan = replace(plan, strategy=strategy, previous="v0" if strategy == "canary" else None)
    return Deployment(
        id=text, environment="sim", status=Status(status), plan=plan, started_at=0.0,
        entered_at=0.0, written=None,
    )  # fmt: skip


STORIES = {
    "nothing": ([], "v1", None),
    "one": (["first v1 shipped"], "v1", None),
    "two": (["first v1 shipped", "canary v2 shipped"], "v2", "v1"),
    "a failure between": (
        ["first v1 shipped", "canary v2 rolled_back", "canary v3 shipped"],
        "v3",
        "v1",
    ),
    "undone": (["first v1 shipped", "canary v2 shipped", "rollback v1 shipped"], "v1", None),
    "undone, then on": (
        ["first v1 shipped", "canary v2 shipped", "rollback v1 shipped", "canary v3 shipped"],
        "v3",
        "v1",
    ),
    "forward to an old one": (
        ["first v1 shipped", "canary v2 shipped", "canary v1 shipped"],
        "v1",
        "v2",
    ),
    "back to the newer of two": (
        ["first v1 shipped", "canary v2 shipped", "canary v1 shipped", "canary v3 shipped",
         "rollback v1 shipped"],
        "v1",
        "v2",
    ),
    "the same again": (["first v1 shipped", "canary v2 shipped", "canary v2 shipped"], "v2", "v1"),
    "before the journal began": (["canary v1 shipped"], "v1", "v0"),
    "halted with everything": (["first v1 shipped", "canary v2 halted"], "v2", "v1"),
}  # fmt: skip


@pytest.mark.parametrize(("story", "serving", "before"), STORIES.values(), ids=list(STORIES))
def test_the_release_before(story: list[str], serving: str, before: str | None) -> None:
    records = [record(text) for text in reversed(story)]
    assert release_before(records, (serving,)) == before


def test_the_line_forgets_what_was_undone() -> None:
    story = ["first v1 shipped", "canary v2 shipped", "canary v3 shipped", "rollback v1 shipped"]
    assert lineage([record(text) for text in reversed(story)]) == ["v1"]


def unsafe(text: str) -> Deployment:
    """A record whose release cannot go back once users reached it."""
    made = record(text)
    plan = made.plan
    release = replace_release(plan.release)
    return replace(made, plan=replace(plan, intent=replace(plan.intent, release=release)))


def replace_release(release: Release) -> Release:
    return Release(release.name, release.artifact, release.image, rollback_safe=False)


CROSSINGS = {
    "nothing between": ([record("canary v1 shipped"), record("canary v2 shipped")], "v1", None),
    "the present one": ([record("canary v1 shipped"), unsafe("canary v2 shipped")], "v1", "v2"),
    "one before it": (
        [record("canary v1 shipped"), unsafe("canary v2 shipped"), record("canary v3 shipped")],
        "v1",
        "v2",
    ),
    "to it, not past it": (
        [record("canary v1 shipped"), unsafe("canary v2 shipped"), record("canary v3 shipped")],
        "v2",
        None,
    ),
    "forced back already": (
        [record("canary v1 shipped"), unsafe("canary v2 shipped"), record("rollback v1 shipped"),
         record("canary v3 shipped")],
        "v1",
        None,
    ),
    "it never reached users": (
        [record("canary v1 shipped"), unsafe("canary v2 rolled_back"), record("canary v3 shipped")],
        "v1",
        None,
    ),
    "a release that nobody remembers": (
        [unsafe("canary v2 shipped"), record("canary v3 shipped")],
        "v0",
        "v2",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("line", "to", "found"), CROSSINGS.values(), ids=list(CROSSINGS))
def test_what_lies_between_and_cannot_go_back(
    line: list[Deployment], to: str, found: str | None
) -> None:
    serving = (line[-1].first_plan.release.name,)
    assert one_way_since(line[::-1], serving, to) == found

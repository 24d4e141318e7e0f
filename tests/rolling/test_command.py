"""`deployer rolling` as people type it, over the simulation."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.model import Slot
from deployer.plan import Status
from deployer.steps.replace import Replace
from deployer.steps.soak import Soak
from tests.cli.stage import Stage, stage
from tests.sim.fleet import Behaviour

from .stage import running

Staged = Callable[..., Stage]


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    def build(**facts: object) -> Stage:
        made = stage(tmp_path, **facts)  # type: ignore[arg-type]
        made.config.write_text(
            made.config.read_text() + '[rolling]\nsurge = 1\nbake = "1m"\n', encoding="utf-8"
        )
        return made

    return build


def after_traffic(shop: Stage) -> Stage:
    """Twenty minutes of it, so that there is something to compare with."""
    shop.play.clock.sleep(1200.0)
    return shop


def test_it_ships_and_says_what_it_judged_by(staged: Staged) -> None:
    shop = after_traffic(staged())
    done = shop.run("rolling", "v2")
    assert done.exit_code == 0, done.output
    assert "rolling v2" in done.output
    assert "Both releases serve at once" in done.output
    assert "AZRebalance of blue is suspended" in done.output
    assert running(shop.play) == {"v2": 2}
    before = shop.records[0].first_plan.intent.roll.before
    assert before is not None
    assert before.requests >= 40_000


def test_flags_win_over_settings(staged: Staged) -> None:
    shop = staged()
    done = shop.run(
        "rolling", "v2", "--surge", "0", "--max-unavailable", "50%", "--bake", "2m", "--dry-run"
    )
    assert done.exit_code == 0, done.output
    documents, _ = shop.json("rolling", "v2", "--surge", "2", "--dry-run")
    goals = [step["goal"] for step in documents[0]["steps"]]
    assert any("2 at a time" in goal for goal in goals)
    assert documents[0]["strategy"] == "rolling"
    assert any("What blue served before is not known" in note for note in documents[0]["notes"])
    assert shop.records == []


@pytest.mark.parametrize(("until", "told"), [("1", False), ("9", True), ("100%", True)])
def test_a_checkpoint_that_nothing_comes_after_is_told_to_be_none(
    staged: Staged, until: str, told: bool
) -> None:
    said = staged().run("rolling", "v2", "--until", until, "--dry-run").stdout
    assert ("is all of the 2." in said) is told
    assert ("checkpoint: pause" in said) is not told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--surge", "some"), "write 2 or 25%"),
        (("--surge", "0"), "one or the other"),
        (("--surge", "20"), "raise max_instances"),
        (("--until", "101%"), "write 2 or 25%"),
        (("--until", "0"), "Error: --until = 0 (in sim): must be above 0"),
    ],
)
def test_mistakes_are_refused_before_anything_happens(
    staged: Staged, arguments: tuple[str, ...], complaint: str
) -> None:
    shop = staged()
    done = shop.run("rolling", "v2", *arguments)
    assert done.exit_code == 2, done.output
    assert complaint in done.output
    assert shop.records == []


def test_a_checkpoint_has_no_limit_and_can_be_left_out(staged: Staged) -> None:
    shop = after_traffic(staged())
    text = shop.config.read_text().replace("[rolling]", '[rolling]\nuntil = "25%"')
    shop.config.write_text(text)
    shown = shop.run("rolling", "v2", "--dry-run").stdout
    assert re.search(r"checkpoint: pause until `deployer resume` +until resumed\n", shown)
    assert shown.rstrip().endswith("at the latest, without the pause.")
    assert "heckpoint" not in shop.run("rolling", "v2", "--until", "none", "--dry-run").stdout


def test_what_is_left_of_a_step_stays_while_it_is_paused(staged: Staged) -> None:
    shop = after_traffic(staged())
    told: list[str] = []
    shop.at(20, lambda: shop.run("pause"))
    for when_s in (60, 100):
        shop.at(when_s, lambda: told.append(shop.run("status").stdout))
    shop.at(120, lambda: shop.run("resume"))
    assert shop.run("rolling", "v2").exit_code == 0
    left = [re.search(r"at most (\w+) left", text) for text in told]
    assert all("paused since" in text for text in told), told
    assert None not in left, told
    assert len({found[1] for found in left if found}) == 1, told


def test_deploy_does_it_where_the_settings_say_so(staged: Staged) -> None:
    shop = after_traffic(staged())
    text = shop.config.read_text().replace("[canary]", 'strategy = "rolling"\n\n[canary]')
    shop.config.write_text(text)
    assert shop.run("deploy", "v2").exit_code == 0
    plan = shop.records[0].first_plan
    assert plan.strategy == "rolling"
    assert plan.intent.roll.before is not None
    assert {type(step) for step in plan.steps} >= {Replace, Soak}


def test_a_dud_comes_back_by_itself_with_status_3(staged: Staged) -> None:
    shop = staged(behaviours={"v2": Behaviour(healthy=False)})
    done = shop.run("rolling", "v2")
    assert done.exit_code == 3, done.output
    assert "v1 serves" in shop.run("show", shop.records[0].id).output
    assert running(shop.play) == {"v1": 2}


def test_rollback_brings_the_release_before_up_in_the_other_slot(staged: Staged) -> None:
    shop = after_traffic(staged())
    assert shop.run("rolling", "v2").exit_code == 0
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert running(shop.play, Slot.GREEN) == {"v1": 2}
    assert shop.play.cloud.rule is not None
    assert shop.play.cloud.rule.sole is Slot.GREEN


def test_after_a_halt_rollback_replaces_back_what_was_replaced(staged: Staged) -> None:
    """The way back found no capacity and halted; there is some again."""
    shop = after_traffic(staged(behaviours={"v2": Behaviour(errors=500)}))
    group = shop.play.cloud.groups[Slot.BLUE]
    shop.at(100, lambda: setattr(group, "no_capacity", "InsufficientInstanceCapacity"))
    done = shop.run("rolling", "v2")
    assert done.exit_code == 4, done.output
    assert shop.records[0].status is Status.HALTED
    assert running(shop.play) == {"v1": 1, "v2": 1}
    assert not group.suspended
    assert "replaces the rest back by v1" in shop.run("status").output
    group.no_capacity = None
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert running(shop.play) == {"v1": 2}
    assert not group.suspended

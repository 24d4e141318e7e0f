"""pause, resume, promote, approve, abort: each where it makes sense, and nowhere else."""

import re
from functools import partial
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from msgspec.structs import replace

from deployer.journal import Ask
from deployer.model import Weights
from deployer.plan import Deployment, Status
from deployer.render.live import INDENT, frame
from deployer.render.progress import View
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.cli.test_back import abandoned
from tests.sim.fleet import Behaviour


class Scene(NamedTuple):
    """A deployment, what was asked of it before, and when we look; times in seconds."""

    ship: tuple[str, ...]
    earlier: tuple[tuple[float, str], ...]
    at_s: float
    possible: tuple[str, ...]


ALL = tuple(ask.value for ask in Ask if ask is not Ask.ABORT_FORCE)  # see test_back.py
CANARY = ("canary", "v2")
SCENES = {
    "provisioning": Scene(CANARY, (), 20, ("abort", "pause")),
    "baking": Scene(CANARY, (), 100, ("abort", "pause", "promote", "promote --full")),
    "paused": Scene(
        CANARY, ((100, "pause"),), 125, ("abort", "resume", "promote", "promote --full")
    ),
    "waiting for approval": Scene(
        (*CANARY, "--approve", "5"), (), 250, ("abort", "pause", "promote --full", "approve")
    ),
    "paused before approval": Scene(
        (*CANARY, "--approve", "5"),
        ((250, "pause"),),
        275,
        ("abort", "resume", "promote --full", "approve"),
    ),
    "the last bake": Scene(
        ("blue-green", "v2", "--bake", "10m"), (), 200, ("abort", "pause", "promote")
    ),
    "in the window": Scene(
        ("blue-green", "v2", "--bake", "1m"), (), 1200, ("abort", "pause", "promote")
    ),
    "after the window": Scene(
        ("blue-green", "v2", "--bake", "1m"), ((1200, "promote"),), 1215, ("abort", "pause")
    ),
    "going back": Scene(CANARY, ((100, "abort"),), 125, ()),
}


def during(staged: Staged, scene: Scene, *arguments: str) -> tuple[Stage, Result]:
    """Ship; at the scene's time type `arguments`; and a minute later end it, whatever it does."""
    shop, said = staged(), []
    for at_s, command in scene.earlier:
        shop.at(at_s, partial(shop.run, *command.split()))
    shop.at(scene.at_s, lambda: said.append(shop.run(*arguments)))
    shop.at(scene.at_s + 60, lambda: shop.run("abort"))
    shop.run(*scene.ship)
    return shop, said[0]


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize("scene", SCENES.values(), ids=list(SCENES))
def test_a_wish_is_granted_or_refused_with_what_is_possible(
    staged: Staged, scene: Scene, command: str
) -> None:
    shop, done = during(staged, scene, *command.split())
    record = shop.records[0]
    granted = [e.note for e in record.log if e.kind == "asked"]
    if command in scene.possible:
        assert done.exit_code == 0, done.output
        assert re.match(rf"asked {' '.join(scene.ship[:2])} \(2027\S+\) to ", done.stdout)
        assert done.stdout.endswith(": `deployer status --watch` shows what it does\n")
        told = f"{command} by alice@laptop"
        assert told in granted or record.reason == f"aborted by {told.removeprefix('abort by ')}"
    else:
        assert done.exit_code == 2
        assert done.stdout == ""
        assert all(f"`deployer {other}`" in done.stderr for other in scene.possible)
        assert "`deployer status`" in done.stderr or "is not possible now" in done.stderr
        assert f"{command} by alice@laptop" not in granted[len(scene.earlier) :]


@pytest.mark.parametrize("scene", SCENES.values(), ids=list(SCENES))
def test_status_tells_what_is_possible(staged: Staged, scene: Scene) -> None:
    _, done = during(staged, scene, "status")
    commands = ", ".join(f"`deployer {ask}`" for ask in scene.possible) or "nothing, but to watch"
    assert f"  possible now: {commands}\n" in done.stdout


@pytest.mark.parametrize("command", ALL)
def test_where_nothing_runs_there_is_nothing_to_ask(staged: Staged, command: str) -> None:
    done = staged().run(*command.split())
    assert done.exit_code == 2
    assert done.stderr == (
        f"Error: `deployer {command}` is not possible now: nothing is being deployed in shop/sim; "
        "see `deployer history`\n"
    )


DEAD = {
    "pause": (2, "stands still, its runner is gone; possible now: `deployer abort`, "),
    "approve": (2, "possible now: `deployer abort`, `deployer resume`, `deployer promote`, "),
    "promote": (0, "to end its bake: its runner is gone, so nothing happens until `deployer res"),
    "promote --full": (0, "to go straight to all of the traffic: its runner is gone"),
}


@pytest.mark.parametrize(("command", "expected"), DEAD.items(), ids=list(DEAD))
def test_without_a_runner_wishes_wait_or_are_refused(
    staged: Staged, command: str, expected: tuple[int, str]
) -> None:
    shop = abandoned(staged, after_s=100.0)
    done = shop.run(*command.split())
    assert done.exit_code == expected[0]
    assert expected[1] in done.output
    resumed = shop.run("resume")
    assert resumed.exit_code == 0, resumed.output
    assert (f"asked: {command} by alice@laptop" in resumed.stderr) is (expected[0] == 0)


def test_status_without_a_runner_tells_what_is_possible(staged: Staged) -> None:
    documents, _ = abandoned(staged, after_s=100.0).json("status")
    assert documents[0]["active"]["possible"] == ["abort", "resume", "promote", "promote --full"]
    assert documents[0]["active"]["lease_alive"] is False


def test_a_way_back_without_a_runner_can_be_resumed_and_aborted_to_the_same_end(
    staged: Staged,
) -> None:
    shop = staged()
    shop.at(100, lambda: shop.run("abort"))
    shop.journal.forgetful = True

    def die() -> None:
        raise MemoryError("killed")

    shop.at(125, die)
    assert shop.run("canary", "v2").exit_code == 1
    shop.play.cloud._happenings.clear()
    shop.play.clock.sleep(61)
    documents, _ = shop.json("status")
    assert documents[0]["active"]["possible"] == ["resume"]
    assert shop.run("abort").exit_code == 0
    assert shop.records[0].status is Status.ROLLED_BACK


def step_ends(record: Deployment) -> dict[str, float]:
    """Seconds from the start to the end of each step."""
    return {
        event.note.split(":")[0]: event.at - record.started_at
        for event in record.log
        if event.kind == "step_done"
    }


def test_paused_time_does_not_count(staged: Staged) -> None:
    plain = staged()
    assert plain.run("canary", "v2", "--bake", "6m").exit_code == 0
    held = staged()
    held.at(100, lambda: held.run("pause"))
    held.at(700, lambda: held.run("resume"))
    assert held.run("canary", "v2", "--bake", "6m").exit_code == 0
    one, other = step_ends(plain.records[0]), step_ends(held.records[0])
    first_bake = "bake green for 6m under analysis"
    assert 590 <= other[first_bake] - one[first_bake] <= 620
    assert held.play.oracle.violations == []


def test_a_paused_deployment_says_so_and_moves_nothing(staged: Staged) -> None:
    shop = staged()
    seen: list[Any] = []
    shop.at(100, lambda: shop.run("pause"))
    for at_s in (130, 3000):
        shop.at(at_s, lambda: seen.extend([shop.run("status").stdout, shop.json("status")[0][0]]))
    shop.at(3100, lambda: shop.run("resume"))
    done = shop.run("canary", "v2")
    assert done.exit_code == 0, done.output
    early, early_json, late, late_json = seen
    assert "  paused since 08:01:57 (30s) by alice@laptop\n" in early
    assert "  paused since 08:01:57 (48m20s) by alice@laptop\n" in late
    assert "Next: `deployer resume` lets it go on, `deployer abort` goes back" in late
    left = re.compile(r"under analysis, (\S+) left")
    assert left.findall(early) == left.findall(late) != []
    assert late_json["active"]["paused_by"] == "alice@laptop"
    assert late_json["active"]["paused_at"] == early_json["active"]["paused_at"]
    assert late_json["weights"] == {"blue": 95.0, "green": 5.0}
    assert "asked: pause by alice@laptop" in done.stderr
    assert "paused: `deployer resume` lets it go on" in done.stderr


def test_a_paused_bad_release_goes_back_by_itself(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=30)})
    shop.at(70, lambda: shop.run("pause"))
    assert shop.run("canary", "v3", "--weights", "50").exit_code == 3
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_promote_ends_one_bake(staged: Staged) -> None:
    shop = staged()
    shop.at(100, lambda: shop.run("promote"))
    assert shop.run("canary", "v2").exit_code == 0
    shown = shop.run("show", shop.records[0].id).stdout
    said = "asked: promote by alice@laptop: bake green for 2m under analysis"
    assert shown.index(said) < shown.index("send blue 50 % / green 50 %")
    assert "alice@laptop asked to promote: bake green for 2m under analysis (blue 95 %" in shown
    ends = [event for event in shop.records[0].log if event.kind == "step_done"]
    assert len(ends) == len(shop.records[0].plan.steps) - 1


def test_promote_full_goes_straight_to_all_of_the_traffic(staged: Staged) -> None:
    shop = staged()
    shop.at(100, lambda: shop.run("promote", "--full"))
    done = shop.run("canary", "v2")
    assert done.exit_code == 0
    assert "green 50 %\n" not in done.stderr.partition("asked: ")[2]
    assert shop.play.cloud.rule == Weights(0, 1000)
    assert shop.play.oracle.violations == []


def test_approval_is_waited_for_with_the_command_to_type(staged: Staged) -> None:
    shop = staged()
    seen: list[Any] = []
    shop.at(3600, lambda: seen.extend([shop.run("--env", "sim", "status"), shop.json("status")]))
    shop.at(3700, lambda: shop.run("approve"))
    done = shop.run("canary", "v2", "--approve", "5,100", "--dry-run")
    assert done.stdout.count("wait for approval  ") == 2
    assert "within 1d" in done.stdout
    assert "Expected: full traffic after" in done.stdout
    assert " and the time that people take, 2 times" in done.stdout
    assert "\nFull traffic after 1d2h at the latest, unless " in done.stdout
    shop.at(8000, lambda: shop.run("approve"))
    done = shop.run("canary", "v2", "--approve", "5,100")
    assert done.exit_code == 0, done.output
    page, (documents, _) = seen
    assert "Next: `deployer --env sim approve` lets it go on, `deployer --env sim abort` goes" in (
        page.stdout
    )
    assert documents[0]["active"]["approval_until"].startswith("2027-01-16T08:0")
    assert documents[0]["next_command"].startswith("`deployer approve` lets it go on, ")
    waiting = [line for line in done.stderr.splitlines() if "`deployer approve` lets" in line]
    assert "  wait for approval: `deployer approve` lets it go on; meanwhile: " in waiting[0]
    assert any(" … `deployer approve` lets it go on; meanwhile: " in line for line in waiting)
    assert len(waiting) < 30  # of an hour and more: not one a minute
    assert shop.play.cloud.rule == Weights(0, 1000)


def test_without_approval_it_goes_back(staged: Staged) -> None:
    shop = staged()
    shop.config.write_text(
        shop.config.read_text().replace("[canary]", '[canary]\napprove_within = "1h"')
    )
    done = shop.run("canary", "v2", "--approve", "50")
    assert done.exit_code == 3
    assert "wait for approval" in done.stdout
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_resume_takes_a_paused_deployment_over_and_lets_it_go_on(staged: Staged) -> None:
    shop = staged()
    shop.at(100, lambda: shop.run("pause"))
    interrupted = abandoned_at(shop, 200)
    assert interrupted == 1
    resumed = shop.run("resume")
    assert resumed.exit_code == 0, resumed.output
    asked = [e.note for e in shop.records[0].log if e.kind == "asked"]
    assert asked == ["pause by alice@laptop", "resume by alice@laptop"]


def test_resume_overrules_a_pause_that_nobody_has_heard(staged: Staged) -> None:
    """Asked of a runner that was killed before its next look."""
    shop = staged()
    shop.at(100, lambda: shop.run("pause"))
    assert abandoned_at(shop, 100) == 1
    assert shop.records[0].paused_at is None
    assert shop.journal.requested(shop.records[0]) is not None
    resumed = shop.run("resume")
    assert resumed.exit_code == 0, resumed.output
    assert "asked: pause" not in resumed.stderr


def test_a_watcher_that_takes_over_leaves_a_paused_way_back_paused(staged: Staged) -> None:
    """`deployer rollback` watches a rollback that somebody has paused, and its runner dies."""
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    shop.at(60, lambda: shop.run("pause"))
    assert abandoned_at(shop, 100, "rollback") == 1
    shop.at(300, lambda: shop.run("resume"))
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert "Its runner is gone: taking over." in done.stderr
    assert "paused: `deployer resume` lets it go on" in done.stderr


def abandoned_at(shop: Stage, after_s: float, *command: str) -> int:
    """Ship in a process that is killed; its lease is out when this returns."""

    def die() -> None:
        raise MemoryError("killed")

    shop.at(after_s, die)
    shop.journal.forgetful = True
    status = shop.run(*(command or ("canary", "v2"))).exit_code
    shop.play.cloud._happenings.clear()
    shop.play.clock.sleep(61)
    shop.journal.forgetful = False
    return status


def test_a_refusal_tells_what_was_asked_and_not_granted_yet(staged: Staged) -> None:
    shop = staged()
    seen: list[Result] = []
    shop.at(100, lambda: seen.extend([shop.run("pause"), shop.run("resume")]))
    shop.at(200, lambda: shop.run("resume"))
    assert shop.run("canary", "v2").exit_code == 0
    assert seen[1].exit_code == 2
    assert "`deployer pause` was asked by alice@laptop a moment ago; carried out by alice@" in (
        seen[1].stderr
    )


def test_a_wish_to_go_back_is_not_overwritten(staged: Staged) -> None:
    shop = staged()
    seen: list[Result] = []
    shop.at(100, lambda: seen.extend([shop.run("abort"), shop.run("promote"), shop.run("abort")]))
    assert shop.run("canary", "v2").exit_code == 3
    assert [each.exit_code for each in seen] == [0, 2, 0]
    assert "was asked to go back already" in seen[1].stderr


def test_asked_and_refused_are_told_to_programs(staged: Staged) -> None:
    """A wish that came too late is refused on the record: the bake ended in that moment."""
    shop = staged()
    asked: list[Any] = []

    def promote() -> None:
        asked.extend(shop.json("promote"))

    shop.at(100, promote)
    documents, status = shop.json("canary", "v2")
    assert status == 0
    assert [d["note"] for d in documents if d["event"] == "asked"] == ["promote by alice@laptop"]
    assert asked[1] == 0
    assert asked[0] == [
        asked[0][0] | {"event": "result", "status": "asked", "release": "v2", "exit_code": 0}
    ]


def test_what_promote_full_leaves_out_has_no_tick(staged: Staged) -> None:
    shop = staged()
    shop.at(100, lambda: shop.run("promote", "--full"))
    assert shop.run("canary", "v2", "--approve", "5").exit_code == 0
    record = shop.records[0]
    marked = [
        (line[1], line[7:].strip())
        for line in frame(View("shop", "sim", record), 0.0, 120, 60).plain.split("\n")
        if line[3:6].strip().isdigit()
    ]
    assert [re.split("  +", goal) for mark, goal in marked if mark == "–"] == [
        ["wait for approval", "left out"],
        ["route blue 50 % / green 50 %", "left out"],
        ["bake green for 2m under analysis", "left out"],
    ]
    trimmed = replace(record, log=record.log[2:])
    assert "left out" not in frame(View("shop", "sim", trimmed), 0.0, 120, 60).plain


def test_why_a_step_waits_is_told_in_three_lines_at_most(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    running = replace(shop.records[0], status=Status.RUNNING, cursor=3)

    def told(note: str) -> list[str]:
        view = View("shop", "sim", running, note=note)
        lines = [line.plain for line in frame(view, 0.0, 80, 40).split("\n")]
        at = next(n for n, line in enumerate(lines) if line.startswith(" ▶"))
        return [line.strip() for line in lines[at + 1 :] if line.startswith(INDENT)]

    decide = "a person must decide: `deployer promote` goes on, `deployer abort` goes back; " * 2
    assert " ".join(told(decide)) == decide.strip()
    assert len(told(decide * 9)) == 3
    assert told(decide * 9)[-1].endswith(" …")

"""canary and deploy: the plan first, then what happens, then one last word and the exit status."""

import re
from itertools import pairwise

import pytest

from deployer.model import Slot, Weights
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.sim.fleet import Behaviour


@pytest.mark.parametrize("command", ["canary", "deploy"])
def test_a_good_release_ships(staged: Staged, command: str) -> None:
    shop = staged()
    done = shop.run(command, "v2")
    assert done.exit_code == 0, done.output
    assert re.fullmatch(r"v2 shipped in \d+m\d+s\n", done.stdout)
    assert shop.play.cloud.rule == Weights(0, 1000)
    assert shop.play.oracle.violations == []


def test_progress_is_one_line_for_each_thing_that_happens(staged: Staged) -> None:
    lines = staged().run("canary", "v2").stderr.splitlines()
    steps = [line.split("  ", 1)[1] for line in lines if "  step " in line]
    assert "step 3/10  → send blue 95 % / green 5 %" in steps
    assert "step 10/10  ✓ retire blue: blue is empty" in steps
    assert len([s for s in steps if "✓" in s]) == 10
    assert all(before != after for before, after in pairwise(steps))


def test_the_plan_is_shown_before_anything_happens(staged: Staged) -> None:
    said = staged().run("canary", "v2").stderr
    plan, _, rest = said.partition("step 1/10")
    assert "candidate green gets v2, stable blue serves v1; 2 instances" in plan
    assert "  10  retire blue" in plan
    assert "within 10m" in plan
    assert "Full traffic in about 4m" in plan
    assert rest


def test_a_dry_run_shows_the_plan_as_its_result_and_changes_nothing(staged: Staged) -> None:
    shop = staged()
    done = shop.run("canary", "v2", "--dry-run")
    assert done.exit_code == 0
    assert "   3  route blue 95 % / green 5 %" in done.stdout
    assert shop.play.cloud.changes == []
    assert shop.records == []


def test_flags_win_over_the_settings(staged: Staged) -> None:
    flags = ("--weights", "0.1,25%", "--bake", "90s", "--linger", "1m", "--dry-run")
    said = staged().run("canary", "v2", *flags).stdout
    assert "route blue 99.9 % / green 0.1 %" in said
    assert "route blue 75 % / green 25 %" in said
    assert said.count("bake green for 1m30s") == 3
    assert "linger: keep blue until it is silent  " in said


def test_a_bad_release_goes_back_and_says_why(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=30)})
    done = shop.run("canary", "v3", "--weights", "50")
    assert done.exit_code == 3
    assert done.stdout.startswith("v3 rolled back after ")
    assert re.search(r"candidate \d+ of \d+ failed \((2\.9|3\.)\d+%\)", done.stdout)
    assert done.stdout.endswith("; v1 serves\n")
    assert "going back: candidate " in done.stderr
    assert "the way back of canary v3:" in done.stderr
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_traffic_moved_by_somebody_else_halts_with_the_next_command(staged: Staged) -> None:
    shop = staged()
    shop.play.move_weights_at(120, Weights(300, 700))
    done = shop.run("canary", "v2")
    assert done.exit_code == 4
    assert done.stdout.startswith("v2 halted after ")
    assert "somebody else moved traffic; find out who, then run `deployer rollback`" in done.stdout


def test_the_first_release_says_that_it_is_not_analysed_and_why(staged: Staged) -> None:
    shop = staged(weights=None)
    done = shop.run("canary", "v1")
    assert done.exit_code == 0
    assert "Not analysed: nothing serves now, so there is nobody to protect" in done.stderr
    assert "bake" not in done.stderr
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_probe_that_fails_moves_no_traffic(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=500)})
    done = shop.run("deploy", "v3")
    assert done.exit_code == 3
    assert "10 of 20 probes of v3: 10 × 500" in done.stdout
    assert shop.play.cloud.rule == Weights(1000, 0)
    assert shop.play.cloud.groups[Slot.GREEN].desired == 0


def test_a_second_deployment_is_told_who_runs_and_since_when(staged: Staged) -> None:
    shop = staged()
    seen = []
    shop.at(100, lambda: seen.append(shop.run("canary", "v3")))
    assert shop.run("canary", "v2").exit_code == 0
    assert seen[0].exit_code == 5
    assert "shop/sim is taken by canary v2 (2027" in seen[0].stderr
    assert "of alice@laptop, since 08:00:17 (1m40s ago): watch it with" in seen[0].stderr
    assert seen[0].stdout == ""
    assert len(shop.records) == 1


def test_an_environment_that_changes_under_the_plan_is_left_alone(staged: Staged) -> None:
    """Somebody resizes the live group between the plan and the beginning."""
    shop = staged()

    def resize() -> None:
        shop.play.clock.sleep(1)
        shop.play.cloud.groups[Slot.BLUE].desired = 3

    shop.play.gate.hooks["journal.begin"] = resize
    done = shop.run("canary", "v2")
    assert done.exit_code == 2
    assert "the environment changed while the plan was shown: run the command again" in done.stderr
    assert shop.play.cloud.changes == []
    assert shop.records[0].status is Status.ROLLED_BACK
    assert shop.records[0].reason.startswith("not begun: ")
    assert shop.journal.active("sim") is None

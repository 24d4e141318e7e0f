"""canary and deploy: the plan first, then what happens, then one last word and the exit status."""

import re
from itertools import pairwise

import pytest

from deployer.changes import SetWeights
from deployer.journal import Lease
from deployer.model import Slot, Weights
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.test_back import abandoned
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
    assert "Expected: full traffic after " in plan
    assert "Full traffic after 1h34m at the latest" in plan
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


def test_matched_capacity_and_a_hold_back_are_in_the_plan_and_carried_out(staged: Staged) -> None:
    shop = staged()
    flags = (
        "--weights",
        "0.1",
        "--capacity",
        "matched",
        "--hold-back",
        "10%",
        "--hold-back-for",
        "3m",
    )
    told = shop.json("canary", "v2", *flags, "--dry-run")[0][0]
    assert [step["goal"] for step in told["steps"]][:8] == [
        "provision green: 2 healthy of v2",
        "probe green: 20 requests through the test listener",
        "route blue 99.9 % / green 0.1 %, green with 2 of 2 instances",
        "bake green for 2m under analysis",
        "route blue 10 % / green 90 %, green with 2 of 2 instances",
        "bake green for 3m under analysis",
        "route blue 0 % / green 100 %, green with 2 of 2 instances",
        "bake green for 1m under analysis",
    ]
    assert [note.split(":")[0] for note in told["notes"]] == ["Matched capacity", "Hold-back"]
    assert told["expected_s"] == 180.0 + 180.0
    shown = shop.run("canary", "v2", *flags, "--dry-run").stdout
    assert (
        "Hold-back: blue keeps 10 % for 3m to compare green with; `deployer promote` ends" in shown
    )
    shop.play.cloud.rate = 3000.0
    assert shop.run("canary", "v2", *flags).exit_code == 0
    moves = [c.weights for _, c in shop.play.cloud.changes if isinstance(c, SetWeights)]
    assert moves == [Weights(999, 1), Weights(100, 900), Weights(0, 1000)]
    assert shop.play.oracle.violations == []


def test_a_bad_release_is_found_out_at_a_thousandth_of_the_traffic(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=40)})
    shop.play.cloud.rate = 10_000.0
    done = shop.run("canary", "v3", "--weights", "0.1")
    assert done.exit_code == 3, done.output
    moves = [c.weights for _, c in shop.play.cloud.changes if isinstance(c, SetWeights)]
    assert moves == [Weights(999, 1), Weights(1000, 0)]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--hold-back-for", "2h"), "say how much with --hold-back"),
        (("--hold-back", "0.05"), "'0.05' is not a share: write percent from 0 to 100, 0.1 at the"),
        (("--group-bake", "5m"), "say who with --group"),
        (("--approve", "group"), 'Error: --approve = ["group"] (in sim): must be without "group"'),
        (
            ("--hold-back", "50"),
            "Error: --hold-back = 50 (in sim): must be below 50 %: the last of canary.weights, 50 %, comes",
        ),
        (("--capacity", "half"), "'half' is not one of 'full', 'matched'"),
        (("--weights", "0.05"), "'0.05' is not a share"),
    ],
)
def test_what_makes_no_canary_is_told_at_once(
    staged: Staged, flags: tuple[str, ...], words: str
) -> None:
    shop = staged()
    done = shop.run("canary", "v2", *flags)
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.split())
    assert shop.play.cloud.changes == []


def test_a_bad_release_goes_back_and_says_why(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=30)})
    done = shop.run("canary", "v3", "--weights", "50")
    assert done.exit_code == 3
    assert done.stdout.startswith("v3 rolled back after ")
    assert "worse than stable by failures" in done.stdout
    assert re.search(r": candidate [\d,]+ of [\d,]+ \((2\.9|3\.)\d+%\)", done.stdout)
    assert done.stdout.endswith("; v1 serves\n")
    assert "going back: worse than stable by failures" in done.stderr
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


BLUE_GREEN = ("blue-green", "v2", "--bake", "2m", "--window", "30m")


def test_blue_green_switches_in_one_change_and_keeps_the_old_slot_warm(staged: Staged) -> None:
    shop = staged()
    sizes: list[int] = []
    shop.at(1500, lambda: sizes.append(shop.play.cloud.groups[Slot.BLUE].desired))
    done = shop.run(*BLUE_GREEN)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("v2 shipped in ")
    routes = [c for _, c in shop.play.cloud.changes if isinstance(c, SetWeights)]
    assert [route.weights for route in routes] == [Weights(0, 1000)]
    assert sizes == [2]
    assert shop.play.cloud.groups[Slot.BLUE].desired == 0
    assert "keep blue warm for 30m, then until it is silent" in done.stderr
    assert shop.play.oracle.violations == []


def test_the_settings_of_the_environment_choose_the_strategy(staged: Staged) -> None:
    shop = staged()
    text = shop.config.read_text()
    text = text.replace("[environments.sim]", '[environments.sim]\nstrategy = "blue-green"')
    shop.config.write_text(text + '\n[blue_green]\nbake = "3m"\napprove = true\nstandby = 1\n')
    said = shop.run("deploy", "v2", "--dry-run").stdout
    assert said.startswith("blue-green v2 in shop/sim\n")
    assert "   3  route blue 0 % / green 100 %" in said
    assert "bake green for 3m" in said
    assert "wait for approval" in said
    assert "keep blue warm for 1h" in said
    assert "retire blue but for 1 on standby" in said
    quick = shop.run("blue-green", "v2", "--no-approve", "--standby", "0", "--dry-run").stdout
    assert "approval" not in quick
    assert "standby" not in quick


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("blue-green", "v2", "--standby", "3"), "standby 3 is more than the 2 that serve"),
        (("blue-green", "v2", "--standby", "-1"), "--standby"),
        (("blue-green", "v2", "--window", "8d"), "a duration from 0s to 7d"),
        (("canary", "v2", "--approve", "7"), "must be among canary.weights, or 100"),
        (("canary", "v2", "--approve", "5;50"), "several are separated by commas: 5,25; or group"),
        (("canary", "v2", "--wait-for-lock", "long"), "is not a duration"),
    ],
)
def test_what_makes_no_plan_is_refused(staged: Staged, flags: tuple[str, ...], words: str) -> None:
    shop = staged()
    done = shop.run(*flags)
    assert done.exit_code == 2
    assert words in done.stderr
    assert shop.records == []


def test_who_waits_for_the_lock_is_told_for_whom_and_plans_anew(staged: Staged) -> None:
    """The one that waits is the outer one; the first deployment is resumed meanwhile."""
    shop = abandoned(staged)
    shop.at(100, lambda: shop.run("resume"))
    done = shop.run("canary", "v3", "--wait-for-lock", "1h")
    assert done.exit_code == 0, done.output
    first, _, rest = done.stderr.partition("canary v3 in shop/sim\n")
    assert "Waiting until 09:0" in first
    assert "is taken by canary v2 (2027" in first
    assert rest.startswith("candidate blue gets v3, stable green serves v2")
    assert [record.plan.release.name for record in shop.records] == ["v3", "v2"]
    assert shop.play.oracle.violations == []


def test_waiting_for_the_lock_has_an_end(staged: Staged) -> None:
    shop = abandoned(staged)
    began = shop.play.clock.now()
    done = shop.run("canary", "v3", "--wait-for-lock", "10m")
    assert done.exit_code == 5
    assert 600 <= shop.play.clock.now() - began <= 615
    assert done.stderr.count("Waiting until") == 1
    assert "its runner is gone: `deployer resume` goes on" in done.stderr.splitlines()[-1]
    assert len(shop.records) == 1


def test_who_waits_and_loses_the_race_waits_again(staged: Staged) -> None:
    """Somebody else begins between our reading of a free environment and our taking it."""
    shop = staged()

    def lock() -> None:
        shop.play.gate.hooks.clear()
        shop.journal.locks["sim"] = ("other", Lease("bob@desk", shop.play.clock.now() + 30))
        shop.journal.stored["other"] = shop.journal.stored[shop.records[0].id]
        shop.at(120, shop.journal.locks.clear)

    assert shop.run("canary", "v2").exit_code == 0
    shop.play.gate.hooks["journal.begin"] = lock
    done = shop.run("canary", "v3", "--wait-for-lock", "10m")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("canary v3 in shop/sim") == 2
    assert "Waiting until" in done.stderr


def test_a_dry_run_waits_too(staged: Staged) -> None:
    done = abandoned(staged).run("canary", "v3", "--dry-run", "--wait-for-lock", "1m")
    assert done.exit_code == 5


def test_a_first_release_leaves_the_rule_as_sticky_as_the_settings_say(staged: Staged) -> None:
    """And whoever comes next takes it off for the switch, and gives it back."""
    shop = staged(weights=None)
    zones = 'zones = ["us-east-1a", "us-east-1b"]'
    shop.config.write_text(shop.config.read_text().replace(zones, f'{zones}\nstickiness = "3m"'))
    assert shop.run("canary", "v1").exit_code == 0
    assert shop.play.cloud.sticky_s == 180
    assert shop.run("canary", "v2").exit_code == 0
    assert shop.play.cloud.sticky_s == 180
    assert shop.records[0].unstuck is None
    assert shop.play.oracle.violations == []


def test_a_first_release_that_fails_owes_no_rule_anything(staged: Staged) -> None:
    shop = staged(weights=None, behaviours={"v1": Behaviour(healthy=False)})
    zones = 'zones = ["us-east-1a", "us-east-1b"]'
    shop.config.write_text(shop.config.read_text().replace(zones, f'{zones}\nstickiness = "1h"'))
    assert shop.run("canary", "v1").exit_code == 3
    assert shop.records[0].unstuck is None
    assert "stickiness" not in shop.records[0].reason

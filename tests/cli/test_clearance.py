"""A deployment refuses to begin: everything at once, exit 2, nothing changed."""

import math
import re
import typing
from dataclasses import replace

import pytest

from deployer.cli.ship import Strategy
from deployer.model import Slot, Weights
from deployer.planning.preflight import Surroundings
from deployer.planning.strategies import STRATEGIES
from deployer.settings.schema import EnvironmentSettings
from deployer.wiring.intents import Kind
from tests.cli.conftest import Staged
from tests.cli.stage import QUIET, STACKS, Stage

UPDATING = dict.fromkeys(STACKS, "UPDATE_IN_PROGRESS")


def with_alarms(shop: Stage, *names: str, more: str = "") -> Stage:
    text = shop.config.read_text()
    shop.config.write_text(
        text.replace("[analysis]", f"[analysis]\nalarms = {list(names)!r}\n{more}")
    )
    return shop


def nothing_changed(shop: Stage) -> bool:
    return shop.play.cloud.changes == [] and shop.records == []


@pytest.mark.parametrize("command", ["canary", "deploy"])
def test_one_reason_is_the_last_word(staged: Staged, command: str) -> None:
    shop = with_alarms(staged(), "fatal")
    shop.play.alarms.rings_from["fatal"] = 0.0
    done = shop.run(command, "v2")
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: alarm-ringing: alarm fatal is in ALARM: 7 > 5: mend that, or, to fix forward, "
        "begin all the same with --accept-alarms\n"
    )
    assert nothing_changed(shop)


def test_everything_is_told_at_once(staged: Staged) -> None:
    shop = with_alarms(staged(), "fatal", "fatl")
    shop.play.alarms.rings_from["fatal"] = 0.0
    shop.around = Surroundings(
        stacks={STACKS[1]: "UPDATE_IN_PROGRESS", STACKS[2]: "UPDATE_FAILED"},
        refreshes={"shop-sim-blue": "InProgress"},
        suspended={"shop-sim-green": ("Launch",)},
    )
    shop.play.cloud.groups[Slot.GREEN].max_size = 1
    done = shop.run("canary", "v2")
    assert done.exit_code == 2
    told = re.findall(r"^Objection: ([a-z-]+): ", done.stderr, re.MULTILINE)
    assert told == [
        "alarm-ringing", "alarm-ringing", "instance-refresh", "stack-busy", "stack-failed",
        "process-suspended", "no-plan",
    ]  # fmt: skip
    assert "fatl does not exist" in done.stderr
    assert "green may have at most 1 instances and 2 are needed" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: not begun, nothing was changed; told above: alarm-ringing, ")
    assert nothing_changed(shop)


def test_programs_get_a_code_for_each(staged: Staged) -> None:
    shop = staged()
    shop.around = Surroundings(stacks=UPDATING, suspended={"shop-sim-blue": ("Terminate",)})
    documents, exit_code = shop.json("canary", "v2")
    assert exit_code == 2
    *told, result = documents
    assert [each["event"] for each in told] == ["objection"] * 4
    assert [each["code"] for each in told] == ["stack-busy"] * 3 + ["process-suspended"]
    assert told[0]["note"].startswith("stack shop-sim-network is UPDATE_IN_PROGRESS")
    assert (result["status"], result["exit_code"]) == ("error", 2)


def test_a_strategys_refusal_alone_has_a_code_too(staged: Staged) -> None:
    shop = staged()
    shop.play.cloud.groups[Slot.GREEN].max_size = 1
    documents, exit_code = shop.json("canary", "v2")
    assert (exit_code, documents[0]["code"]) == (2, "no-plan")
    assert documents[-1]["reason"] == documents[0]["note"]


def test_a_dry_run_warns_and_shows_the_plan(staged: Staged) -> None:
    shop = staged()
    shop.around = replace(shop.around, refreshes={"shop-sim-blue": "Baking"})
    done = shop.run("canary", "v2", "--dry-run")
    assert done.exit_code == 0
    assert done.stderr.startswith("Warning: instance-refresh: an instance refresh of shop-sim-blue")
    assert "   3  route blue 95 % / green 5 %" in done.stdout
    assert nothing_changed(shop)


def test_a_dry_run_that_has_no_plan_to_show_is_refused(staged: Staged) -> None:
    shop = staged()
    shop.around = Surroundings(stacks=UPDATING)
    shop.play.cloud.groups[Slot.GREEN].max_size = 1
    done = shop.run("canary", "v2", "--dry-run")
    assert done.exit_code == 2
    assert "Objection: no-plan: green may have at most 1" in done.stderr


def test_an_environment_without_our_stacks_is_told_what_was_not_checked(staged: Staged) -> None:
    shop = staged()
    shop.around = Surroundings()
    done = shop.run("canary", "v2")
    assert done.exit_code == 0
    assert "stack updates were not looked for" in done.stderr


def test_traffic_moved_since_the_last_deployment_is_not_begun_from(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    group = shop.play.cloud.groups[Slot.BLUE]
    group.desired = 2
    group.stock(shop.play.clock.now())
    shop.play.cloud.move(Weights(1000, 0))
    shop.play.clock.sleep(60.0)
    changes = len(shop.play.cloud.changes)
    refused = shop.run("canary", "v3")
    assert refused.exit_code == 2
    assert (
        "weights-drifted: the production rule sends blue 100 % / green 0 %, but" in refused.stderr
    )
    assert f"canary v2 ({shop.records[0].id}), left blue 0 % / green 100 %" in refused.stderr
    assert len(shop.play.cloud.changes) == changes
    assert shop.run("canary", "v3", "--accept-weights").exit_code == 0


def test_going_back_is_never_refused_because_of_what_one_goes_back_from(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    with_alarms(shop, "fatal").play.alarms.rings_from["fatal"] = 0.0
    assert shop.run("canary", "v3").exit_code == 2
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_an_alarm_that_rings_during_the_bake_sends_everything_back(staged: Staged) -> None:
    shop = with_alarms(staged(), "fatal")
    shop.play.alarms.rings_from["fatal"] = shop.play.clock.now() + 150.0
    done = shop.run("canary", "v2")
    assert done.exit_code == 3
    assert "alarm fatal is in ALARM: 7 > 5; v1 serves" in done.stdout
    assert shop.play.cloud.rule == Weights(1000, 0)
    assert shop.play.oracle.violations == []


@pytest.mark.parametrize("command", ["canary", "blue-green", "rolling", "deploy"])
def test_a_ringing_alarm_does_not_block_fixing_forward(staged: Staged, command: str) -> None:
    """It rings all the time, and the fix ships: it is told once, and kept in the record."""
    shop = with_alarms(staged(), "fatal", "other")
    shop.play.alarms.rings_from |= {"fatal": 0.0, "other": math.inf}
    done = shop.run(command, "v2", "--accept-alarms")
    assert done.exit_code == 0, done.output
    line = "Accepted (--accept-alarms), and not judged by in this deployment: fatal is in ALARM: 7 > 5."
    assert done.stderr.count(line) == 1
    plan = shop.records[0].plan
    assert (line in plan.notes, plan.intent.alarms) == (True, ("other",))
    assert shop.play.oracle.violations == []


def test_an_alarm_that_was_not_accepted_goes_on_guarding(staged: Staged) -> None:
    shop = with_alarms(staged(), "fatal", "other")
    shop.play.alarms.rings_from |= {"fatal": 0.0, "other": shop.play.clock.now() + 150.0}
    done = shop.run("canary", "v2", "--accept-alarms")
    assert done.exit_code == 3
    assert "alarm other is in ALARM" in done.stdout


def test_nothing_is_said_of_alarms_that_do_not_ring(staged: Staged) -> None:
    shop = with_alarms(staged(), "fatal")
    shop.play.alarms.rings_from["fatal"] = math.inf
    done = shop.run("canary", "v2", "--accept-alarms", "--dry-run")
    assert done.exit_code == 0
    assert "Accepted" not in done.output


def test_a_target_group_that_sticks_forbids_what_moves_traffic_only(staged: Staged) -> None:
    shop = staged()
    shop.around = Surroundings(stacks=QUIET.stacks, sticky=("shop-sim-blue",))
    refused = shop.run("canary", "v2")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("Error: target-stickiness: target group shop-sim-blue keeps")
    assert shop.run("rolling", "v2", "--dry-run").exit_code == 0
    assert "target-stickiness" not in shop.run("rolling", "v2", "--dry-run").output


def test_the_strategies_are_listed_once() -> None:
    settings = typing.get_type_hints(EnvironmentSettings, include_extras=True)["strategy"]
    assert set(typing.get_args(typing.get_args(settings)[0])) == set(STRATEGIES)
    assert set(typing.get_args(Strategy)) == set(STRATEGIES)
    assert set(typing.get_args(Kind)) == {*STRATEGIES, "rollback"}


@pytest.mark.parametrize("command", ["canary", "blue-green", "deploy"])
def test_a_warm_pool_of_an_earlier_release_that_would_stay_is_objected_to(
    staged: Staged, command: str
) -> None:
    shop = staged()
    shop.play.cloud.groups[Slot.GREEN].keeps_warm = 3
    done = shop.run(command, "v2")
    assert (done.exit_code, nothing_changed(shop)) == (2, True)
    assert done.stderr.startswith("Error: warm-pool: the warm pool of sim-green (green) has or may")
    warned = shop.run(command, "v2", "--dry-run")
    assert (warned.exit_code, "Warning: warm-pool: " in warned.stderr) == (0, True)
    shop.play.cloud.groups[Slot.GREEN].keeps_warm = 2
    shop.play.cloud.groups[Slot.GREEN].warm.clear()
    shop.play.clock.sleep(1.0)
    assert shop.run(command, "v2", "--dry-run").stderr == ""


def test_a_warm_pool_forbids_rolling_and_a_return_to_another_release_only(staged: Staged) -> None:
    shop = staged()
    for release in ("v2", "v3"):
        assert shop.run("canary", release).exit_code == 0  # v3 serves from blue, green launches v2
    blue, green = (shop.play.cloud.groups[slot] for slot in Slot)
    blue.keeps_warm = green.keeps_warm = 3
    shop.play.clock.sleep(1.0)
    rolling = shop.run("rolling", "v1")
    assert (rolling.exit_code, "Error: warm-pool: " in rolling.stderr) == (2, True)
    refused = shop.run("rollback", "v1")
    assert (refused.exit_code, "Error: warm-pool: " in refused.stderr) == (2, True)
    assert shop.run("rollback", "v2").exit_code == 0

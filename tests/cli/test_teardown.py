"""`deployer teardown ENV`, `wake` and `extend`, over the simulated environment."""

import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from deployer.model import Weights
from deployer.operations.idle.ports import Ending, Outcome
from deployer.plan import Status
from deployer.planning.preflight import Surroundings
from deployer.settings.reading import load
from deployer.wiring import tearing
from tests.cli.stage import SETTINGS, stage
from tests.cli.ward import EPHEMERAL, Ward
from tests.sim.faults import Killed


@pytest.fixture
def ward(tmp_path: Any) -> Ward:
    made = stage(tmp_path)
    found = Ward(made.play, tmp_path)
    found.config.write_text(
        SETTINGS.replace("[canary]", f"protected = false\n{EPHEMERAL}\n[canary]")
    )
    return found


def test_to_sleep_and_awake_again(ward: Ward) -> None:
    done = ward.run("teardown", "sim")
    assert done.exit_code == 0, done.output
    assert re.search(r"asleep after [\dhms]+, with v1 to wake to", done.stdout)
    assert ward.sizes == {"blue": 0, "green": 0}
    page = ward.run("status").stdout
    assert "a page: it is asleep" in page
    assert "waking puts back blue 2 of v1, green none" in page
    assert "Next: `deployer wake` lets it serve again" in page
    done = ward.run("wake")
    assert done.exit_code == 0, done.output
    assert re.search(r"awake after [\dhms]+, v1 serves", done.stdout)
    assert ward.reach.notices.until > ward.play.clock.now() + 20 * 3600
    assert ward.sizes == {"blue": 2, "green": 0}
    assert ward.play.oracle.violations == []
    assert ward.play.cloud.ledger.total.ours == 0


def test_what_is_done_is_not_done_again(ward: Ward) -> None:
    assert "is awake" in ward.run("wake").stdout
    ward.run("teardown", "sim")
    records = len(ward.records)
    again = ward.run("teardown", "sim")
    assert (again.exit_code, "asleep already" in again.stdout) == (0, True)
    assert (
        "its idle slot has no instances" in ward.run("teardown", "sim", "--level", "retire").stdout
    )
    assert len(ward.records) == records


def test_programs_are_told_of_a_sleeping_environment(ward: Ward) -> None:
    documents, status = ward.json("teardown", "sim")
    assert status == 0
    assert (documents[-1]["status"], documents[-1]["exit_code"]) == ("shipped", 0)
    (page, _) = ward.json("status")[0]
    assert page["asleep"]["slots"]["blue"] == {"release": "v1", "desired": 2, "min": 0}
    assert page["asleep"]["since"].endswith("Z")


def test_a_dry_run_shows_the_plan_and_touches_nothing(ward: Ward) -> None:
    for command in (["teardown", "sim"], ["teardown", "sim", "--level", "delete"]):
        shown = ward.run(*command, "--dry-run")
        assert shown.exit_code == 0, shown.output
        assert "let a page answer everybody" in shown.stdout
    assert "cdk deploy --all -c env=sim" in shown.stdout
    assert (ward.records, ward.reach.stacks.asked) == ([], [])


def test_a_release_is_not_shipped_into_it(ward: Ward) -> None:
    ward.run("teardown", "sim")
    for command in (["canary", "v2"], ["blue-green", "v2"], ["rolling", "v2"], ["rollback", "v2"]):
        done = ward.run(*command)
        assert done.exit_code == 2
        assert "`deployer wake` first" in done.stderr


def test_after_waking_the_next_release_ships_and_rolls_back(ward: Ward) -> None:
    assert ward.run("canary", "v2").exit_code == 0
    ward.run("teardown", "sim")
    ward.run("wake")
    done = ward.run("rollback")  # to the release before v2, whatever slept in between
    assert done.exit_code == 0, done.output
    assert ward.records[0].plan.release.name == "v1"


def test_waking_turns_one_back_that_is_just_going_to_sleep(ward: Ward) -> None:
    """Its runner was killed: waking waits until its lease has run out, and carries it back."""
    ward.journal.forgetful = True

    def kill() -> None:
        del ward.play.gate.hooks["metrics.traffic"]
        raise Killed

    ward.play.gate.hooks["metrics.traffic"] = kill
    with pytest.raises(Killed):
        ward.run("teardown", "sim")
    assert is_asleep(ward)
    done = ward.run("wake")
    assert done.exit_code == 0, done.output
    assert not is_asleep(ward)
    assert ward.sizes["blue"] == 2
    assert ward.records[0].status is Status.ROLLED_BACK
    assert ward.reach.notices.until > ward.play.clock.now() + 20 * 3600  # no sweep undoes that


def test_ctrl_c_says_how_to_go_on_and_how_to_go_back(ward: Ward) -> None:
    ward.at(100.0, lambda: signal.raise_signal(signal.SIGINT))
    done = ward.run("teardown", "sim")
    assert done.exit_code == 130
    assert "`deployer resume` goes on, `deployer abort` goes back" in done.stderr
    assert "traffic stays" not in done.stderr  # a page answers, or does not yet: status tells
    assert ward.run("resume").exit_code == 0
    assert is_asleep(ward)


def is_asleep(ward: Ward) -> bool:
    return ward.play.cloud.asleep


RAILS: dict[str, tuple[str, Callable[[Ward], object]]] = {
    "the settings do not call it ephemeral": (
        "not-ephemeral",
        lambda w: w.config.write_text(SETTINGS.replace("[canary]", "protected = false\n[canary]")),
    ),
    "its stacks do not call it ephemeral": (
        "not-ephemeral", lambda w: setattr(w.reach, "labelled", False)
    ),
    "protected": ("protected", lambda w: w.config.write_text(SETTINGS)),
    "used": ("traffic", lambda w: setattr(w.reach, "requests", 21.0)),
    "nobody knows": ("traffic-unknown", lambda w: setattr(w.reach, "requests", None)),
    "both slots have weight": ("weight", lambda w: w.play.cloud.move(Weights(900, 100))),
    "a stack operation": (
        "stack-operation",
        lambda w: setattr(
            w, "around", Surroundings(stacks={"shop-sim-service": "UPDATE_IN_PROGRESS"})
        ),
    ),
    "an instance refresh": (
        "instance-refresh", lambda w: setattr(w, "around", Surroundings(refreshes={"g": "InProgress"}))
    ),
    "a process is suspended": (
        "process-suspended",
        lambda w: setattr(w, "around", Surroundings(suspended={"g": ("Terminate",)})),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RAILS)
def test_a_rail_refuses_and_nothing_is_changed(ward: Ward, name: str) -> None:
    code, happens = RAILS[name]
    happens(ward)
    for level in ("sleep", "delete"):
        done = ward.run("teardown", "sim", "--level", level, "--confirm", "sim")
        assert done.exit_code == 2, done.output
        assert code in done.stderr
    assert not is_asleep(ward)
    assert (ward.records, ward.reach.stacks.asked) == ([], [])


def test_an_environment_that_is_being_deployed_to_is_locked(ward: Ward) -> None:
    statuses: list[int] = []
    ward.at(200.0, lambda: statuses.append(ward.run("teardown", "sim").exit_code))
    assert ward.run("canary", "v2").exit_code == 0
    assert statuses == [5]


def test_deleting_takes_the_name(ward: Ward) -> None:
    for more, said in (((), "--confirm sim"), (("--confirm", "prod"), "'prod' is not 'sim'")):
        done = ward.run("teardown", "sim", "--level", "delete", *more)
        assert done.exit_code == 2
        assert said in done.stderr
    assert (ward.records, ward.reach.stacks.asked) == ([], [])


def test_it_sleeps_before_its_stacks_go_and_says_how_to_have_it_back(ward: Ward) -> None:
    done = ward.run("teardown", "sim", "--level", "delete", "--confirm", "sim")
    assert done.exit_code == 0, done.output
    assert ward.reach.stacks.asked == ["service", "network", "control"]
    assert [r.first_plan.strategy for r in ward.records] == ["delete", "sleep"]
    assert ward.records[0].status is Status.SHIPPED
    assert "deployer --env sim deploy v1" in done.stdout
    assert "To restore: deployer --env sim deploy v1" in ward.records[0].plan.notes
    assert "sim is gone" in done.stdout
    assert ward.play.oracle.violations == []


def test_what_stops_a_deletion_is_told_with_the_way_on(ward: Ward) -> None:
    ward.reach.stacks.hold["network"] = (
        "Vpc (AWS::EC2::VPC): has dependencies and cannot be deleted"
    )
    done = ward.run("teardown", "sim", "--level", "delete", "--confirm", "sim")
    assert done.exit_code == 4
    assert "shop-sim-network is DELETE_FAILED: Vpc (AWS::EC2::VPC): has dependencies" in done.stderr
    assert "still there: shop-sim-network, shop-sim-control" in done.stderr


def test_a_bucket_that_holds_something_is_told_before_anything_of_its_stack_goes(
    ward: Ward,
) -> None:
    ward.reach.stacks.buckets["control"] = ["artifacts-1"]
    done = ward.run("teardown", "sim", "--level", "delete", "--confirm", "sim")
    assert done.exit_code == 4
    assert 'boto3.resource("s3").Bucket("artifacts-1")' in done.stderr
    assert ward.reach.stacks.asked == ["service", "network"]


def test_nothing_protected_is_asked_to_go(ward: Ward) -> None:
    ward.reach.stacks.protected = frozenset({"service"})
    done = ward.run("teardown", "sim", "--level", "delete", "--confirm", "sim")
    assert done.exit_code == 4
    assert "termination protection" in done.stderr
    assert ward.reach.stacks.asked == []


def test_a_stack_that_does_not_call_itself_ephemeral_keeps_all_of_them(ward: Ward) -> None:
    ward.reach.stacks.untagged = frozenset({"network"})
    done = ward.run("teardown", "sim", "--level", "delete", "--confirm", "sim")
    assert done.exit_code == 2
    assert "shop-sim-network: no tag deployer:env-class = ephemeral" in done.stderr
    assert (ward.records, ward.reach.stacks.asked) == ([], [])


def test_whoever_extends_one_that_is_just_going_to_sleep_hears_of_it(ward: Ward) -> None:
    said: list[str] = []
    ward.at(90.0, lambda: said.append(ward.run("extend", "1h").stdout))
    ward.at(100.0, lambda: ward.run("wake", "--dry-run"))
    before = ward.play.clock.now()
    ward.run("teardown", "sim")
    assert "but it is just going to sleep: `deployer wake` turns that back" in said[0]
    assert ward.reach.notices.until < before + 2 * 3600  # a dry run asks for nothing


def test_extending(ward: Ward) -> None:
    done = ward.run("extend", "8h")
    assert done.exit_code == 0, done.output
    assert ward.reach.notices.until == pytest.approx(ward.play.clock.now() + 8 * 3600)
    ward.run("extend", "1h")
    assert ward.reach.notices.until > ward.play.clock.now() + 7 * 3600
    ward.reach.labelled = False
    refused = ward.run("extend", "8h")
    assert (refused.exit_code, "nothing to extend" in refused.stderr) == (2, True)
    nothing = ward.run("extend", "0s")
    assert (nothing.exit_code, "0s extends nothing" in nothing.stderr) == (2, True)
    before = ward.reach.notices.until
    assert ward.run("extend", "30d").exit_code == 2  # not ephemeral here, but no longer than may be
    ever = ward.run("extend", "9000d")
    assert (ever.exit_code, "write 30d at most" in ever.stderr) == (2, True)
    assert ward.reach.notices.until == before


def test_the_environment_is_named_once(ward: Ward) -> None:
    assert ward.run("--env", "prod", "teardown", "sim").exit_code == 2
    assert ward.run("teardown").exit_code == 2


def test_a_sweep_that_meets_an_extension_leaves_it(ward: Ward) -> None:
    """It was extended after the sweep had looked: the act sees that once it holds the environment."""
    acts = tearing.Environments(lambda name: load(ward.config, name), 120.0, connect=ward.connect)
    ward.reach.notices.until = ward.play.clock.now() + 60.0
    assert acts.tear_down("sim", "sleep", "idle") == Outcome(
        Ending.REFUSED, "somebody has extended it meanwhile"
    )
    assert ward.play.cloud.changes == []
    ward.play.clock.sleep(61.0)
    assert acts.tear_down("sim", "sleep", "idle").ending is Ending.BEGUN


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--idle", "--level", "delete"), "--level is not for --idle"),
        (("--idle", "--confirm", "sim"), "--confirm is not for --idle"),
        (("sim", "--yes"), "--yes is for --idle"),
    ],
)
def test_an_option_without_effect_is_refused(
    ward: Ward, options: tuple[str, ...], told: str
) -> None:
    done = ward.run("teardown", *options)
    assert done.exit_code == 2
    assert told in done.stderr

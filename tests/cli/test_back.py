"""rollback, abort, resume: every way back, and the way on."""

import os
import signal
from functools import partial

from click.testing import Result

from deployer.journal import Lease
from deployer.model import Slot, Weights
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.sim.fleet import Behaviour


def halted_half_way(staged: Staged) -> Stage:
    """A canary that stopped with both slots serving, since somebody moved traffic."""
    shop = staged()
    shop.play.move_weights_at(120, Weights(300, 700))
    assert shop.run("canary", "v2").exit_code == 4
    return shop


def abandoned(staged: Staged, after_s: float = 300.0, release: str = "v2") -> Stage:
    """A canary whose process was killed; its lease is out."""
    shop = staged()

    def die() -> None:
        raise MemoryError("killed")

    shop.at(after_s, die)
    shop.journal.forgetful = True
    assert shop.run("canary", release, "--irreversible").exit_code == 1
    shop.play.cloud._happenings.clear()
    shop.play.clock.sleep(61)
    return shop


def test_back_to_the_release_before(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("v1 shipped in ")
    assert "rollback v1 in shop/sim" in done.stderr
    assert shop.play.cloud.rule == Weights(1000, 0)
    assert shop.play.oracle.violations == []


def test_back_twice_does_not_return_to_the_bad_release(staged: Staged) -> None:
    shop = staged()
    for command in (("canary", "v2"), ("canary", "v3"), ("rollback",), ("rollback",)):
        assert shop.run(*command).exit_code == 0
    assert [record.plan.release.name for record in shop.records] == ["v1", "v2", "v3", "v2"]
    done = shop.run("rollback")
    assert done.exit_code == 2
    assert "the journal knows no release before v1: name one: `deployer rollback" in done.stderr


def test_back_to_a_named_release(staged: Staged) -> None:
    shop = staged()
    assert shop.run("rollback", "v3", "--dry-run").exit_code == 0
    assert shop.play.cloud.changes == []
    assert shop.run("rollback", "v3").exit_code == 0
    assert shop.run("rollback", "v3").exit_code == 2


def test_a_release_that_never_served_is_no_way_back(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    before = len(shop.play.cloud.changes)
    for flags in ((), ("--dry-run",)):
        refused = shop.run("rollback", "v3", *flags)
        assert refused.exit_code == 2
        assert "v3 has not served here in the last 1 deployment: `deployer canary v3`" in (
            refused.stderr
        )
    assert len(shop.play.cloud.changes) == before
    assert shop.run("rollback", "v1", "--dry-run").exit_code == 0  # v2's record names it
    assert shop.run("rollback", "v3", "--force").exit_code == 0
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_back_from_a_release_whose_instances_die(staged: Staged) -> None:
    shop = staged(behaviours={"v2": Behaviour(crash_after_s=900)})
    assert shop.run("canary", "v2").exit_code == 0
    shop.play.clock.sleep(900)
    assert shop.run("rollback").exit_code == 0
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_after_a_halt_with_both_serving_it_is_compiled_from_the_record(staged: Staged) -> None:
    shop = halted_half_way(staged)
    halted = shop.records[0]
    shown = shop.run("rollback", "--dry-run").stdout
    assert shown.startswith("rollback from v2 in shop/sim\ncandidate green gives up v2, stable bl")
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    back = shop.records[0]
    assert (back.status, back.first_plan.strategy) == (Status.ROLLED_BACK, "rollback")
    assert back.reason == f"the way back of {halted.id}, which halted"
    assert shop.play.cloud.rule == Weights(1000, 0)
    assert shop.play.cloud.groups[Slot.GREEN].desired == 0


def test_after_a_halt_another_release_has_to_wait(staged: Staged) -> None:
    done = halted_half_way(staged).run("rollback", "v3")
    assert done.exit_code == 2
    assert "leads back to v1: run `deployer rollback` first, then `deployer rollback v3`" in (
        done.stderr
    )


def test_both_serving_without_a_record_is_left_to_a_person(staged: Staged) -> None:
    shop = staged(weights=Weights(500, 500))
    done = shop.run("rollback")
    assert done.exit_code == 2
    assert "both slots serve (blue 50 % / green 50 %) and no deployment of the journal" in (
        done.stderr
    )


def test_nothing_was_ever_released(staged: Staged) -> None:
    done = staged(weights=None).run("rollback")
    assert done.exit_code == 2
    assert "nothing was ever released here" in done.stderr


def test_while_a_deployment_runs_it_is_asked_and_watched(staged: Staged) -> None:
    """The watcher only looks; the runner, in its own process, does the work."""
    shop = staged()
    asked = []
    shop.at(200, lambda: asked.append(shop.run("abort")))
    done = shop.run("canary", "v2")
    assert done.exit_code == 3
    assert asked[0].exit_code == 0
    assert asked[0].stdout.startswith("asked canary v2 (2027")
    assert "aborted by alice@laptop; v1 serves" in done.stdout


def test_a_rollback_of_a_running_deployment_takes_over_when_the_runner_dies(
    staged: Staged,
) -> None:
    shop = abandoned(staged)
    shown = shop.run("rollback", "--dry-run")
    assert "   2  route blue 100 % / green 0 %" in shown.stdout
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("v2 rolled back after ")
    assert shop.play.cloud.rule == Weights(1000, 0)
    assert len(shop.records) == 1


def test_abort_takes_over_from_a_dead_runner(staged: Staged) -> None:
    shop = abandoned(staged)
    done = shop.run("abort")
    assert done.exit_code == 0, done.output
    assert "Its runner is gone: taking over" in done.stderr
    assert "aborted by alice@laptop" in done.stdout
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_resume_goes_on_where_the_dead_runner_stood(staged: Staged) -> None:
    shop = abandoned(staged)
    assert shop.run("canary", "v3").exit_code == 5
    done = shop.run("resume")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("v2 shipped in ")
    assert "Going on at step 6/10: " in done.stderr
    assert "step 1/10  " not in done.stderr
    assert shop.play.cloud.rule == Weights(0, 1000)


def test_resume_leaves_a_living_runner_alone(staged: Staged) -> None:
    shop = staged()
    seen = []
    shop.at(100, lambda: seen.append(shop.run("resume")))
    assert shop.run("canary", "v2").exit_code == 0
    assert seen[0].exit_code == 2
    assert "carried out by alice@laptop #1, whose lease lasts until 08:0" in seen[0].stderr


def test_an_abort_that_comes_too_late_is_told(staged: Staged) -> None:
    """The journal of the deployment that the watcher follows has come to its end: shipped."""
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    shop.journal.locks["sim"] = (shop.records[0].id, Lease("bob@desk", 2e9))
    done = shop.run("rollback")
    assert done.exit_code == 2
    assert "v2 had shipped before it could turn back: run `deployer rollback` again" in done.stderr


def test_a_second_rollback_watches_the_first_instead_of_undoing_it(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    seen = []

    def again() -> None:
        shop.play.gate.hooks["journal.load"] = give_up
        seen.append(shop.run("rollback"))

    def give_up() -> None:
        shop.play.gate.hooks.clear()
        os.kill(os.getpid(), signal.SIGINT)

    shop.at(100, again)
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert "rollback v1 runs already: watching it." in seen[0].stderr
    assert shop.journal.requests == {}
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_refused_way_back_does_not_hide_the_halt_before_it(staged: Staged) -> None:
    shop = halted_half_way(staged)

    def resize() -> None:
        shop.play.clock.sleep(1)
        shop.play.cloud.groups[Slot.BLUE].desired += 1

    shop.play.gate.hooks["journal.begin"] = resize
    assert shop.run("rollback").exit_code == 2
    shop.play.gate.hooks.clear()
    assert "Next: `deployer rollback` gives one slot all" in shop.run("status").stdout
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert shop.play.cloud.rule == Weights(1000, 0)


def said_by(shop: Stage, said: list[Result], *command: str) -> None:
    """Type it, and keep what it says."""
    said.append(shop.run(*command))


def in_the_window(staged: Staged, *flags: str) -> tuple[Stage, list[Result]]:
    """v2 by blue/green; ten minutes into its window of an hour somebody runs `rollback`."""
    shop, said = staged(), []
    shop.at(1500, lambda: said.append(interrupted_rollback(shop)))
    shop.run("blue-green", "v2", "--bake", "2m", "--window", "1h", *flags)
    return shop, said


def interrupted_rollback(shop: Stage) -> Result:
    """Ask, and stop watching at once: in the simulation one process runs at a time."""
    shop.play.gate.hooks["journal.load"] = lambda: os.kill(os.getpid(), signal.SIGINT)
    done = shop.run("rollback")
    shop.play.gate.hooks.clear()
    return done


def test_inside_the_window_going_back_is_one_change_within_one_poll(staged: Staged) -> None:
    shop, said = in_the_window(staged)
    assert said[0].exit_code == 130
    record = shop.records[0]
    assert record.status is Status.ROLLED_BACK
    back = record.log[[e.kind for e in record.log].index("retreat") :]
    changes = [e for e in back if e.kind == "change"]
    assert [e.note for e in changes] == [
        "send blue 100 % / green 0 %", "ask green for 0 instances",
        "let blue be as small as 0 instances again",
    ]  # fmt: skip
    assert changes[0].at - (record.started_at + 1500) <= shop.play.poll_s
    assert shop.play.oracle.violations == []


def test_instances_on_standby_are_used_as_they_are(staged: Staged) -> None:
    shop = staged()
    assert shop.run("blue-green", "v2", "--window", "5m", "--standby", "1").exit_code == 0
    blue = shop.play.cloud.groups[Slot.BLUE]
    assert (blue.desired, len(blue.instances)) == (1, 1)
    standby = blue.instances[0].id
    before = len(shop.play.cloud.changes)
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    made = [str(change) for _, change in shop.play.cloud.changes[before:]]
    assert made == [
        "ask blue for 2 instances", "send blue 100 % / green 0 %", "ask green for 0 instances",
    ]  # fmt: skip
    assert standby in [instance.id for instance in blue.instances]
    assert shop.play.oracle.violations == []


def test_a_release_after_one_with_standby_replaces_it(staged: Staged) -> None:
    shop = staged()
    assert shop.run("blue-green", "v2", "--window", "5m", "--standby", "1").exit_code == 0
    assert shop.run("canary", "v3").exit_code == 0
    assert {i.release for i in shop.play.cloud.groups[Slot.BLUE].instances} == {"v3"}
    assert shop.play.oracle.violations == []


def test_a_way_back_asks_nobody_for_approval(staged: Staged) -> None:
    shop = staged()
    text = shop.config.read_text().replace("[canary]", "[canary]\napprove = [100]")
    shop.config.write_text(text)
    assert shop.run("canary", "v2", "--approve", "none").exit_code == 0
    done = shop.run("rollback")
    assert done.exit_code == 0, done.output
    assert "approval" not in done.stderr


def test_a_rollback_to_another_release_can_wait_for_what_runs(staged: Staged) -> None:
    shop = staged()
    said: list[Result] = []
    shop.at(100, lambda: said.append(shop.run("rollback", "v3")))
    shop.at(200, lambda: said.append(shop.run("rollback", "v3", "--wait-for-lock", "30s")))
    assert shop.run("canary", "v2").exit_code == 0
    assert [each.exit_code for each in said] == [2, 5]
    assert "leads back to v1" in said[0].stderr
    assert "Waiting until " in said[1].stderr


def test_a_release_that_cannot_go_back_is_left_with_force_only(staged: Staged) -> None:
    shop = staged()
    said: list[Result] = []
    for command in (("abort",), ("rollback",), ("status",), ("abort", "--force")):
        shop.at(100, partial(said_by, shop, said, *command))
    assert shop.run("canary", "u1", "--irreversible").exit_code == 3
    abort, rollback, status, forced = said
    assert (abort.exit_code, rollback.exit_code, forced.exit_code) == (2, 2, 0)
    assert "`deployer abort --force` does all the same" in abort.stderr
    assert "u1 is marked rollback-safe: false and users reach it, so it does not go back: " in (
        rollback.stderr
    )
    assert "possible now: `deployer abort --force`" in status.stdout
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_before_users_reach_it_anything_can_go_back(staged: Staged) -> None:
    shop = staged()
    shop.at(20, lambda: shop.run("abort", "--force"))
    assert shop.run("canary", "u1", "--irreversible").exit_code == 3
    shop.at(20, lambda: shop.run("abort"))
    assert shop.run("canary", "u1", "--irreversible").exit_code == 3


def test_once_it_has_shipped_the_way_back_past_it_needs_force(staged: Staged) -> None:
    shop = staged()
    for release in ("u1", "v3"):
        assert shop.run("canary", release, "--irreversible").exit_code == 0
    assert shop.run("rollback", "--dry-run").exit_code == 0  # to u1 itself
    refused = shop.run("rollback", "v1")
    assert refused.exit_code == 2
    assert "u1 is marked rollback-safe: false and came after v1: fix forward, or" in refused.stderr
    assert shop.run("rollback", "v1", "--force").exit_code == 0
    assert shop.run("status").stdout.startswith("shop/sim  serves v1 100 %")


def test_after_a_halt_with_both_serving_it_needs_force_too(staged: Staged) -> None:
    shop = staged(behaviours={"u1": Behaviour(errors=30)})
    halted = shop.run("canary", "u1", "--irreversible", "--weights", "50")
    assert halted.exit_code == 4
    assert "`deployer rollback --force`" in halted.stdout
    assert shop.run("rollback").exit_code == 2
    assert shop.run("rollback", "--force").exit_code == 0
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_an_abandoned_one_is_not_carried_forward_by_abort(staged: Staged) -> None:
    shop = abandoned(staged, 100.0, "u1")
    refused = shop.run("abort")
    assert refused.exit_code == 2
    assert "`deployer abort --force` does all the same" in refused.stderr
    assert shop.records[0].status is Status.RUNNING
    assert shop.run("abort", "--force").exit_code == 0
    assert shop.play.cloud.rule == Weights(1000, 0)

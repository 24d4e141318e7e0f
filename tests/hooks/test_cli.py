"""What people type, and read, about hooks and about releases that cannot go back."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.aws import hook_runs
from deployer.hooks import HookAction, HookPoint
from deployer.model import Release, Slot, Weights
from deployer.settings.schema import Settings
from deployer.wiring.services import Services
from tests.cli.stage import SETTINGS, Stage
from tests.sim.fleet import Behaviour
from tests.sim.hooks import SimHooks
from tests.sim.play import play

HOOKS = """
[hooks]
before_traffic = { command = ["./migrate", "--prepare"], deadline = "10m" }
after_traffic = { function = "smoke-test" }
on_rollback = { url = "https://chat.example.com/deploys?token=secret" }
"""


class HookStage(Stage):
    """Runs hooks; its release v3 cannot go back."""

    def connect(self, settings: Settings) -> Services:
        services = super().connect(settings)

        def find(name: str) -> Release:
            found = services.find_release(name)
            return Release(found.name, found.artifact, rollback_safe=name != "v3")

        hooks = SimHooks(self.play.clock, self.play.gate, self.play.hooks)
        return replace(services, find_release=find, hooks=hooks, lacking=self.lacking)

    @staticmethod
    def lacking(action: HookAction) -> str:
        """As where the program of a command is not there yet."""
        return "there is no program" if action.command else ""


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEPLOYER_ENV", "DEPLOYER_CONFIG", "DEPLOYER_CLOCK", "DEPLOYER_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("COLUMNS", "100")


def hooked(folder: Path, **behaviours: Behaviour) -> HookStage:
    shop = HookStage(play(behaviours=behaviours), folder)
    shop.config.write_text(SETTINGS + HOOKS)
    return shop


def one_way(folder: Path, **behaviours: Behaviour) -> HookStage:
    return HookStage(play(behaviours=behaviours), folder)


def test_the_plan_names_the_hooks_and_no_token(tmp_path: Path) -> None:
    done = hooked(tmp_path).run("canary", "v2", "--dry-run")
    assert done.exit_code == 0
    assert "hook before_traffic: run ./migrate --prepare" in done.stdout
    assert "hook after_traffic: invoke smoke-test" in done.stdout
    assert "secret" not in done.output


def test_a_hook_that_cannot_run_from_here_is_told_with_the_plan_and_stops_nothing(
    tmp_path: Path,
) -> None:
    """An earlier hook, or a build, may make the program: it is a warning."""
    shop = hooked(tmp_path)
    done = shop.run("canary", "v2", "--dry-run")
    assert done.exit_code == 0
    assert "CAREFUL: the hook before_traffic would fail: there is no program." in done.stdout
    assert "hook after_traffic would fail" not in done.stdout
    assert shop.run("canary", "v2").exit_code == 0
    assert any("would fail" in note for note in shop.records[0].plan.notes)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("sh", "-c", "true"), ""),
        (("no-such-program-at-all",), "there is no program no-such-program-at-all on the PATH"),
        (("./there",), ""),
        (("./not-executable",), "there is no program ./not-executable in "),
        (("./missing", "x"), "there is no program ./missing in "),
        ((), ""),
    ],
)
def test_which_programs_can_be_run_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, mode in (("there", 0o755), ("not-executable", 0o644)):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(mode)
    found = hook_runs.lacking(HookAction(command=command), dict(os.environ))
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_a_deployment_with_hooks_ships_and_its_record_has_their_output(tmp_path: Path) -> None:
    shop = hooked(tmp_path)
    done = shop.run("canary", "v2")
    assert done.exit_code == 0
    assert "            | it went well" in done.stderr
    shown = shop.run("show", shop.records[0].id).stdout
    assert "hook before_traffic: run ./migrate --prepare: succeeded" in shown
    assert "            | it went well" in shown


def test_a_failing_hook_sends_it_back_with_its_reason(tmp_path: Path) -> None:
    shop = hooked(tmp_path)
    shop.play.hooks.fails = (HookPoint.AFTER_TRAFFIC,)
    documents, status = shop.json("canary", "v2")
    assert status == 3
    assert documents[-1]["reason"] == "the hook after_traffic failed: exit status 1"
    (retreat,) = [d for d in documents if d["event"] == "retreat"]
    assert retreat["detail"] == {"output": "it went wrong"}
    assert HookPoint.ON_ROLLBACK in shop.play.hooks.points()
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_release_that_cannot_go_back_needs_a_word(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    refused = shop.run("canary", "v3")
    assert refused.exit_code == 2
    assert "v3 is marked rollback-safe: false" in refused.output
    assert "add --irreversible" in refused.output
    assert shop.records == []
    assert shop.play.cloud.changes == []
    assert shop.run("canary", "v3", "--irreversible").exit_code == 0


def test_a_dry_run_says_so(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    done = shop.run("canary", "v3", "--dry-run")
    assert done.exit_code == 0
    words = " ".join(done.output.split())
    assert "v3 is marked rollback-safe: false: once users reach it, nothing goes back by" in words
    (plan,) = [d for d in shop.json("canary", "v3", "--dry-run")[0] if d["event"] == "plan"]
    assert plan["irreversible"] is True


def test_a_bad_one_halts_where_it_stands(tmp_path: Path) -> None:
    shop = one_way(tmp_path, v3=Behaviour(errors=30))
    done = shop.run("canary", "v3", "--irreversible")
    assert done.exit_code == 4
    assert "fix forward" in done.output
    assert "`deployer rollback --force`" in done.output
    assert shop.play.cloud.rule == Weights(950, 50)
    assert shop.run("rollback").exit_code == 2
    assert shop.play.cloud.rule == Weights(950, 50)
    assert shop.run("rollback", "--force").exit_code == 0
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_once_it_has_shipped_the_way_back_needs_force(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    shop.run("canary", "v3", "--irreversible")
    refused = shop.run("rollback")
    assert refused.exit_code == 2
    assert "v3 is marked rollback-safe: false" in refused.output
    assert shop.run("rollback", "--force").exit_code == 0
    assert shop.run("status").stdout.startswith("shop/sim  serves v1 100 %")


def test_an_abort_while_users_are_on_it_needs_force(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    said: list[int] = []
    shop.at(100, lambda: said.append(shop.run("abort").exit_code))
    shop.at(110, lambda: said.append(shop.run("rollback").exit_code))
    shop.at(120, lambda: said.append(shop.run("abort", "--force").exit_code))
    assert shop.run("canary", "v3", "--irreversible").exit_code == 3
    assert said == [2, 2, 0]


def halted(folder: Path) -> HookStage:
    """v3 has halted at 5 %, and what was wrong is mended by now."""
    shop = one_way(folder, v3=Behaviour(errors=30))
    assert shop.run("canary", "v3", "--irreversible").exit_code == 4
    shop.play.clock.sleep(300.0)
    return shop


def mend(shop: HookStage) -> None:
    for group in shop.play.cloud.groups.values():
        group.behaviours = {}
        for instance in group.instances:
            instance.behaviour = Behaviour()


def test_after_a_halt_the_command_that_it_names_gives_it_everything(tmp_path: Path) -> None:
    shop = halted(tmp_path)
    last = shop.records[0]
    assert (
        "fix forward (`deployer promote --full` gives v3 all of the traffic, then " in last.reason
    )
    assert (
        "\nNext: `deployer promote --full` gives it all of the traffic" in shop.run("status").stdout
    )
    refused = shop.run("rollback")
    assert "fix forward (`deployer promote --full`, then `deployer deploy REL" in refused.stderr
    mend(shop)
    changes = len(shop.play.cloud.changes)
    shown = shop.run("promote", "--full", "--dry-run")
    assert (shown.exit_code, len(shop.play.cloud.changes), len(shop.records)) == (0, changes, 1)
    assert shown.stdout.startswith("promote v3 in shop/sim\ncandidate green gets v3, stable blue")
    assert "   2  route blue 0 % / green 100 %" in shown.stdout
    words = " ".join(shown.stdout.split())
    assert f"CAREFUL: {last.id} has halted, since: " in words
    done = shop.run("promote", "--full")
    assert done.exit_code == 0, done.output
    assert shop.play.cloud.rule == Weights(0, 1000)
    assert shop.play.cloud.groups[Slot.BLUE].desired == 0
    assert shop.run("deploy", "v2", "--dry-run").exit_code == 0
    refused = shop.run("rollback")
    assert (refused.exit_code, "v3 is marked rollback-safe: false" in refused.output) == (2, True)


def test_one_that_is_bad_with_everything_too_halts_there_and_the_next_one_ships(
    tmp_path: Path,
) -> None:
    shop = halted(tmp_path)
    done = shop.run("promote", "--full")
    assert done.exit_code == 4
    assert "fix forward (`deployer deploy RELEASE`)" in done.output
    again = shop.run("promote", "--full")
    assert again.exit_code == 2
    assert "possible now: `deployer deploy RELEASE`, `deployer rollback --force`" in again.stderr
    assert shop.run("deploy", "v2").exit_code == 0
    assert shop.run("status").stdout.startswith("shop/sim  serves v2 100 %")


def test_an_alarm_that_rings_refuses_nothing_and_is_told(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    text = shop.config.read_text()
    shop.config.write_text(text.replace("[analysis]", '[analysis]\nalarms = ["fatal"]'))
    shop.play.alarms.rings_from["fatal"] = shop.play.clock.now() + 100.0
    assert shop.run("canary", "v3", "--irreversible").exit_code == 4
    done = shop.run("promote", "--full")
    assert done.exit_code == 0, done.output
    words = " ".join(done.stderr.split())
    assert "CAREFUL: not judged by in this deployment: fatal is in ALARM" in words


def test_what_surrounds_it_refuses_it_like_any_deployment(tmp_path: Path) -> None:
    shop = halted(tmp_path)
    shop.around = replace(shop.around, suspended={"shop-sim-green": ("Launch",)})
    done = shop.run("promote", "--full")
    assert (done.exit_code, len(shop.records)) == (2, 1)
    assert done.stderr.startswith("Error: process-suspended: ")


def test_traffic_that_somebody_moved_since_the_halt_is_not_begun_from(tmp_path: Path) -> None:
    shop = halted(tmp_path)
    shop.play.cloud.move(Weights(500, 500))
    shop.play.clock.sleep(1.0)
    done = shop.run("promote", "--full")
    assert (done.exit_code, len(shop.records)) == (2, 1)
    assert "users get blue 50 % / green 50 %, and " in done.stderr
    assert "left blue 95 % / green 5 %: somebody moved traffic since" in done.stderr


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("v2", "nothing is being deployed in shop/sim"),
        ("", "nothing is being deployed in shop/sim"),
    ],
)
def test_nowhere_else_is_it_possible(tmp_path: Path, release: str, words: str) -> None:
    shop = one_way(tmp_path)
    if release:
        assert shop.run("canary", release).exit_code == 0
    done = shop.run("promote", "--full")
    assert (done.exit_code, words in done.stderr) == (2, True)
    assert shop.run("promote", "--dry-run").exit_code == 2


def test_one_that_halted_and_can_go_back_is_to_go_back(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    shop.at(100, lambda: shop.play.cloud.move(Weights(700, 300)))
    assert shop.run("canary", "v2").exit_code == 4
    done = shop.run("promote", "--full")
    assert done.exit_code == 2
    assert (
        "has halted, and its release can go back; possible now: `deployer rollback`" in done.stderr
    )


def test_a_dry_run_while_something_runs_is_refused(tmp_path: Path) -> None:
    shop = one_way(tmp_path)
    said: list[tuple[int, str]] = []

    def ask() -> None:
        done = shop.run("promote", "--full", "--dry-run")
        said.append((done.exit_code, done.stderr))

    shop.at(100, ask)
    assert shop.run("canary", "v2").exit_code == 0
    ((code, words),) = said
    assert code == 2
    assert "after a halt, while nothing runs" in words

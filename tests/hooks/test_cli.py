"""What people type, and read, about hooks and about releases that cannot go back."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from deployer.aws import hook_runs
from deployer.hooks import HookAction, HookPoint
from deployer.model import Release, Weights
from deployer.settings.schema import Settings
from deployer.wiring import Services
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

"""`deployer deploy RELEASE --attach` over the simulated environment: in every state, said twice."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deployer.model import Weights
from deployer.plan import Status
from deployer.settings.schema import Settings
from deployer.wiring.services import Services
from tests.cli.stage import Stage, stage
from tests.sim.fleet import Behaviour

BUILDS = "CodeBuild shop-prod"


class Pipeline:
    """The same environment, in which builds of one project deploy."""

    def __init__(self, shop: Stage) -> None:
        self.shop, self._connect, self.builds = shop, shop.connect, 0
        shop.connect = self.connect  # type: ignore[method-assign]
        self.caller = ""

    def connect(self, settings: Settings) -> Services:
        made = self._connect(settings)
        self.builds += 1
        by = self.caller or f"{BUILDS}:{self.builds}"
        return replace(made, caller=by)


@pytest.fixture
def shop(tmp_path: Path) -> Stage:
    made = stage(tmp_path)
    Pipeline(made)
    return made


def attach(shop: Stage, release: str, *more: str) -> tuple[int, str]:
    done = shop.run("deploy", release, "--attach", *more)
    return done.exit_code, done.output


def abandoned(shop: Stage, after_s: float, release: str = "v2") -> None:
    """The build that deploys is killed."""

    def die() -> None:
        raise MemoryError("killed")

    shop.at(after_s, die)
    shop.journal.forgetful = True
    assert shop.run("deploy", release, "--attach").exit_code == 1
    shop.journal.forgetful = False
    shop.play.cloud._happenings.clear()


def test_said_twice_it_is_done_once(shop: Stage) -> None:
    assert attach(shop, "v2")[0] == 0
    changes = len(shop.play.cloud.changes)
    status, said = attach(shop, "v2")
    assert (status, len(shop.play.cloud.changes)) == (0, changes)
    assert "v2 serves everybody in shop/sim: nothing to do" in said
    assert len(shop.records) == 1


@pytest.mark.parametrize("after_s", [5.0, 100.0, 300.0, 420.0])
def test_a_retry_carries_on_what_a_killed_build_has_left(shop: Stage, after_s: float) -> None:
    abandoned(shop, after_s)
    status, said = attach(shop, "v2")
    assert status == 0, said
    assert "Attached to canary v2" in said
    assert "Its runner is gone: taking over." in said
    assert [each.status for each in shop.records] == [Status.SHIPPED]
    assert shop.play.cloud.rule == Weights(0, 1000)


def test_a_retry_while_the_first_build_runs_only_watches(shop: Stage) -> None:
    retried: list[tuple[int, str]] = []
    shop.at(200.0, lambda: retried.append(_watched(shop)))
    first = attach(shop, "v2")
    assert first[0] == 0
    ((status, said),) = retried
    # The simulated world has one clock: the second build is stopped before the first goes on.
    assert status == 143
    assert "Attached to canary v2" in said
    assert "which goes on" in said
    assert len(shop.records) == 1
    assert shop.play.oracle.violations == []


def _watched(shop: Stage) -> tuple[int, str]:
    shop.at(30.0, lambda: signal.raise_signal(signal.SIGTERM))
    return attach(shop, "v2")


def test_a_retry_after_the_release_went_back_tries_again(tmp_path: Path) -> None:
    bad = stage(tmp_path, behaviours={"v2": Behaviour(errors=40)})
    Pipeline(bad)
    for tries in (1, 2):
        assert attach(bad, "v2")[0] == 3
        assert [each.status for each in bad.records] == [Status.ROLLED_BACK] * tries
    assert bad.play.cloud.rule == Weights(1000, 0)


def test_what_the_supervisor_carries_out_is_followed(shop: Stage) -> None:
    abandoned(shop, 150.0)
    shop.play.clock.sleep(61.0)
    assert shop.run("supervise", "--once").exit_code == 0
    for minute in range(1, 40):
        shop.at(45.0 * minute, lambda: shop.run("supervise", "--once"))
    status, said = attach(shop, "v2")
    assert status == 0, said
    assert "taking over" not in said
    assert [each.status for each in shop.records] == [Status.SHIPPED]


def test_what_has_ended_in_the_moment_of_taking_over_is_told_as_it_ended(shop: Stage) -> None:
    """Two retries wait for the lease of a killed build; one is faster by all that is left."""
    abandoned(shop, 150.0)
    faster: list[bool] = []
    take_over = shop.journal.take_over

    def beaten(*args: Any) -> Any:
        if not faster:
            faster.append(True)
            assert shop.run("resume").exit_code == 0
        return take_over(*args)

    shop.journal.take_over = beaten  # type: ignore[assignment, method-assign]
    status, said = attach(shop, "v2")
    assert status == 0, said
    assert faster
    assert [each.status for each in shop.records] == [Status.SHIPPED]


def test_another_release_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    shop = stage(tmp_path)
    pipeline = Pipeline(shop)
    abandoned(shop, 150.0)
    for release in ("v3", "v1"):
        pipeline.caller = "bob@laptop"
        status, said = attach(shop, release)
        assert status == 5
        assert "shop/sim is taken by canary v2" in said
    assert shop.records[0].status is Status.RUNNING


def test_it_waits_for_another_release_as_long_as_it_is_told(shop: Stage) -> None:
    abandoned(shop, 150.0)
    shop.play.clock.sleep(61.0)
    shop.at(100.0, lambda: shop.run("resume"))
    status, said = attach(shop, "v3", "--wait-for-lock", "1h")
    assert status == 0, said
    assert [each.plan.release.name for each in shop.records] == ["v3", "v2"]
    assert said.count("Looking again and again: shop/sim is taken by canary v2") == 1


def test_a_stage_that_is_rolled_back_goes_back(shop: Stage) -> None:
    """The pipeline deploys the older release again: that is a way back, not another canary."""
    for release in ("v2", "v3"):
        assert attach(shop, release)[0] == 0
    status, said = attach(shop, "v2")
    assert status == 0, said
    assert "v2 served here before: going back to it." in said
    assert shop.records[0].plan.strategy == "rollback"
    assert attach(shop, "v3")[0] == 0  # and forward again, under analysis
    assert shop.records[0].plan.strategy == "canary"


def test_a_stage_that_is_rolled_back_in_mid_canary_turns_it_back(shop: Stage) -> None:
    abandoned(shop, 300.0)
    assert shop.play.cloud.rule != Weights(1000, 0)
    status, said = attach(shop, "v1")
    assert status == 0, said
    assert "is to go back" in said
    assert [each.status for each in shop.records] == [Status.ROLLED_BACK]
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_release_that_cannot_go_back_is_not_turned_back(shop: Stage) -> None:
    def die() -> None:
        raise MemoryError("killed")

    shop.at(300.0, die)
    shop.journal.forgetful = True
    assert shop.run("deploy", "u1", "--attach", "--irreversible").exit_code == 1
    shop.play.clock.sleep(61.0)
    status, said = attach(shop, "v1")
    assert status == 2
    assert "u1" in said
    assert shop.records[0].status is Status.RUNNING


def test_what_halted_is_not_called_done(shop: Stage) -> None:
    shop.play.move_weights_at(120, Weights(300, 700))
    assert attach(shop, "v2")[0] == 4
    assert attach(shop, "v2")[0] == 2  # refused to begin: a person must look
    assert len(shop.records) == 1


def test_a_dry_run_shows_the_plan_and_attaches_to_nothing(shop: Stage) -> None:
    status, said = attach(shop, "v2", "--dry-run")
    assert (status, shop.records) == (0, [])
    assert "canary v2" in said

"""Each exit status that docs/cli.md names, by a command that ends with it; `test_docs` knows them all."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.cli.verify import UNFIT, ending_of
from deployer.errors import CloudUnavailable
from deployer.findings import Finding, Level
from deployer.model import Weights
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.sim.fleet import Behaviour

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def shipped(shop: Stage) -> int:
    return shop.run("canary", "v2").exit_code


def no_answer(shop: Stage) -> int:
    def silent(_: object) -> None:
        raise CloudUnavailable("no answer")

    shop.connect = silent  # type: ignore[method-assign,assignment]
    return shop.run("canary", "v2").exit_code


def no_such_release(shop: Stage) -> int:
    return shop.run("canary", "v9").exit_code


def no_such_option(shop: Stage) -> int:
    return shop.run("canary", "v2", "--no-such-option").exit_code


def bad(shop: Stage) -> int:
    return shop.run("canary", "v3").exit_code


def moved(shop: Stage) -> int:
    shop.play.move_weights_at(120, Weights(300, 700))
    return shop.run("canary", "v2").exit_code


def taken(shop: Stage) -> int:
    seen: list[int] = []
    shop.at(100, lambda: seen.append(shop.run("canary", "v3").exit_code))
    assert shop.run("canary", "v2").exit_code == 0
    return seen[0]


def signalled(number: signal.Signals) -> Callable[[Stage], int]:
    def ends(shop: Stage) -> int:
        shop.at(150, lambda: os.kill(os.getpid(), number))
        return shop.run("canary", "v2").exit_code

    return ends


WAYS: dict[int, tuple[Callable[[Stage], int], ...]] = {
    0: (shipped,), 1: (no_answer,), 2: (no_such_release, no_such_option), 3: (bad,), 4: (moved,),
    5: (taken,), 129: (signalled(signal.SIGHUP),), 130: (signalled(signal.SIGINT),),
    143: (signalled(signal.SIGTERM),),
}  # fmt: skip


@pytest.mark.parametrize(
    ("status", "way"), [(status, way) for status, ways in WAYS.items() for way in ways]
)
def test_a_command_ends_with_it(staged: Staged, status: int, way: Callable[[Stage], int]) -> None:
    assert way(staged(behaviours={"v3": Behaviour(errors=500)})) == status


def test_each_that_is_documented_is_tested() -> None:
    section = DOCS.split("## Exit status", 1)[1].split("\n## ")[0]
    rows = "".join(re.findall(r"^\| [\d, ]+\|", section, re.MULTILINE))
    assert {int(number) for number in re.findall(r"\d+", rows)} == {*WAYS, UNFIT}


@pytest.mark.parametrize(
    ("levels", "status"),
    [((), 0), ((Level.OK, Level.WARNING, Level.UNKNOWN), 0), ((Level.OK, Level.PROBLEM), UNFIT)],
)
def test_only_a_problem_makes_an_environment_unfit(levels: tuple[Level, ...], status: int) -> None:
    """What `verify` found; in the lab it is asked for real (tests/lab/test_adoption.py)."""
    found = [Finding("check", level, "here", "so", "why", ()) for level in levels]
    ending = ending_of(found)
    assert (ending.exit_code, ending.status) == (status, "unfit" if status else "ok")

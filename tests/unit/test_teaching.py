"""docs/strategies.md: its strategy is rejected as it says, its plans are what is compiled."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from deployer.intent import Intent
from deployer.model import Release, Slot, Snapshot, Weights
from deployer.plan import Plan
from deployer.planning import strategies
from deployer.steps.provision import Provision
from deployer.steps.retire import Retire
from deployer.steps.route import Route
from tests.sim.play import play
from tests.unit.world import BLUE, instances, slot, snapshot

PAGE = (Path(__file__).parents[2] / "docs/strategies.md").read_text(encoding="utf-8")
LIVE = snapshot(Weights(1000, 0), slot(BLUE, *instances(4)))
INTENT = Intent(release=Release("v2"), weights=(50, 250), final_bake_s=300.0, linger_s=600.0)


def taught() -> strategies.Strategy:
    """The strategy that the page opens with, exactly as it stands there."""
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {
        "Snapshot": Snapshot, "Intent": Intent, "Plan": Plan, "Weights": Weights, "Route": Route,
        "Provision": Provision, "Retire": Retire, "replace": replace, "canary": strategies.canary,
    }  # fmt: skip
    exec(lines, names)  # noqa: S102 - our own page
    strategy: strategies.Strategy = names["big_bang"]
    return strategy


def test_big_bang_reaches_its_goal_over_the_heads_of_its_users() -> None:
    sim = play()
    sim.ship(strategy=taught())
    assert sim.cloud.rule == Weights(0, 1000)
    assert sim.cloud.groups[Slot.GREEN].desired == 2
    assert {violation.split(":")[0] for violation in sim.oracle.violations} == {"I2/I7"}
    assert sim.cloud.ledger.total.ours > 1000


PLANS = {
    "Canary": strategies.canary(LIVE, replace(INTENT, approve=(50,))),
    "Blue/green": strategies.blue_green(LIVE, replace(INTENT, standby=1)),
}


@pytest.mark.parametrize("heading", PLANS)
def test_the_plans_of_the_page_are_what_is_compiled(heading: str) -> None:
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    shown = re.findall(r"```text\n(.*?)```", section, re.DOTALL)[1]
    assert shown.splitlines() == [step.describe() for step in PLANS[heading].steps]


def test_every_strategy_has_a_section() -> None:
    sections = {heading.lower() for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    assert {name.replace("-", "/") for name in strategies.STRATEGIES} <= sections

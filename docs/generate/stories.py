"""Deployments in the simulator, watched: who serves whom, and what runs, from beginning to end.

The same engine and strategies as everywhere, with times as in production; so a picture of one cannot
show what the tool does not do.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from deployer.amount import Amount
from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.intent import Intent, Roll
from deployer.model import Slot
from deployer.planning import strategies
from tests.sim.fleet import Behaviour
from tests.sim.play import INTENT, Play, play

OLD, NEW = "v1", "v2"
SIZE = 4
USUAL = replace(
    INTENT, weights=(50, 250, 500), bake_s=600.0, final_bake_s=600.0, linger_s=600.0, delay_s=120.0,
    window_s=3600.0, standby=1, roll=Roll(surge=Amount.parse("25%"), soak_s=60.0),
)  # fmt: skip
# With a day's past to plan by: 200 requests/s, 2 of 1,000 failed or slow.
PAST = {name: Base(2e-3, 1.0, 300) for name in ("failures", "slow")}
RAMP = replace(
    USUAL, weights=(), auto=True, hold_back=50, hold_back_s=600.0,
    terms=Terms(Limits(), PAST, 1.0, 12_000.0),
)  # fmt: skip
GOOD = Behaviour(boot_s=60.0)
SAME = Behaviour(boot_s=60.0, errors=1, slow=1)
BAD = Behaviour(boot_s=60.0, errors=100)


@dataclass(frozen=True)
class Look:
    """One moment; shares of the users in percent, instances that can serve, by release."""

    minute: float
    users: dict[str, float]
    instances: dict[str, int]


@dataclass(frozen=True)
class Story:
    """What is shipped, how the release behaves, how often one looks."""

    title: str
    strategy: strategies.Strategy
    behaviour: Behaviour = GOOD
    usual: Behaviour = GOOD
    intent: Intent = USUAL
    every_s: float = 20.0
    rate: float = 50.0

    def looks(self) -> list[Look]:
        """It from a minute before its beginning to three after its end."""
        sim = play(
            size=SIZE,
            behaviours={OLD: self.usual, NEW: self.behaviour},
            metrics_delay_s=120.0,
            rate=self.rate,
        )
        start, found = sim.clock.now(), list[Look]()

        def look(moment: float) -> None:
            found.append(_look(sim, moment, (moment - start - 60.0) / 60.0))
            sim.cloud.at(moment + self.every_s, lambda: look(moment + self.every_s))

        sim.cloud.at(start, lambda: look(start))
        sim.clock.sleep(60.0)
        sim.ship(self.intent, self.strategy)
        sim.clock.sleep(180.0)
        return found


def _look(sim: Play, moment: float, minute: float) -> Look:
    rule = sim.cloud.flowing
    instances, users = {OLD: 0, NEW: 0}, {OLD: 0.0, NEW: 0.0}
    for slot in Slot:
        able = [each.release for each in sim.cloud.groups[slot].instances if each.able(moment)]
        for release in (OLD, NEW):
            count = able.count(release)
            instances[release] += count
            users[release] += (rule[slot] / 10 * count / len(able)) if rule and able else 0.0
    return Look(round(minute, 2), users, instances)


STORIES = {
    "canary": Story("Canary, a good release", strategies.canary),
    "canary-bad": Story("Canary, one request in ten fails", strategies.canary, BAD, every_s=5.0),
    "ramp": Story("A ramp, a good release", strategies.canary, SAME, SAME, RAMP, rate=200.0),
    "blue-green": Story("Blue/green, with a window of an hour", strategies.blue_green),
    "rolling": Story("Rolling, a surge of one", strategies.rolling, every_s=5.0),
}

"""What a look costs that judges a candidate by all of its minutes.

Method
------
A candidate at 5 % beside the stable slot, both metrics (failures and slow answers), minutes with failures
in them, and the step that judges them (`Bake`), as the engine asks it. Processor time of this process,
without the metrics' own reading: CloudWatch's answer is kept by the adapter (a minute that cannot change
any more is read once).

first    a process that has just begun, or taken over: every minute is folded.
next     the same process at its later looks, one minute more each time: the longest of `LOOKS`.

Target: a later look at a day's minutes within 50 ms. The run fails if it is missed.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from deployer.analysis.dispersion import Base
from deployer.analysis.folds import Folds
from deployer.analysis.judge import Rule
from deployer.analysis.limits import Limits
from deployer.analysis.terms import Terms
from deployer.model import Minute, Slot, Weights
from deployer.ports import World
from deployer.record.course import Stretch
from deployer.steps.bake import Bake
from tests.unit.world import NOW, FixedProber, instances, slot, snapshot

HOURS = (1, 6, 24)
LOOKS = 20
TARGET_MS = 50.0
DELAY_S = 120.0
TERMS = Terms(Limits(), {name: Base(2e-3, 1.2, 1440) for name in ("failures", "slow")}, 1.0)
STEP = Bake(
    Slot.GREEN, 50, 4, 864_000.0, Rule(), DELAY_S, 864_000.0, "abort", 864_000.0, decides=True
)
SEEN = snapshot(
    Weights(950, 50), slot(Slot.BLUE, *instances(4)), slot(Slot.GREEN, *instances(4, "v2"))
)


OWN = [
    Minute(NOW + 60 * n, 600, int(n % 7 == 0), slow=int(n % 5 == 0))
    for n in range(60 * HOURS[-1] + LOOKS)
]
STABLE = [Minute(one.start, 11_400, 12, slow=11) for one in OWN]


class Published:
    """Minutes since NOW; one in seven has a failure of the candidate's, one in five is slow."""

    def traffic(
        self, since: float, until: float, slow_s: float | None = None
    ) -> Mapping[Slot, Sequence[Minute]]:
        assert slow_s == TERMS.slow_s
        count = int((until - since) // 60)
        return {Slot.GREEN: OWN[:count], Slot.BLUE: STABLE[:count]}


def look_ms(minutes: int, folds: Folds) -> float:
    """One look, `minutes` after the candidate's first user."""
    world = World(SEEN, NOW + 60.0 * minutes + DELAY_S, NOW, Published(), FixedProber())
    shares = (Stretch(NOW, NOW, 50),)
    begun = time.process_time()
    STEP.advance(replace(world, shares=shares, terms=TERMS, folds=folds))
    return 1_000 * (time.process_time() - begun)


def main() -> None:
    """Print both figures for a bake of an hour, of six, and of a day."""
    print("judged by all minutes of")
    for hours in HOURS:
        folds, minutes = Folds(), 60 * hours
        first = look_ms(minutes, folds)
        after = max(look_ms(minutes + n, folds) for n in range(1, LOOKS + 1))
        print(
            f"  {hours:2} h  first look {first:6.1f} ms, later ones {after:5.1f} ms (target {TARGET_MS:.0f})"
        )
        if after > TARGET_MS:
            raise SystemExit(f"a look at {hours} hours of minutes took {after:.0f} ms")

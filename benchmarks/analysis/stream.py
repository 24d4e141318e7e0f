"""One run of a scenario: the same requests for every policy at every weight.

The traffic is cut into slices at the weights that any policy uses. Each slice has requests of its own,
and for each of them it is drawn what would become of it on either slot. A candidate with 10 % gets the
slices below 10 % and what its release makes of them; the others go to the stable slot. So two policies with
the same weight see the same minute, and a larger weight adds requests to those that were there.
"""

import math
import random
from itertools import pairwise

from benchmarks.analysis.scenarios import Scenario
from deployer.analysis.chance import bell, binomial, poisson
from deployer.analysis.peers.policy import Seen, Served

EDGES = (0, 1, 5, 10, 20, 50, 100, 200, 250, 300, 400, 500, 600, 800, 950, 1000)
SLICES = tuple(pairwise(EDGES))
HISTORY_MIN = 240


class Stream:
    """One seed of one scenario."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self._minutes: dict[tuple[int, int], Seen] = {}

    def minute(self, minute: int, share: int) -> Seen:
        """What happens in it with the candidate at `share`, per mille."""
        key = (minute, share)
        if key not in self._minutes:
            self._minutes[key] = self._drawn(minute, share)
        return self._minutes[key]

    def _drawn(self, minute: int, share: int) -> Seen:
        scenario, dice = self.scenario, self._dice("minute", minute)
        sums = [[0, 0, 0], [0, 0, 0]]
        rates = (scenario.candidate(minute, share), scenario.stable(minute))
        noise = (self._noise("candidate", minute), self._noise("stable", minute))
        for low, high in SLICES:
            uniform = [dice.random() for _ in range(5)]
            arm = 0 if low < share else 1
            requests = poisson(uniform[0], scenario.requests(minute) * (high - low) / 1000)
            fails, slow = rates[arm]
            failed = self._failures(uniform[1 + arm], requests, min(fails * noise[arm], 1.0))
            sums[arm][0] += requests
            sums[arm][1] += failed
            sums[arm][2] += binomial(uniform[3 + arm], requests, slow)
        return Seen(share, Served(*sums[0]), Served(*sums[1]))

    def _failures(self, uniform: float, requests: int, rate: float) -> int:
        size = self.scenario.cluster
        if size == 1:
            return binomial(uniform, requests, rate)
        return min(requests, size * poisson(uniform, requests * rate / size))

    def _noise(self, slot: str, minute: int, instances: int = 10) -> float:
        """The factor of one slot's own failures: instances that wobble together, or one that is flaky."""
        factor = 1.0
        if self.scenario.wobble:
            sigma = self.scenario.wobble
            u = self._dice(slot, minute // 5).random()
            factor *= math.exp(sigma * bell(u) - sigma**2 / 2)
        if self.scenario.flaky:
            u = self._dice(slot, "flaky", minute).random()
            factor *= 1 + 19 / instances * (u < self.scenario.flaky * instances / 10)
        return factor

    def _dice(self, *what: object) -> random.Random:
        return random.Random(f"{self.scenario.name}/{self.seed}/{what}")  # noqa: S311 - a simulation

    def history(self) -> list[tuple[Served, Served]]:
        """The stable slot's minutes before, in two zones of five instances each."""
        return [
            (self._zone("a", minute), self._zone("b", minute)) for minute in range(-HISTORY_MIN, 0)
        ]

    def _zone(self, zone: str, minute: int) -> Served:
        scenario, dice = self.scenario, self._dice(zone, minute)
        requests = poisson(dice.random(), 30 * scenario.rps)  # its half of a minute's
        fails = min(scenario.fails * self._noise(zone, minute, instances=5), 1.0)
        failed = self._failures(dice.random(), requests, fails)
        return Served(requests, failed, binomial(dice.random(), requests, scenario.stable(0)[1]))

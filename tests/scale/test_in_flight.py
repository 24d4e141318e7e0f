"""Detached deployments in one account and Region, more than it may read for (docs/scale.md).

Elastic Load Balancing lets an account read at 10 calls a second, 40 at once (aws-facts 4.1), and a look
makes three such reads. What is simulated is that bucket, botocore's attempts at it, and the cloud;
ticks, engine, journal and rests are the real ones. `python -m benchmarks in_flight` flies a thousand.
"""

import heapq
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from msgspec.structs import replace as changed

from deployer.errors import CloudUnavailable
from deployer.journal import Lease
from deployer.operations.detached import LATE_S, NAME, Mandate
from deployer.operations.pace import LONGEST_S, MINUTE_S
from deployer.plan import Status
from deployer.planning import strategies
from tests.crash.test_detached import StateMachine
from tests.sim.play import ENVIRONMENT, INTENT, Play, play

READS = 3  # of the load balancer, for each look: its rule, and both groups' targets
ATTEMPTS = 3
REFILL, BURST = 10.0, 40.0


@dataclass
class Region:
    """What all deployments share: AWS's own bucket, as the load balancer keeps it."""

    tokens: float = BURST
    at: float = 0.0
    granted: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def read(self, now: float, chance: Random) -> None:
        """Three reads; each is tried three times, as botocore does, with a growing pause before."""
        for _ in range(READS):
            for attempt in range(ATTEMPTS):
                pause_s = chance.random() * 2 ** (attempt - 1) if attempt else 0.0
                now += pause_s
                self.tokens = min(BURST, self.tokens + max(0.0, now - self.at) * REFILL)
                self.at = max(self.at, now)
                if self.tokens >= 1.0:
                    self.tokens -= 1.0
                    self.granted.append(now)
                    break
                self.refused.append(now)
            else:
                raise CloudUnavailable("DescribeTargetHealth: Throttling: Rate exceeded")


@dataclass
class Flight:
    """One deployment and its state machine; `looked`: when its looks were answered."""

    sim: Play
    machine: StateMachine
    looked: list[float] = field(default_factory=list)
    late: int = 0


def depart(number: int, region: Region, chance: Random, apart_s: float, bake_s: float) -> Flight:
    """A canary that was handed over `number` times `apart_s` after the first one."""
    sim = play()
    sim.clock.sleep(number * apart_s)
    owner, name = f"{NAME} #cli", f"d{number}"
    intent = changed(INTENT, weights=(500,), bake_s=bake_s)
    record = sim.open(sim.runner(owner), intent, strategies.canary, name)
    sim.journal.rest(record, Lease(owner, sim.clock.now() + LATE_S))
    flight = Flight(sim, StateMachine(sim, Mandate(deployment=name), chance=chance.random))

    def look() -> None:
        region.read(sim.clock.now(), chance)
        flight.looked.append(sim.clock.now())

    sim.gate.hooks["cloud.observe"] = look
    return flight


def fly(count: int, region: Region, *, apart_s: float, bake_s: float) -> list[Flight]:
    """All of them, each tick at its moment, until all have ended."""
    chance = Random(7)  # noqa: S311
    flights = [depart(number, region, chance, apart_s, bake_s) for number in range(count)]
    queue = [(flight.sim.clock.now(), number) for number, flight in enumerate(flights)]
    heapq.heapify(queue)
    while queue:
        _, number = heapq.heappop(queue)
        flight = flights[number]
        active = flight.sim.journal.peek(ENVIRONMENT)
        flight.late += active is not None and active.lease.expires_at <= flight.sim.clock.now()
        if not flight.machine.turn():
            heapq.heappush(queue, (flight.sim.clock.now(), number))
    return flights


def busiest_minute(times: list[float]) -> int:
    counts: dict[int, int] = {}
    for at in times:
        counts[int(at // MINUTE_S)] = counts.get(int(at // MINUTE_S), 0) + 1
    return max(counts.values(), default=0)


def gaps(flights: list[Flight]) -> list[float]:
    """Seconds between two looks of one deployment, in order of their length."""
    return sorted(later - sooner for f in flights for sooner, later in pairwise(f.looked))


def ends(flights: list[Flight]) -> list[Status]:
    return [f.sim.journal._load(f.machine.mandate.deployment).status for f in flights]


def test_more_than_the_account_may_read_for_rest_longer_and_none_loses_its_lease() -> None:
    """Two hundred that begin within four minutes want three times as much as there is."""
    region = Region()
    flights = fly(200, region, apart_s=1.0, bake_s=900.0)
    assert region.refused
    assert set(ends(flights)) == {Status.SHIPPED}
    assert sum(flight.late for flight in flights) == 0
    assert [violation for f in flights for violation in f.sim.oracle.violations] == []
    late_s = 3.0  # an attempt is told at its own time, the bucket at the latest one's
    assert busiest_minute(region.granted) <= (MINUTE_S + late_s) * REFILL + BURST
    rests = [answer.wait_s for f in flights for _, answer in f.machine.answers]
    assert MINUTE_S < max(rests) <= LONGEST_S
    assert {answer.mandate.stretch > 1.0 for f in flights for _, answer in f.machine.answers} == {
        True, False,
    }  # fmt: skip


def test_as_many_as_the_account_may_read_for_look_once_a_minute() -> None:
    """Half of what there is: a hundred."""
    region = Region()
    flights = fly(100, region, apart_s=10.0, bake_s=1_200.0)
    assert set(ends(flights)) == {Status.SHIPPED}
    assert len(region.refused) < len(region.granted) / 20
    looked = gaps(flights)
    assert looked[len(looked) // 2] <= MINUTE_S
    assert looked[len(looked) * 98 // 100] <= MINUTE_S

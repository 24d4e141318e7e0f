"""What the engine costs, measured in the simulated cloud (tests/sim).

Method
------
A canary of two instances at 5, 25 and 50 % with the product's default timings (10 minutes per
stop, 5 at the end, metrics read 2 minutes late) ships from v1 to v2 in the simulator, where time
passes only when somebody waits. Three figures, each from the same run:

deployments per minute   how many of these one core simulates in a minute of real time: the best of
                         `ROUNDS` rounds of `BATCH` deployments. It bounds how much the property
                         tests can explore; every journal write is encoded and decoded on the way.
overhead                 simulated time from start to end, divided by the time that no deployer
                         could save: boot and first health check, the bakes, the wait for the data
                         plane's silence to be published (one whole minute and the metrics' delay),
                         and draining. 1.00 would be an oracle that always looks at the right
                         moment; the rest is polling, and waiting for whole minutes.
calls                    how often each port is called in one deployment, and per simulated minute.
                         An observation is about six API calls; see deployer/aws.

The ratios hold on any machine; only the first figure depends on it. The run fails if a deployment
does not ship, or loses a request.
"""

import time
from collections.abc import Iterator

from deployer.model import Release
from deployer.plan import Intent, Status
from tests.sim.fleet import Behaviour
from tests.sim.play import Play, play

ROUNDS, BATCH = 3, 50
METRICS_DELAY_S = 60.0
INTENT = Intent(release=Release("v2"))


def main() -> None:
    """Print the three figures."""
    sim = deployed()
    taken_s, least_s = duration_s(sim), unavoidable_s(sim)
    print("simulated canary, 5/25/50 %, default timings, two instances, 50 requests/s")
    print(f"  deployments per minute and core  {rate():8.0f}")
    print(
        f"  overhead                         {taken_s / least_s:8.2f}  = {taken_s:.0f} s / {least_s:.0f} s"
    )
    for poll_s in (5.0, 30.0):
        other = deployed(poll_s)
        print(f"  ... looking every {poll_s:4.0f} s          {duration_s(other) / least_s:8.2f}")
    print("  calls                            in all  per minute")
    for name, count in sorted(sim.gate.calls.items()):
        print(f"    {name:30} {count:7d} {count / taken_s * 60:11.1f}")


def deployed(poll_s: float = 10.0) -> Play:
    """One canary, shipped without a loss."""
    sim = play(metrics_delay_s=METRICS_DELAY_S)
    sim.poll_s = poll_s
    assert sim.ship(INTENT).status is Status.SHIPPED
    assert sim.cloud.ledger.outages == []
    return sim


def rate() -> float:
    """Deployments a minute: the best round, since noise only ever slows one down."""
    return max(BATCH * 60.0 / seconds for seconds in rounds())


def rounds() -> Iterator[float]:
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(BATCH):
            deployed()
        yield time.perf_counter() - began


def duration_s(sim: Play) -> float:
    """Simulated seconds from the plan to the last step."""
    (deployment,) = sim.journal.history("", 1)
    assert deployment.finished_at is not None
    return deployment.finished_at - deployment.started_at


def unavoidable_s(sim: Play) -> float:
    """Seconds that any deployer needs for this plan."""
    how = Behaviour()
    boot_s = how.boot_s + how.health_s
    bakes_s = len(INTENT.weights) * INTENT.bake_s + INTENT.final_bake_s
    silence_s = sim.cloud.data_lag_s + 60.0 + INTENT.delay_s
    drain_s = max(group.drain_s for group in sim.cloud.groups.values())
    return boot_s + bakes_s + silence_s + drain_s

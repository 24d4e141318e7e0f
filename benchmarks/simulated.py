"""What the engine costs, measured in the simulated cloud (tests/sim).

Method
------
Each strategy ships v2 over v1, two instances, with the product's default timings (canary: 5, 25 and
50 %, 10 minutes per stop, 5 at the end; blue/green: 5 minutes, a window of an hour; metrics read 2
minutes late), in the simulator, where time passes only when somebody waits. From the same runs:

deployments per minute   how many of these one core simulates in a minute of its time: the best of
                         `ROUNDS` rounds of `BATCH` deployments. It bounds how much the property
                         tests can explore; every journal write is encoded and decoded on the way.
overhead                 simulated time from start to end, divided by the time that no deployer
                         could save: boot and first health check, the bakes, the window or the wait
                         for the data plane's silence to be published (one whole minute and the
                         metrics' delay), and draining. 1.00 would be an oracle that always looks at
                         the right moment; the rest is polling, and waiting for whole minutes.
verdict to safety        a release that fails users: simulated time from the verdict to the change of
                         the weights, and until the data plane has followed (5 s, the simulator's).
wish to safety           the same from `deployer rollback` inside the blue/green window, asked for at
                         each of `MOMENTS`: the longest, which the poll bounds.
calls                    how often each port is called in one deployment, and per simulated minute.
                         An observation is about six API calls; see deployer/aws.

The ratios hold on any machine; only the first figure depends on it. The run fails if a deployment
does not end as it should, or loses a request. Rolling is measured by tests/rolling/test_scale.py.
"""

import time
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from deployer.journal import Ask
from deployer.model import Release, Slot, Weights
from deployer.plan import Intent, Status
from deployer.ports import SetWeights
from deployer.strategies import STRATEGIES
from tests.sim.fleet import Behaviour
from tests.sim.people import ask_at
from tests.sim.play import Play, play

ROUNDS, BATCH = 3, 50
METRICS_DELAY_S = 60.0
INTENT = Intent(release=Release("v2"), probe_allowed_failures=20)
MOMENTS = range(600, 3_600, 97)  # seconds from the start, inside the window


def main() -> None:
    """Print the figures, a strategy at a time."""
    for strategy in UNAVOIDABLE:
        report(strategy)
    longest_s = max(wish_to_safety_s(moment) for moment in MOMENTS)
    print(f"blue-green: from rollback asked to weights back, at most {longest_s:.0f} s")


def report(strategy: str) -> None:
    """Print one strategy's figures."""
    sim = deployed(strategy)
    taken_s, least_s = duration_s(sim), UNAVOIDABLE[strategy](sim)
    print(f"simulated {strategy}, default timings, two instances, 50 requests/s")
    print(f"  deployments per minute and core  {rate(strategy):8.0f}")
    whole = f"{taken_s:.0f} s / {least_s:.0f} s"
    print(f"  overhead                         {taken_s / least_s:8.2f}  = {whole}")
    for poll_s in (5.0, 30.0):
        other = duration_s(deployed(strategy, poll_s)) / least_s
        print(f"  ... looking every {poll_s:4.0f} s          {other:8.2f}")
    print(f"  verdict to weights back, seconds {verdict_to_safety_s(strategy):8.0f}")
    print("  calls                            in all  per minute")
    for name, count in sorted(sim.gate.calls.items()):
        print(f"    {name:30} {count:7d} {count / taken_s * 60:11.1f}")


def deployed(strategy: str, poll_s: float = 10.0) -> Play:
    """One deployment, shipped without a loss."""
    sim = play(metrics_delay_s=METRICS_DELAY_S)
    sim.poll_s = poll_s
    assert sim.ship(INTENT, STRATEGIES[strategy]).status is Status.SHIPPED
    assert sim.cloud.ledger.outages == []
    return sim


def rate(strategy: str) -> float:
    """Deployments a minute: the best round, since noise only ever slows one down."""
    return max(BATCH * 60.0 / seconds for seconds in rounds(strategy))


def rounds(strategy: str) -> Iterator[float]:
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(BATCH):
            deployed(strategy)
        yield time.process_time() - began


def verdict_to_safety_s(strategy: str) -> float:
    """From the verdict on a release that fails users to the weights without it."""
    sim = play(metrics_delay_s=METRICS_DELAY_S, behaviours={"v2": Behaviour(errors=200)})
    assert sim.ship(INTENT, STRATEGIES[strategy]).status is Status.ROLLED_BACK
    assert sim.cloud.ledger.outages == []
    verdict = next(event.at for event, _ in sim.events if event.kind == "retreat")
    return back_at(sim) - verdict


def wish_to_safety_s(moment: float) -> float:
    """From `deployer rollback`, `moment` seconds after the start, to the weights of before."""
    sim = play(metrics_delay_s=METRICS_DELAY_S)
    began = sim.clock.now()
    ask_at(sim, moment, Ask.ABORT)
    intent = replace(INTENT, window_s=3_600.0)
    assert sim.ship(intent, STRATEGIES["blue-green"]).status is Status.ROLLED_BACK
    assert sim.cloud.ledger.outages == []
    return back_at(sim) - (began + moment)


def back_at(sim: Play) -> float:
    """When the weights were as before again, epoch seconds."""
    back = Weights.toward(Slot.BLUE, 1000)
    return next(
        at
        for at, change in sim.cloud.changes
        if isinstance(change, SetWeights) and change.weights == back
    )


def duration_s(sim: Play) -> float:
    """Simulated seconds from the plan to the last step."""
    (deployment,) = sim.journal.history("", 1)
    assert deployment.finished_at is not None
    return deployment.finished_at - deployment.started_at


def canary_s(sim: Play) -> float:
    """Seconds that any deployer needs for the canary."""
    bakes_s = len(INTENT.weights) * INTENT.bake_s + INTENT.final_bake_s
    silence_s = sim.cloud.data_lag_s + 60.0 + INTENT.delay_s
    return boot_s() + bakes_s + silence_s + drain_s(sim)


def blue_green_s(sim: Play) -> float:
    """Seconds that any deployer needs for the switch; the window outlasts the wait for silence."""
    return boot_s() + INTENT.final_bake_s + INTENT.window_s + drain_s(sim)


def boot_s() -> float:
    how = Behaviour()
    return how.boot_s + how.health_s


def drain_s(sim: Play) -> float:
    return max(group.drain_s for group in sim.cloud.groups.values())


UNAVOIDABLE: dict[str, Callable[[Play], float]] = {"canary": canary_s, "blue-green": blue_green_s}

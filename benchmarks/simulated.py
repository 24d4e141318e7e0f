"""What the engine costs, measured in the simulated cloud (tests/sim).

Method
------
Each strategy ships v2 over v1, four instances, with the product's default timings (canary: 5, 25 and
50 %, 10 minutes per stop, 5 at the end; blue/green: 5 minutes, a window of an hour; rolling: a
quarter at a time, judged for a minute; metrics read 2 minutes late), in the simulator, where time
passes only when somebody waits. From the same runs:

deployments per minute   how many of these one core simulates in a minute of its time: the best of
                         `ROUNDS` rounds of `BATCH` deployments. It bounds how much the property
                         tests can explore; every journal write is encoded and decoded on the way.
                         Target: 1,000.
overhead                 simulated time from start to end, divided by the time that no deployer
                         could save: boot and first health check, the bakes, the window or the wait
                         for the data plane's silence to be published (one whole minute and the
                         metrics' delay), and draining; of rolling, for each batch, boot and health,
                         and then the load balancer's next minute until it is published. 1.00 would
                         be an oracle that always looks at the right moment; the rest is polling.
                         Target: 1.10.
verdict to safety        a release that fails users: simulated time from the verdict to the change of
                         the weights (the data plane follows 5 s later, the simulator's); of rolling,
                         to the termination of the bad instances, which are drained.
wish to safety           the same from `deployer rollback` inside the blue/green window, asked for at
                         each of `MOMENTS`: the longest, which the poll bounds.
calls                    of the APIs, by operation, in one deployment and per simulated minute. Those
                         of the cloud are counted as botocore sends them, out of the real adapter
                         (tests/sim/wire.py); the ports behind the others make one call each, and are
                         named by it. For a thousand instances: benchmarks/scale.py.

The ratios hold on any machine; only the first figure depends on it. The run fails if a deployment
does not end as it should, loses a request, or misses the target of its overhead. That of the first
figure is printed beside it: it is meant for an idle core.
"""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from deployer.amount import Amount
from deployer.changes import SetWeights, Terminate
from deployer.intent import Intent, Roll
from deployer.journal import Ask
from deployer.model import Release, Slot, Weights
from deployer.plan import Status
from deployer.planning.strategies import STRATEGIES
from tests.rolling.stage import USUAL
from tests.scale.fleets import fleet
from tests.sim.fleet import Behaviour
from tests.sim.people import ask_at
from tests.sim.play import Play, play

ROUNDS, BATCH = 3, 50
METRICS_DELAY_S = 60.0
SIZE = 4
PER_MINUTE, OVERHEAD = 1000, 1.10
INTENT = Intent(
    release=Release("v2"),
    probe_allowed_failures=20,
    roll=Roll(
        max_unavailable=Amount.parse("0"), surge=Amount.parse("25%"), soak_s=60.0, before=USUAL
    ),
)
# What a call of these ports is to AWS; a last save is a TransactWriteItems.
APIS = {
    "journal.begin": "TransactWriteItems",
    "journal.requested": "GetItem",
    "journal.save": "UpdateItem",
    "metrics.traffic": "GetMetricData",
}
NOBODY = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "AWS_CONFIG_FILE": os.devnull,
}
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
    per_minute = rate(strategy)
    print(f"simulated {strategy}, default timings, {SIZE} instances, 50 requests/s")
    print(f"  deployments per minute and core  {per_minute:8.0f}  (target {PER_MINUTE})")
    whole = f"{taken_s:.0f} s / {least_s:.0f} s"
    print(
        f"  overhead                         {taken_s / least_s:8.2f}  = {whole} (target {OVERHEAD})"
    )
    for poll_s in (5.0, 30.0):
        other = duration_s(deployed(strategy, poll_s)) / least_s
        print(f"  ... looking every {poll_s:4.0f} s          {other:8.2f}")
    print(f"  verdict to users off it, seconds {verdict_to_safety_s(strategy):8.0f}")
    print("  calls                                in all  per minute")
    for name, count in sorted(calls(strategy).items()):
        print(f"    {name:34} {count:7d} {count / taken_s * 60:11.1f}")
    assert taken_s / least_s <= OVERHEAD


def deployed(strategy: str, poll_s: float = 10.0) -> Play:
    """One deployment, shipped without a loss."""
    sim = play(size=SIZE, metrics_delay_s=METRICS_DELAY_S)
    sim.poll_s = poll_s
    assert sim.ship(INTENT, STRATEGIES[strategy]).status is Status.SHIPPED
    assert sim.cloud.ledger.outages == []
    return sim


def calls(strategy: str) -> Counter[str]:
    """The same deployment by the real adapter: attempts by operation."""
    os.environ.update(NOBODY)
    made = fleet(SIZE, metrics_delay_s=METRICS_DELAY_S)
    assert made.ship(strategy, INTENT).status is Status.SHIPPED
    others = {name: n for name, n in made.sim.gate.calls.items() if name in APIS}
    return made.wire.calls + Counter({APIS[name]: n for name, n in others.items()})


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
    sim = play(size=SIZE, metrics_delay_s=METRICS_DELAY_S, behaviours={"v2": Behaviour(errors=200)})
    assert sim.ship(INTENT, STRATEGIES[strategy]).status is Status.ROLLED_BACK
    assert sim.cloud.ledger.outages == []
    verdict = next(event.at for event, _ in sim.events if event.kind == "retreat")
    return (rid_at(sim) if strategy == "rolling" else back_at(sim)) - verdict


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


def rid_at(sim: Play) -> float:
    """When the last instance of the bad release was told to leave, epoch seconds."""
    return max(at for at, change in sim.cloud.changes if isinstance(change, Terminate))


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


def rolling_s(sim: Play) -> float:
    """Seconds that any deployer needs for the batches; what left drains while it is judged."""
    assert INTENT.roll is not None
    (deployment,) = sim.journal.history("", 1)
    now = deployment.started_at
    for _ in range(SIZE // INTENT.roll.surge.up(SIZE)):
        now += boot_s()
        now = max(now + INTENT.roll.soak_s, math.ceil(now / 60.0) * 60.0 + 60.0 + INTENT.delay_s)
    return now - deployment.started_at


def boot_s() -> float:
    how = Behaviour()
    return how.boot_s + how.health_s


def drain_s(sim: Play) -> float:
    return max(group.drain_s for group in sim.cloud.groups.values())


UNAVOIDABLE: dict[str, Callable[[Play], float]] = {
    "canary": canary_s,
    "blue-green": blue_green_s,
    "rolling": rolling_s,
}

"""A group of a thousand instances: API calls, memory, and processor time per look.

Method
------
Each strategy ships v2 over v1 on a thousand instances, in a process of its own. The engine and the
adapter `AwsCloud` are the real ones, and botocore writes each request and parses each answer; what
stands in for the network is the simulated cloud (tests/sim/wire.py), in which time passes only when
somebody waits. 10 s between looks; the simulator's short bakes, which only save looks at nothing new.

calls       attempts sent, by operation. What they must be: docs/scale.md, asserted to the number
            by tests/scale/test_calls.py.
memory      the process's peak of resident memory (VmHWM), with Python, botocore's models of
            six services and the simulated cloud's own thousand instances in it. Target: 200 MiB.
look        processor time of one turn of the engine: reading, judging, writing the record. What the
            simulated AWS spends on its answers is taken off. A look at what has not changed since the
            last one is cheap; the dearest are those while instances come and go. Target: 50 ms for
            the longest. The runs of a strategy are alike to the look, and neighbours on the machine
            only ever add: so each look counts with the least of three runs.

The run fails if a deployment does not ship, or a target is missed. `python -m benchmarks.scale NAME
[POLL_S]` prints one strategy's figures as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer.plan import Status
from deployer.planning.strategies import STRATEGIES
from deployer.process import heap
from tests.scale.fleets import INTENTS, Fleet, fleet

SIZE, RUNS = 1000, 3
MEMORY_MIB, LOOK_MS = 200, 50
NOBODY = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "AWS_CONFIG_FILE": os.devnull,
}


def main() -> None:
    """Print the figures, a strategy at a time, each run in a process of its own."""
    for strategy in INTENTS:
        show(strategy, [run(strategy) for _ in range(RUNS)])


def run(strategy: str) -> dict[str, Any]:
    """`measure` in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", strategy],
        cwd=Path(__file__).parents[1],
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def show(strategy: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """Print one strategy's figures."""
    found, memory_mib = runs[0], max(run["memory_mib"] for run in runs)
    looks = sorted(map(min, zip(*(run["looks_ms"] for run in runs), strict=True)))
    print(f"{strategy}, {found['instances']} instances, {len(looks)} looks")
    print(f"  memory, peak           {memory_mib:8.0f} MiB (target {MEMORY_MIB})")
    print(
        f"  processor per look     {looks[-1]:8.1f} ms  longest (target {LOOK_MS}), "
        f"{sum(looks) / len(looks):.1f} mean, {looks[len(looks) // 2]:.1f} p50"
    )
    print("  calls                      in all")
    for name, count in sorted(found["calls"].items()):
        print(f"    {name:36} {count:5d}")
    assert memory_mib < MEMORY_MIB
    assert looks[-1] < LOOK_MS


def measure(strategy: str, poll_s: float = 10.0) -> dict[str, Any]:
    """Ship once, looking every `poll_s`; what it took."""
    os.environ.update(NOBODY)
    heap.spare_what_stays()
    made = fleet(SIZE)
    made.sim.poll_s = poll_s
    spent = turns(made, strategy)
    return {
        "instances": SIZE,
        "looks_ms": [1000 * each for each in spent],
        "memory_mib": peak_mib(),
        "calls": made.wire.calls,
    }


def peak_mib() -> float:
    """Of this process alone: getrusage would count what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def turns(made: Fleet, strategy: str) -> list[float]:
    """Processor seconds of each turn of the engine's loop, but for what AWS would have spent."""
    runner = replace(made.sim.runner("real"), cloud=made.cloud.real)
    deployment = made.sim.open(runner, INTENTS[strategy], STRATEGIES[strategy], "d1")
    heap.settle()  # as the command does
    spent, lease_until = [], made.sim.clock.now()
    while not deployment.status.final:
        began, answered = time.process_time(), made.wire.spent_s
        before = deployment
        deployment, lease_until = runner.turn(deployment, lease_until)
        spent.append(time.process_time() - began - (made.wire.spent_s - answered))
        if (before.cursor, before.status) == (deployment.cursor, deployment.status):
            made.sim.clock.sleep(runner.poll_s)
    assert deployment.status is Status.SHIPPED, deployment.reason
    return spent


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *map(float, sys.argv[2:]))))

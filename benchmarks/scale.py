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
            last one is cheap; the dearest are those while instances come and go. Target: a mean of
            50 ms.

The run fails if a deployment does not ship, or a target is missed. `python -m benchmarks.scale NAME
[POLL_S]` prints one strategy's figures as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from deployer.plan import Status
from deployer.strategies import STRATEGIES
from tests.scale.fleets import INTENTS, Fleet, fleet

SIZE = 1000
MEMORY_MIB, LOOK_MS = 200, 50
NOBODY = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nobody",
    "AWS_CONFIG_FILE": os.devnull,
}


def main() -> None:
    """Print the figures, a strategy at a time, each from a process of its own."""
    for strategy in INTENTS:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", strategy],
            cwd=Path(__file__).parents[1],
            check=True,
            stdout=subprocess.PIPE,
        )
        show(strategy, json.loads(done.stdout))


def show(strategy: str, found: Mapping[str, Any]) -> None:
    """Print one strategy's figures."""
    print(f"{strategy}, {found['instances']} instances, {found['looks']} looks")
    print(f"  memory, peak           {found['memory_mib']:8.0f} MiB (target {MEMORY_MIB})")
    print(
        f"  processor per look     {found['mean_ms']:8.1f} ms  mean (target {LOOK_MS}), "
        f"{found['half_ms']:.1f} p50, {found['longest_ms']:.1f} longest"
    )
    print("  calls                      in all")
    for name, count in sorted(found["calls"].items()):
        print(f"    {name:36} {count:5d}")
    assert found["memory_mib"] < MEMORY_MIB
    assert found["mean_ms"] < LOOK_MS


def measure(strategy: str, poll_s: float = 10.0) -> dict[str, Any]:
    """Ship once, looking every `poll_s`; what it took."""
    os.environ.update(NOBODY)
    made = fleet(SIZE)
    made.sim.poll_s = poll_s
    spent = sorted(turns(made, strategy))
    return {
        "instances": SIZE,
        "looks": len(spent),
        "memory_mib": peak_mib(),
        "mean_ms": 1000 * sum(spent) / len(spent),
        "half_ms": 1000 * spent[len(spent) // 2],
        "longest_ms": 1000 * spent[-1],
        "calls": made.wire.calls,
    }


def peak_mib() -> float:
    """Of this process alone: getrusage would count what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def turns(made: Fleet, strategy: str) -> list[float]:
    """Processor seconds of each turn of the engine's loop, but for what AWS would have spent."""
    runner = replace(made.sim.runner("real"), cloud=made.cloud)
    deployment = made.sim.open(runner, INTENTS[strategy], STRATEGIES[strategy], "d1")
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

"""Every policy on the same streams."""

import multiprocessing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

from benchmarks.analysis.ours import bases, terms
from benchmarks.analysis.play import Outcome, play
from benchmarks.analysis.scenarios import ALL, GOOD
from benchmarks.analysis.stream import Stream
from deployer.analysis.dispersion import Base
from deployer.analysis.limits import Limits
from deployer.analysis.peers.argo import Argo
from deployer.analysis.peers.codedeploy import WARM_UP, CodeDeploy
from deployer.analysis.peers.flagger import Flagger
from deployer.analysis.peers.policy import Policy
from deployer.analysis.peers.spinnaker import Labels, Spinnaker
from deployer.analysis.peers.z_test import ZTest
from deployer.analysis.replay.ours import Adaptive, Fixed


@dataclass(frozen=True)
class Known:
    """What a policy may know of a stream beforehand; and what was worked out on it already."""

    stream: Stream
    bases: Mapping[str, Base]
    labels: Labels


Make = Callable[[Known], Policy]
OURS: dict[str, Make] = {
    "ours, adaptive": lambda known: Adaptive(terms(known.stream, known.bases, Limits())),
    "ours, fixed 5/25/50/95": lambda known: Fixed(terms(known.stream, known.bases, Limits())),
}
PEERS: dict[str, Make] = {
    "CodeDeploy, any 5xx": lambda _: CodeDeploy(),
    "CodeDeploy, 1 % in 2 of 2": lambda _: CodeDeploy(None, 0.01, 2),
    "Flagger 99 %, 5": lambda _: Flagger(),
    "Flagger 99 %, 1": lambda _: Flagger(threshold=1),
    "Argo background 95 %, 3": lambda _: Argo(),
    "Argo inline 95 %, 0": lambda _: Argo(limit=0, step_min=5),
    "Kayenta 60m/20m, 75/50": lambda known: Spinnaker(known.labels),
    "z-test 1.96": lambda _: ZTest(),
}


def swept() -> dict[str, Make]:
    """The peers' settings, tuned on this very benchmark: what a careful user could reach at best."""
    return {**alarms(), **flaggers(), **argos(), **z_tests(), **kayentas()}


def alarms() -> dict[str, Make]:
    return {
        f"CodeDeploy {rate:.1%} {m}/{m} {minutes}m, warm-up {warm}m": partial(
            lambda of, _: CodeDeploy(*of), (None, rate, m, 100, minutes, warm)
        )
        for rate, m, minutes, warm in product(
            (0.005, 0.01, 0.02, 0.05, 0.1), (1, 2, 3), (5, 15), (0, WARM_UP)
        )
    }


def flaggers() -> dict[str, Make]:
    """Without the check of latency, whose p99 would send many good releases back."""
    return {
        f"Flagger {success:.0%}, {threshold}, step {step}": partial(
            lambda of, _: Flagger(*of), (success, threshold, step, 500, False, WARM_UP)
        )
        for success, threshold, step in product(
            (0.99, 0.98, 0.95, 0.9), (1, 2, 3, 5, 10), (50, 100)
        )
    }


def argos() -> dict[str, Make]:
    return {
        f"Argo {success:.0%}, {limit}, {step_min}m": partial(
            lambda of, _: Argo(*of), (success, limit, step_min, WARM_UP)
        )
        for success, limit, step_min in product((0.99, 0.97, 0.95, 0.9, 0.8), (0, 1, 3), (5, 10))
    }


def z_tests() -> dict[str, Make]:
    return {
        f"z-test {z:g}": partial(lambda z, _: ZTest(z), z) for z in (3.0, 4.0, 5.0, 6.0, 8.0, 12.0)
    }


def kayentas() -> dict[str, Make]:
    return {
        f"Kayenta {of[0]} per mille {of[2]}m/{of[1]}m{', critical' * of[3]}, x{of[4]:g}": partial(
            lambda of, known: Spinnaker(known.labels, *of), of
        )
        for of in product((50, 100, 250), (10,), (30, 60), (False, True), (1.0, 1.1, 1.25))
    }


POLICIES = {**OURS, **PEERS}
Results = dict[str, dict[str, list[Outcome]]]  # policy -> scenario -> one per seed


def compared(runs: int, seed: int, *, sweep: bool, processes: int, good_runs: int = 0) -> Results:
    """`runs` streams of every scenario, each policy on each of them; ours on `good_runs` of the good ones."""
    everybody = {**POLICIES, **swept()} if sweep else POLICIES
    tasks = [(one, seed + run, tuple(everybody)) for one in range(len(ALL)) for run in range(runs)]
    tasks += [
        (ALL.index(one), seed + run, tuple(OURS)) for one in GOOD for run in range(runs, good_runs)
    ]
    found: Results = {}
    with multiprocessing.Pool(processes) as pool:
        for (n, _, _), outcomes in zip(tasks, pool.imap(_on_one_stream, tasks, 4), strict=True):
            for name, outcome in outcomes.items():
                found.setdefault(name, {}).setdefault(ALL[n].name, []).append(outcome)
    return found


def _on_one_stream(task: tuple[int, int, tuple[str, ...]]) -> dict[str, Outcome]:
    n, seed, names = task
    stream = Stream(ALL[n], seed)
    known = Known(stream, bases(stream), {})
    policies = {**POLICIES, **swept()} if len(names) > len(POLICIES) else POLICIES
    return {name: play(policies[name](known), stream) for name in names}

"""`make bench-analysis`: ours and the peers' rules on the same simulated streams.

Usage: python -m benchmarks.analysis [--runs N] [--good-runs N] [--seed N] [--no-sweep] [--plot FILE]
                                      [--processes N]

Method
------
42 scenarios (scenarios.py), `--runs` seeds of each; ours on `--good-runs` seeds of the good ones, since few runs
do not tell 0.1 % from 5 %. Every policy sees the same requests at every weight
(stream.py), through CloudWatch's minute and its delay (play.py). Harm is what is expected of the weights
that a policy chose, until it is back or to minute 120: bad requests, failed and slow, beyond what stable
would have served. A release that a policy has promoted and no longer watches does harm to the end.

The peers' rules are restatements (peers/), checked where their own numeric cases are known
(tests/analysis/test_kayenta.py); no peer's program was run. Their settings are swept on these very scenarios,
ours are not, and those settings are granted a warm-up of two minutes: the best of theirs at no more than 1 %
false aborts is what a careful user could reach at most.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.analysis.compare import OURS, POLICIES, compared
from benchmarks.analysis.plot import svg
from benchmarks.analysis.report import HEAD, OURS_ALONE, Summary, details, row, summary
from benchmarks.analysis.scenarios import BAD, GOOD
from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.limits import Limits
from deployer.analysis.trial import after, begin

MATCHED = 0.01  # false aborts at which peers are compared with ours


def main() -> None:
    """Print the tables."""
    said = arguments()
    began = time.monotonic()
    results = compared(
        said.runs, said.seed, sweep=not said.no_sweep, processes=said.processes,
        good_runs=said.good_runs,
    )  # fmt: skip
    summaries = {name: summary(of) for name, of in results.items()}
    print(f"{said.runs} runs x {len(GOOD)} good and {len(BAD)} bad scenarios, seed {said.seed}")
    print(f"{max(said.runs, said.good_runs)} runs of the good ones for ours\n")
    print(HEAD)
    for name in POLICIES:
        print(row(name, summaries[name]))
    print_matched(summaries)
    for name in OURS:
        print(f"\n{name}\n\n{details(results[name])}")
    print(f"\n{cost_us():.0f} us per minute and metric")
    if said.plot:
        said.plot.write_text(svg(summaries, POLICIES))
    print(f"\n{time.monotonic() - began:.0f} s")


def print_matched(summaries: Mapping[str, Summary]) -> None:
    """The peers that do least harm at no more than 1 % false aborts, beside ours."""
    peers = {name: one for name, one in summaries.items() if name not in OURS}
    print(f"\n{len(peers)} settings of peers, tuned on these scenarios.")
    for which, false in (
        ("over all good scenarios", lambda one: one.false),
        (f"without {', '.join(OURS_ALONE)}", lambda one: one.usual_false),
    ):
        kept = {name: one for name, one in peers.items() if false(one) <= MATCHED}
        print(
            f"\n{len(kept)} abort at most 1 % of good releases, {which}. Least harm of each kind:\n"
        )
        for kind in ("CodeDeploy", "Flagger", "Argo", "Kayenta", "z-test"):
            names = [name for name in kept if name.startswith(kind)]
            print(
                against(min(names, key=lambda name: kept[name].harm), summaries)
                if names
                else f"- {kind}: none"
            )


def against(name: str, summaries: Mapping[str, Summary]) -> str:
    """One peer's best setting, and how many times as much harm it does as ours."""
    one = summaries[name]
    times = ", ".join(f"{one.harm / summaries[mine].harm:.1f} x {mine}" for mine in OURS)
    return f"- {name}: false {one.usual_false:.2%}, detected {one.detected:.0%}, harm {one.harm:.0f} = {times}"


def cost_us(minutes: int = 500) -> float:
    """Microseconds of a processor that the analysis takes per minute and metric."""
    counts = Pair(Counts(600, 3), Counts(5400, 20))
    limits = Limits()
    trial = begin(limits, {})
    began = time.process_time()
    for minute in range(minutes):
        seen = Observation(60.0 * minute, 100, {"failures": counts, "slow": counts})
        trial = after(trial, seen)
    return 1e6 * (time.process_time() - began) / minutes / len(limits.metrics)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--good-runs", type=int, default=400, help="of ours, on good releases")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--no-sweep", action="store_true", help="only the policies of the table")
    parser.add_argument("--plot", type=Path, help="write the picture there (SVG)")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""`make bench-analysis`: ours and the peers' rules on the same simulated streams.

Usage: python -m benchmarks.analysis [--runs N] [--seed N] [--no-sweep] [--plot FILE] [--processes N]

Method
------
42 scenarios (scenarios.py), `--runs` seeds of each; every policy sees the same requests at every weight
(stream.py), through CloudWatch's minute and its delay (play.py). Harm is what is expected of the weights
that a policy chose, until it is back or to minute 120: bad requests, failed and slow, beyond what stable
would have served. A release that a policy has promoted and no longer watches does harm to the end.

The peers' rules are restatements (peers/), checked where their own numeric cases are known
(tests/analysis/test_kayenta.py); no peer's program was run. Each is granted a warm-up of two minutes. Their
settings are swept on these very scenarios, ours are not: the best of theirs at no more than 1 % false aborts is
what a careful user could reach at most.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.analysis.compare import OURS, POLICIES, compared
from benchmarks.analysis.plot import svg
from benchmarks.analysis.report import HEAD, Summary, details, row, summary
from benchmarks.analysis.scenarios import BAD, GOOD

MATCHED = 0.01  # false aborts at which peers are compared with ours


def main() -> None:
    """Print the tables."""
    said = arguments()
    began = time.monotonic()
    results = compared(said.runs, said.seed, sweep=not said.no_sweep, processes=said.processes)
    summaries = {name: summary(of) for name, of in results.items()}
    print(f"{said.runs} runs x {len(GOOD)} good and {len(BAD)} bad scenarios, seed {said.seed}\n")
    print(HEAD)
    for name in POLICIES:
        print(row(name, summaries[name]))
    print_matched(summaries)
    for name in OURS:
        print(f"\n{name}\n\n{details(results[name])}")
    if said.plot:
        said.plot.write_text(svg(summaries, POLICIES))
    print(f"\n{time.monotonic() - began:.0f} s")


def print_matched(summaries: Mapping[str, Summary]) -> None:
    """The peer that does least harm at no more than 1 % false aborts, beside ours."""
    peers = {
        name: one for name, one in summaries.items() if name not in OURS and one.false <= MATCHED
    }
    if not peers:
        print("\nno peer's setting stays at 1 % false aborts or below")
        return
    best = min(peers, key=lambda name: peers[name].harm)
    print(
        f"\nOf {len(summaries) - len(OURS)} settings of peers, {len(peers)} abort at most 1 % of good releases."
    )
    print(f"Least harm among them: {best}, {peers[best].harm:.0f}")
    for name in OURS:
        print(f"  {name}: {peers[best].harm / summaries[name].harm:.1f} times less")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--no-sweep", action="store_true", help="only the policies of the table")
    parser.add_argument("--plot", type=Path, help="write the picture there (SVG)")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

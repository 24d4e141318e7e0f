"""What the outcomes come to, with 95 % intervals."""

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, geometric_mean, median

from benchmarks.analysis.limit import least_harm
from benchmarks.analysis.play import Outcome
from benchmarks.analysis.scenarios import BAD, GOOD, HORIZON_MIN

Z = 1.96
RESAMPLES = 200
# Good only by definitions of ours: a margin of 10 %, a service of which a tenth fails, one bad minute.
OURS_ALONE = ("tolerable: x1.05", "one in ten fails", "a blip of one minute")
Of = Mapping[str, Sequence[Outcome]]  # by scenario


@dataclass(frozen=True)
class Summary:
    """One policy: shares 0..1, minutes, bad requests; pairs are intervals.

    harm:  geometric mean over the bad scenarios of the mean harm, plus 1.
    worst, worst_most: of the good scenario that is sent back most; and of every one of them at most, by the
          upper ends of their intervals.
    usual_false: false aborts without the scenarios of `OURS_ALONE`.
    limit: harm over the least that is possible: median over the scenarios of the median run.
    """

    false: float
    false_interval: tuple[float, float]
    worst: float
    worst_most: float
    worst_scenario: str
    detected: float
    detected_interval: tuple[float, float]
    harm: float
    harm_interval: tuple[float, float]
    usual_false: float
    found_min: float
    promoted_min: float
    limit: float


def summary(of: Of) -> Summary:
    """One policy's figures."""
    good = {one.name: of[one.name] for one in GOOD}
    bad = {one.name: of[one.name] for one in BAD}
    false = {name: aborted(runs) for name, runs in good.items()}
    worst = max(false, key=lambda name: false[name])
    found = [run.aborted for runs in bad.values() for run in runs if run.aborted is not None]
    return Summary(
        false=fmean(false.values()),
        false_interval=wilson(sum(map(aborts, good.values())), sum(map(len, good.values()))),
        worst=false[worst],
        worst_most=max(wilson(aborts(runs), len(runs))[1] for runs in good.values()),
        worst_scenario=worst,
        detected=fmean(map(aborted, bad.values())),
        detected_interval=wilson(sum(map(aborts, bad.values())), sum(map(len, bad.values()))),
        harm=harm(bad),
        harm_interval=resampled(bad),
        usual_false=fmean(rate for name, rate in false.items() if name not in OURS_ALONE),
        found_min=fmean(found) if found else math.nan,
        promoted_min=fmean(median(map(promotion, runs)) for runs in good.values()),
        limit=median(median(run.harm for run in of[one.name]) / least_harm(one) for one in BAD),
    )


def aborts(runs: Sequence[Outcome]) -> int:
    return sum(run.aborted is not None for run in runs)


def aborted(runs: Sequence[Outcome]) -> float:
    return aborts(runs) / len(runs)


def promotion(run: Outcome) -> int:
    return HORIZON_MIN if run.promoted is None else run.promoted


def harm(bad: Of) -> float:
    return geometric_mean(max(fmean(run.harm for run in runs), 0.0) + 1 for runs in bad.values())


def resampled(bad: Of) -> tuple[float, float]:
    """The bootstrap's interval of `harm`, over seeds."""
    dice = random.Random(1)  # noqa: S311 - a simulation
    found = sorted(
        harm({name: dice.choices(runs, k=len(runs)) for name, runs in bad.items()})
        for _ in range(RESAMPLES)
    )
    return found[round(0.025 * RESAMPLES)], found[round(0.975 * RESAMPLES) - 1]


def wilson(k: int, n: int) -> tuple[float, float]:
    """The interval of a share that was k of n (Wilson 1927)."""
    middle, width = (
        (k + Z * Z / 2) / (n + Z * Z),
        Z * math.sqrt(k * (n - k) / n + Z * Z / 4) / (n + Z * Z),
    )
    return max(0.0, middle - width), min(1.0, middle + width)


HEAD = (
    "| policy | false aborts, mean | worst scenario | detected | harm | min to find | min to promote | x limit |\n"
    "|---|---|---|---|---|---|---|---|"
)


def row(name: str, one: Summary) -> str:
    """One line of the table."""
    false_low, false_high = one.false_interval
    low, high = one.detected_interval
    least, most = one.harm_interval
    where = f" ({one.worst_scenario})" if one.worst else ""
    return (
        f"| {name} | {one.false:.2%} ({false_low:.2%}–{false_high:.2%}) "
        f"| {one.worst:.1%}, at most {one.worst_most:.1%}{where} | {one.detected:.1%} ({low:.1%}–{high:.1%}) "
        f"| {one.harm:.0f} ({least:.0f}–{most:.0f}) | {one.found_min:.1f} | {one.promoted_min:.1f} "
        f"| {one.limit:.1f} |"
    )


def details(of: Of) -> str:
    """One policy scenario by scenario."""
    lines = [
        "| scenario | aborted | median min to promote | mean harm | x limit, median |",
        "|---|---|---|---|---|",
    ]
    for one in (*GOOD, *BAD):
        runs = of[one.name]
        times = median(run.harm for run in runs) / least_harm(one) if one.bad else math.nan
        lines.append(
            f"| {one.name} | {aborted(runs):.1%} | {median(map(promotion, runs)):.0f} "
            f"| {fmean(run.harm for run in runs):.0f} | {f'{times:.1f}' if one.bad else ''} |"
        )
    return "\n".join(lines)

"""How much more it takes to call a release good, at the present rate, if it is as good as stable."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from deployer.analysis.counts import Counts, Usable
from deployer.analysis.dispersion import Base
from deployer.analysis.evidence import Evidence
from deployer.analysis.figures import figure
from deployer.analysis.limits import Limits, called
from deployer.analysis.trial import Trial
from deployer.durations import spell
from deployer.model import WHOLE

HOUR_MIN = 60
LONGEST_MIN = 1 << 20  # two years: "never"
HISTORY_PART = 0.5  # of the most that was usual: a fair guess where nothing has failed yet


@dataclass(frozen=True, slots=True)
class Forecast:
    """More requests to the candidate, and minutes until it will have had them; None: never."""

    metric: str
    requests: float | None
    minutes: int | None

    def __str__(self) -> str:
        if self.minutes is None or self.requests is None:
            return f"at this rate never enough for {called(self.metric)}"
        return (
            f"about {figure(self.requests)} more requests to the candidate, {_long(self.minutes)} "
            f"at the present rate, if its {called(self.metric)} are no more than stable's"
        )


def _long(minutes: int) -> str:
    """`97 min`, `17h`, `4d6h`: who reads four days does not ask for minutes."""
    if minutes < 2 * HOUR_MIN:
        return f"{minutes} min"
    return spell(3600.0 * round(minutes / HOUR_MIN))


def forecast(trial: Trial) -> Forecast | None:
    """Of the metric that needs longest; None: every one has enough, or no minute counts yet."""
    if not trial.minutes:
        return None
    waiting = [one for one in trial.metrics if not proven(one, trial.limits.beta)]
    return max((_of(one, trial.limits.beta) for one in waiting), key=_length, default=None)


def beforehand(
    limits: Limits, bases: Mapping[str, Base], requests_per_min: float, share: int
) -> Forecast | None:
    """Before the first minute: of all requests that come lately, at `share` per mille, as usual.

    None: there is nothing to judge, or nobody to judge it by.
    """
    waiting = [Evidence.first(metric, bases.get(metric.name, Base())) for metric in limits.metrics]
    imagined = [_as_usual(one, requests_per_min, share) for one in waiting]
    return max((_of(one, limits.beta) for one in imagined), key=_length, default=None)


def _as_usual(one: Evidence, requests_per_min: float, share: int) -> Evidence:
    """As if a minute had been as those before the deployment were."""
    rate, own = one.base.usual or 0.0, requests_per_min * share / WHOLE
    other = Counts(requests_per_min - own, rate * (requests_per_min - own))
    return replace(one, stable=other, latest=Usable(Counts(own, rate * own), other))


def proven(one: Evidence, beta: float) -> bool:
    """Whether a harmful release would hardly have come so far."""
    return one.safety.evidence >= math.log(1 / beta)


def _length(one: Forecast) -> float:
    return math.inf if one.minutes is None else one.minutes


def _of(one: Evidence, beta: float) -> Forecast:
    requests = one.latest.candidate.requests if one.latest else 0.0
    most = _minutes(one, beta) if requests else None
    return Forecast(one.metric.name, None if most is None else most * requests, most)


def _minutes(one: Evidence, beta: float) -> int | None:
    """The least number of average minutes that will do: the capital, once it grows, only grows."""
    latest = one.latest
    if latest is None:
        return None
    own, other = latest.candidate.requests, latest.stable.requests
    rate = expected_rate(one)

    paces = one.safety.paces(latest.theta, rate * (own + other), own, rate)
    enough = math.log(1 / beta)

    def proves(minutes: int) -> bool:
        return one.safety.ahead(paces, minutes / one.base.phi) >= enough

    low, high = 0, 1
    while not proves(high):
        if high >= LONGEST_MIN:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proves(middle) else (middle, high)
    return high


def expected_rate(one: Evidence) -> float:
    """What both slots fail in future minutes, 0..1, if the candidate is as good."""
    if one.stable.bad:
        return one.stable.bad / one.stable.requests
    return HISTORY_PART * (one.base.usual or 0.0)

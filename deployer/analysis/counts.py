"""What the analysis is given: per minute and metric, bad and all requests of both slots.

A metric is any (bad, total) count: failed requests, requests slower than the SLO, orders refused. What
cannot be believed is told apart here, before any arithmetic: it counts as missing, never as good.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

MINUTE_S = 60
LATEST = 1e11  # epoch seconds: the year 5138; beyond, adding a minute is no more exact
LONGEST_GAP = 1440  # minutes that are told one by one; more of them say nothing more
FEW = 10  # requests expected in a minute; with fewer, silence may be chance (e^-10 = 0.005 %)


@dataclass(frozen=True, slots=True)
class Counts:
    """One metric of one slot in one minute: requests, and how many of them were bad."""

    requests: float
    bad: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Both slots in the same minute; None: the source published nothing; `why`: if that is known."""

    candidate: Counts | None
    stable: Counts | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One closed minute.

    start: epoch seconds, a whole minute.
    share: per mille of the traffic that the candidate was to have all through it; None: it changed.
    pairs: by metric; one that is not there is missing.
    """

    start: float
    share: int | None
    pairs: Mapping[str, Pair]


@dataclass(frozen=True, slots=True)
class Usable:
    """A minute that can be judged: candidate's and stable's requests and bad ones."""

    candidate: Counts
    stable: Counts

    @property
    def theta(self) -> float:
        """The candidate's share of the requests as they came, 0..1; never the configured weight."""
        both = self.candidate.requests + self.stable.requests
        return self.candidate.requests / both if both else 0.0

    @property
    def bad(self) -> float:
        return self.candidate.bad + self.stable.bad


def usable(pair: Pair | None, share: int | None) -> Usable | str:
    """The minute's counts, or why they cannot be believed, in words.

    A slot of which so few requests are expected that none is likely may be silent: CloudWatch
    publishes no zeros (aws-facts 2).
    """
    if pair is None or (pair.candidate is None and pair.stable is None):
        return (pair.why if pair else "") or "no data"
    for name, counts in (("candidate", pair.candidate), ("stable slot", pair.stable)):
        if counts is not None and (why := _flaw(counts)):
            return f"the {name}'s counts are broken: {why}"
    candidate, stable = pair.candidate or Counts(0, 0), pair.stable or Counts(0, 0)
    if candidate.requests + stable.requests == 0:
        return "no request at all"
    return _silent(candidate, stable, share) or Usable(candidate, stable)


def _flaw(counts: Counts) -> str | None:
    if not (math.isfinite(counts.requests) and math.isfinite(counts.bad)):
        return "not a number"
    if counts.requests < 0 or counts.bad < 0:
        return "below zero"
    if counts.bad > counts.requests:
        return f"{counts.bad:g} bad of {counts.requests:g} requests"
    return None


def _silent(candidate: Counts, stable: Counts, share: int | None) -> str | None:
    """Which slot says nothing although it should; without a known share, any silence is one."""
    part = None if share is None else share / 1000
    if candidate.requests == 0:
        few = part is not None and stable.requests * part < FEW * (1 - part)
        return None if few else "the candidate is silent"
    if stable.requests == 0:
        few = part is not None and candidate.requests * (1 - part) < FEW * part
        return None if few and part != 1 else "the stable slot is silent"
    return None


def timeline(seen: Iterable[Observation]) -> tuple[Observation, ...]:
    """The minutes in order, each once, with a minute of nothing where one is missing.

    Whatever was read later corrects what was read before: CloudWatch adds late points. A correction
    with fewer requests than before is a counter that went backwards, and spoils the minute.
    Observations that do not begin with a whole minute are left to `misplaced`.
    """
    minutes: dict[float, Observation] = {}
    for one in seen:
        if misplaced(one.start):
            continue
        before = minutes.get(one.start)
        minutes[one.start] = one if before is None else _corrected(before, one)
    starts = sorted(minutes)
    whole: list[Observation] = []
    for start, following in pairwise((*starts, math.inf)):
        whole.append(minutes[start])
        if not math.isinf(following):
            missing = min(round((following - start) / MINUTE_S) - 1, LONGEST_GAP)
            whole += [
                Observation(following - MINUTE_S * left, None, {}) for left in range(missing, 0, -1)
            ]
    return tuple(whole)


def misplaced(start: float) -> bool:
    """Whether no minute begins there."""
    return not 0 <= start < LATEST or start % MINUTE_S != 0


def _corrected(before: Observation, after: Observation) -> Observation:
    pairs = dict(before.pairs)
    for name, pair in after.pairs.items():
        old = before.pairs.get(name)
        pairs[name] = pair if old is None else _corrected_pair(old, pair)
    return Observation(after.start, after.share, pairs)


def _corrected_pair(before: Pair, after: Pair) -> Pair:
    return Pair(
        _corrected_counts(before.candidate, after.candidate),
        _corrected_counts(before.stable, after.stable),
        after.why,
    )


def _corrected_counts(before: Counts | None, after: Counts | None) -> Counts | None:
    if before is None:
        return after
    if after is None or after.requests < before.requests:
        return Counts(math.nan, math.nan)
    return after

"""Our own rule as a policy, with the adaptive ramp and with fixed steps: for replays and the benchmark.

The same trial, verdict and ramp that deployments have; what it lacks is everything around them: capacity,
alarms, people.
"""

from collections.abc import Sequence
from dataclasses import replace

from deployer.analysis.counts import MINUTE_S, Counts, Observation, Pair
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import FAILURES, SLOW, Limits
from deployer.analysis.peers.policy import Act, Kind, Seen, Served
from deployer.analysis.ramp import HOLD_BACK, first_share, move
from deployer.analysis.terms import Terms
from deployer.analysis.trial import Trial, after, begin
from deployer.analysis.verdict import Judgement, judgement
from deployer.model import WHOLE

HOLD_BACK_MIN = 10
STEPS, STEP_MIN = (50, 250, 500, HOLD_BACK), 10
KIND: dict[str, Kind] = {FAILURES.name: "failed", SLOW.name: "slow"}


def alone(limits: Limits) -> Limits:
    """The same over failures and slow requests only: of custom metrics a policy sees nothing."""
    return replace(limits, metrics=tuple(one for one in limits.metrics if one.name in KIND))


class Ours:
    """What both ramps share: the trial, one minute at a time."""

    def __init__(self, terms: Terms) -> None:
        self.limits = alone(terms.limits)
        self.requests_per_min = terms.requests_per_min
        self.trial: Trial = begin(self.limits, terms.bases)
        self.read = 0
        self.share = 0
        self.since = 0

    def judged(self, now: int, seen: Sequence[Seen]) -> Judgement:
        """The verdict in minute `now` of everything that was seen."""
        for minute in range(self.read, len(seen)):
            self.trial = after(self.trial, self._observation(minute, seen[minute]))
        self.read = len(seen)
        return judgement(self.trial, float(MINUTE_S * now))

    def to(self, share: int, now: int) -> Act:
        """Give it `share`, per mille, from minute `now` on."""
        if share != self.share:
            self.share, self.since = share, now
        return Act(share)

    def _observation(self, minute: int, seen: Seen) -> Observation:
        pairs = {
            one.name: Pair(
                _counts(seen.candidate, KIND[one.name]), _counts(seen.stable, KIND[one.name])
            )
            for one in self.limits.metrics
        }
        return Observation(float(MINUTE_S * minute), seen.share, pairs)


def _counts(served: Served, kind: Kind) -> Counts:
    return Counts(served.requests, served.bad(kind))


class Adaptive(Ours):
    """`--auto`: as much traffic as the harm budget allows."""

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        """One look."""
        found = self.judged(now, seen)
        if found.outcome is Outcome.FAIL:
            return Act(0, ended=True, aborted=True)
        if now == 0:
            return self.to(first_share(self.requests_per_min or 0.0, self.limits), now)
        if self.share >= HOLD_BACK:
            return self._held_back(now, found)
        if len(seen) - 1 < self.since:
            return self.to(self.share, now)  # nothing of this share has been seen yet
        following = move(self.trial, found, self.share, now)
        if following.kind == "back":
            return Act(0, ended=True, aborted=True)
        return self.to(following.share, now)

    def _held_back(self, now: int, found: Judgement) -> Act:
        over = now - self.since >= HOLD_BACK_MIN + self.limits.delay_min
        late = now >= self.limits.max_minutes and found.advance
        done = over and (found.outcome is Outcome.PASS or late)
        return Act(WHOLE, ended=True) if done else self.to(self.share, now)


class Fixed(Ours):
    """`--weights 5,25,50`, ten minutes each, and a hold-back of 5 %."""

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        """One look."""
        found = self.judged(now, seen)
        if found.outcome is Outcome.FAIL:
            return Act(0, ended=True, aborted=True)
        if now == 0:
            return self.to(STEPS[0], now)
        if now - self.since < STEP_MIN or not found.advance:
            return self.to(self.share, now)
        following = next((share for share in STEPS if share > self.share), WHOLE)
        return Act(WHOLE, ended=True) if following == WHOLE else self.to(following, now)

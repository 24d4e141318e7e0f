"""The rule of deployer/analysis, with the adaptive ramp and with fixed steps."""

from collections.abc import Mapping, Sequence

from benchmarks.analysis.play import DELAY_MIN
from benchmarks.analysis.stream import Stream
from deployer.analysis.counts import Counts, Observation, Pair
from deployer.analysis.dispersion import Base, base
from deployer.analysis.judge import Outcome
from deployer.analysis.limits import Limits
from deployer.analysis.peers.policy import Act, Seen, Served
from deployer.analysis.ramp import HOLD_BACK, first_share, move
from deployer.analysis.trial import Trial, after, begin
from deployer.analysis.verdict import Judgement, judgement
from deployer.model import WHOLE

HOLD_BACK_MIN = 10
STEPS, STEP_MIN = (50, 250, 500, HOLD_BACK), 10


def bases(stream: Stream) -> Mapping[str, Base]:
    """What the stable slot's history says of both metrics."""
    history = stream.history()

    def zones(name: str) -> Base:
        return base([{"a": counts(a, name), "b": counts(b, name)} for a, b in history])

    return {"failures": zones("failed"), "slow": zones("slow")}


def counts(served: Served, name: str) -> Counts:
    return Counts(served.requests, getattr(served, name))


class Ours:
    """What both ramps share: the trial, one minute at a time."""

    def __init__(self, stream: Stream, known: Mapping[str, Base], limits: Limits) -> None:
        self.limits = limits
        self.requests = stream.scenario.requests(0)
        self.trial: Trial = begin(limits, known)
        self.read = 0
        self.share = 0
        self.since = 0

    def judged(self, now: int, seen: Sequence[Seen]) -> Judgement:
        for minute in range(self.read, len(seen)):
            self.trial = after(self.trial, observation(minute, seen[minute]))
        self.read = len(seen)
        return judgement(self.trial, 60.0 * now)

    def to(self, share: int, now: int) -> Act:
        if share != self.share:
            self.share, self.since = share, now
        return Act(share)


class Adaptive(Ours):
    """`--auto`: as much traffic as the harm budget allows."""

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        found = self.judged(now, seen)
        if found.outcome is Outcome.FAIL:
            return Act(0, ended=True, aborted=True)
        if now == 0:
            return self.to(first_share(self.requests, self.limits), now)
        if self.share >= HOLD_BACK:
            return self._held_back(now)
        if len(seen) - 1 < self.since:
            return self.to(self.share, now)  # nothing of this share has been seen yet
        following = move(self.trial, found, self.share, now)
        if following.kind == "back":
            return Act(0, ended=True, aborted=True)
        return self.to(following.share, now)

    def _held_back(self, now: int) -> Act:
        over = now - self.since >= HOLD_BACK_MIN + DELAY_MIN and not self.trial.suspicious
        return Act(WHOLE, ended=True) if over else self.to(self.share, now)


class Fixed(Ours):
    """`--weights 5,25,50`, ten minutes each, and a hold-back of 5 %."""

    def act(self, now: int, seen: Sequence[Seen]) -> Act:
        if self.judged(now, seen).outcome is Outcome.FAIL:
            return Act(0, ended=True, aborted=True)
        if now == 0:
            return self.to(STEPS[0], now)
        if now - self.since < STEP_MIN or self.trial.suspicious:
            return self.to(self.share, now)
        following = next((share for share in STEPS if share > self.share), WHOLE)
        return Act(WHOLE, ended=True) if following == WHOLE else self.to(following, now)


def observation(minute: int, seen: Seen) -> Observation:
    """As the analysis reads it."""
    pairs = {
        metric: Pair(counts(seen.candidate, name), counts(seen.stable, name))
        for metric, name in (("failures", "failed"), ("slow", "slow"))
    }
    return Observation(60.0 * minute, seen.share, pairs)

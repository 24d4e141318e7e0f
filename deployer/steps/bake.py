"""Bake: serve at these weights for a while, under judgement."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from deployer.analysis.judge import Outcome, Rule, Verdict, judge
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, VerdictFailed
from deployer.model import WHOLE, Minute, Slot, instances_for
from deployer.ports import World
from deployer.steps.base import Done, Progress, Waiting

MINUTE_S = 60.0


class Bake(msgspec.Struct, frozen=True, tag=True):
    """The candidate has served `share` for `bake_s` and the verdict is `pass`.

    share:        per mille of the traffic that the candidate has now.
    capacity:     instances that carry 100 % of the traffic.
    delay_s:      minutes younger than this are not judged: CloudWatch is late (aws-facts 2).
    patience_s:   how long an inconclusive verdict is waited for, from entry.
    inconclusive: what becomes of it then: `abort` goes back, `promote` goes on, on the record.

    Raises:
        CandidateUnhealthy: fewer healthy instances than its share of the traffic needs.
        VerdictFailed: judged bad, or still inconclusive when patience ran out.
    """

    candidate: Slot
    share: int
    capacity: int
    bake_s: float
    rule: Rule
    delay_s: float
    patience_s: float
    inconclusive: Literal["abort", "promote"]
    deadline_s: float

    def describe(self) -> str:
        return f"bake {self.candidate} for {spell(self.bake_s)} under analysis"

    def advance(self, world: World) -> Progress:
        self._require_health(world)
        verdict = self._judge(world)
        evidence = evidence_of(verdict)
        if verdict.outcome is Outcome.FAIL:
            raise VerdictFailed(verdict.reason, evidence)
        if world.elapsed_s < self.bake_s:
            return Waiting(verdict.reason, evidence)
        if verdict.outcome is Outcome.PASS:
            return self._require_everyone(world, verdict)
        if world.elapsed_s < self.patience_s:
            return Waiting(f"inconclusive: {verdict.reason}", evidence)
        if self.inconclusive == "abort":
            raise VerdictFailed(
                f"no verdict within {spell(self.patience_s)}, and the settings say abort: "
                f"{verdict.reason}",
                evidence,
            )
        return Done(f"promoted without a verdict, as the settings say: {verdict.reason}", evidence)

    def _require_health(self, world: World) -> None:
        healthy = world.seen[self.candidate].healthy()
        need = instances_for(self.share, self.capacity)
        if healthy < need:
            raise CandidateUnhealthy(
                f"{self.candidate}: {healthy} healthy instances, {need} needed for its share"
            )

    def _require_everyone(self, world: World, verdict: Verdict) -> Progress:
        """A candidate with one broken instance is not yet good, however few users noticed."""
        state = world.seen[self.candidate]
        if state.healthy() < state.desired:
            return Waiting(
                f"{state.healthy()} of {state.desired} instances healthy", evidence_of(verdict)
            )
        return Done(verdict.reason, evidence_of(verdict))

    def _judge(self, world: World) -> Verdict:
        """Judge what CloudWatch has published since the step was entered.

        The minute of entry can condemn a release, a minute earlier than the next one would; it can
        not clear it: most of its requests may be the probes, which asked for less than users do.
        """
        since = world.entered_at // MINUTE_S * MINUTE_S
        until = world.now - self.delay_s
        seen = world.metrics.traffic(since, until) if until >= since + MINUTE_S else {}
        candidate = seen.get(self.candidate, ())
        stable = seen.get(self.candidate.twin, ()) if self.share < WHOLE else None
        verdict = judge(candidate, stable, self.rule)
        if verdict.outcome is Outcome.FAIL:
            return verdict
        return judge(
            whole_minutes(candidate, world.entered_at),
            whole_minutes(stable, world.entered_at) if stable is not None else None,
            self.rule,
        )


def whole_minutes(minutes: Sequence[Minute], since: float) -> tuple[Minute, ...]:
    """Those that began at or after `since` (epoch seconds)."""
    return tuple(minute for minute in minutes if minute.start >= since)


def evidence_of(verdict: Verdict) -> dict[str, object]:
    """The verdict's numbers, for events and the record."""
    evidence: dict[str, object] = {
        "verdict": verdict.outcome.value,
        "candidate_requests": verdict.candidate.requests,
        "candidate_failures": verdict.candidate.failures,
    }
    if verdict.stable is not None:
        evidence |= {
            "stable_requests": verdict.stable.requests,
            "stable_failures": verdict.stable.failures,
        }
    return evidence

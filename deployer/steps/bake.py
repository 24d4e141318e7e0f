"""Bake: serve at these weights for a while, under judgement."""

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from deployer.analysis.judge import Outcome, Rule, Verdict, judge
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, CloudUnavailable, VerdictFailed
from deployer.model import WHOLE, Minute, Slot, instances_for
from deployer.ports import World
from deployer.steps.base import Done, Progress, Waiting

MINUTE_S = 60.0


class Bake(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The candidate has served `share` for `bake_s` and the verdict is `pass`.

    share:        per mille of the traffic that the candidate has now; 0: a user group alone, of
                  which nobody knows how large it is.
    capacity:     instances that carry 100 % of the traffic.
    delay_s:      minutes younger than this are not judged: CloudWatch is late (aws-facts 2).
    patience_s:   how long an inconclusive verdict is waited for, from entry.
    inconclusive: what becomes of it then: `abort` goes back, `promote` goes on, on the record.
    alarms:       CloudWatch alarms none of which may ring meanwhile.
    look_back_s:  how much earlier than its entry what condemns the candidate may have happened: the
                  stop before could not judge its own last `delay_s`.

    Raises:
        CandidateUnhealthy: too few healthy instances for its share of the traffic.
        VerdictFailed: judged bad, an alarm rings or is gone, or still inconclusive when patience
                       ran out.
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
    look_back_s: float = 0.0
    alarms: tuple[str, ...] = ()

    def describe(self) -> str:
        guarded = f" and {', '.join(self.alarms)}" if self.alarms else ""
        return f"bake {self.candidate} for {spell(self.bake_s)} under analysis{guarded}"

    def advance(self, world: World) -> Progress:
        verdict = self.require_good(world)
        evidence = evidence_of(verdict)
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

    def require_good(self, world: World) -> Verdict:
        """The verdict so far, unless it is bad already.

        Raises:
            CandidateUnhealthy, VerdictFailed: as `advance`.
            CloudUnavailable: neither is bad as far as is known, and one of them does not answer.
        """
        self._require_health(world)
        return unless_bad(world, self.alarms, self._judge)

    def _require_health(self, world: World) -> None:
        """One dead instance of five is replaced and no verdict on a release; more are.

        A slot that was scaled in on purpose is as healthy as what is left of it, also while it is
        scaled out again: who boots, in nobody's place, has never failed anybody, and whoever never
        gets ready keeps the release from passing. One that waits for a larger share than it has
        yet (`Route`) needs only what it has.
        """
        state, live = world.seen[self.candidate], world.seen.weights
        share = self.share or WHOLE
        if self.share and live is not None:
            share = min(share, max(live[self.candidate], 1))
        need = min(instances_for(share, self.capacity), max(state.desired - state.growing, 1))
        if state.healthy() * 5 < need * 4:
            raise CandidateUnhealthy(
                f"{self.candidate}: {state.healthy()} healthy instances, {need} needed for its share"
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
        Neither can what happened before, within `look_back_s`, nor the last minutes of a pause, which
        nobody could see while it lasted. Nothing older than the deadline is
        read: where a bake is what somebody waits by, hours of good service must not outweigh a
        release that goes bad now.
        """
        until = world.now - self.delay_s
        entered = world.entered_at
        unseen = entered - min(world.held_s, self.delay_s)
        oldest = max(unseen - self.look_back_s, until - self.deadline_s)
        since = oldest // MINUTE_S * MINUTE_S
        seen = world.metrics.traffic(since, until) if until >= since + MINUTE_S else {}
        candidate, stable = seen.get(self.candidate, ()), seen.get(self.candidate.twin, ())
        compared = self.share < WHOLE
        for those, beside in self._condemning(candidate, stable, unseen // MINUTE_S * MINUTE_S):
            verdict = judge(those, beside, self.rule)
            if verdict.outcome is Outcome.FAIL:
                return verdict
        beside = whole_minutes(stable, entered) if compared else None
        return judge(whole_minutes(candidate, entered), beside, self.rule)

    def _condemning(
        self, candidate: Sequence[Minute], stable: Sequence[Minute], entry: float
    ) -> Iterator[tuple[Sequence[Minute], Sequence[Minute] | None]]:
        """What may condemn it, and beside what: with all of the traffic there is no beside.

        entry: start of the minute of entry, epoch seconds; what was before had a stable slot.
        """
        if self.share < WHOLE:
            yield candidate, stable
            return
        before = sum(minute.start < entry for minute in candidate)
        yield candidate[:before], stable[:before]
        yield candidate[before:], None


def unless_bad(world: World, alarms: Sequence[str], judge: Callable[[World], Verdict]) -> Verdict:
    """What `judge` says so far; alarms and metrics are heard independently.

    The one's silence never hides what the other says.

    Raises:
        VerdictFailed: an alarm rings, or the metrics are bad.
        CloudUnavailable: neither is, as far as is known, and one of them does not answer.
    """
    unheard: CloudUnavailable | None = None
    try:
        require_silence(world, alarms)
    except CloudUnavailable as error:
        unheard = error
    verdict = judge(world)
    if verdict.outcome is Outcome.FAIL:
        raise VerdictFailed(verdict.reason, evidence_of(verdict))
    if unheard is not None:
        raise unheard
    return verdict


def require_silence(world: World, alarms: Sequence[str]) -> None:
    """None of `alarms` rings.

    Raises:
        VerdictFailed: one does, or does not exist any more; names all of them.
        CloudUnavailable: no answer.
    """
    ringing = world.alarms.ringing(alarms) if alarms else {}
    if ringing:
        said = "; ".join(f"alarm {name} {why}" for name, why in ringing.items())
        raise VerdictFailed(said, {"alarms": dict(ringing)})


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
        both = verdict.candidate.requests + verdict.stable.requests
        if both:  # not the weight: where the rule sticks, the two differ
            evidence["observed_share"] = round(verdict.candidate.requests / both, 4)
    return evidence

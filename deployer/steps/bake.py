"""Bake: serve at these weights for a while, under judgement."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, TypeVar

import msgspec

from deployer.analysis.judge import Outcome, Rule, judge
from deployer.analysis.terms import Terms
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, CloudUnavailable, VerdictFailed
from deployer.model import WHOLE, Minute, Slot, instances_for
from deployer.ports import World
from deployer.steps import beside
from deployer.steps.base import Done, Progress, Waiting
from deployer.steps.opinion import Opinion, failed_open, plain

MINUTE_S = 60.0
Thought = TypeVar("Thought", bound=Opinion)
LATE_MIN = 2  # minutes beyond `delay_s` that metrics may be late; the terms have their own
BEYOND_S = 120.0  # from the end of patience to the deadline of a step that waits for nobody
A_PERSON = "a person must decide"  # begins the reason of a wait that only a person ends


class Bake(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The candidate has served `share` for `bake_s` and the verdict allows it to go on.

    Beside a stable slot, and with terms to judge by, that is the evidence of all minutes since its
    first share: nothing against it takes it to the next stop, and past the one that `decides` it
    must be called good. A user group alone (nobody says that they are like others), and a candidate
    that has everything (nothing is beside it), are held to `rule`: that verdict must be `pass`.

    share:        per mille of the traffic that the candidate has now; 0: a user group alone, of
                  which nobody knows how large it is.
    capacity:     instances that carry 100 % of the traffic.
    delay_s:      minutes younger than this are not judged: CloudWatch is late (aws-facts 2).
    patience_s:   how long an inconclusive verdict is waited for, from entry.
    inconclusive: what becomes of it then (the terms say it, where they judge): `abort` goes back,
                  `promote` goes on, on the record, `hold` waits for a person until the deadline. By
                  the terms nobody is promoted who is suspicious, or cannot be seen: that is held.
    alarms:       CloudWatch alarms none of which may ring meanwhile.
    look_back_s:  how much earlier than its entry what condemns the candidate may have happened: the
                  stop before could not judge its own last `delay_s`.
    decides:      by the terms: after it the candidate gets nearly everything.

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
    inconclusive: Literal["promote", "hold", "abort"]
    deadline_s: float
    look_back_s: float = 0.0
    alarms: tuple[str, ...] = ()
    decides: bool = False

    def describe(self) -> str:
        guarded = f" and {', '.join(self.alarms)}" if self.alarms else ""
        return f"bake {self.candidate} for {spell(self.bake_s)} under analysis{guarded}"

    def advance(self, world: World) -> Progress:
        beside.accompany(world, self.terms_in(world))
        opinion = self.require_good(world)
        if world.elapsed_s < self.bake_s:
            return Waiting(opinion.reason, opinion.evidence)
        if opinion.outcome is Outcome.PASS or (opinion.advance and not self.decides):
            return require_everyone(world, self.candidate, opinion)
        if not self._over(world, opinion):
            return Waiting(f"inconclusive: {opinion.reason}", opinion.evidence)
        return self._undecided(world, opinion)

    def require_good(self, world: World) -> Opinion:
        """What is thought of it so far, unless it is bad already.

        Raises:
            CandidateUnhealthy, VerdictFailed: as `advance`.
            CloudUnavailable: neither is bad as far as is known, and one of them does not answer.
        """
        require_health(world, self.candidate, self.share, self.capacity)
        return unless_bad(world, self.alarms, self._judge)

    def terms_in(self, world: World) -> Terms | None:
        """What it is held to beside the stable slot; None: there is none, or no such terms."""
        return world.terms if 0 < self.share < WHOLE else None

    def _over(self, world: World, opinion: Opinion) -> bool:
        """Whether a verdict has been waited for long enough.

        What only lacks evidence has the time of the terms, from its first user on: a person who
        wants an answer within half an hour gets one. What is suspicious, or not to be seen, has the
        time to become clear again.
        """
        terms = self.terms_in(world)
        if terms is None or not opinion.advance:
            return world.elapsed_s >= self.patience_s
        return beside.elapsed_s(world) >= 60 * terms.limits.max_minutes

    def _undecided(self, world: World, opinion: Opinion) -> Progress:
        terms, evidence = self.terms_in(world), opinion.evidence
        policy = self.inconclusive if terms is None else terms.limits.inconclusive
        waited = f"no verdict within {spell(self.patience_s)}"
        if terms is not None and opinion.advance:
            waited = f"no verdict within {spell(60.0 * terms.limits.max_minutes)}"
        if policy == "abort":
            raise VerdictFailed(f"{waited}, and the settings say abort: {opinion.reason}", evidence)
        if policy == "promote" and (terms is None or opinion.advance):
            said = f"promoted without a verdict, as the settings say: {opinion.reason}"
            return Done(said, evidence)
        return held(f"{waited}: {opinion.reason}", evidence)

    def _judge(self, world: World) -> Opinion:
        terms = self.terms_in(world)
        if terms is not None:
            return beside.judge(world, self.candidate, terms, self.delay_s)
        return self._plainly(world)

    def _plainly(self, world: World) -> Opinion:
        """Judge what CloudWatch has published since the step was entered.

        The minute of entry can condemn a release, a minute earlier than the next one would; it can
        not clear it: most of its requests may be the probes, which asked for less than users do.
        Neither can what happened before, within `look_back_s`, nor the last minutes of a pause, which
        nobody could see while it lasted. Nothing older than its patience is
        read: where a bake is what somebody waits by, hours of good service must not outweigh a
        release that goes bad now.
        """
        until = world.now - self.delay_s
        entered = world.entered_at
        unseen = entered - min(world.held_s, self.delay_s)
        oldest = max(unseen - self.look_back_s, until - self.patience_s - BEYOND_S)
        since = oldest // MINUTE_S * MINUTE_S
        seen = world.metrics.traffic(since, until) if until >= since + MINUTE_S else {}
        candidate, stable = beside.told(
            seen.get(self.candidate, ()), seen.get(self.candidate.twin, ()), LATE_MIN
        )
        opened = failed_open(candidate)
        if opened:
            return Opinion(Outcome.FAIL, opened, evidence={"verdict": Outcome.FAIL.value})
        compared = self.share < WHOLE
        for those, near in self._condemning(candidate, stable, unseen // MINUTE_S * MINUTE_S):
            verdict = judge(those, near, self.rule)
            if verdict.outcome is Outcome.FAIL:
                return plain(verdict)
        near = whole_minutes(stable, entered) if compared else None
        return plain(judge(whole_minutes(candidate, entered), near, self.rule))

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


def require_health(world: World, candidate: Slot, share: int, capacity: int) -> None:
    """One dead instance of five is replaced and no verdict on a release; more are.

    A slot that was scaled in on purpose is as healthy as what is left of it, also while it is
    scaled out again: who boots, in nobody's place, has never failed anybody, and whoever never
    gets ready keeps the release from passing. One that waits for a larger share than it has
    yet (`Route`) needs only what it has.

    share: per mille; 0: a user group alone, of which nobody knows how large it is.

    Raises:
        CandidateUnhealthy: fewer are healthy than that.
    """
    state, live = world.seen[candidate], world.seen.weights
    asked = share or WHOLE
    if share and live is not None:
        asked = min(share, max(live[candidate], 1))
    need = min(instances_for(asked, capacity), max(state.desired - state.growing, 1))
    if state.healthy() * 5 < need * 4:
        raise CandidateUnhealthy(
            f"{candidate}: {state.healthy()} healthy instances, {need} needed for its share"
        )


def require_everyone(world: World, candidate: Slot, opinion: Opinion) -> Done | Waiting:
    """A candidate with one broken instance is not yet good, however few users noticed."""
    state = world.seen[candidate]
    if state.healthy() < state.desired:
        said = f"{state.healthy()} of {state.desired} instances healthy"
        return Waiting(said, opinion.evidence)
    return Done(opinion.reason, opinion.evidence)


def held(why: str, evidence: Mapping[str, object]) -> Waiting:
    """A person must say what becomes of it; the step's deadline says for how long."""
    return Waiting(
        f"{A_PERSON}: `deployer promote` goes on, `deployer abort` goes back; {why}",
        evidence,
    )


def unless_bad(world: World, alarms: Sequence[str], judge: Callable[[World], Thought]) -> Thought:
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
    opinion = judge(world)
    if opinion.outcome is Outcome.FAIL:
        raise VerdictFailed(opinion.reason, opinion.evidence)
    if unheard is not None:
        raise unheard
    return opinion


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

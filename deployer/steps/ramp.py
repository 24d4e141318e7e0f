"""Ramp: as much traffic as the evidence allows, one share after the other, until it has been called good."""

from dataclasses import replace as altered

import msgspec

from deployer.analysis.judge import Outcome
from deployer.analysis.ramp import LADDER, Move, first_share, move
from deployer.analysis.terms import Terms
from deployer.durations import percent, spell
from deployer.errors import CandidateUnhealthy, Halted, VerdictFailed
from deployer.model import Slot, SlotState, Weights
from deployer.ports import World
from deployer.record.course import shared_since
from deployer.steps import beside
from deployer.steps.bake import Bake, held, require_everyone, require_health, unless_bad
from deployer.steps.base import Act, Done, Progress, Waiting
from deployer.steps.opinion import Opinion
from deployer.steps.route import Route


class Ramp(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The candidate has half of the traffic, or more, and was called good with it.

    At each look: what all minutes since its first share say of it, and then at most one change, to a
    share that costs no more than the harm budget if the release is as bad as it may still be
    (`analysis.ramp`). The next share follows when a whole minute of this one was seen, and nothing is
    suspicious. When the time of the terms is up, their policy says what becomes of a release about
    which too little is known; one that is suspicious, or cannot be seen, waits for a person.

    The terms are the plan's (`World.terms`), the shares so far the record's, so nothing is remembered
    here: whoever looks next goes on from what is live.

    capacity: instances that carried 100 % of the traffic when the plan was made.
    delay_s:  minutes younger than this are not judged: CloudWatch is late (aws-facts 2).
    grow_s:   within this, after the time of the terms, capacity for a share must stand.
    matched:  the candidate gets what each share needs and a margin, before it gets the share.
    alarms:   CloudWatch alarms none of which may ring meanwhile.
    watch:    the stop before, of a user group: by it the candidate is judged until it has a share.

    Raises:
        CandidateUnhealthy: too few healthy instances for its share, or none to be had for the next.
        VerdictFailed: judged bad, an alarm rings or is gone, or still inconclusive at the end.
        Halted: there are no terms to judge by.
    """

    candidate: Slot
    capacity: int
    delay_s: float
    grow_s: float
    deadline_s: float
    matched: bool = False
    alarms: tuple[str, ...] = ()
    watch: Bake | None = None

    def describe(self) -> str:
        guarded = f" and {', '.join(self.alarms)}" if self.alarms else ""
        sized = ", as many instances as each share needs" if self.matched else ""
        return (
            f"ramp {self.candidate} up to {percent(LADDER[-1])}, by the evidence{guarded}{sized} "
            f"(within {spell(self.deadline_s)})"
        )

    def advance(self, world: World) -> Progress:
        terms, share = require_terms(world), self._share(world)
        if not share:
            if self.watch is not None:
                self.watch.require_good(world)
            return self._to(start_of(terms), world, terms)
        beside.accompany(world, terms)
        found = self._found(world, terms, share)
        following = self._following(found, share, world)
        if following.kind == "raise":
            return self._to(following.share, world, terms, found)
        if following.kind == "back":
            raise VerdictFailed(following.why, found.evidence)
        if following.kind == "hold":
            return held(following.why, found.evidence)
        if following.kind == "stay":
            return Waiting(f"at {percent(share)}: {following.why}", found.evidence)
        if found.outcome is Outcome.PASS:
            return require_everyone(world, self.candidate, found)
        why = f"promoted without a verdict, as the settings say: {following.why}"
        return Done(why, found.evidence)

    def require_good(self, world: World) -> Opinion:
        """What is thought of it so far, unless it is bad already.

        Raises:
            CandidateUnhealthy, VerdictFailed, Halted: as `advance`.
            CloudUnavailable: neither is bad as far as is known, and one of them does not answer.
        """
        terms, share = require_terms(world), self._share(world)
        if not share and self.watch is not None:
            return self.watch.require_good(world)
        return self._found(world, terms, share)

    def _found(self, world: World, terms: Terms, share: int) -> beside.Found:
        require_health(world, self.candidate, max(share, 1), self.capacity)
        return unless_bad(
            world,
            self.alarms,
            lambda seen: beside.judge(seen, self.candidate, terms, self.delay_s),
        )

    def _share(self, world: World) -> int:
        return world.seen.weights[self.candidate] if world.seen.weights else 0

    def _following(self, found: beside.Found, share: int, world: World) -> Move:
        """The next move; a share of which no whole minute is over and published yet is waited for."""
        if found.seen:
            return move(found.trial, found.judged, share, self.elapsed_s(world) / 60)
        return Move("stay", share, found.reason)

    def elapsed_s(self, world: World) -> float:
        """Seconds in which it could climb: the candidate had a share, and somebody was there to act.

        What a paused ramp, or one that nobody has carried on, serves meanwhile is evidence all the
        same; but where it would be by now, nobody has seen.
        """
        first = shared_since(world.shares)
        return 0.0 if first is None else world.now - max(first, world.attended_at)

    def _to(
        self, share: int, world: World, terms: Terms, found: beside.Found | None = None
    ) -> Progress:
        """One step towards that share: capacity first, traffic second, as `Route` does it."""
        since = world.shares[-1].seen_at if world.shares else world.entered_at
        route = Route(
            Weights.toward(self.candidate, share), self.capacity, self.grow_s,
            sized_by=self.candidate.twin, matched=self.matched,
        )  # fmt: skip
        progress = route.advance(altered(world, entered_at=max(since, world.entered_at)))
        if isinstance(progress, Act) and found is not None:
            return Act(progress.change, {**found.evidence, "why": found.reason})
        if isinstance(progress, Waiting):
            self._require_time(world, terms, max(since, world.attended_at), progress.reason)
        return progress

    def _require_time(self, world: World, terms: Terms, since: float, lacking: str) -> None:
        """Capacity that does not come ends the ramp too, once its time is up, or before its begin.

        since: when the present share was seen, and somebody there to act, epoch seconds.

        Raises:
            CandidateUnhealthy: there was time enough, and for a next share none are on their way.
        """
        waited_s, coming = world.elapsed_s, False
        if shared_since(world.shares) is not None:
            waited_s = self.elapsed_s(world) - 60 * terms.limits.max_minutes
            coming = _coming(world.seen[self.candidate])
        if min(waited_s, world.now - since) > self.grow_s and not coming:
            raise CandidateUnhealthy(f"no capacity for the next share: {lacking}")


def _coming(state: SlotState) -> bool:
    """Instances boot, or are still to be launched."""
    booting = any(instance.booting for instance in state.instances)
    return booting or len(state.instances) < state.desired


def require_terms(world: World) -> Terms:
    """What the candidate is held to.

    Raises:
        Halted: nothing; no such plan is ever made.
    """
    if world.terms is None:
        raise Halted("the plan ramps up by evidence, and has no terms: run `deployer rollback`")
    return world.terms


def start_of(terms: Terms) -> int:
    """The first share, per mille: the smallest there is, where nobody knows how many requests come."""
    known = terms.requests_per_min
    return LADDER[0] if known is None else first_share(known, terms.limits)

"""Soak: a slot serves with some of its instances replaced, under judgement."""

import math
from typing import Literal

import msgspec

from deployer.analysis import drift
from deployer.analysis.judge import Outcome, Rule, Tally
from deployer.durations import spell
from deployer.errors import CandidateUnhealthy, VerdictFailed
from deployer.model import Slot, SlotState
from deployer.ports import World
from deployer.steps.bake import LATE_MIN, MINUTE_S, held, unless_bad, whole_minutes
from deployer.steps.base import Done, Progress, Waiting
from deployer.steps.batches import Standing, stand
from deployer.steps.beside import told
from deployer.steps.opinion import Opinion, plain

LONGEST_S = 3_600.0


class Soak(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The slot has served for `soak_s` with `until` instances of the release; the verdict is `pass`.

    count:        instances of the group.
    before:       what the slot served before the deployment began; None: unknown, as if it had
                  never failed a request.
    delay_s:      minutes younger than this are not judged: CloudWatch is late (aws-facts 2).
    patience_s:   how long an inconclusive verdict is waited for, from entry.
    inconclusive: what becomes of it then: `abort` goes back, `promote` goes on, on the record,
                  `hold` waits for a person until the deadline.
    alarms:       CloudWatch alarms none of which may ring meanwhile.
    away:         so many instances may be missing on purpose: their replacement is under way.

    Raises:
        CandidateUnhealthy: so many instances are gone or unhealthy that it is no accident.
        VerdictFailed: judged bad, an alarm rings, or still inconclusive when patience ran out.
    """

    slot: Slot
    release: str
    until: int
    count: int
    soak_s: float
    rule: Rule
    before: Tally | None
    delay_s: float
    patience_s: float
    inconclusive: Literal["promote", "hold", "abort"]
    deadline_s: float
    alarms: tuple[str, ...] = ()
    away: int = 0

    def describe(self) -> str:
        guarded = f" and {', '.join(self.alarms)}" if self.alarms else ""
        return (
            f"soak {self.slot} with {self.until} of {self.count} replaced for "
            f"{spell(self.soak_s)} under analysis{guarded}"
        )

    def advance(self, world: World) -> Progress:
        verdict = self.require_good(world)
        evidence, standing = verdict.evidence, self._standing(world)
        if world.elapsed_s < self.soak_s:
            return Waiting(verdict.reason, evidence)
        if verdict.outcome is Outcome.PASS:
            if len(standing.ready) < standing.goal(self.until, self.count) or standing.leaving:
                return Waiting(f"{standing}", evidence)
            return Done(verdict.reason, evidence)
        if world.elapsed_s < self.patience_s:
            return Waiting(f"inconclusive: {verdict.reason}", evidence)
        if self.inconclusive == "abort":
            raise VerdictFailed(
                f"no verdict within {spell(self.patience_s)}, and the settings say abort: "
                f"{verdict.reason}"
            )
        if self.inconclusive == "hold":
            return held(f"no verdict within {spell(self.patience_s)}: {verdict.reason}", evidence)
        return Done(f"promoted without a verdict, as the settings say: {verdict.reason}", evidence)

    def require_good(self, world: World) -> Opinion:
        """The verdict so far, unless it is bad already.

        Raises:
            CandidateUnhealthy, VerdictFailed: as `advance`.
            CloudUnavailable: nothing is bad as far as is known, and something does not answer.
        """
        self._require_health(world.seen[self.slot])
        return unless_bad(world, self.alarms, self._judge)

    def _require_health(self, state: SlotState) -> None:
        """One dead instance, or one of five, is replaced and no verdict on a release; more are."""
        need = min(self.count, max(state.desired, 1))
        gone = need - state.healthy()
        if gone - self.away > max(1, math.ceil(need / 5)):
            raise CandidateUnhealthy(
                f"{self.slot}: {state.healthy()} of {need} instances are healthy with "
                f"{state.healthy(self.release)} of {self.release}"
            )

    def _standing(self, world: World) -> Standing:
        return stand(world.seen[self.slot], self.release, renewed=False)

    def _judge(self, world: World) -> Opinion:
        """Minutes since entry; `delay_s` before it can condemn the release, not clear it.

        The stop before could not judge its own last minutes. Nothing older than the deadline, or than an hour, is
        read: where somebody waits by it, hours of good service must not outweigh a release that
        goes bad now.
        """
        until = world.now - self.delay_s
        oldest = max(world.entered_at - self.delay_s, until - min(self.deadline_s, LONGEST_S))
        since = oldest // MINUTE_S * MINUTE_S
        seen = world.metrics.traffic(since, until) if until >= since + MINUTE_S else {}
        minutes, _ = told(seen.get(self.slot, ()), seen.get(self.slot, ()), LATE_MIN)
        standing = self._standing(world)
        share = max(1, len(standing.ready)) / max(1, standing.healthy)
        verdict = drift.judge(minutes, self.before, share, self.rule)
        if verdict.outcome is Outcome.FAIL:
            return plain(verdict)
        own = whole_minutes(minutes, world.entered_at)
        return plain(drift.judge(own, self.before, share, self.rule))

"""Linger: the slot that lost its traffic stays, until the data plane proves that it is silent."""

import msgspec
from msgspec.structs import replace

from deployer.durations import spell
from deployer.errors import CloudUnavailable, UnsafeAction
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.bake import Bake
from deployer.steps.base import Done, Progress, Waiting
from deployer.steps.silence import disturbed, last_heard


class Linger(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`slot` has weight 0 and its own RequestCount was zero for a whole minute, or `linger_s` passed.

    least_s: it stays that long even if it is silent: the window in which going back is one change.
    watch:   what the other slot was judged by: it stays under judgement for as long as there is a
             slot to go back to, which is also when nobody has looked for longer than `linger_s`.

    The control plane shows new weights at once, the data plane follows later; clients with sticky
    cookies or open sockets later still (aws-facts 1.3). What counts is the newest minute that tells
    (`silence`).

    Raises:
        UnsafeAction: the slot has traffic.
        CandidateUnhealthy, VerdictFailed: as Bake.
    """

    slot: Slot
    linger_s: float
    delay_s: float
    deadline_s: float
    least_s: float = 0.0
    watch: Bake | None = None

    def describe(self) -> str:
        silent = f"until it is silent (at most {spell(self.linger_s)})"
        if self.least_s:
            return f"keep {self.slot} warm for {spell(self.least_s)}, then {silent}"
        return f"linger: keep {self.slot} {silent}"

    def cut(self, elapsed_s: float) -> "Linger":
        """Its window ends now, `elapsed_s` after it was entered; what it then waits for stays."""
        rest_s = self.linger_s - self.least_s
        return replace(self, least_s=0.0, linger_s=min(self.linger_s, elapsed_s + rest_s))

    def advance(self, world: World) -> Progress:
        if traffic := world.seen.traffic_of(self.slot):
            raise UnsafeAction(f"{self.slot} still has traffic: {traffic}")
        over = world.elapsed_s >= self.linger_s and not disturbed(world)
        self._require_good(world, wait=not over)
        if over:
            return Done(f"{spell(self.linger_s)} have passed")
        if world.elapsed_s < self.least_s:
            return Waiting(f"{self.slot} is warm: `deployer rollback` is one change")
        if last_heard(world, self.slot, self.delay_s, world.entered_at) == 0:
            return Done(f"{self.slot} served nothing for a whole minute")
        return Waiting(f"waiting for {self.slot} to fall silent")

    def _require_good(self, world: World, *, wait: bool) -> None:
        """Nothing bad is known of the other slot; who is not to `wait` goes on without an answer."""
        try:
            if self.watch is not None:
                self.watch.require_good(world)
        except CloudUnavailable:
            if wait:
                raise

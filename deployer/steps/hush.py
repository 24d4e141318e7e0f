"""Hush: behind the page both slots have fallen silent, so that nobody misses their instances."""

import msgspec

from deployer.durations import spell
from deployer.errors import CloudUnavailable, UnsafeAction
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import Done, Progress, Waiting
from deployer.steps.silence import MINUTE_S, last_heard


class Hush(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """The page answers, and the data plane has followed: no slot serves any more, as far as is known.

    Behind a page a missing RequestCount is no proof of silence, since its twin's is missing too: so
    a whole minute that began after the page was up is waited for until it is published. Whoever is
    still heard then is waited for until `linger_s` have passed.

    delay_s: minutes younger than this are not published yet.

    Raises:
        UnsafeAction: the page is gone, and users are led to a slot again.
    """

    linger_s: float
    delay_s: float
    deadline_s: float

    def describe(self) -> str:
        return f"wait until both slots are silent (at most {spell(self.linger_s)})"

    def advance(self, world: World) -> Progress:
        for slot in Slot:
            if traffic := world.seen.traffic_of(slot):
                raise UnsafeAction(f"the page is gone, and {slot} has traffic again: {traffic}")
        if world.elapsed_s >= self.linger_s:
            return Done(f"{spell(self.linger_s)} have passed")
        if world.elapsed_s < self.delay_s + 2 * MINUTE_S:
            return Waiting("waiting for the first minute without requests to be published")
        try:
            heard = {slot: last_heard(world, slot, self.delay_s, world.entered_at) for slot in Slot}
        except CloudUnavailable as error:
            return Waiting(str(error))
        loud = [f"{slot} served {requests}" for slot, requests in heard.items() if requests]
        if loud:
            return Waiting(f"in the last minute {' and '.join(loud)}: looking again")
        return Done("nobody reaches a slot any more")

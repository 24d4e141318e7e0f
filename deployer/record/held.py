"""What a deployment has taken from a group or a rule for a while, and owes back before it ends.

Each is in the record before it is taken (invariant I9); `parting`, `stickiness` and, a batch at a
time, `surging` give it back.
"""

from collections.abc import Collection

import msgspec

from deployer.model import Release, Slot, Weights


class Suspended(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Processes of a slot's group that a deployment has suspended, or may have."""

    slot: Slot
    processes: tuple[str, ...]


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A slot whose group a deployment keeps from shrinking, or may.

    was:    its minimum before.
    raised: the largest minimum that it was given, or may have been.
    """

    slot: Slot
    was: int
    raised: int


class Unstuck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The production rule's stickiness, which a deployment has switched off, or may have.

    sticky_s: for how long it kept a client, seconds.
    at:       when it was switched off, epoch seconds: no cookie is younger.
    """

    sticky_s: int
    at: float


class Surge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deployment has asked a group for beyond the group's own size, or may have.

    base:    the group's size without it.
    top:     the size that was asked for, at `asked_at` (epoch seconds).
    leaving: instances that go, or may have gone, each with its place.

    A group that reads larger than `top` was sized by somebody else: then none of it is ours. Who
    asks for no more than `top` while the surge stands there cannot be seen: it is there already.
    """

    slot: Slot
    base: int
    top: int
    leaving: tuple[str, ...] = ()
    asked_at: float = 0.0

    def of(self, desired: int) -> int:
        """How many of `desired` are the surge's."""
        return desired - self.base if self.base < desired <= self.top else 0

    def seen(self, members: Collection[str], desired: int) -> "Surge | None":
        """What is left of it in a group like this; one that broke by itself leaves its place."""
        gone = sum(name not in members for name in self.leaving)
        return self.less(gone) if gone and desired <= self.top - gone else self

    def less(self, gone: int) -> "Surge | None":
        """What is left of it once so many have gone, each with its place."""
        top = self.top - gone
        return Surge(self.slot, self.base, top, (), self.asked_at) if top > self.base else None


class Size(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large a slot was before its environment went to sleep.

    floor:   the group's minimum.
    release: what it booted; None: the stack's own version.
    """

    desired: int
    floor: int
    release: Release | None


class Rest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an environment was before it went to sleep: what waking puts back.

    at:      when it was read, epoch seconds.
    weights: what the production rule sends, behind the page too.
    """

    at: float
    weights: Weights
    blue: Size
    green: Size

    def __getitem__(self, slot: Slot) -> Size:
        return self.blue if slot is Slot.BLUE else self.green

    @property
    def serving(self) -> Slot:
        """The slot that gets everything; only such an environment goes to sleep."""
        return Slot.BLUE if self.weights.blue else Slot.GREEN

    def __str__(self) -> str:
        sizes = (f"{slot} {_spelled(self[slot])}" for slot in (self.serving, self.serving.twin))
        return f"{', '.join(sizes)}; {self.weights}"


def _spelled(size: Size) -> str:
    if not size.desired:
        return "none"
    what = size.release.name if size.release else "the stack's own version"
    floor = f" (at least {size.floor})" if size.floor else ""
    return f"{size.desired} of {what}{floor}"

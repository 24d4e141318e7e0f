"""What a deployment has taken from a group or a rule for a while, and owes back before it ends.

Each is in the record before it is taken (invariant I9); `parting` and `stickiness` give it back.
"""

import msgspec

from deployer.model import Slot


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

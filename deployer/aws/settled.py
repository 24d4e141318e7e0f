"""Minutes that have been read and will not change any more.

So a bake of a day does not read its first hour again at every look. What is younger than `SETTLED_S`
is read anew each time, since CloudWatch adds late points; and so is a minute of which a further metric
is unknown, for it may be known yet. It lives in the process: whoever takes over a deployment reads
everything once.
"""

from collections.abc import Mapping, Sequence

from deployer.aws.metric_data import PERIOD_S
from deployer.model import Minute, Slot

SETTLED_S = 900  # from a minute's end; on AWS points come one to three minutes late (aws-facts 2)

Seen = Mapping[Slot, Sequence[Minute]]


class Settled:
    """What both slots served, of one question: which `slow_s` it was asked with."""

    def __init__(self) -> None:
        self._slow_s: float | None = None
        self._minutes: dict[Slot, dict[int, Minute]] = {slot: {} for slot in Slot}

    def unread(self, starts: range, slow_s: float | None) -> range:
        """The part of `starts` that is to be asked for; other questions are forgotten."""
        if slow_s != self._slow_s:
            self._slow_s, self._minutes = slow_s, {slot: {} for slot in Slot}
        known = self._minutes[Slot.BLUE]
        first = next((start for start in starts if start not in known), starts.stop)
        return range(first, starts.stop, PERIOD_S)

    def joined(self, starts: range, read: Seen) -> Seen:
        """All of `starts`, with what was read of them; what is old enough is kept for the next time."""
        last = starts.stop - SETTLED_S - PERIOD_S
        whole: dict[Slot, tuple[Minute, ...]] = {}
        for slot in Slot:
            known = self._minutes[slot] | {int(one.start): one for one in read[slot]}
            whole[slot] = tuple(known[start] for start in starts)
            self._minutes[slot] = {
                start: known[start]
                for start in starts
                if start <= last and not known[start].unknown
            }
        return whole

"""Minutes that have been read and need not be read again.

A bake looks every few seconds, for up to a day, and each look is about all of its minutes. One that is
older than `SETTLED_S` does not change any more: it is read once. Younger ones are read anew with each
new minute, since CloudWatch adds late points; at every look while the newest is missing; and so is one
of which a further metric is unknown, for it may be known yet. One of which a slot has told nothing may
be told after an outage of CloudWatch: it is read anew for `MISSED_S`. It lives in the process: whoever takes
over a deployment reads everything once.
"""

from collections.abc import Mapping, Sequence

from deployer.aws.metric_data import PERIOD_S
from deployer.model import Minute, Slot

SETTLED_S = 900  # from a minute's end; on AWS points come one to three minutes late (aws-facts 2)
MISSED_S = 10_800  # the same of one that is missing: what came late may be what condemns

Seen = Mapping[Slot, Sequence[Minute]]


class Settled:
    """What both slots served, of one question: which `slow_s` it was asked with."""

    def __init__(self) -> None:
        self._slow_s: float | None = None
        self._minutes: dict[Slot, dict[int, Minute]] = {slot: {} for slot in Slot}
        self._read_until = 0  # epoch seconds: where the last answer ended
        self._read_to: int | None = None  # where the last answer ended, if it lacked nothing

    def unread(self, starts: range, slow_s: float | None) -> range:
        """The part of `starts` that is to be asked for; other questions are forgotten."""
        if slow_s != self._slow_s:
            self._slow_s, self._read_to = slow_s, None
            self._minutes = {slot: {} for slot in Slot}
        fresh = starts.stop == self._read_to
        first = next(
            (start for start in starts if not self._known(start, fresh=fresh)), starts.stop
        )
        return range(first, starts.stop, PERIOD_S)

    def joined(self, starts: range, read: Seen) -> Seen:
        """All of `starts`, with what was read of them; it is kept for the next time."""
        whole: dict[Slot, tuple[Minute, ...]] = {}
        for slot in Slot:
            known = self._minutes[slot] | {int(one.start): one for one in read[slot]}
            self._minutes[slot] = {start: known[start] for start in starts}
            whole[slot] = tuple(self._minutes[slot].values())
        self._read_until = starts.stop
        self._read_to = starts.stop if all(map(_up_to_date, whole.values())) else None
        return whole

    def _known(self, start: int, *, fresh: bool) -> bool:
        """fresh: the last answer ended where this question does."""
        told = [self._minutes[slot][start] for slot in Slot if start in self._minutes[slot]]
        missing = any(one.requests is None for one in told)
        settled_to = self._read_until - (MISSED_S if missing else SETTLED_S)
        settled = start + PERIOD_S <= settled_to and not any(one.unknown for one in told)
        return bool(told) and (fresh or settled)


def _up_to_date(minutes: Sequence[Minute]) -> bool:
    """The newest is there, or the slot serves nobody; and no minute is unknown."""
    silent = all(one.requests is None for one in minutes)
    there = silent or minutes[-1].requests is not None
    return there and not any(one.unknown for one in minutes)

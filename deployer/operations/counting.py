"""Further metrics of both slots' minutes: from series as a source has them to counts. Pure.

A minute that is not known of one slot is not known of either: beside the other slot's counts it would
look like silence, and silence can be chance.
"""

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from deployer.model import Minute, Slot

DIGITS = 6  # of a count: what is beyond is a source's arithmetic

Series = Mapping[int, float]  # start of a minute, epoch seconds -> value
Counts = tuple[float, float]  # bad ones, all


@dataclass(frozen=True, slots=True)
class Counted:
    """One metric, as its source told it.

    known:   counts by slot and start of the minute; a minute that is not there had nothing to count.
    unknown: minutes that cannot be judged, and why.
    """

    known: Mapping[Slot, Mapping[int, Counts]] = field(default_factory=dict)
    unknown: Mapping[int, str] = field(default_factory=dict)


def missing(starts: Sequence[int], why: str) -> Counted:
    """The source did not tell: nothing is known of any minute."""
    return Counted(unknown=dict.fromkeys(starts, why))


def beyond(told: Counted, of: Container[int], starts: Sequence[int], why: str) -> Counted:
    """What was told of the minutes `of`; of the others among `starts` nothing is known."""
    unknown = {start: why for start in starts if start not in of}
    return Counted(told.known, {**told.unknown, **unknown})


def counted(
    bad: Mapping[Slot, Series], total: Mapping[Slot, Series], starts: Sequence[int], *, absent: str
) -> Counted:
    """From a source that answered completely.

    absent: what no value of `bad` means in a minute that has one of `total`: `unknown` or `none`.
    """
    known: dict[Slot, dict[int, Counts]] = {slot: {} for slot in Slot}
    unknown: dict[int, str] = {}
    for start in starts:
        for slot in Slot:
            found = _counts(bad[slot].get(start), total[slot].get(start), absent)
            if isinstance(found, str):
                unknown.setdefault(start, f"{found} of {slot}")
            elif found is not None:
                known[slot][start] = found
    return Counted(known, unknown)


def _counts(bad: float | None, total: float | None, absent: str) -> Counts | str | None:
    """One minute of one slot; None: nothing to count; or what is wrong with it.

    No bad ones of nothing is nothing, also where a query makes a zero of what is not there.
    """
    if not bad and not total:
        return None
    if total is None:
        return "no total"
    if bad is None and absent != "none":
        return "no count of bad ones"
    pair = (round(bad or 0.0, DIGITS), round(total, DIGITS))
    if not all(math.isfinite(value) and value >= 0 for value in pair):
        return "a count that is none"
    return pair


def joined(
    seen: Mapping[Slot, Sequence[Minute]], metrics: Mapping[str, Counted]
) -> dict[Slot, tuple[Minute, ...]]:
    """The minutes with further metrics, by name."""
    if not metrics:
        return {slot: tuple(minutes) for slot, minutes in seen.items()}
    return {
        slot: tuple(_joined(minute, slot, metrics) for minute in minutes)
        for slot, minutes in seen.items()
    }


def _joined(minute: Minute, slot: Slot, metrics: Mapping[str, Counted]) -> Minute:
    at = round(minute.start)
    unknown = {name: one.unknown[at] for name, one in metrics.items() if at in one.unknown}
    known = {
        name: one.known[slot][at]
        for name, one in metrics.items()
        if name not in unknown and at in one.known.get(slot, {})
    }
    return replace(minute, custom={**minute.custom, **known}, unknown={**minute.unknown, **unknown})

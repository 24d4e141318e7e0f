"""A long row of batches in a few words: for the journal's item, and for whoever reads a plan. Pure.

A rolling deployment of a thousand instances may have a thousand batches, each with a judgement of
its own behind it. All of them are steps of the plan, and the cursor says how far it has come; they
differ only in how far they go. Written one by one they would not fit into an item of DynamoDB
(400 KB), and nobody would read them.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from deployer.steps.kinds import Step
from deployer.steps.replace import Replace
from deployer.steps.soak import Soak

FEWEST = 6  # batches that are worth folding


class Series(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`number` batches, a Replace and a Soak each, and each `stride` instances further.

    at:    index of the first Replace among the plan's steps.
    batch: the first of them; `soak`: the judgement behind it.
    """

    at: int
    batch: Replace
    soak: Soak
    stride: int
    number: int

    @property
    def end(self) -> int:
        """Index behind its last step."""
        return self.at + 2 * self.number

    def pair(self, nth: int) -> tuple[Replace, Soak]:
        """The batch `nth` of them, from 0, and the judgement behind it."""
        further = nth * self.stride
        watch = self.batch.watch
        until = self.batch.until + further
        watched = replace(watch, until=watch.until + further) if watch else None
        soak = replace(self.soak, until=self.soak.until + further)
        return replace(self.batch, until=until, watch=watched), soak


def found(steps: Sequence[Step]) -> Iterator[Series]:
    """Every series of `FEWEST` batches or more, in order."""
    at = 0
    while at < len(steps):
        series = _begun(steps, at)
        if series is not None and series.number >= FEWEST:
            yield series
        at = series.end if series is not None else at + 1


def folded(steps: Sequence[Step]) -> tuple[tuple[Step, ...], tuple[Series, ...]]:
    """The steps that are in no series, and the series."""
    series = tuple(found(steps)) if len(steps) >= 2 * FEWEST else ()
    if not series:
        return tuple(steps), ()
    inside = {index for each in series for index in range(each.at, each.end)}
    return tuple(s for index, s in enumerate(steps) if index not in inside), series


def unfolded(rest: Sequence[Step], series: Sequence[Series]) -> tuple[Step, ...]:
    """What `folded` was made from."""
    if not series:
        return tuple(rest)
    steps = list(rest)
    for each in series:
        pairs = (each.pair(nth) for nth in range(each.number))
        steps[each.at : each.at] = [step for pair in pairs for step in pair]
    return tuple(steps)


def _begun(steps: Sequence[Step], at: int) -> Series | None:
    """The longest series that begins at `at`."""
    one, two = _pair(steps, at), _pair(steps, at + 2)
    if one is None:
        return None
    stride = two[0].until - one[0].until if two else 0
    series = Series(at, *one, stride, 1)
    while _pair(steps, series.end) == series.pair(series.number):
        series = replace(series, number=series.number + 1)
    return series


def _pair(steps: Sequence[Step], at: int) -> tuple[Replace, Soak] | None:
    here = tuple(steps[at : at + 2])
    match here:
        case (Replace() as batch, Soak() as soak):
            return batch, soak
        case _:
            return None

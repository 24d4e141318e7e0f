"""A deployment's minutes as lines of JSON: a head, then a minute a line (docs/cli.md, `deployer replay`).

The same lines lie beside the record in the journal's table and in files that people keep, exchange or write
themselves. Times are epoch seconds, shares per mille.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Literal, TypeVar

import msgspec

from deployer.analysis.counts import LONGEST_GAP, MINUTE_S, misplaced
from deployer.analysis.limits import FAILURES
from deployer.analysis.replay.recording import Recorded, Recording
from deployer.analysis.terms import Terms
from deployer.errors import UsageError
from deployer.model import WHOLE, Minute

FORMAT: Literal["deployer-recording-1"] = "deployer-recording-1"
LONGEST = 21_600  # minutes: fifteen days, which is how long CloudWatch keeps them

Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[int, msgspec.Meta(ge=0, le=WHOLE)]


class Head(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """The first line: whose minutes these are. Nothing but `format` must be there."""

    format: Literal["deployer-recording-1"]
    service: str = ""
    environment: str = ""
    deployment: str = ""
    strategy: str = ""
    release: str = ""
    previous: str | None = None
    started_at: float | None = None
    finished_at: float | None = None
    status: str = ""
    reason: str = ""
    until: float | None = None
    terms: Terms | None = None


class Side(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What one slot served in a minute: `model.Minute` without its start."""

    requests: Count | None = None
    target_5xx: Count = 0
    connection_errors: Count = 0
    target_4xx: Count = 0
    p99_s: float | None = None
    slow: Count | None = None
    failed_open: Count = 0
    custom: dict[str, tuple[float, float]] = {}

    def minute(self, start: float) -> Minute:
        """As the analysis has it."""
        return Minute(
            start, self.requests, self.target_5xx, self.connection_errors, self.target_4xx,
            self.p99_s, self.slow, self.failed_open, self.custom,
        )  # fmt: skip


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One minute."""

    start: float
    share: Share | None
    candidate: Side
    stable: Side


def lines(recording: Recording) -> tuple[str, ...]:
    """The head, and a line for each minute."""
    head = Head(
        format=FORMAT,
        **{
            field: getattr(recording, field)
            for field in Head.__struct_fields__
            if field != "format"
        },
    )
    written = (
        Line(
            start=each.start,
            share=each.share,
            candidate=_side(each.candidate),
            stable=_side(each.stable),
        )
        for each in recording.minutes
    )
    return tuple(msgspec.json.encode(one).decode() for one in (head, *written))


def _side(minute: Minute) -> Side:
    return Side(
        requests=minute.requests, target_5xx=minute.target_5xx,
        connection_errors=minute.connection_errors, target_4xx=minute.target_4xx, p99_s=minute.p99_s,
        slow=minute.slow, failed_open=minute.failed_open, custom=dict(minute.custom),
    )  # fmt: skip


def read(text: Sequence[str], name: str) -> Recording:
    """A recording out of its lines; a minute that is not there becomes one without data.

    Args:
        text: the lines.
        name: of the file, for people.

    Raises:
        UsageError: it is none; names the line, and what is wrong with it.
    """
    numbered = [(n, line) for n, line in enumerate(text, 1) if line.strip()]
    if len(numbered) < 2:
        raise UsageError(
            f"{name} holds no minutes: a recording is a head and a line for each minute"
        )
    head = _decoded(numbered[0], Head, name)
    _require_terms(head.terms, name)
    minutes = [(n, _decoded((n, line), Line, name)) for n, line in numbered[1:]]
    if misplaced(minutes[0][1].start):
        raise _no_minute(name, *minutes[0])
    for (_, before), (n, line) in pairwise(minutes):
        if misplaced(line.start):
            raise _no_minute(name, n, line)
        if not MINUTE_S <= line.start - before.start <= MINUTE_S * LONGEST_GAP:
            raise UsageError(
                f"{name}, line {n}: a minute must begin after the one before it, and within a day of "
                f"it: {line.start:g} after {before.start:g}"
            )
    whole = tuple(_gapless([line for _, line in minutes]))
    if len(whole) > LONGEST:
        raise UsageError(f"{name} is longer than {LONGEST} minutes")
    given = {field: getattr(head, field) for field in Head.__struct_fields__ if field != "format"}
    return Recording(whole, **given)


def _no_minute(name: str, n: int, line: Line) -> UsageError:
    return UsageError(
        f"{name}, line {n}: no minute begins at {line.start:g}: whole minutes of epoch time"
    )


def _gapless(minutes: Sequence[Line]) -> Iterator[Recorded]:
    following = minutes[0].start
    for line in minutes:
        while following < line.start:
            yield Recorded(following, None, Minute(following, None), Minute(following, None))
            following += MINUTE_S
        at = line.start
        yield Recorded(at, line.share, line.candidate.minute(at), line.stable.minute(at))
        following += MINUTE_S


Of = TypeVar("Of", Head, Line)


def _decoded(numbered: tuple[int, str], kind: type[Of], name: str) -> Of:
    n, line = numbered
    try:
        return msgspec.json.decode(line, type=kind)
    except msgspec.DecodeError as error:
        raise UsageError(f"{name}, line {n}: {error}") from error


def _require_terms(terms: Terms | None, name: str) -> None:
    """A rule can be made of them.

    Raises:
        UsageError: it cannot.
    """
    if terms is None:
        return
    limits = terms.limits
    names = [one.name for one in limits.metrics]
    flaws = {
        "alpha and beta lie between 0 and 1": 0 < limits.alpha < 1 and 0 < limits.beta < 1,
        "each metric is there once, failures among them": FAILURES.name in names
        and len(set(names)) == len(names),
        "weights and tolerated ratios are above 0": all(
            0 < one.weight < math.inf and 0 < one.tolerated < math.inf for one in limits.metrics
        ),
        "what is harmful lies between 0 and 1": all(
            0 < one.harmful[0] <= one.harmful[1] < 1 for one in limits.metrics
        ),
        "minutes are not below 0": min(limits.warm_up, limits.delay_min, limits.max_minutes) >= 0,
        "phi is 1 at least": all(1 <= base.phi < math.inf for base in terms.bases.values()),
    }
    for wanted, good in flaws.items():
        if not good:
            raise UsageError(f"{name}, line 1: no rule can be made of its terms: {wanted}")

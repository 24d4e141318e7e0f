"""A deployment as a trace: its steps are spans below one for all of it. Pure.

Ids are derived: the trace's from the deployment's name, a span's from its notice's. So whoever takes a
deployment over continues its trace, and a span that is exported twice is the same span.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deployer.model import WHOLE
from deployer.news import Kind
from deployer.operations.notices import Notice, Place
from deployer.plan import Deployment, Status

LONGEST_NOTE: Final = 1_000
Value = str | bool | int | float


@dataclass(frozen=True, slots=True)
class Span:
    """What OpenTelemetry wants to know; times in epoch seconds, ids as numbers of 16 and 8 bytes.

    parent: the span that it is part of; None: it is the deployment's own.
    failed: why, if it failed; empty: it did not.
    """

    name: str
    trace: int
    id: int
    parent: int | None
    began_at: float
    ended_at: float
    facts: Mapping[str, Value]
    failed: str = ""


def spans(notice: Notice) -> tuple[Span, ...]:
    """What has ended with this notice: a step, all of the deployment, or both."""
    record = notice.record
    if record is None:
        return ()
    step = (_step(notice, record),) if not {Kind.START, Kind.END} & set(notice.kinds) else ()
    over = record.status.final and {Kind.HALT, Kind.END} & set(notice.kinds)
    return (*step, *((_whole(notice, record),) if over else ()))


def trace_of(place: Place, deployment: str) -> int:
    """The trace's id, from the deployment's."""
    return _number(f"{place}/{deployment}", 16)


def root_of(place: Place, deployment: str) -> int:
    """The id of the span of all of it."""
    return _number(f"{place}/{deployment}/root", 8)


def _step(notice: Notice, record: Deployment) -> Span:
    failed = {Kind.ROLLBACK, Kind.HALT} & set(notice.kinds)
    numbers = {
        f"deployer.{key}": value for key, value in notice.detail.items() if isinstance(value, Value)
    }
    return Span(
        notice.title.removeprefix(f"{notice.place}: "),
        trace_of(notice.place, record.id),
        _number(notice.id, 8),
        root_of(notice.place, record.id),
        notice.since,
        notice.at,
        {
            **_facts(notice, record),
            **numbers,
            "deployer.kinds": " ".join(notice.kinds),
            "deployer.note": notice.words[:LONGEST_NOTE],
        },
        notice.words[:LONGEST_NOTE] if failed else "",
    )


def _whole(notice: Notice, record: Deployment) -> Span:
    plan, live = record.first_plan, record.written
    weights = (
        {f"deployer.weight.{slot}": live[slot] / WHOLE for slot in type(plan.candidate)}
        if live
        else {}
    )
    return Span(
        f"{plan.strategy} {plan.release.name}",
        trace_of(notice.place, record.id),
        root_of(notice.place, record.id),
        None,
        record.started_at,
        record.finished_at or notice.at,
        {**_facts(notice, record), **weights, "deployer.status": record.status.value},
        record.reason[:LONGEST_NOTE] or record.status.value
        if record.status is not Status.SHIPPED
        else "",
    )


def _facts(notice: Notice, record: Deployment) -> dict[str, Value]:
    plan = record.first_plan
    return {
        "deployer.deployment": record.id,
        "deployer.environment": notice.place.environment,
        "deployer.strategy": plan.strategy,
        "deployer.release": plan.release.name,
        "deployer.by": record.by,
    }


def _number(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size], "big") or 1

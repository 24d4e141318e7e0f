"""What a deployment came to, in the terms of its outlook: by its record alone. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deployer.model import WHOLE
from deployer.plan import Deployment, Event, Status
from deployer.record.course import shared_since


@dataclass(frozen=True, slots=True)
class CameTo:
    """What was; None: it did not come to that, or the record does not tell. Compare with `Outlook`.

    In place nobody counts the new instances' requests apart, so `exposed` and `failed` are unknown.

    full_s:      from its beginning until the release had all of the traffic.
    end_s:       until nothing was left to do.
    extra_hours: of instances, beyond those there were.
    exposed:     requests of the release that were judged until it was found out: at least so many
                 reached it.
    failed:      of these, as many failed.
    found_s:     from its first user until it was found out.
    back_s:      from then until nobody reached it any more.
    """

    full_s: float | None = None
    end_s: float | None = None
    extra_hours: float | None = None
    exposed: int | None = None
    failed: int | None = None
    found_s: float | None = None
    back_s: float | None = None


def came_to(record: Deployment) -> CameTo:
    """By its record."""
    began, ended = record.started_at, record.finished_at
    turned = next((event for event in record.log if event.kind == "retreat"), None)
    spent = record.spent
    judged = _judged(record) if turned and not record.first_plan.in_place else None
    return CameTo(
        full_s=_full_s(record),
        end_s=None if ended is None else ended - began,
        extra_hours=spent.extra_hours(began) if spent and record.status.final else None,
        exposed=judged[0] if judged else None,
        failed=judged[1] if judged else None,
        found_s=_found_s(record, turned) if turned else None,
        back_s=_back_s(record, turned) if turned else None,
    )


def _full_s(record: Deployment) -> float | None:
    """In place all of the instances are the release's only at the end."""
    if record.first_plan.in_place:
        done = record.status is Status.SHIPPED and record.finished_at is not None
        return (record.finished_at or 0.0) - record.started_at if done else None
    whole = next((one.seen_at for one in record.shares if one.share == WHOLE), None)
    return None if whole is None else whole - record.started_at


def _found_s(record: Deployment, turned: Event) -> float | None:
    first = shared_since(record.shares)
    return None if first is None or first > turned.at else turned.at - first


def _back_s(record: Deployment, turned: Event) -> float | None:
    """Until its share was seen to be gone; in place, until the way back had ended."""
    if record.first_plan.in_place:
        return None if record.finished_at is None else record.finished_at - turned.at
    gone = (one.seen_at for one in record.shares if one.seen_at >= turned.at and not one.share)
    left = next(gone, None)
    return None if left is None else left - turned.at


def _judged(record: Deployment) -> tuple[int, int] | None:
    """Requests, and failures of these, that its verdicts rest on.

    By the terms every verdict counts all since the first user; the plain rule counts a stop at a time.
    """
    stops = tuple(_stops(record.log))
    if not stops:
        return None
    if record.first_plan.intent.terms is not None and record.first_plan.strategy == "canary":
        return max(stops)
    return sum(requests for requests, _ in stops), sum(failed for _, failed in stops)


def _stops(log: tuple[Event, ...]) -> Iterator[tuple[int, int]]:
    for event in log:
        found = _counts(event.detail)
        if found is not None and event.kind in ("step_done", "retreat"):
            yield found
        if event.kind == "retreat":
            return


def _counts(detail: Mapping[str, object]) -> tuple[int, int] | None:
    requests, failed = detail.get("candidate_requests"), detail.get("candidate_failures")
    if isinstance(requests, int | float) and isinstance(failed, int | float):
        return int(requests), int(failed)
    return None

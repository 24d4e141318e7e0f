"""A deployment as Prometheus sees it: gauges of the newest one in each environment. Pure.

Gauges of state and time rather than counters: a command that lives for minutes cannot count on. How many
deployments there were is asked of times: `changes(deployer_deployment_started_timestamp_seconds[30d])`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deployer.model import WHOLE, Slot
from deployer.operations.notices import Place, waits_for_a_person
from deployer.plan import Deployment, Status

HELP: Final = {
    "deployer_deployment_info": "1; which deployment the others are of",
    "deployer_deployment_status": "1 for the status that it has, else 0",
    "deployer_deployment_started_timestamp_seconds": "When it began",
    "deployer_deployment_finished_timestamp_seconds": "When it ended; missing while it runs",
    "deployer_deployment_step": "Number of the step in execution, from 1",
    "deployer_deployment_steps": "Steps of its plan",
    "deployer_deployment_paused": "1 while a person holds it",
    "deployer_deployment_waits_for_person": "1 while it waits for approval, or for a resume",
    "deployer_slot_weight_ratio": "Share of the traffic, as it was last confirmed",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """One value; `labels` besides `service` and `environment`."""

    name: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


def gauges(record: Deployment) -> Iterator[Gauge]:
    """All there is to say of one deployment."""
    plan = record.first_plan
    yield Gauge(
        "deployer_deployment_info",
        1.0,
        (
            ("deployment", record.id),
            ("strategy", plan.strategy),
            ("release", plan.release.name),
            ("previous", plan.previous or ""),
        ),
    )
    for status in Status:
        found = 1.0 if record.status is status else 0.0
        yield Gauge("deployer_deployment_status", found, (("status", status.value),))
    yield Gauge("deployer_deployment_started_timestamp_seconds", record.started_at)
    if record.finished_at is not None:
        yield Gauge("deployer_deployment_finished_timestamp_seconds", record.finished_at)
    steps = len(record.plan.steps)
    yield Gauge("deployer_deployment_step", float(min(record.cursor + 1, steps)))
    yield Gauge("deployer_deployment_steps", float(steps))
    yield Gauge("deployer_deployment_paused", float(record.paused_at is not None))
    yield Gauge("deployer_deployment_waits_for_person", float(waits_for_a_person(record)))
    if record.written is not None:
        for slot in Slot:
            share = record.written[slot] / WHOLE
            yield Gauge("deployer_slot_weight_ratio", share, (("slot", slot.value),))


def labels(place: Place, gauge: Gauge) -> dict[str, str]:
    """All of its labels."""
    return {"service": place.service, "environment": place.environment, **dict(gauge.labels)}

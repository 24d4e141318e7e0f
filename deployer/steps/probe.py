"""Probe: smoke requests to the candidate, before any user sees it."""

import msgspec

from deployer.durations import spell
from deployer.errors import ProbeFailed
from deployer.model import Slot
from deployer.ports import World
from deployer.steps.base import Done, Progress


class Probe(msgspec.Struct, frozen=True, tag=True, forbid_unknown_fields=True):
    """`requests` requests to `slot` through the test listener are answered well, by `release`.

    The cheapest protection there is: a release that fails everything harms nobody.

    Raises:
        ProbeFailed: more than `allowed_failures` went wrong; says what.
    """

    slot: Slot
    release: str
    requests: int
    allowed_failures: int
    deadline_s: float

    def describe(self) -> str:
        return (
            f"probe {self.slot}: {self.requests} requests through the test listener "
            f"(within {spell(self.deadline_s)})"
        )

    def advance(self, world: World) -> Progress:
        report = world.prober.probe(self.slot, self.release, self.requests)
        if report.failed > self.allowed_failures:
            causes = ", ".join(f"{count} × {cause}" for cause, count in report.failures.items())
            raise ProbeFailed(
                f"{report.failed} of {report.sent} probes of {self.release}: {causes}"
            )
        return Done(
            f"{report.sent - report.failed} of {report.sent} probes good",
            {"probes": report.sent, "failed": report.failed},
        )

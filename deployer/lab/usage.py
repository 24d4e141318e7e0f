"""CPU time that instances have used: measured by the fleet, made into metrics by CloudWatch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """One instance in service.

    group:    its Auto Scaling group, if it counts in the group's metric.
    cpu_s:    real seconds of CPU that its processes have used since it booted.
    detailed: its metrics come each minute, not every five.
    """

    instance: str
    group: str
    cpu_s: float
    detailed: bool = False


UsageSource = Callable[[], Sequence[Usage]]

"""CPUUtilization of instances and of their groups, from measured CPU time. Pure.

Sources: EC2 user guide, "List the available CloudWatch metrics for your instances" (every five
minutes, every minute with detailed monitoring); Auto Scaling user guide, target tracking. It is the
percentage of one core of the machine that runs the lab, in real time: a ratio is the same however
fast the lab's clock runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from deployer.lab.telemetry.alb import Sample
from deployer.lab.telemetry.store import MINUTE_S, Datapoint, Metric
from deployer.lab.usage import Usage

NAMESPACE = "AWS/EC2"
BASIC_S = 5 * MINUTE_S


@dataclass(slots=True)
class Meters:
    """What each instance had used, and when (real s), when its last period ended."""

    read: dict[str, tuple[float, float]] = field(default_factory=dict)

    def samples(self, usage: Sequence[Usage], minute: int, real: float) -> list[Sample]:
        """What is published for the minute that has just ended at `minute` + 60 s (epoch)."""
        due = [one for one in usage if one.detailed or (minute + MINUTE_S) % BASIC_S == 0]
        busy = {one.instance: share for one in due if (share := self._share(one, real)) is not None}
        known = {one.instance for one in usage}
        self.read = {key: held for key, held in self.read.items() if key in known}
        self.read |= {one.instance: (one.cpu_s, real) for one in due}
        for one in usage:  # an instance's first period begins when it is first seen
            self.read.setdefault(one.instance, (one.cpu_s, real))
        return [*_each(busy), *_groups(busy, due)]

    def _share(self, one: Usage, real: float) -> float | None:
        """Percent of a core since its last period ended; None: nothing to compare with."""
        held = self.read.get(one.instance)
        if held is None or real <= held[1]:
            return None
        return min(100.0, max(0.0, 100.0 * (one.cpu_s - held[0]) / (real - held[1])))


def _each(busy: Mapping[str, float]) -> list[Sample]:
    return [_sample("InstanceId", key, [share]) for key, share in busy.items()]


def _groups(busy: Mapping[str, float], due: Sequence[Usage]) -> list[Sample]:
    groups: dict[str, list[float]] = {}
    for one in due:
        if one.group and one.instance in busy:
            groups.setdefault(one.group, []).append(busy[one.instance])
    return [_sample("AutoScalingGroupName", name, shares) for name, shares in groups.items()]


def _sample(dimension: str, value: str, shares: Sequence[float]) -> Sample:
    values: dict[float, float] = {}
    for share in shares:
        values[share] = values.get(share, 0.0) + 1.0
    metric = Metric(NAMESPACE, "CPUUtilization", ((dimension, value),))
    return Sample(metric, Datapoint.of(values), "Percent")

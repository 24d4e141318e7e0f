"""Alarms that ring for a scaling policy: found by CloudWatch, answered by Auto Scaling.

An alarm tells its policy once a minute for as long as it is in ALARM (CloudWatch user guide, "Using
Amazon CloudWatch alarms": Auto Scaling actions).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

PREFIX = "arn:aws:autoscaling:"


@dataclass(frozen=True, slots=True)
class Ringing:
    """One alarm in ALARM: `points` of its last periods, the newest last; `action` the policy's ARN."""

    alarm: str
    action: str
    points: tuple[float, ...]


# Told of all that ring after one evaluation, at this virtual time.
Scaler = Callable[[Sequence[Ringing], float], None]

"""A token bucket: when the next call may be sent. Pure.

AWS refuses calls that find its bucket empty (aws-facts 4.1). Ours is never larger and never filled
faster, and a call waits for its token instead of being sent without one: so in any span of t
seconds at most `burst + per_s * t` calls leave, however many somebody wants to make.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """burst: calls that may leave at once; per_s: calls per second in the long run."""

    burst: int
    per_s: float


@dataclass(frozen=True, slots=True)
class Level:
    """tokens: what is in the bucket; below 0: promised to calls that wait. at: epoch seconds."""

    tokens: float
    at: float


def take(limit: Limit, level: Level | None, now: float) -> tuple[Level, float]:
    """The bucket after one call more, and the seconds for which that call must wait.

    level: None before the first call. A clock that was set back fills nothing, and delays nothing.
    """
    tokens = filled(limit, level, now) - 1
    return Level(tokens, now), max(0.0, -tokens / limit.per_s)


def drained(limit: Limit, level: Level | None, now: float) -> Level:
    """The bucket after AWS has refused a call: others use its bucket too, and nothing is left."""
    return Level(min(0.0, filled(limit, level, now)), now)


def filled(limit: Limit, level: Level | None, now: float) -> float:
    """Tokens at `now`."""
    if level is None:
        return float(limit.burst)
    return min(limit.burst, level.tokens + max(0.0, now - level.at) * limit.per_s)

"""Whether nobody needs an environment any more. Pure: one reading in, one judgement out.

Two ways lead there. It is idle: older than its grace, and in each of the last windows a metric that
is known to exist shows no more requests than are no use. Or its time is over: then neither age nor a
row of windows counts, but who uses it now still keeps it: the last whole window, and what came since.

In both nothing may be under way, and what is not known keeps it: a window without metrics, a stack in
a state that needs a person, an environment without the tag.
"""

from dataclasses import dataclass
from enum import StrEnum

from deployer.durations import spell
from deployer.operations.idle.hours import OfficeHours
from deployer.operations.idle.ports import Facts, Level, Span


class Why(StrEnum):
    """What a judgement rests on; the first two let the environment go."""

    IDLE = "idle"
    EXPIRED = "expired"
    ABSENT = "not there"
    NOT_TAGGED = "not tagged"
    EXTENDED = "extended"
    DEPLOYING = "deploying"
    MOVING = "stack operation"
    ASLEEP = "nothing left to take"
    YOUNG = "young"
    UNKNOWN = "unknown traffic"
    USED = "traffic"


@dataclass(frozen=True, slots=True)
class Judgement:
    """level: what is to become of it; None: it stays as it is."""

    why: Why
    words: str
    level: Level | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One environment's [teardown]; durations in seconds, `ttl_s` 0 for no end.

    ephemeral: deployer.toml says so; its resources must say so too.
    """

    level: Level
    expired_level: Level
    requests: int
    span: Span
    grace_s: float
    notice_s: float
    ttl_s: float
    hours: OfficeHours | None
    zone: str
    ephemeral: bool = True


def judge(facts: Facts | None, rules: Rules, now: float) -> Judgement:
    """What becomes of the environment, by one reading of it."""
    kept = _kept(facts, rules, now)
    if kept is not None or facts is None:
        return kept or Judgement(Why.ABSENT, "it is not there")
    end = end_of_life(facts, rules)
    if end is not None and end <= now:
        return _expired(facts, rules, now - end)
    return _unneeded(facts, rules, now)


def end_of_life(facts: Facts, rules: Rules) -> float | None:
    """When its time is over, epoch seconds: by its tag or its age, whichever comes first."""
    ends = [facts.made_at + rules.ttl_s] if rules.ttl_s else []
    if facts.expires_at is not None:
        ends.append(facts.expires_at)
    return min(ends, default=None)


def too_young(used_at: float, rules: Rules, now: float) -> bool:
    """Whether something that happened at `used_at` is still within the grace."""
    return now - used_at < rules.grace_s


def _kept(facts: Facts | None, rules: Rules, now: float) -> Judgement | None:
    """What keeps any environment, idle or expired."""
    if facts is None:
        return None
    if not (rules.ephemeral and facts.tagged):
        missing = (
            "its stacks and its journal do not all carry deployer:env-class=ephemeral: deploy them"
            if rules.ephemeral
            else "deployer.toml does not call it ephemeral"
        )
        return Judgement(Why.NOT_TAGGED, missing)
    if facts.standing.extended_until > now:
        left = spell(_minutes(facts.standing.extended_until - now))
        return Judgement(Why.EXTENDED, f"somebody extended it: {left} left")
    if facts.deployment:
        return Judgement(Why.DEPLOYING, f"the deployment {facts.deployment} holds it")
    if facts.moving:
        return Judgement(Why.MOVING, facts.moving)
    return None


def _expired(facts: Facts, rules: Rules, over_s: float) -> Judgement:
    level = rules.expired_level
    if _bare(facts, level):
        return Judgement(Why.ASLEEP, _nothing(level))
    used = _used(facts, rules, facts.windows[-1:])
    return used or Judgement(Why.EXPIRED, f"its time was over {spell(_minutes(over_s))} ago", level)


def _unneeded(facts: Facts, rules: Rules, now: float) -> Judgement:
    level = rules.level
    if _bare(facts, level):
        return Judgement(Why.ASLEEP, _nothing(level))
    if too_young(facts.changed_at, rules, now):
        age = spell(_minutes(now - facts.changed_at))
        return Judgement(Why.YOUNG, f"made or updated {age} ago; the grace is {_s(rules.grace_s)}")
    used = _used(facts, rules, facts.windows[-rules.span.windows :])
    if used is not None:
        return used
    if len(facts.windows) < rules.span.windows:
        return Judgement(Why.UNKNOWN, "its requests are not known for long enough")
    most = max(requests or 0 for requests in facts.windows)
    return Judgement(
        Why.IDLE,
        f"at most {most:g} requests in each of the last {rules.span.windows} x "
        f"{_s(rules.span.window_s)}",
        level,
    )


def _used(facts: Facts, rules: Rules, windows: tuple[float | None, ...]) -> Judgement | None:
    """Requests, or not knowing of any, within `windows` or since the last of them."""
    spoken = _s(rules.span.window_s)
    if (facts.recent or 0) > rules.requests:
        return Judgement(Why.USED, f"{facts.recent:g} requests within the last {spoken}")
    busy = [requests for requests in windows if requests is not None and requests > rules.requests]
    if busy:
        return Judgement(
            Why.USED, f"{busy[-1]:g} requests within {spoken}; {rules.requests} are none"
        )
    if not windows or None in windows:
        return Judgement(Why.UNKNOWN, "the load balancer has no metrics of one of the windows")
    return None


def _bare(facts: Facts, level: Level) -> bool:
    """There is nothing that the level would take."""
    if level == "retire":
        return 0 in facts.instances
    return level == "sleep" and not any(facts.instances)


def _nothing(level: Level) -> str:
    return "its idle slot has no instances" if level == "retire" else "it sleeps already"


def _minutes(duration_s: float) -> float:
    return max(60.0, duration_s // 60 * 60)


def _s(duration_s: float) -> str:
    return spell(float(duration_s))

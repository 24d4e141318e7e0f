"""Faults on demand: refusals, lost replies, slowness, the caller's own death; for callers from outside.

The lab's own calls never meet a fault. Over HTTP (docs/lab/chaos.md):

    POST   /_lab/faults  {"kind": "throttle", "service": "elbv2", "action": "Modify*", "times": 2}
    GET    /_lab/faults
    DELETE /_lab/faults
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Final

import msgspec

from deployer.lab.wire import Refused


class Kind(StrEnum):
    """What goes wrong.

    throttle:   refused before anything happened, in the words of the service that is called.
    error:      refused before anything happened (`InternalFailure`, HTTP 500).
    expired:    refused: the caller's credentials have run out, in the service's words.
    unheard:    the connection breaks before the call had any effect.
    lost_reply: the call took effect, the connection breaks before its answer.
    latency:    the call takes `latency_s` longer and then goes on.
    kill:       the calling process is killed (SIGKILL) before the call had any effect.
    kill_after: the calling process is killed after the call took effect, before its answer.
    stop:       the calling process is stopped (SIGSTOP) after the call took effect; whoever sends
                it SIGCONT lets it read the answer.
    """

    THROTTLE = "throttle"
    ERROR = "error"
    EXPIRED = "expired"
    UNHEARD = "unheard"
    LOST_REPLY = "lost_reply"
    LATENCY = "latency"
    KILL = "kill"
    KILL_AFTER = "kill_after"
    STOP = "stop"


Words = tuple[str, int]  # AWS's error code, HTTP status
THROTTLED: Final[Mapping[str, Words]] = {
    "": ("Throttling", 400),
    "dynamodb": ("ThrottlingException", 400),
    "ec2": ("RequestLimitExceeded", 503),
    "s3": ("SlowDown", 503),
    "ssm": ("ThrottlingException", 400),
}
EXPIRED: Final[Mapping[str, Words]] = {
    "": ("ExpiredToken", 403),
    "dynamodb": ("ExpiredTokenException", 400),
    "ec2": ("RequestExpired", 400),
    "s3": ("ExpiredToken", 400),
    "ssm": ("ExpiredTokenException", 400),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule; the first one that matches a call is applied.

    service, action: patterns (`*`, `Describe*`); several are separated by commas.
    skip:      how many matching calls pass before the first that it may hit.
    share:     of matching calls that meet it, 0..1.
    times:     how many calls it hits before it is used up; None: until cleared.
    latency_s: real seconds.
    """

    kind: Kind
    service: str = "*"
    action: str = "*"
    share: float = 1.0
    times: int | None = None
    latency_s: float = 0.0
    skip: int = 0

    def matches(self, service: str, action: str) -> bool:
        return _any(self.service, service) and _any(self.action, action)

    @property
    def arrives(self) -> bool:
        """Whether the call has any effect, if it is not refused."""
        return self.kind not in (Kind.UNHEARD, Kind.KILL)

    @property
    def answered(self) -> bool:
        """Whether the caller gets an answer."""
        return self.arrives and self.kind not in (Kind.LOST_REPLY, Kind.KILL_AFTER)

    def refusal(self, service: str) -> Refused | None:
        """What the caller is told instead of an answer, if it is told anything."""
        if self.kind is Kind.THROTTLE:
            code, status = THROTTLED.get(service, THROTTLED[""])
            return Refused(code, "Rate exceeded (injected by the lab)", status)
        if self.kind is Kind.EXPIRED:
            code, status = EXPIRED.get(service, EXPIRED[""])
            return Refused(code, "The security token has expired (injected by the lab)", status)
        if self.kind is Kind.ERROR:
            return Refused("InternalFailure", "Internal failure (injected by the lab)", 500)
        return None


def _any(patterns: str, name: str) -> bool:
    return any(fnmatchcase(name, pattern.strip()) for pattern in patterns.split(","))


class Faults:
    """The rules in force; chance comes from a seeded source, so a run can be repeated."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = Random(seed)  # noqa: S311  no secret hangs on it
        self._rules: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._rules.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def rules(self) -> Sequence[Fault]:
        with self._lock:
            return tuple(self._rules)

    def draw(self, service: str, action: str) -> Fault | None:
        """The fault that this call meets, counted as used."""
        with self._lock:
            for index, rule in enumerate(self._rules):
                if not rule.matches(service, action):
                    continue
                if rule.skip:
                    self._rules[index] = replace(rule, skip=rule.skip - 1)
                    continue
                if self._random.random() >= rule.share:
                    continue
                if rule.times is not None:
                    self._spend(index, rule.times)
                return rule
        return None

    def _spend(self, index: int, times: int) -> None:
        if times <= 1:
            del self._rules[index]
        else:
            self._rules[index] = replace(self._rules[index], times=times - 1)


def decode(body: bytes) -> Fault:
    """A rule from JSON.

    Raises:
        ValueError: unknown key, unknown kind, or a value of the wrong type or range; says which.
    """
    try:
        fault = msgspec.json.decode(body, type=Fault)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a fault: {error}") from error
    unknown = set(msgspec.json.decode(body)) - {field.name for field in fields(Fault)}
    if unknown:
        raise ValueError(f"not a fault: unknown {', '.join(sorted(unknown))}")
    if not 0 <= fault.share <= 1:
        raise ValueError(f"not a fault: share is {fault.share}, not between 0 and 1")
    if fault.skip < 0 or fault.latency_s < 0 or (fault.times is not None and fault.times < 1):
        raise ValueError("not a fault: skip and latency_s are 0 or more, times is 1 or more")
    return fault

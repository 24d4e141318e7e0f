"""Faults on demand: throttling, server errors, lost replies, slowness; for callers from outside.

The lab's own calls never meet a fault. Over HTTP (docs in server.py):

    POST   /_lab/faults  {"kind": "throttle", "service": "elbv2", "action": "Modify*", "times": 2}
    GET    /_lab/faults
    DELETE /_lab/faults
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random

import msgspec

from deployer.lab.wire import Refused


class Kind(StrEnum):
    """What goes wrong.

    throttle:   refused before anything happened (`Throttling`, HTTP 400).
    error:      refused before anything happened (`InternalFailure`, HTTP 500).
    lost_reply: the call took effect, the connection breaks before its answer.
    latency:    the call takes `latency_s` longer and then goes on.
    """

    THROTTLE = "throttle"
    ERROR = "error"
    LOST_REPLY = "lost_reply"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule; the first one that matches a call is applied.

    service, action: patterns (`*`, `Describe*`).
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

    def refusal(self) -> Refused | None:
        """What the caller is told instead of an answer, if it is told anything."""
        if self.kind is Kind.THROTTLE:
            return Refused("Throttling", "Rate exceeded (injected by the lab)")
        if self.kind is Kind.ERROR:
            return Refused("InternalFailure", "Internal failure (injected by the lab)", 500)
        return None


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
                if not (fnmatchcase(service, rule.service) and fnmatchcase(action, rule.action)):
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
        ValueError: unknown key, unknown kind, or a value of the wrong type; says which.
    """
    try:
        fault = msgspec.json.decode(body, type=Fault)
    except msgspec.MsgspecError as error:
        raise ValueError(f"not a fault: {error}") from error
    unknown = set(msgspec.json.decode(body)) - {field.name for field in fields(Fault)}
    if unknown:
        raise ValueError(f"not a fault: unknown {', '.join(sorted(unknown))}")
    return fault

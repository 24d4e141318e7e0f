"""How a service is kept running, as the systemd unit of bootstrap.sh keeps it. Pure.

Restart=always, RestartSec=2, StartLimitIntervalSec=0 (no limit), KillSignal=SIGTERM,
TimeoutStopSec=30. On EC2 an application that crashes changes nothing about its instance.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf

RESTART_S = 2.0
STOP_S = 30.0


class Phase(StrEnum):
    """`failed`: the bootstrap script failed, nothing runs; `resting`: between exit and restart."""

    NEW = "new"
    RUNNING = "running"
    RESTING = "resting"
    FAILED = "failed"
    STOPPING = "stopping"
    ENDED = "ended"


class Move(StrEnum):
    """What is to be done to the process."""

    NOTHING = "nothing"
    START = "start"
    TERM = "term"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Unit:
    """`until`: when a resting one starts again, or a stopping one is killed (epoch s)."""

    phase: Phase = Phase.NEW
    restarts: int = 0
    until: float = 0.0


def step(
    unit: Unit, *, wanted: bool, alive: bool, now: float, stop_s: float = STOP_S
) -> tuple[Unit, Move]:
    """One look: is the process alive, is it wanted? The unit afterwards, and what to do."""
    return _keep(unit, alive, now) if wanted else _stop(unit, alive, now, stop_s)


def _keep(unit: Unit, alive: bool, now: float) -> tuple[Unit, Move]:
    match unit.phase:
        case Phase.NEW | Phase.ENDED:
            return Unit(Phase.RUNNING), Move.START
        case Phase.RUNNING if not alive:
            return Unit(Phase.RESTING, unit.restarts + 1, now + RESTART_S), Move.NOTHING
        case Phase.RESTING if now >= unit.until:
            return replace(unit, phase=Phase.RUNNING), Move.START
        case Phase.STOPPING if not alive:  # stopped and started again meanwhile
            return Unit(Phase.ENDED), Move.NOTHING
    return unit, Move.NOTHING


def _stop(unit: Unit, alive: bool, now: float, stop_s: float) -> tuple[Unit, Move]:
    if not alive:
        return replace(unit, phase=Phase.ENDED), Move.NOTHING
    if unit.phase is not Phase.STOPPING:
        return replace(unit, phase=Phase.STOPPING, until=now + stop_s), Move.TERM
    if now >= unit.until:
        return replace(unit, until=inf), Move.KILL
    return unit, Move.NOTHING

"""What an environment's answer means to a fleet's member. Pure.

An answer that was given before is folded in once more without harm, and so is one from before the
member got further: what was seen to run is not absent again.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from deployer.durations import spell
from deployer.operations.fleet import (
    LONGEST_NOTE,
    Fleet,
    FleetStatus,
    Member,
    Phase,
    Sight,
)

FREEZES: Final = "waits for a freeze to end"  # begins the reason of an environment that does
SILENCE_S = 3600.0  # after so long without an answer an environment counts as lost

OUTWARD: Final[Mapping[str, Phase]] = {
    "shipped": Phase.SHIPPED,
    "present": Phase.PRESENT,
    "rolled_back": Phase.ROLLED_BACK,
    "halted": Phase.HALTED,
    "refused": Phase.REFUSED,
}
"""How a member on its way to the release may end."""
HOMEWARD: Final[Mapping[str, Phase]] = {
    "shipped": Phase.RETURNED,  # its way back has shipped: what was before serves
    "present": Phase.RETURNED,
    "rolled_back": Phase.KEPT,
    "refused": Phase.KEPT,
    "busy": Phase.KEPT,
    "halted": Phase.HALTED,
}
"""How a member on its way back may end."""


def folded(fleet: Fleet, environment: str, sight: Sight, now: float) -> Fleet:
    """The fleet, once it has heard from one of its environments, or has not."""
    before, sight = fleet[environment], _short(sight)
    after = (
        _silent(before, sight, now)
        if sight.state == "silent"
        else _heard(fleet, before, sight, now)
    )
    fleet = fleet.having(after)
    if before.phase is after.phase or after.phase is Phase.WAITING:
        return fleet
    words = f"{environment} {after.phase.words}"
    note = f"{words}: {after.reason}" if after.reason else words
    return fleet.noting(now, "member", note, environment=environment, phase=after.phase.value)


def _short(sight: Sight) -> Sight:
    """As much of its words as a record can keep of everybody."""
    if len(sight.note) <= LONGEST_NOTE:
        return sight
    return replace(sight, note=f"{sight.note[: LONGEST_NOTE - 1]}…")


def too_silent(member: Member, now: float) -> bool:
    """It has not answered for longer than anybody waits."""
    return member.silent_since is not None and now - member.silent_since >= SILENCE_S


def _silent(member: Member, sight: Sight, now: float) -> Member:
    since = member.silent_since if member.silent_since is not None else now
    member = replace(member, silent_since=since)
    if not member.phase.moving or not too_silent(member, now):
        return member
    look = f"look with `deployer --env {member.environment} status`"
    return member.to(Phase.LOST, now, f"no answer for {spell(now - since)} ({sight.note}): {look}")


def _heard(fleet: Fleet, member: Member, sight: Sight, now: float) -> Member:
    if member.silent_since is not None:
        member = replace(member, silent_since=None)
    if sight.about != (member.back or member.deployment):
        return member
    if member.phase is Phase.BEGINNING:
        return _asked(fleet, member, sight, now)
    if member.phase is Phase.UNDER_WAY:
        return _outward(member, sight, now)
    if member.phase in (Phase.TURNING, Phase.RETURNING):
        return _homeward(member, sight, now)
    return member


def _asked(fleet: Fleet, member: Member, sight: Sight, now: float) -> Member:
    """Its deployment has a name, and may have begun."""
    if sight.state == "running":
        return member.to(Phase.UNDER_WAY, now, sight.note)
    if sight.state == "busy":
        late = now - member.since >= fleet.wait_s
        return (
            member.to(Phase.REFUSED, now, sight.note)
            if late
            else replace(member, reason=sight.note)
        )
    if (
        sight.state == "frozen"
    ):  # however long: who holds the environment after that is waited for anew
        return replace(member, since=now, reason=f"{FREEZES}: {sight.note}")
    if sight.state == "stale":
        return replace(member, phase=Phase.WAITING, deployment="")
    if sight.state == "absent" and fleet.status is FleetStatus.RETREATING and now >= member.until:
        return member.to(Phase.NOT_BEGUN, now)
    return _outward(member, sight, now)


def _outward(member: Member, sight: Sight, now: float) -> Member:
    """On its way to the release."""
    if sight.state in OUTWARD:
        return member.to(OUTWARD[sight.state], now, sight.note)
    return replace(member, reason=sight.note) if sight.state == "running" else member


def _homeward(member: Member, sight: Sight, now: float) -> Member:
    """On its way back."""
    if sight.state in HOMEWARD:
        return member.to(HOMEWARD[sight.state], now, sight.note)
    if member.phase is Phase.RETURNING:
        return member
    if sight.state == "running":
        return member.to(Phase.RETURNING, now)
    if sight.state == "stale":
        return replace(member, phase=Phase.SHIPPED, back="")
    return member

"""A fleet's next move, from its record and what its environments answer. Pure.

    what is seen                              what follows
    every member of the wave has ended well   the wave bakes, then the next one begins
    a member ended otherwise, or where the    nothing more begins: what is under way is asked to go
    release has shipped an alarm rings, it    back; what has shipped stays, or goes back too
    fails its users, or something else has    (`on_failure`)
    been shipped since
    a person asks                             pause, resume, promote (ends the bake), abort

A bake ends only when every environment that has the release has answered, and none objects. Only
what this fleet has shipped goes back, and only where nothing has come after it. What is folded in
twice changes nothing the second time, and so does an old answer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from deployer.durations import spell
from deployer.errors import NotPossibleNow
from deployer.journal import Ask, Request
from deployer.operations.fleet import Errand, Fleet, FleetStatus, Kind, Member, Phase, Sight, did
from deployer.operations.fleet_answers import folded, too_silent
from deployer.record.acts import REFUSED, Actor

FENCE_S = 300.0  # so long an errand may begin something; whoever carries it out ends sooner
Name = Callable[[str], str]
"""A new deployment's id for an environment; ids sort by time."""


@dataclass(frozen=True, slots=True)
class Move:
    """The record to save, and then what to ask of whom."""

    fleet: Fleet
    errands: tuple[Errand, ...] = ()


def looks(fleet: Fleet) -> tuple[Errand, ...]:
    """Whose answers the next move needs."""
    return tuple(
        errand(fleet, member, "look")
        for member in fleet.members
        if member.phase.moving or member.phase is Phase.SHIPPED
    )


def advance(fleet: Fleet, sights: Mapping[str, Sight], now: float, name: Name) -> Move:
    """One move; environments that `sights` lacks have nothing new to tell."""
    if fleet.status.final:
        return Move(fleet)
    for environment, sight in sights.items():
        fleet = folded(fleet, environment, sight, now)
    if fleet.status is FleetStatus.RUNNING:
        wrong = next(_objections(fleet, sights, now), "")
        fleet = _failing(fleet, wrong, now) if wrong else _onward(fleet, sights, now)
    fleet = _named(fleet, now, name)
    if fleet.status is FleetStatus.RETREATING and not any(_unsettled(fleet)):
        fleet = _ended(fleet, now)
    return Move(fleet, tuple(_errands(fleet)))


def possible(fleet: Fleet) -> tuple[Ask, ...]:
    """What may be asked of it now."""
    if fleet.status is not FleetStatus.RUNNING:
        return ()
    held = fleet.paused_at is not None
    bakes = (Ask.PROMOTE,) if fleet.baking_since is not None else ()
    return (Ask.ABORT, Ask.RESUME if held else Ask.PAUSE, *bakes)


def require_possible(fleet: Fleet, ask: Ask) -> None:
    """Refuse what makes no sense now.

    Raises:
        NotPossibleNow: says what would.
    """
    sensible = possible(fleet)
    if ask in sensible:
        return
    if not sensible:
        state = "has ended" if fleet.status.final else "has failed and stops already"
        raise NotPossibleNow(f"fleet {fleet.id} {state}: see `deployer status --fleet`")
    commands = ", ".join(f"`deployer {each} --fleet`" for each in sensible)
    raise NotPossibleNow(
        f"`deployer {ask} --fleet` is not possible now: {standing(fleet)}; possible now: {commands}"
    )


def standing(fleet: Fleet) -> str:
    """Where it is, in words."""
    wave = f"wave {fleet.cursor + 1} of {len(fleet.waves)}"
    held = ", on hold" if fleet.paused_at is not None else ""
    if fleet.status.final:
        return fleet.status.value.replace("_", " ")
    if fleet.status is FleetStatus.RETREATING:
        return f"stopping at {wave}"
    return f"{wave} {'bakes' if fleet.baking_since is not None else 'gets the release'}{held}"


def heed(fleet: Fleet, request: Request, now: float) -> Fleet:
    """The fleet with a person's request granted, or refused on the record, once."""
    if request.id == fleet.heeded:
        return fleet
    fleet, actor = replace(fleet, heeded=request.id), request.actor or Actor(request.by)
    if request.ask not in possible(fleet):
        fleet = did(fleet, actor, REFUSED, now, f"{request.ask}: too late")
        return fleet.noting(now, "refused", f"{request.ask} by {request.by}: too late")
    fleet = did(fleet, actor, request.ask.value, now)
    if request.ask is Ask.ABORT:
        return _failing(fleet, f"aborted by {request.by}", now)
    fleet = fleet.noting(now, "asked", f"{request.ask} by {request.by}")
    if request.ask is Ask.PAUSE:
        return replace(fleet, paused_at=now)
    moving = _resumed(fleet, now)
    return moving if request.ask is Ask.RESUME else _next_wave(moving, now)


def _resumed(fleet: Fleet, now: float) -> Fleet:
    held_s = now - fleet.paused_at if fleet.paused_at is not None else 0.0
    since = fleet.baking_since
    return replace(
        fleet, paused_at=None, baking_since=since + held_s if since is not None else None
    )


def bake_s(fleet: Fleet) -> float:
    """How long the present wave bakes: where nothing was shipped there is nothing to watch."""
    shipped = any(member.phase is Phase.SHIPPED for member in fleet.of(fleet.wave))
    return fleet.wave.bake_s if shipped else 0.0


def bake_ends_at(fleet: Fleet, now: float) -> float:
    """When the wave's bake is over, epoch seconds; while it is on hold that moves away."""
    held_s = now - fleet.paused_at if fleet.paused_at is not None else 0.0
    return (fleet.baking_since or now) + bake_s(fleet) + held_s


def _objections(fleet: Fleet, sights: Mapping[str, Sight], now: float) -> Iterator[str]:
    """Why nothing more may begin."""
    for member in fleet.members:
        if member.phase.bad:
            yield f"{member.environment} {member.phase.words}: {member.reason or 'see its history'}"
    for member in fleet.members:
        if member.phase is not Phase.SHIPPED:
            continue
        if too_silent(member, now):
            yield f"{member.environment} does not answer, so nobody knows how it does"
        sight = sights.get(member.environment)
        yield from _seen(fleet, member, sight) if sight is not None else ()


def _seen(fleet: Fleet, member: Member, sight: Sight) -> Iterator[str]:
    """What an environment tells of the release since it has shipped there."""
    if sight.other:
        yield f"{member.environment} does not run {fleet.release} any more: {sight.other}"
    if sight.ailing:
        yield f"{fleet.release} fails its users in {member.environment}: {sight.ailing}"
    for alarm, why in sight.ringing.items():
        yield f"alarm {alarm} {why} in {member.environment}"


def _failing(fleet: Fleet, why: str, now: float) -> Fleet:
    """Nothing more begins from here on."""
    left = [m.to(Phase.NOT_BEGUN, now) for m in fleet.members if m.phase is Phase.WAITING]
    return replace(
        fleet.having(*left), status=FleetStatus.RETREATING, reason=why, paused_at=None,
        baking_since=None,
    ).noting(now, "failed", f"nothing more begins: {why}")  # fmt: skip


def _onward(fleet: Fleet, sights: Mapping[str, Sight], now: float) -> Fleet:
    """A wave that has ended well bakes; when that is over, the next one begins."""
    if fleet.paused_at is not None or not all(m.phase.good for m in fleet.of(fleet.wave)):
        return fleet
    if fleet.cursor + 1 == len(fleet.waves):
        return replace(fleet, status=FleetStatus.SHIPPED, finished_at=now).noting(
            now, "ended", f"{fleet.release} has shipped everywhere"
        )
    if fleet.baking_since is None:
        note = f"wave {fleet.cursor + 1} bakes for {spell(bake_s(fleet))}"
        return replace(fleet, baking_since=now).noting(now, "bake", note)
    watched = [m.environment for m in fleet.members if m.phase is Phase.SHIPPED]
    all_told = all(e in sights and sights[e].state != "silent" for e in watched)
    over = now - fleet.baking_since >= bake_s(fleet)
    return _next_wave(fleet, now) if over and all_told else fleet


def _next_wave(fleet: Fleet, now: float) -> Fleet:
    wave = fleet.waves[fleet.cursor + 1]
    note = f"wave {fleet.cursor + 2} of {len(fleet.waves)}: {', '.join(wave.environments)}"
    return replace(fleet, cursor=fleet.cursor + 1, baking_since=None).noting(now, "wave", note)


def _named(fleet: Fleet, now: float, name: Name) -> Fleet:
    """What may begin has a name, and a time after which it does not, before anybody is asked."""
    if begins(fleet):
        out = (m for m in fleet.of(fleet.wave) if m.phase in (Phase.WAITING, Phase.BEGINNING))
        return fleet.having(*(_outbound(m, now, name) for m in out))
    if fleet.status is not FleetStatus.RETREATING or fleet.on_failure != "rollback":
        return fleet
    back = (m for m in fleet.members if m.phase in (Phase.SHIPPED, Phase.TURNING))
    return fleet.having(*(_inbound(fleet, m, now, name) for m in back))


def begins(fleet: Fleet) -> bool:
    """Whether deployments of the present wave may begin."""
    held = fleet.paused_at is not None or fleet.baking_since is not None
    return fleet.status is FleetStatus.RUNNING and not held


def _outbound(member: Member, now: float, name: Name) -> Member:
    if member.phase is Phase.BEGINNING:
        return _fenced(member, now)
    named = replace(member, deployment=name(member.environment))
    return _fenced(named.to(Phase.BEGINNING, now), now)


def _inbound(fleet: Fleet, member: Member, now: float, name: Name) -> Member:
    if fleet.irreversible:
        return member.to(Phase.KEPT, now, f"{fleet.release} is marked rollback-safe: false")
    if member.phase is Phase.TURNING:
        return _fenced(member, now)
    named = replace(member, back=name(member.environment))
    return _fenced(named.to(Phase.TURNING, now), now)


def _fenced(member: Member, now: float) -> Member:
    if member.until - now >= FENCE_S / 2:
        return member
    return replace(member, until=now + FENCE_S)


def _errands(fleet: Fleet) -> Iterator[Errand]:
    stops = fleet.status is FleetStatus.RETREATING
    for member in fleet.members:
        if member.phase is Phase.BEGINNING and begins(fleet):
            yield errand(fleet, member, "begin")
        elif member.phase is Phase.UNDER_WAY and stops:
            yield errand(fleet, member, "abort")
        elif member.phase is Phase.TURNING:
            yield errand(fleet, member, "back")


def errand(fleet: Fleet, member: Member, kind: Kind) -> Errand:
    """What is asked of a member."""
    return Errand(
        kind=kind, environment=member.environment, deployment=member.deployment, back=member.back,
        release=fleet.release, by=f"fleet {fleet.id} of {fleet.by}", until=member.until,
        irreversible=fleet.irreversible, override=fleet.override,
    )  # fmt: skip


def _unsettled(fleet: Fleet) -> Iterator[Member]:
    """Members that have not ended, of a fleet that has failed."""
    return (member for member in fleet.members if member.phase.moving)


def _ended(fleet: Fleet, now: float) -> Fleet:
    phases = {member.phase for member in fleet.members}
    if phases & {Phase.HALTED, Phase.LOST}:
        status = FleetStatus.HALTED
    else:
        left = phases & {Phase.SHIPPED, Phase.KEPT}
        status = FleetStatus.STOPPED if left else FleetStatus.ROLLED_BACK
    return replace(fleet, status=status, finished_at=now).noting(now, "ended", outcome(fleet))


def outcome(fleet: Fleet) -> str:
    """Where the release is in the end, in words."""
    having = [m.environment for m in fleet.members if m.phase in (Phase.SHIPPED, Phase.KEPT)]
    there = f"{fleet.release} stays in {', '.join(having)}" if having else ""
    return f"{fleet.reason}; {there or f'{fleet.release} stays nowhere by this fleet'}"

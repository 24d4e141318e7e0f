"""What people and programs are told of a fleet: notices, read off its record like a deployment's. Pure.

    what                              kinds                 told by the fleet, since
    it has begun                      start                 its deployments tell of themselves alone
    a wave is good, the next begins   verdict, step         nobody else judges a wave
    a bake is ended by a person       step
    an environment is finished        step                  its deployment has told how, by kind
    an environment is taken           approval              whoever holds it may let it go
    an environment waits for a freeze step                  that ends by itself
    somebody asks for something       step
    it fails                          rollback, verdict     an alarm, users, silence: no deployment knows
    it fails by a deployment there    step                  which has told rollback or halt already
    it is aborted                     rollback
    it has ended                      end
    ... and somebody must look        halt, end             unless a deployment that halted has told

So a channel hears each kind once for each thing that happened, from whoever knows it first.
"""

from collections.abc import Iterator
from typing import Final

from deployer.durations import spell
from deployer.news import Kind
from deployer.operations import fleet_course
from deployer.operations.fleet import Fleet, FleetStatus, Phase
from deployer.operations.fleet_answers import FREEZES
from deployer.operations.notices import Command, Notice, Place
from deployer.plan import Event

TOLD_BY_THEMSELVES: Final = (Phase.ROLLED_BACK, Phase.HALTED)
UNFINISHED: Final = (
    Phase.WAITING,
    Phase.BEGINNING,
    Phase.UNDER_WAY,
    Phase.TURNING,
    Phase.RETURNING,
)


def fleet_notices(fleet: Fleet) -> tuple[Notice, ...]:
    """Everything that the record has to tell, oldest first."""
    found = (_start(fleet), *_course(fleet), *_waits(fleet), *_end(fleet))
    return tuple(sorted(found, key=lambda one: one.at))


def _start(fleet: Fleet) -> Notice:
    waves = "; ".join(", ".join(wave.environments) for wave in fleet.waves)
    words = f"{_who(fleet)} has begun, in {len(fleet.waves)} waves: {waves}."
    title = f"fleet of {fleet.release} begins"
    return _notice(fleet, "start", (Kind.START,), fleet.started_at, title=title, words=words)


def _course(fleet: Fleet) -> Iterator[Notice]:
    for number, event in enumerate(fleet.log):
        told = _of_event(fleet, event, fleet.log[:number])
        if told is not None:
            kinds, title, words = told
            name = f"{kinds[0]}.{round(event.at * 1000)}.{event.kind}"
            about = event.detail.get("environment", "")
            yield _notice(
                fleet, f"{name}.{about}".rstrip("."), kinds, event.at, title=title, words=words
            )


def _of_event(
    fleet: Fleet, event: Event, before: tuple[Event, ...]
) -> tuple[tuple[Kind, ...], str, str] | None:
    """Kinds, title, words; None: it is told elsewhere, or to nobody."""
    release = fleet.release
    match event.kind:
        case "wave" if _promoted(event, before):
            return (Kind.STEP,), f"{release}: {event.note}", f"{_name(fleet)}: {event.note}."
        case "wave":
            words = f"{_name(fleet)}: the wave before has baked and nothing objects; next is {event.note}."
            return (Kind.VERDICT, Kind.STEP), f"verdict on {release}: pass; {event.note}", words
        case "member" if event.detail.get("phase") not in UNFINISHED:
            return (Kind.STEP,), f"{release}: {event.note}", f"{_name(fleet)}: {event.note}."
        case "bake" | "asked" | "refused":
            return (Kind.STEP,), f"{release}: {event.note}", f"{_name(fleet)}: {event.note}."
        case "failed":
            words = (
                f"{_who(fleet)} begins nothing more; what is under way goes back, and what has shipped "
                f"{'goes back too' if fleet.on_failure == 'rollback' else 'stays'}.\n\n"
                f"Why: {fleet.reason or event.note}"
            )
            return _failing(fleet, event), f"fleet of {release} stops", words
        case _:
            return None


def _promoted(event: Event, before: tuple[Event, ...]) -> bool:
    """It begins since a person has ended the bake, not since that was good."""
    last = before[-1] if before else event
    return last.kind == "asked" and last.note.startswith("promote") and last.at == event.at


def _failing(fleet: Fleet, event: Event) -> tuple[Kind, ...]:
    if any(m.phase in TOLD_BY_THEMSELVES and m.since <= event.at for m in fleet.members):
        return (Kind.STEP,)
    if fleet.reason.startswith("aborted by "):
        return (Kind.ROLLBACK,)
    return (Kind.ROLLBACK, Kind.VERDICT)


def _waits(fleet: Fleet) -> Iterator[Notice]:
    """One notice for each environment that keeps it waiting."""
    for member in fleet.members:
        if member.phase is not Phase.BEGINNING or not member.reason or fleet.status.final:
            continue
        frozen = member.reason.startswith(FREEZES)
        until = "" if frozen else f" After {spell(fleet.wait_s)} of that the fleet stops."
        words = f"{_who(fleet)} waits for {member.environment}: {member.reason}.{until}"
        kind = Kind.STEP if frozen else Kind.APPROVAL
        title = f"{fleet.release} waits for {member.environment}"
        name = f"{kind}.waits.{member.environment}"
        yield _notice(fleet, name, (kind,), member.since, title=title, words=words)


def _end(fleet: Fleet) -> Iterator[Notice]:
    if not fleet.status.final:
        return
    at = fleet.finished_at or fleet.started_at
    lost = any(member.phase is Phase.LOST for member in fleet.members)
    halts = fleet.status is FleetStatus.HALTED and lost
    shipped = fleet.status is FleetStatus.SHIPPED
    stands = " everywhere" if shipped else f": {fleet_course.outcome(fleet)}"
    words = f"{_who(fleet)} has ended after {spell(round(at - fleet.started_at))}, "
    words += f"{fleet_course.standing(fleet)}{stands}."
    title = f"fleet of {fleet.release} {fleet_course.standing(fleet)}"
    kinds = (Kind.HALT, Kind.END) if halts else (Kind.END,)
    yield _notice(fleet, "end", kinds, at, title=title, words=words)


def _notice(
    fleet: Fleet, name: str, kinds: tuple[Kind, ...], at: float, *, title: str, words: str
) -> Notice:
    possible = [Command(ask.capitalize(), _line(ask)) for ask in fleet_course.possible(fleet)]
    place = Place(fleet.service, "")
    return Notice(
        f"{fleet.id}.fleet.{name}",
        kinds,
        at,
        place,
        f"{place}: {title}",
        words,
        (Command("Look", _line(f"show {fleet.id}")), *possible),
        fleet=fleet,
    )


def _line(words: str) -> str:
    return f"deployer {words} --fleet"


def _name(fleet: Fleet) -> str:
    return f"The fleet of {fleet.release} ({fleet.id}) in {fleet.service}"


def _who(fleet: Fleet) -> str:
    return f"{_name(fleet)}, begun by {fleet.by},"

"""What people and programs are told of a deployment: notices, read off its record. Pure.

A notice is what the record says has happened, not what a process saw: whoever looks at the same record
finds the same notices, with the same ids. So a runner that takes over tells what the one before could
not, and nobody has to remember what to tell.

    kind      when                                                        urgent
    start     it has begun
    step      a step is done; a person has asked for something
    approval  it waits for a person: to approve, to resume, to decide     yes
    verdict   the release was judged, good or bad
    rollback  it goes back: a bad verdict, an abort, `deployer rollback`  yes
    halt      it has halted                                               yes
    stuck     nobody can carry it on, or put back what it left            yes
    end       it has ended: shipped, or rolled back

One thing that happened is one notice, with all of its kinds: a failed verdict is `rollback` and
`verdict`, and whoever wants either gets it once.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deployer.durations import spell
from deployer.journal import NOT_BEGUN
from deployer.news import URGENT, Kind
from deployer.operations.fleet import Fleet
from deployer.plan import Deployment, Event, Status
from deployer.steps.approve import Approve
from deployer.steps.bake import A_PERSON
from deployer.steps.checkpoint import Checkpoint

STALE_S: Final = 900.0  # what only informs is no news after that
LATE_S: Final = 7 * 86_400.0  # what wants a person may be told as late

LONGEST_NOTE: Final = 80  # characters of a title


@dataclass(frozen=True, slots=True)
class Place:
    """Whose deployments these are; of a fleet `environment` is empty.

    report: address of a deployment's report; empty: there is none.
    """

    service: str
    environment: str
    report: Callable[[Deployment], str] = lambda _: ""

    def __str__(self) -> str:
        return f"{self.service}/{self.environment}" if self.environment else self.service


@dataclass(frozen=True, slots=True)
class Command:
    """What a person can type now: `does` in one word or two, `line` as it is typed."""

    does: str
    line: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    id:       the same whoever tells it, and however often; begins with the deployment's, if there is one.
    kinds:    the most telling first.
    at:       when it happened, epoch seconds.
    title:    one line.
    words:    what happened, in sentences.
    detail:   the numbers behind it, as in the record's event.
    commands: what a person can type now.
    report:   address of the report; empty: there is none.
    record:   as it stood then; None: there is none.
    fleet:    the same of a fleet.
    since:    when began what has ended with it, epoch seconds; 0: nothing has.
    """

    id: str
    kinds: tuple[Kind, ...]
    at: float
    place: Place
    title: str
    words: str
    commands: tuple[Command, ...] = ()
    report: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    record: Deployment | None = None
    since: float = 0.0
    fleet: Fleet | None = None

    @property
    def urgent(self) -> bool:
        """It wants a person, or explains why users were moved: told twice rather than never."""
        return not URGENT.isdisjoint(self.kinds)

    def fresh(self, now: float) -> bool:
        """Whether it is still worth telling."""
        return now - self.at <= (LATE_S if self.urgent else STALE_S)


def notices(place: Place, record: Deployment, event: Event | None = None) -> tuple[Notice, ...]:
    """Everything that the record has to tell, oldest first.

    event: what a runner has just seen, which need not be in the record: that it waits for a person.
    """
    if record.reason.startswith(NOT_BEGUN):
        return ()
    found = (*_course(place, record), *_waiting(place, record, event))
    if record.first_plan.ships:
        return found
    return tuple(one for one in found if one.urgent)  # sleeping and waking are no news


def _course(place: Place, record: Deployment) -> Iterator[Notice]:
    yield _start(place, record)
    since = record.started_at
    for event in record.log:
        kinds = kinds_of(event)
        if kinds:
            yield _of_event(place, record, event, kinds, since)
            since = event.at
    if record.status is Status.HALTED and not any(e.kind == "halted" for e in record.log):
        at = record.finished_at or record.started_at
        yield _of_event(place, record, Event(at, "halted", record.reason), (Kind.HALT,), since)
    if record.status in (Status.SHIPPED, Status.ROLLED_BACK):
        yield _end(place, record)


def kinds_of(event: Event) -> tuple[Kind, ...]:
    """What an event of the log is to those who are told; empty: nothing."""
    judged = (Kind.VERDICT,) if "verdict" in event.detail or "alarms" in event.detail else ()
    match event.kind:
        case "step_done":
            return (*judged, Kind.STEP)
        case "asked" | "refused":
            return (Kind.STEP,)
        case "retreat":
            return (Kind.ROLLBACK, *judged)
        case "halted":
            return (Kind.HALT, *judged)
        case _:
            return ()


def _start(place: Place, record: Deployment) -> Notice:
    plan = record.first_plan
    back = plan.strategy == "rollback"
    title = f"goes back to {plan.release.name}" if back else f"{_name(record)} begins"
    before = f"; {plan.previous} serves" if plan.previous and not back else ""
    return Notice(
        f"{record.id}.start",
        (Kind.ROLLBACK, Kind.START) if back else (Kind.START,),
        record.started_at,
        place,
        f"{place}: {title}",
        f"{_who(place, record)} has begun, in {len(plan.steps)} steps{before}.",
        _commands(place, record, ("Watch", "status --watch"), ("Go back", "abort")),
        place.report(record),
        record=record,
    )


def _of_event(
    place: Place, record: Deployment, event: Event, kinds: tuple[Kind, ...], since: float
) -> Notice:
    title, words = _told(place, record, event)
    commands = {
        Kind.HALT: (
            ("Look", "status"),
            ("In full", f"report {record.id}"),
            ("Go back", "rollback"),
        ),
        Kind.ROLLBACK: (("Look", "status"), ("In full", f"report {record.id}")),
    }.get(kinds[0], (("Look", "status"), ("Go back", "abort")))
    return Notice(
        f"{record.id}.{kinds[0] if kinds[0] in URGENT else 'event'}.{_digest(event)}",
        kinds,
        event.at,
        place,
        f"{place}: {title}",
        words,
        _commands(place, record, *commands),
        place.report(record),
        event.detail,
        record,
        min(since, event.at),
    )


def _told(place: Place, record: Deployment, event: Event) -> tuple[str, str]:
    """Title, and words."""
    name = record.first_plan.release.name
    match event.kind:
        case "halted":
            live = f"Users are at {record.written}" if record.written else "No user was moved"
            return f"{name} halted", (
                f"{_who(place, record)} has halted: no safe move was left to the deployer.\n\n"
                f"Why: {event.note}\n\n{live}. Nothing changes until a person decides."
            )
        case "retreat":
            return f"{name} goes back", (
                f"{_who(place, record)} goes back: users return to where they were.\n\n"
                f"Why: {event.note}"
            )
        case "step_done":
            judged = event.detail.get("verdict")
            title = f"verdict on {name}: {judged}" if judged else f"{name}: {_cut(event.note)}"
            return title, event.note
        case _:
            return f"{name}: {event.note}", f"{_who(place, record)}: {event.note}."


def _end(place: Place, record: Deployment) -> Notice:
    at = record.finished_at or record.started_at
    shipped = record.status is Status.SHIPPED
    name = record.first_plan.release.name
    because = f"\n\nWhy: {record.reason}" if record.reason else ""
    what = f"serves {name}" if shipped else f"is back where it was before {name}"
    back = (("Go back", "rollback"),) if shipped else ()
    return Notice(
        f"{record.id}.end",
        (Kind.END,),
        at,
        place,
        f"{place}: {name} {'shipped' if shipped else 'rolled back'}",
        f"{_who(place, record)} has ended after {spell(round(at - record.started_at))}: {place} "
        f"{what}.{because}",
        _commands(place, record, ("In full", f"report {record.id}"), *back),
        place.report(record),
        record=record,
    )


def waits_for_a_person(record: Deployment) -> bool:
    """As far as the record tells: it waits for approval, or at its checkpoint."""
    if record.status is not Status.RUNNING or record.ending is not None:
        return False
    held = isinstance(record.step, Checkpoint) and record.paused_at is not None
    return held or isinstance(record.step, Approve)


def _waiting(place: Place, record: Deployment, event: Event | None) -> Iterator[Notice]:
    """That it waits for a person; there is one such notice for each step."""
    if record.status is not Status.RUNNING or record.ending is not None:
        return
    step, name = record.step, record.first_plan.release.name
    if isinstance(step, Approve):
        until = f"within {spell(step.deadline_s)}; else everything goes back"
        yield _asks(place, record, f"{name} waits for approval", f"Approve it {until}.", "approve")
    elif isinstance(step, Checkpoint) and record.paused_at is not None:
        words = "It has reached its checkpoint, and pauses until somebody lets it go on."
        yield _asks(place, record, f"{name} pauses at its checkpoint", words, "resume")
    elif event is not None and event.kind == "waiting" and event.note.startswith(A_PERSON):
        words = event.note[0].upper() + event.note[1:]
        yield _asks(place, record, f"{name} waits for a decision", words, "promote")


def _asks(place: Place, record: Deployment, title: str, words: str, answer: str) -> Notice:
    return Notice(
        f"{record.id}.{Kind.APPROVAL}.{record.cursor + 1}",
        (Kind.APPROVAL,),
        record.attended_at,
        place,
        f"{place}: {title}",
        f"{_who(place, record)} waits for a person, at step {record.cursor + 1} of "
        f"{len(record.plan.steps)}. {words}",
        _commands(
            place, record, (answer.capitalize(), answer), ("Go back", "abort"), ("Look", "status")
        ),
        place.report(record),
        record=record,
    )


def _commands(place: Place, record: Deployment, *wanted: tuple[str, str]) -> tuple[Command, ...]:
    """As they are typed; nothing to abort where it has ended, or is on its way back."""
    open_to = record.status is Status.RUNNING and record.ending is None
    return tuple(
        Command(does, line(place, words)) for does, words in wanted if words != "abort" or open_to
    )


def line(place: Place, words: str) -> str:
    """A command of the deployer's as a person types it."""
    return f"deployer --env {place.environment} {words}"


def _who(place: Place, record: Deployment) -> str:
    return f"The {_name(record)} ({record.id}) in {place}, begun by {record.by or 'nobody known'},"


def _name(record: Deployment) -> str:
    plan = record.first_plan
    return f"{'deployment' if plan.strategy == 'first' else plan.strategy} of {plan.release.name}"


def _cut(note: str) -> str:
    """For a title."""
    return note if len(note) <= LONGEST_NOTE else f"{note[: LONGEST_NOTE - 1]}…"


def _digest(event: Event) -> str:
    """Tells one event of a record from the others."""
    facts = f"{event.at!r}\n{event.kind}\n{event.note}"
    return hashlib.sha256(facts.encode()).hexdigest()[:12]

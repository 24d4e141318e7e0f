"""A fleet for people and for programs: its waves, where each environment stands, how it ended. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from deployer.durations import spell
from deployer.operations import fleet_course
from deployer.operations.fleet import Fleet, FleetAct, FleetStatus, Member, Phase, Sight, Wave
from deployer.operations.fleet_round import ActiveFleet, abandoned
from deployer.plan import Event
from deployer.render.audit import SAID
from deployer.render.documents import Document
from deployer.render.words import date_and_time, iso, one_line, span, time_of_day

MARKS: Mapping[Phase, tuple[str, str]] = {
    Phase.WAITING: ("·", "dim"),
    Phase.BEGINNING: ("…", "cyan"),
    Phase.UNDER_WAY: ("…", "cyan"),
    Phase.SHIPPED: ("✓", "green"),
    Phase.PRESENT: ("✓", "green"),
    Phase.ROLLED_BACK: ("✗", "red"),
    Phase.HALTED: ("✗", "bold red"),
    Phase.REFUSED: ("✗", "red"),
    Phase.NOT_BEGUN: ("·", "dim"),
    Phase.TURNING: ("←", "yellow"),
    Phase.RETURNING: ("←", "yellow"),
    Phase.RETURNED: ("←", "yellow"),
    Phase.KEPT: ("✓", "yellow"),
    Phase.LOST: ("?", "bold red"),
}
STYLES: Mapping[FleetStatus, str] = {
    FleetStatus.RUNNING: "cyan",
    FleetStatus.RETREATING: "yellow",
    FleetStatus.SHIPPED: "green",
    FleetStatus.STOPPED: "red",
    FleetStatus.ROLLED_BACK: "red",
    FleetStatus.HALTED: "bold red",
}
HEAD = ("fleet", "started", "release", "result", "took", "by", "reason")


def waves_text(
    release: str,
    waves: Sequence[Wave],
    checks: Mapping[str, Sight],
    regions: Mapping[str, str],
    on_failure: str,
) -> Text:
    """What will happen, before it does."""
    lines = [
        Text(f"fleet of {one_line(release)}, {len(waves)} wave{'s' * (len(waves) > 1)}", "bold")
    ]
    width = max(len(name) for wave in waves for name in wave.environments)
    for number, wave in enumerate(waves, 1):
        bake = f", then bakes for {spell(wave.bake_s)}" if number < len(waves) else ""
        lines.append(Text(f"  wave {number}{bake}"))
        lines += [
            _check_line(name.ljust(width), regions[name], checks[name])
            for name in wave.environments
        ]
    after = {
        "stop": "what has shipped stays where it is",
        "rollback": "what has shipped goes back too",
    }[on_failure]
    lines.append(Text(f"  On a failure nothing more begins, what is under way goes back; {after}."))
    return Text("\n").join(lines)


def _check_line(name: str, region: str, sight: Sight) -> Text:
    serves = one_line(sight.serves) or "nothing"
    style = {"absent": "", "present": "green", "busy": "yellow", "frozen": "yellow"}.get(
        sight.state, "red"
    )
    told = f"    {name}  {region}  "
    if sight.serves or sight.strategy:
        told += f"{sight.strategy}, {serves} serves"
    note = "" if sight.state == "absent" else f"{'; ' if sight.strategy else ''}{_noted(sight)}"
    return Text(f"{told}{one_line(note)}", style)


def _noted(sight: Sight) -> str:
    return f"a freeze is on: {sight.note}" if sight.state == "frozen" else sight.note


def fleet_text(fleet: Fleet, now: float, active: ActiveFleet | None = None) -> Text:
    """One fleet: where it is, each environment, what can be asked of it."""
    ended = fleet.finished_at
    took = span((ended or now) - fleet.started_at)
    when = f"{date_and_time(fleet.started_at)}, {took}{'' if ended else ' so far'}"
    lines = [
        Text(f"fleet of {one_line(fleet.release)}  ", "bold")
        + Text(fleet_course.standing(fleet), STYLES[fleet.status]),
        Text(f"  {fleet.id} of {one_line(fleet.by)}, started {when}", "dim"),
    ]
    lines += [Text(f"    {words}", "dim") for words in _audit(fleet)]
    for number, wave in enumerate(fleet.waves):
        lines.append(Text(f"  wave {number + 1}{_bake(fleet, number, now)}"))
        lines += [_member_line(member, fleet) for member in fleet.of(wave)]
    if fleet.reason:
        lines.append(Text(f"  {one_line(fleet.reason)}", "red"))
    lines += [Text(f"  {words}", "yellow") for words in _next(fleet, now, active)]
    return Text("\n").join(lines)


def _audit(fleet: Fleet) -> Iterator[str]:
    """Who has begun it from where, and as whom AWS knew them; then what people asked for."""
    for act in fleet.audit:
        who = act.actor
        note = f": {act.note}" if act.note else ""
        said = SAID.get(act.what, f"asked to {act.what}")
        yield one_line(f"{time_of_day(act.at)}  {who.name} {said}{note}")
        told = (("from", who.origin), ("as", who.identity))
        yield from (f"         {word} {one_line(text)}" for word, text in told if text)


def _bake(fleet: Fleet, number: int, now: float) -> str:
    came = number < fleet.cursor
    if number + 1 == len(fleet.waves) or (fleet.status.final and not came):
        return ""
    bake = fleet.waves[number].bake_s
    if number == fleet.cursor and fleet.baking_since is not None:
        left_s = fleet_course.bake_ends_at(fleet, now) - now
        return f", bakes: {span(left_s)} of {spell(bake)} left"
    return f", baked for {spell(bake)}" if came else f", bakes for {spell(bake)}"


def _member_line(member: Member, fleet: Fleet) -> Text:
    mark, style = MARKS[member.phase]
    width = max(len(each.environment) for each in fleet.members)
    words = f"    {mark} {member.environment.ljust(width)}  {member.phase.words}"
    about = member.back or member.deployment
    told = "  ".join(one_line(each) for each in (about, member.reason) if each)
    return Text(words, style) + Text(f"  {told}" if told else "", "dim")


def _next(fleet: Fleet, now: float, active: ActiveFleet | None) -> Iterator[str]:
    if active is not None and abandoned(active, now):
        yield (
            f"Nobody has looked after it for {span(now - active.lease.expires_at)}: `deployer resume "
            "--fleet` has that done again."
        )
    asks = fleet_course.possible(fleet)
    if asks:
        yield "Possible now: " + ", ".join(f"`deployer {ask} --fleet`" for ask in asks)


def fleets_text(fleets: Sequence[Fleet], now: float) -> Text:
    """A table, newest first."""
    if not fleets:
        return Text("There was no fleet yet.", "dim")
    rows = [_cells(fleet, now) for fleet in fleets]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    lines = [Text(_padded(HEAD, widths), "dim")]
    lines += [
        Text(_padded(row, widths), STYLES[fleet.status])
        for fleet, row in zip(fleets, rows, strict=True)
    ]
    return Text("\n").join(lines)


def _cells(fleet: Fleet, now: float) -> tuple[str, ...]:
    return (
        fleet.id,
        date_and_time(fleet.started_at),
        one_line(fleet.release),
        fleet_course.standing(fleet),
        span((fleet.finished_at or now) - fleet.started_at),
        one_line(fleet.by),
        one_line(fleet.reason),
    )


def _padded(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def event_text(event: Event) -> Text:
    """`18:02:11  prod-eu under way`."""
    return Text(f"{time_of_day(event.at)}  {one_line(event.note)}")


def event_document(fleet: Fleet, event: Event) -> Document:
    """One thing that happened to a fleet."""
    return {
        "at": iso(event.at), "fleet": fleet.id, "event": f"fleet_{event.kind}", "note": event.note,
        **event.detail,
    }  # fmt: skip


def fleet_document(fleet: Fleet, now: float) -> Document:
    """One fleet as it stands."""
    baking = fleet.baking_since is not None
    return {
        "at": iso(now), "fleet": fleet.id, "event": "fleet", "release": fleet.release,
        "status": fleet.status.value, "stands": fleet_course.standing(fleet),
        "reason": fleet.reason, "by": fleet.by, "on_failure": fleet.on_failure,
        "started_at": iso(fleet.started_at),
        "finished_at": iso(fleet.finished_at) if fleet.finished_at else None,
        "paused": fleet.paused_at is not None, "wave": fleet.cursor + 1,
        "bake_ends_at": iso(fleet_course.bake_ends_at(fleet, now)) if baking else None,
        "possible": [ask.value for ask in fleet_course.possible(fleet)],
        "audit": [_act_document(act) for act in fleet.audit],
        "waves": [
            {
                "bake_s": wave.bake_s,
                "environments": [_member_document(member) for member in fleet.of(wave)],
            }
            for wave in fleet.waves
        ],
    }  # fmt: skip


def _act_document(act: FleetAct) -> Document:
    who = act.actor
    return {
        "at": iso(act.at), "what": act.what, "by": who.name, "identity": who.identity or None,
        "origin": who.origin or None, "note": act.note or None,
    }  # fmt: skip


def _member_document(member: Member) -> Document:
    return {
        "environment": member.environment, "phase": member.phase.value, "reason": member.reason,
        "deployment": member.deployment or None, "back": member.back or None,
        "since": iso(member.since),
    }  # fmt: skip


def waves_document(
    release: str, waves: Sequence[Wave], checks: Mapping[str, Sight], now: float
) -> Document:
    """What would happen."""
    return {
        "at": iso(now), "fleet": None, "event": "fleet_plan", "release": release,
        "waves": [
            {
                "bake_s": wave.bake_s,
                "environments": [
                    {
                        "environment": name, "state": checks[name].state,
                        "note": checks[name].note, "serves": checks[name].serves,
                        "strategy": checks[name].strategy,
                    }
                    for name in wave.environments
                ],
            }
            for wave in waves
        ],
    }  # fmt: skip

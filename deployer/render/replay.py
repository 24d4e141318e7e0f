"""What others would have done with the same minutes: for people and for programs. Pure."""

from collections.abc import Iterator, Sequence

from rich.text import Text

from deployer.analysis.replay.play import Played
from deployer.analysis.replay.recording import Recording
from deployer.model import WHOLE
from deployer.operations.replaying import Replay
from deployer.plan import Status
from deployer.render.documents import Document
from deployer.render.evidence import amount
from deployer.render.progress import STYLES, WORDS
from deployer.render.words import count, date_and_time, iso, one_line

ENDS: dict[str, str] = {Status.SHIPPED: "promoted", Status.ROLLED_BACK: "went back"}
HEAD = ("policy", "would", "in minute", "at most", "bad requests", "than it was")
FINE = 0.5  # of a bad request: nobody sees less


def replay_text(replay: Replay) -> Text:
    """What was, a table of what would have been, each rule in a line, and what is assumed."""
    lines = [*_as_it_was(replay), Text()]
    lines.append(
        Text(f"The same {count(replay.found.minutes, 'minute')}, judged by other rules:", "bold")
    )
    lines += _table(replay)
    lines += [Text(), Text("The rules:", "bold")]
    width = max(map(len, replay.rules), default=0)
    lines += [Text(f"  {name.ljust(width)}  {rule}", "dim") for name, rule in replay.rules.items()]
    lines += [Text(), Text("Assumed beyond what was recorded:", "bold")]
    lines += [Text(f"  - {words}", "dim") for words in replay.assumed]
    return Text("\n").join(lines)


def _as_it_was(replay: Replay) -> Iterator[Text]:
    recording, found = replay.recording, replay.found
    release = one_line(recording.release) or "the release"
    place = "/".join(part for part in (recording.service, recording.environment) if part)
    about = ", ".join(part for part in (place, recording.strategy, recording.deployment) if part)
    head = Text(release, "bold")
    head.append(f" ({one_line(about)})" if about else "", "dim")
    yield head
    whole = count(len(recording.minutes), "minute")
    began = date_and_time(recording.minutes[0].start)
    yield Text(
        f"  recorded    {whole} from {began}, {found.served} of them with traffic on {release}"
    )
    requests = sum(
        side.requests or 0 for m in recording.minutes for side in (m.candidate, m.stable)
    )
    yield Text(f"  requests    {requests:,}, {_own(recording):,} of them to {release}")
    if recording.status:
        style = next((STYLES[s] for s in STYLES if s == recording.status), "")
        how = next((WORDS[s] for s in WORDS if s == recording.status), recording.status)
        because = f": {one_line(recording.reason)}" if recording.reason else ""
        yield Text("  it was      ") + Text(f"{how}{because}", style)
    stable = one_line(recording.previous or "") or "the old release"
    yield Text(
        f"  bad         {_amount(found.bad)} than {stable} would have had; {_amount(found.whole)} had "
        f"{release} had all of the traffic for {count(found.minutes, 'minute')}"
    )


def _own(recording: Recording) -> int:
    return sum(minute.candidate.requests or 0 for minute in recording.minutes)


def _table(replay: Replay) -> Iterator[Text]:
    found = replay.found
    rows = [
        _fact(replay),
        *(cells(name, played, found.bad) for name, played in found.played),
    ]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    yield Text("  " + _padded(HEAD, widths), "dim")
    for row in rows:
        yield Text("  " + _padded(row, widths), "bold" if row is rows[0] else "")


def _fact(replay: Replay) -> tuple[str, ...]:
    """The first line of the table: what was."""
    minutes, status = replay.recording.minutes, replay.recording.status
    served = [
        at for at, each in enumerate(minutes) if each.candidate.requests and each.share != WHOLE
    ]
    decided = str(served[-1] + 1) if served and status in ENDS else "–"
    most = max((each.share or 0 for each in minutes if each.share != WHOLE), default=0)
    return (
        "as it was", ENDS.get(status, "–"), decided, f"{most / 10:g} %", amount(replay.found.bad), "",
    )  # fmt: skip


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    left = (cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True))
    right = (cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True))
    return "  ".join((*left, *right)).rstrip()


def cells(name: str, played: Played, was: float) -> tuple[str, ...]:
    """One line of the table."""
    return (
        one_line(name), would(played), when(played), f"{played.most / 10:g} %", amount(played.bad),
        difference(played.bad - was),
    )  # fmt: skip


def would(played: Played) -> str:
    """`go back`, `promote`, `not decide`; in how many draws, where they differ."""
    ways = {"go back": played.back, "promote": played.promoted, "not decide": played.undecided}
    happened = sorted((way for way in ways if ways[way]), key=lambda way: -ways[way])
    if len(happened) == 1:
        return happened[0]
    draws = sum(ways.values())
    return ", ".join(f"{way} ({ways[way]} of {draws})" for way in happened)


def when(played: Played) -> str:
    """`12`, or `12 (9–15)` where it was not always the same."""
    if played.minute is None:
        return "–"
    middle, first, last = played.minute
    return str(middle) if first == last else f"{middle} ({first}–{last})"


def difference(more: float) -> str:
    """`1,200 more`, `3 fewer`, `the same`."""
    if abs(more) < FINE:
        return "the same"
    return f"{abs(more):,.0f} {'more' if more > 0 else 'fewer'}"


def _amount(bad: float) -> str:
    if abs(bad) < FINE:
        return "no more bad requests"
    return f"{abs(bad):,.0f} {'more' if bad > 0 else 'fewer'} bad requests"


def replay_document(replay: Replay, at: float) -> Document:
    """The same for programs; keys are in docs/cli.md."""
    recording, found = replay.recording, replay.found
    return {
        "at": iso(at), "deployment": recording.deployment or None, "event": "replay",
        "service": recording.service or None, "environment": recording.environment or None,
        "strategy": recording.strategy or None, "release": recording.release or None,
        "previous": recording.previous, "status": recording.status or None,
        "first_minute": iso(recording.minutes[0].start), "minutes": found.minutes,
        "recorded_minutes": found.recorded, "served_minutes": found.served,
        "bad_requests": round(found.bad, 1),
        "bad_requests_at_all_traffic": round(found.whole, 1), "draws": replay.draws,
        "policies": [_policy(name, played, replay) for name, played in found.played],
        "assumed": list(replay.assumed),
    }  # fmt: skip


def _policy(name: str, played: Played, replay: Replay) -> Document:
    middle, first, last = played.minute or (None, None, None)
    return {
        "policy": name, "rule": replay.rules[name], "went_back": played.back,
        "promoted": played.promoted, "undecided": played.undecided, "minute": middle,
        "minute_first": first, "minute_last": last, "share_at_most": played.most * 100 / WHOLE,
        "bad_requests": round(played.bad, 1),
        "more_than_it_was": round(played.bad - replay.found.bad, 1),
    }  # fmt: skip

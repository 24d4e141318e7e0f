"""Small words for people: times, spans, shares, bars. Whatever comes in, a printable line comes out."""

import math
import unicodedata
from datetime import UTC, datetime

from deployer.durations import spell
from deployer.model import WHOLE, Slot, SlotState, Snapshot

FULL, EIGHTHS = "█", " ▏▎▍▌▋▊▉"
SLOT_STYLES = {Slot.BLUE: "blue", Slot.GREEN: "green"}


def one_line(text: str) -> str:
    """`text` on one line and without control characters.

    A message from a service far away may hold line ends, and must not steer the terminal.
    """
    printable = (c for c in " ".join(text.split()) if unicodedata.category(c)[0] != "C")
    return " ".join("".join(printable).split())


def time_of_day(at: float) -> str:
    """Epoch seconds as local `HH:MM:SS`."""
    return _stamp(at, "%H:%M:%S", local=True)


def date_and_time(at: float) -> str:
    """Epoch seconds as local `YYYY-MM-DD HH:MM`."""
    return _stamp(at, "%Y-%m-%d %H:%M", local=True)


def iso(at: float) -> str:
    """Epoch seconds as UTC in RFC 3339, to the millisecond: what the JSON output says."""
    return _stamp(at, "%Y-%m-%dT%H:%M:%S.%f", local=False)[:-3] + "Z"


def _stamp(at: float, form: str, *, local: bool) -> str:
    try:
        moment = datetime.fromtimestamp(at, UTC)
        return (moment.astimezone() if local else moment).strftime(form)
    except (OverflowError, ValueError, OSError):  # no such year: a broken record is still shown
        return _stamp(0.0, form, local=local)


def span(duration_s: float) -> str:
    """A duration as people say it: two units at most, whole seconds, never negative."""
    whole = max(0, round(duration_s))
    for unit, finer in ((86_400, 3_600), (3_600, 60)):
        if whole >= unit:
            whole -= whole % finer
            break
    return spell(float(whole))


def limit(duration_s: float) -> str:
    """How long something takes at most: two units, rounded up, so that it is never longer than said."""
    for unit, finer in ((86_400, 3_600), (3_600, 60)):
        if duration_s >= unit:
            return spell(float(math.ceil(duration_s / finer) * finer))
    return spell(float(max(0, math.ceil(duration_s))))


def count(number: int, noun: str) -> str:
    """`1 instance`, `2 instances`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def bar(share: int, width: int) -> str:
    """`share` per mille of `width` characters, padded with blanks; something is never nothing."""
    eighths = round(width * 8 * share / WHOLE)
    if share > 0:
        eighths = max(1, eighths)
    whole, rest = divmod(eighths, 8)
    return (FULL * whole + (EIGHTHS[rest] if rest else "")).ljust(width)[:width]


def release_of(state: SlotState) -> str:
    """What the slot's instances run; more than one release means a mixed slot."""
    return one_line(" + ".join(state.releases)) or "–"


def serving_of(seen: Snapshot) -> str:
    """What users get: `v1 100 %`, `v1 95 % / v2 5 %, header:X-Beta=yes v2`, `nothing yet`."""
    weights = seen.weights
    if seen.asleep:
        return "a page: it is asleep"
    if weights is None:
        return "nothing yet"
    parts = [f"{release_of(seen[s])} {weights[s] / 10:g} %" for s in Slot if weights[s]]
    return " / ".join(parts) + group_of(seen)


def group_of(seen: Snapshot) -> str:
    """What a user group gets, beside all others: `, header:X-Beta=yes v2`; empty if there is none."""
    apart = seen.admitted
    return f", {one_line(str(apart.cohort))} {release_of(seen[apart.slot])}" if apart else ""


def cut(words: str, width: int) -> str:
    """What of `words` fits into `width` characters, up to the end of one of its parts if it has any."""
    if len(words) <= width:
        return words
    kept = words[: max(1, width - 2)]
    part = max(kept.rfind(end) for end in ("; ", ": ", ", "))
    return f"{kept[: part if part > len(kept) // 2 else len(kept)].rstrip()} …"

"""Advice for people and for programs: what to do, why, and what would change it. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.text import Text

from deployer.operations.advice.advise import STRATEGY_KEY, Advice, Change
from deployer.operations.advice.conditions import in_words
from deployer.render.documents import Document
from deployer.render.words import iso, one_line
from deployer.settings.checking import spelled

MOST = 4  # settings that a line of "what would change it" names


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as it was understood, and whence: `flag`, `asked`, `read`, `settings`, `assumed`.

    note: why it could not be read, or what it was read from.
    """

    question: str
    answer: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what is advised, and what is there now, both spelled; `now` empty: no settings."""

    key: str
    value: str
    now: str

    @property
    def new(self) -> bool:
        """The file says something else."""
        return self.value != self.now


@dataclass(frozen=True, slots=True)
class Told:
    """All that is told.

    place:   service/environment, or the environment alone.
    written: the file that was changed; empty: none was.
    """

    place: str
    answers: tuple[Answer, ...]
    advice: Advice
    settings: tuple[Setting, ...]
    changes: tuple[Change, ...]
    written: str = ""


def advice_text(told: Told, width: int) -> Text:
    """The page."""
    text = Text()
    text.append(f"{one_line(told.place)}: {told.advice.strategy}", "bold green")
    text.append(f", with {told.advice.care} care\n")
    for title, lines in (
        ("Answers", _answers(told.answers, width)),
        ("Why", _why(told.advice, width)),
        ("Settings", _settings(told, width)),
        ("What would change it", _changes(told, width)),
        ("Beside the settings", _notes(told.advice.notes, width)),
    ):
        body = list(lines)
        if body:
            text.append(f"\n{title}\n", "bold")
            text.append("\n".join(body) + "\n")
    text.rstrip()
    return text


def _answers(answers: Sequence[Answer], width: int) -> Iterator[str]:
    for each in answers:
        note = f": {one_line(each.note)}" if each.note else ""
        yield from hanging(
            f"  {each.question:<13} {each.answer:<12}", [f"{each.source}{note}"], width
        )


def _why(advice: Advice, width: int) -> Iterator[str]:
    for name in ("care", "evidence", "strategy"):
        row = advice.reasons[name]
        yield from hanging(f"  {name:<13} {row.value:<12}", [row.because], width)


def _settings(told: Told, width: int) -> Iterator[str]:
    longest = max(len(_assigned(each)) for each in told.settings)
    for each in told.settings:
        row = told.advice.reasons["strategy" if each.key == STRATEGY_KEY else each.key]
        now = f" (now {each.now})" if each.new and each.now else ""
        mark = "*" if each.new and each.now else " "
        yield from hanging(f"{mark} {_assigned(each):<{longest}} ", [f"{row.because}{now}"], width)


def _assigned(each: Setting) -> str:
    return f"{each.key.removeprefix('environment.')} = {each.value}"


def _changes(told: Told, width: int) -> Iterator[str]:
    for each in told.changes:
        if each.advice.strategy != told.advice.strategy:
            words = each.advice.strategy
        else:
            first = [f"{key} = {spelled(_value(each, key))}" for key in each.settings[:MOST]]
            more = len(each.settings) - len(first)
            words = ", ".join([*first, *([f"{more} more"] if more else [])])
        yield from hanging(f"  {each.question:<13} {each.answer:<16}", [words], width)


def _value(change: Change, key: str) -> object:
    value = change.advice.settings.get(key, "")
    return list(value) if isinstance(value, tuple) else value


def _notes(notes: Iterable[str], width: int) -> Iterator[str]:
    for note in notes:
        yield from hanging("  - ", [note], width)


def hanging(head: str, words: Sequence[str], width: int) -> list[str]:
    """`head`, and the words beside it, in as many lines as it takes; below it where that is too narrow."""
    room = width - len(head)
    if room < 30:
        return [head.rstrip(), *wrap(" ".join(words), width, initial_indent="      ",
                                     subsequent_indent="      ")]  # fmt: skip
    lines = wrap(" ".join(words), room) or [""]
    return [
        f"{head if number == 0 else ' ' * len(head)}{line}" for number, line in enumerate(lines)
    ]


def advice_document(told: Told, at: float) -> Document:
    """The same for programs."""
    advice = told.advice
    return {
        "at": iso(at), "deployment": None, "event": "advice", "place": told.place,
        "strategy": advice.strategy, "care": advice.care, "evidence": advice.evidence,
        "answers": [
            {"question": a.question, "answer": a.answer, "source": a.source, "note": a.note or None}
            for a in told.answers
        ],
        "settings": [_setting_document(told, each) for each in told.settings],
        "changes": [
            {
                "question": each.question, "answer": each.answer, "strategy": each.advice.strategy,
                "settings": {key: _value(each, key) for key in each.settings},
            }
            for each in told.changes
        ],
        "notes": list(advice.notes),
        "path": told.written or None,
    }  # fmt: skip


def _setting_document(told: Told, each: Setting) -> Document:
    row = told.advice.reasons["strategy" if each.key == STRATEGY_KEY else each.key]
    return {
        "key": each.key, "value": each.value, "now": each.now or None, "because": row.because,
        "rule": in_words(row.when),
    }  # fmt: skip

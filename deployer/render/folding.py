"""Lines that are longer than the terminal go on below where their words begin. Pure."""

import io
import re
from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

# What stands before a line's words: a time, a step, a tick, a number, a mark, or blanks.
_LEAD = re.compile(
    r" *(?:\d\d:\d\d:\d\d {2})?(?:step \d+/\d+ {2})?(?:[✓✗▶·–→•-] *)?(?:\d+ {2})?(?:\| )?"
)
_WORD = re.compile(r"\s*\S+\s*|\s+")
LEAST = 2  # blanks before what is continued: so a new line is told from the rest of one
_SIZELESS = Console(file=io.StringIO(), width=80)  # rich's `wrap` asks for one, and for no more


def folded(text: Text, width: int, *, whole: bool = False) -> Text:
    """`text` in lines of at most `width` columns; a line that fits stays as it is.

    whole: an address that is longer stays in one piece, so that it can be copied and opened.
    """
    lines = text.split("\n", allow_blank=True)
    return Text("\n").join(part for line in lines for part in _parts(line, width, whole=whole))


def hanging(line: Text, lead: int, width: int) -> Text:
    """One line of a table, folded below where its last cell begins, `lead` columns in."""
    if line.cell_len <= width or lead > width // 2:
        return line
    head, words = line.divide([lead])
    parts = _between_words(words, width - lead)
    for part in parts:
        part.rstrip()
    return head + Text(f"\n{'':{lead}}").join(parts)


def _between_words(words: Text, room: int) -> list[Text]:
    """Lines of at most `room` columns, where no word is longer than that."""
    breaks: list[int] = []
    used = 0
    for word in _WORD.finditer(words.plain):
        if used and used + cell_len(word[0].rstrip()) > room:
            breaks.append(word.start())
            used = 0
        used += cell_len(word[0])
    return list(words.divide(breaks))


def _parts(line: Text, width: int, *, whole: bool) -> Iterator[Text]:
    if line.cell_len <= width:
        yield line
        return
    lead = lead_of(line.plain, width)
    head, words = line.divide([lead]) if lead else (Text(), line)
    below = below_of(head.plain)
    room = max(1, width - below)
    first = True
    for part in _between_words(words, room) if whole else words.wrap(_SIZELESS, room):
        part.rstrip()
        yield (head if first else Text(" " * below)) + part
        first = False


def below_of(lead: str) -> int:
    """Columns before what goes on below: beneath the words, or further in where only blanks tell them."""
    return len(lead) + LEAST if not lead.strip() else max(len(lead), LEAST)


def lead_of(line: str, width: int) -> int:
    """Columns before the line's words; 0 where they would leave too little room for these."""
    found = _LEAD.match(line)
    lead = found.end() if found else 0
    return lead if lead <= width // 2 else 0

"""Pieces of Markdown, as GitHub reads it."""

import re
from collections.abc import Iterable, Sequence

_VERBATIM = "\b"  # click's: the paragraph that follows keeps its lines


def cell(text: str) -> str:
    """One cell of a table: no line breaks, and no bar that would end it; `<` is no tag outside code."""
    line = " ".join(text.split()).replace("|", "\\|")
    outside = (
        part if n % 2 else part.replace("<", "&lt;") for n, part in enumerate(line.split("`"))
    )
    return "`".join(outside)


def anchor(heading: str) -> str:
    """Where GitHub puts a heading: lower case, spaces as dashes, letters, digits, - and _ only."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def code(text: str) -> str:
    """Text as code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def linked(text: str) -> str:
    """Pages that a comment names, `docs/analysis.md`, as links from docs/reference."""
    return re.sub(r"\bdocs/([\w/-]+\.md)", r"[docs/\1](../\1)", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraphs(help_text: str) -> list[str]:
    """A command's help: running text flows, what click prints as it stands is a block."""
    found = []
    for paragraph in re.split(r"\n\s*\n", help_text.replace("\f", "").strip()):
        lines = paragraph.strip("\n").splitlines()
        if lines[0].strip() == _VERBATIM:
            found.append("\n".join(("```text", *_undented(lines[1:]), "```")))
        else:
            found.append(" ".join(" ".join(lines).split()))
    return found


def _undented(lines: Sequence[str]) -> list[str]:
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return [line[margin:].rstrip() for line in lines]

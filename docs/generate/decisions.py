"""The index of decision records, from the records themselves: number, title, what it was about."""

import re
from pathlib import Path

from docs.generate.markdown import cell, table

FOLDER = Path(__file__).parents[1] / "decisions"
_TITLE = re.compile(r"^# (?:\d+[.:]? +)?(.+)$")
_LABEL = re.compile(r"^\*\*(?:Context|Question|Problem)\.?\*\*:? *")
_INTRO = """\
Choices that somebody may want to undo in a year: what was asked, what was chosen and why, what follows
from it. One page each; the number only tells in which order they came. A new one takes the next number,
and `make reference` puts it here."""


def page() -> str:
    """The whole page."""
    rows = [_row(path) for path in sorted(FOLDER.glob("[0-9]*.md"))]
    return "\n\n".join(("# Decisions", _INTRO, table(("", "decision", "what it is about"), rows)))


def _row(path: Path) -> tuple[str, str, str]:
    title, *rest = path.read_text(encoding="utf-8").splitlines()
    found = _TITLE.match(title)
    if found is None:
        raise LookupError(
            f"{path.name}: its first line is no title: `# 0001: Who owns the weights`"
        )
    number = path.name.partition("-")[0]
    return number, f"[{found[1]}]({path.name})", cell(_first_sentence(rest))


def _first_sentence(lines: list[str]) -> str:
    text = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", _LABEL.sub("", text))
    return re.split(r"(?<=[.?!]) (?=[A-Z`])", text)[0]

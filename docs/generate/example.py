"""deployer.example.toml as it explains itself: sections, and for each key the comment above it. Pure.

Keys without a comment of their own share the one above them. What stands there commented out, a section
that most files do not have, is read like the rest: its comments begin with two `#`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_SECTION = re.compile(r"^(\[\[?)([A-Za-z0-9_.-]+)\]\]?")
_TELLING = ("source", "kind")  # of tables that there are several kinds of
_VALUE = re.compile(r"^([A-Za-z0-9_-]+) = (.+?)(?:\s+# no default)?$")


@dataclass
class Entry:
    """Keys that one comment explains, each with its value as the file has it."""

    text: str
    values: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Section:
    """One table of the file.

    lead: what stands above its heading, of several sections. text: what stands right above or below it.
    """

    name: str
    many: bool = False
    lead: str = ""
    text: str = ""
    entries: list[Entry] = field(default_factory=list)

    @property
    def title(self) -> str:
        """As the file has it, with what tells one kind of table from another."""
        name = self.name.replace("environments.prod", "environments.NAME")
        shown = f"[[{name}]]" if self.many else f"[{name}]"
        given = {key: value for entry in self.entries for key, value in entry.values}
        telling = [f" {key} = {given[key]}" for key in _TELLING if self.many and key in given]
        return shown + "".join(telling)


def sections(text: str) -> list[Section]:
    """All of them, in the file's order."""
    found: list[Section] = []
    lead: list[str] = []
    comment: list[str] = []
    for line in _uncommented(text):
        if opened := _SECTION.match(line):
            found.append(Section(opened[2], opened[1] == "[[", "\n".join(lead), _flow(comment)))
            lead, comment = [], []
        elif line.startswith("#"):
            comment.append(line.lstrip("#").removeprefix(" "))
        elif not line.strip():
            lead += [_flow(comment).removeprefix("-- ")] if comment else []
            comment = []
        elif assigned := _VALUE.match(line):
            _note(found[-1].entries, comment, (assigned[1], assigned[2]))
            comment = []
    return found[:1] and [_without_title(found[0]), *found[1:]]


def _note(entries: list[Entry], comment: list[str], value: tuple[str, str]) -> None:
    if comment or not entries:
        entries.append(Entry(_flow(comment)))
    entries[-1].values.append(value)


def _uncommented(text: str) -> Iterator[str]:
    """The lines, with what is commented out from a `#[section]` to the next empty line brought in."""
    inside = False
    for line in text.splitlines():
        inside = (inside or line.startswith("#[")) and line.startswith("#")
        yield line[1:] if inside else line


def _flow(lines: list[str]) -> str:
    """Comment lines as running text; an indented line, such as a command, stays code."""
    shown = [f"`{line.strip()}`" if line.startswith("  ") else line.strip() for line in lines]
    return " ".join(shown).strip()


def _without_title(first: Section) -> Section:
    """The file's own first paragraphs are about the file."""
    first.lead = ""
    return first

"""Every page of the documentation as a reader of Markdown sees it: headings, links, code, commands. Pure."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from docs.generate.markdown import anchor

ROOT = Path(__file__).parents[2]
_FOLDERS = ("docs", "examples")
_NESTED = re.compile(r"\$\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_ENDS = ("&&", "||", ";", "|", "&", "\n", "(", ")")
_MARK = re.compile(r"^<!-- (.+?) -->$")


def files() -> list[Path]:
    """README in both languages, how to contribute, docs, the examples' own."""
    found = [*ROOT.glob("*.md"), *(p for f in _FOLDERS for p in (ROOT / f).rglob("*.md"))]
    return sorted(each for each in found if "node_modules" not in each.parts)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


NAMES = [name_of(each) for each in files()]


@dataclass(frozen=True)
class Block:
    """A fence: its language, text, line number (from 1), and the comment right above it, if any."""

    page: str
    language: str
    text: str
    line: int
    mark: str

    @property
    def commands(self) -> tuple[str, ...]:
        """Of a console block: what is typed, each with its continuation lines; not what is answered."""
        typed: list[str] = []
        more = False
        for line in self.text.splitlines():
            if line.startswith("$ "):
                typed.append(line[2:])
            elif more:
                typed[-1] += "\n" + line
            more = bool(typed) and line.endswith("\\")
        return tuple(typed)


@dataclass(frozen=True)
class Page:
    name: str
    tokens: tuple[Token, ...]

    @property
    def blocks(self) -> Iterator[Block]:
        mark = ""
        for token in self.tokens:
            if token.type == "fence":
                line = (token.map or [0])[0] + 1
                yield Block(self.name, token.info.strip(), token.content, line, mark)
            found = _MARK.match(token.content.strip()) if token.type == "html_block" else None
            mark = found[1] if found else ""

    @property
    def anchors(self) -> set[str]:
        """As GitHub makes them: the second heading of a name gets -1."""
        seen: dict[str, int] = {}
        found = set()
        for _, heading in self.headings:
            name = anchor(heading)
            found.add(f"{name}-{seen[name]}" if name in seen else name)
            seen[name] = seen.get(name, 0) + 1
        return found

    @property
    def headings(self) -> list[tuple[int, str]]:
        """Level and text."""
        pairs = [(a, b) for a, b in pairwise(self.tokens) if a.type == "heading_open"]
        return [(int(a.tag[1]), b.content) for a, b in pairs]

    @property
    def targets(self) -> Iterator[str]:
        """Where links and pictures lead."""
        for token in self._inline():
            target = token.attrGet("href") or token.attrGet("src")
            if target is not None:
                yield str(target)

    @property
    def codes(self) -> Iterator[str]:
        """What stands between backticks in the text."""
        yield from (token.content for token in self._inline() if token.type == "code_inline")

    def _inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or ()


@cache
def page(name: str) -> Page:
    text = (ROOT / name).read_text(encoding="utf-8")
    return Page(name, tuple(MarkdownIt("commonmark").enable("table").parse(text)))


def consoles() -> list[Block]:
    """Every block of commands, of all pages."""
    return [b for name in NAMES for b in page(name).blocks if b.language == "console"]


def shown(test: str) -> tuple[str, ...]:
    """The commands that a page says this test runs: `tests/lab/test_readme.py::test_five_commands`.

    For the test itself, so that it runs what is there and not what was there once.
    """
    mark = f"run by `{test}`"
    pages = [name for name in NAMES if mark in (ROOT / name).read_text(encoding="utf-8")]
    blocks = [
        block
        for name in pages
        if name != "README.ko.md"  # which has the same ones: tests/documents/test_languages.py
        for block in page(name).blocks
        if (block.language, block.mark) == ("console", mark)
    ]
    assert blocks, f"no page says that it is run by {test}"
    return tuple(each for block in blocks for each in block.commands)


def scripts() -> list[Block]:
    """Every piece of a script that a page gives."""
    return [b for name in NAMES for b in page(name).blocks if b.language == "bash"]


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command in a line of shell: those of pipes, lists, loops and `$(...)`, too."""
    line = line.replace("\\\n", " ")
    while nested := _NESTED.search(line):
        yield from simple_commands(nested[1])
        line = f"{line[: nested.start()]}X{line[nested.end() :]}"
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    found = [*lexer, ";"]
    for before, word in pairwise(["", *found]):
        if word in _ENDS:
            if words:
                yield words
            words = []
        elif ">" in word or ">" in before:
            continue  # a file that the answer goes to
        elif words or not (word in ("do", "then") or re.match(r"[A-Za-z_]\w*=", word)):
            words.append(word)

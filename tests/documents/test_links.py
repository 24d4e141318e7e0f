"""Every link leads somewhere, every anchor is a heading, every file and test that a page names is there."""

import re
import subprocess
from itertools import pairwise
from urllib.parse import unquote, urlsplit

import pytest

from tests.documents.reading import NAMES, ROOT, page

# A path of the repository between backticks; what has a placeholder or a pattern in it is not one.
PATH = re.compile(
    r"(?:deployer|stacks|tests|docs|examples|benchmarks)/[\w/.-]+\.(?:py|md|sh|toml|json)(?:::\w+)?"
)
MENTIONED = re.compile(r"\bdocs/[\w/-]+\.md\b")


def defines(text: str, name: str) -> bool:
    """Whether a module has a function, class, method or constant of that name."""
    return not name or bool(re.search(rf"^ *(?:def |class )?{name}\b *[(:=]", text, re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in page(name).targets:
        parts = urlsplit(target)
        if parts.scheme:
            assert parts.scheme == "https", f"{name}: {target}"
            assert "." in parts.netloc, f"{name}: {target}"
            continue
        at = (ROOT / name).parent / unquote(parts.path) if parts.path else ROOT / name
        assert at.exists(), f"{name}: {target} is not there"
        if parts.fragment and at.suffix == ".md":
            there = page(str(at.resolve().relative_to(ROOT)))
            assert unquote(parts.fragment) in there.anchors, f"{name}: no heading for {target}"


@pytest.mark.parametrize("name", NAMES)
def test_every_file_and_test_that_is_named_is_there(name: str) -> None:
    for code in page(name).codes:
        if PATH.fullmatch(code):
            path, _, test = code.partition("::")
            assert (ROOT / path).exists(), f"{name}: `{code}`"
            text = (ROOT / path).read_text(encoding="utf-8") if test else ""
            assert defines(text, test), f"{name}: `{code}`"


def test_every_page_that_the_code_names_is_there() -> None:
    """In docstrings, settings and messages."""
    listed = subprocess.run(
        ["git", "ls-files", "*.py", "*.toml", "*.sh"], cwd=ROOT, text=True, check=True,
        capture_output=True,
    )  # fmt: skip
    named = {
        (path, found)
        for path in listed.stdout.splitlines()
        if not path.startswith(
            ("tests/documents/", "deployer/analysis/peers/")
        )  # those name theirs
        for found in MENTIONED.findall((ROOT / path).read_text(encoding="utf-8"))
    }
    assert len(named) > 20
    assert [each for each in named if not (ROOT / each[1]).exists()] == []


def reached(start: str) -> set[str]:
    """Every page that a reader can get to from `start`, by links."""
    found, ahead = set[str](), [start]
    while ahead:
        name = ahead.pop()
        found.add(name)
        paths = (urlsplit(target).path for target in page(name).targets)
        there = [((ROOT / name).parent / path).resolve() for path in paths if path]
        folders = [each / "README.md" if each.is_dir() else each for each in there]
        names = {str(each.relative_to(ROOT)) for each in folders if each.is_relative_to(ROOT)}
        ahead += sorted((names & set(NAMES)) - found - set(ahead))
    return found


@pytest.mark.parametrize("start", ["README.md", "README.ko.md", "docs/README.md"])
def test_every_page_is_found_by_following_links(start: str) -> None:
    assert set(NAMES) - reached(start) == set()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_one_title_and_its_headings_do_not_jump(name: str) -> None:
    levels = [level for level, _ in page(name).headings]
    assert levels[0] == 1, name
    assert levels.count(1) == 1, name
    assert all(b <= a + 1 for a, b in pairwise(levels)), name


@pytest.mark.parametrize("name", NAMES)
def test_what_is_to_be_bold_is_bold(name: str) -> None:
    """Beside some letters `**` is no mark: `**word(s)**and` stays as it is typed."""
    texts = [
        t.content for outer in page(name).tokens for t in outer.children or () if t.type == "text"
    ]
    assert [text for text in texts if "**" in text] == [], name

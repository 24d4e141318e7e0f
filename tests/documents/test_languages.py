"""README in English and in Korean: the same sections, commands, tables and links."""

import re
from itertools import pairwise

import pytest

from tests.documents.reading import ROOT, page

ENGLISH, KOREAN = page("README.md"), page("README.ko.md")
HANGUL = re.compile(r"[가-힣]")


def commands(name: str) -> list[str]:
    """What is typed, without what is said about it."""
    return [
        re.sub(r"\s*(?<=\s)#.*", "", line).strip()
        for block in page(name).blocks
        if block.language == "console"
        for line in block.commands
    ]


def answers(name: str) -> list[str]:
    """What programs answer, and drawings: not translated."""
    return [block.text for block in page(name).blocks if block.language != "console"]


def rows(name: str) -> list[int]:
    """How many rows each table has."""
    tokens = [t.type for t in page(name).tokens if t.type in ("table_open", "tr_open")]
    starts = [n for n, kind in enumerate(tokens) if kind == "table_open"]
    return [end - start for start, end in pairwise([*starts, len(tokens)])]


def test_the_headings_have_the_same_structure() -> None:
    english, korean = ENGLISH.headings, KOREAN.headings
    assert [level for level, _ in english] == [level for level, _ in korean]
    assert all(HANGUL.search(text) for _, text in korean[1:])


@pytest.mark.parametrize("what", [commands, answers, rows])
def test_both_show_the_same(what: object) -> None:
    assert callable(what)
    assert what("README.md") == what("README.ko.md")
    assert what("README.md")


def test_both_lead_to_the_same_places_and_to_each_other() -> None:
    english, korean = list(ENGLISH.targets), list(KOREAN.targets)
    assert (english[0], korean[0]) == ("README.ko.md", "README.md")
    assert sorted(english[1:]) == sorted(korean[1:])


def test_both_name_the_same_commands_settings_and_files() -> None:
    assert set(ENGLISH.codes) <= set(KOREAN.codes)


def test_the_korean_one_is_korean() -> None:
    """A paragraph that nobody has translated would stand out by its letters."""
    text = (ROOT / "README.ko.md").read_text(encoding="utf-8")
    for paragraph in re.sub(r"```.*?```|<!--.*?-->", "", text, flags=re.DOTALL).split("\n\n"):
        words = re.sub(r"`[^`]*`|\([^)]*\)|[^A-Za-z가-힣]", "", paragraph)
        assert len(HANGUL.findall(words)) * 4 >= len(words) or len(words) < 20, paragraph

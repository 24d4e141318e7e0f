"""What is wider than the terminal: folded where its words begin, addresses in one piece, columns left out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from deployer.cli.interview import shown
from deployer.findings import Finding, Level
from deployer.operations.advice.questions import QUESTIONS, Question
from deployer.render.came import HEAD, spent_text
from deployer.render.findings import findings_text
from deployer.render.folding import folded
from tests.cli.conftest import Staged

URL = "http://localhost:35079/shop-lab-control-artifacts/_reports/shop/lab/20261123-135925-4899.html?x=1"


def test_an_address_is_never_broken_where_it_is_to_be_copied() -> None:
    line = Text(f"shop/lab shipped v2, and the report of it is at {URL} for two hours")
    assert URL in folded(line, 80, whole=True).plain.replace("\n", " ")
    assert URL in folded(line, 80, whole=True).plain
    assert max(map(cell_len, folded(line, 80).plain.splitlines())) <= 80


@given(st.lists(st.text("abc –", min_size=1, max_size=12), max_size=40), st.integers(40, 120))
def test_words_are_kept_and_lines_are_no_wider(words: list[str], width: int) -> None:
    text = " ".join(words)
    lines = folded(Text(text), width, whole=True).plain.splitlines()
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width for line in lines)


def test_findings_go_on_below_where_their_words_begin() -> None:
    found = Finding(
        "health", Level.PROBLEM, "the target group of blue", "no health path is set at all",
        "bad ones serve users for as long as nobody looks at them, which is long", ("set one",),
    )  # fmt: skip
    lines = findings_text([found], 60).plain.splitlines()
    assert lines[0].startswith("problem  health  the target group")
    assert lines[1].startswith(" " * 17) and lines[1][17] != " "  # noqa: PT018  one place
    why = next(at for at, line in enumerate(lines) if "why: " in line)
    assert lines[why + 1].startswith(" " * 14) and lines[why + 1][14] != " "  # noqa: PT018
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_question_fits(question: Question) -> None:
    text = shown(question, 60)
    assert max(map(len, text.splitlines())) <= 60
    assert all(answer in text for answer, _ in question.answers)


def test_what_was_spent_fits_a_terminal(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    wide, narrow = (spent_text(shop.records, width).plain.splitlines() for width in (200, 80))
    assert wide[0].split() == list(HEAD)
    assert max(map(len, narrow)) <= 80
    assert narrow[1].split()[0] == shop.records[0].id
    assert narrow[0].split()[-2:] == ["exposed", "expected"]


@pytest.mark.parametrize(
    ("line", "below"),
    [
        ("known at noon: much, and more of it than there is room for", 2),
        ("  known at noon: much, and more of it than there is room for", 4),
        ("  12:00:00  ask blue for more instances than there is room for", 12),
        (" ✓  3  route blue 95 % / green 5 %, and more than there is room for", 7),
    ],
)
def test_what_goes_on_below_is_told_from_a_new_line(line: str, below: int) -> None:
    """Beneath its words where a time or a number stands before them, else further in."""
    first, *rest = folded(Text(line), 40).plain.split("\n")
    assert rest
    assert {len(each) - len(each.lstrip()) for each in rest} == {below}
    assert " ".join([first, *map(str.lstrip, rest)]) == line

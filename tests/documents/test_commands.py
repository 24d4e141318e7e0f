"""Every command that a page shows is one: it parses, and where a page says that a test runs it, that exists."""

import re
import subprocess

import pytest

from tests.documents.parsing import check, mention
from tests.documents.reading import NAMES, ROOT, Block, consoles, page, scripts, simple_commands

SHOWN = [(block, line) for block in consoles() for line in block.commands]
PROGRAMS = ("deployer", "make", "cdk", "aws", "terraform", "eval")
MARKS = re.compile(r"run in the lab|run by `(tests/[\w/]+\.py)::(\w+)`")
READS = re.compile(r"\b(shown|consoles)\(")
MENTIONS = sorted(
    {code for name in NAMES for code in page(name).codes if code.startswith(("deployer ", "make "))}
)


@pytest.mark.parametrize(
    ("block", "line"), SHOWN, ids=[f"{block.page}:{line[:60]}" for block, line in SHOWN]
)
def test_every_command_parses(block: Block, line: str) -> None:
    for words in simple_commands(line):
        try:
            check(words)
        except ValueError as error:
            pytest.fail(f"{block.page}:{block.line}: {' '.join(words)}: {error}", pytrace=False)


@pytest.mark.parametrize("text", MENTIONS)
def test_every_command_that_a_sentence_names_exists(text: str) -> None:
    if text.startswith("make "):
        check(next(simple_commands(text)))
    else:
        mention(text)


@pytest.mark.parametrize("name", NAMES)
def test_commands_stand_where_they_are_looked_for(name: str) -> None:
    """In blocks called `console`, after `$ `: anywhere else nobody would test them."""
    for block in page(name).blocks:
        if block.language == "console":
            assert block.commands, f"{name}:{block.line}: no line begins with `$ `"
        elif block.language != "bash" and not name.startswith("docs/reference/"):
            loose = [x for x in block.text.splitlines() if x.startswith(PROGRAMS) and "[" not in x]
            loose += [x for x in block.text.splitlines() if x.startswith("$ ")]
            assert not loose, f"{name}:{block.line}: {loose[0]!r} belongs into a console block"


@pytest.mark.parametrize("block", scripts(), ids=lambda block: f"{block.page}:{block.line}")
def test_every_script_is_one(block: Block) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=block.text, text=True, check=False, capture_output=True
    )
    assert done.returncode == 0, f"{block.page}:{block.line}: {done.stderr}"


@pytest.mark.parametrize("block", consoles(), ids=lambda block: f"{block.page}:{block.line}")
def test_every_block_says_who_runs_it_and_that_is_true(block: Block) -> None:
    said = MARKS.fullmatch(block.mark)
    assert said is not None, f"{block.page}:{block.line}: <!-- {block.mark or 'no mark'} -->"
    if said[1]:
        file = ROOT / said[1]
        text = file.read_text(encoding="utf-8")
        assert f"def {said[2]}(" in text
        assert READS.search(text), f"{said[1]} does not read what it runs from {block.page}"
        beside = (each.read_text(encoding="utf-8") for each in file.parent.glob("*.py"))
        asks = any(f"::{said[2]}" in each for each in beside) or "consoles(" in text
        assert asks, f"nobody asks for what {block.page} says that {said[2]} runs"


@pytest.mark.parametrize(
    "line",
    [
        "deployer canary", "deployer canary v1 --wieghts 5", "deployer lab nothing", "deployer kanary v1",
        "deployer canary v1 --weights 50,5", "make nothing", "cdk nothing", "aws elbv2 delete-rul",
        "aws elbv2 delete-rule --rule-arm X", "unknown-program", "python -m deployer.nothing",
        'eval "$(deployer lab evn)"', "true && deployer nothing", "for v in a b; do deployer nothing $v; done",
    ],
)  # fmt: skip
def test_what_is_no_command_is_found(line: str) -> None:
    with pytest.raises((ValueError, KeyError)):  # noqa: PT012  the second command of a line, too
        for words in simple_commands(line):
            if words != ["true"]:
                check(words)


@pytest.mark.parametrize(
    "text", ["deployer kanary", "deployer canary --wieghts", "deployer lab upp"]
)
def test_what_is_no_command_in_a_sentence_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        mention(text)

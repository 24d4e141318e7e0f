"""docs/reference/advice.md: the questions and every rule of `deployer recommend`, as its tables have them."""

from collections.abc import Iterable

from deployer.operations.advice.conditions import in_words
from deployer.operations.advice.notes import NOTES
from deployer.operations.advice.questions import QUESTIONS, Question
from deployer.operations.advice.settings_table import SETTINGS
from deployer.operations.advice.table import TABLES, Row
from deployer.settings.checking import spelled
from docs.generate.markdown import cell, code, linked, table

HEAD = """# The rules of `deployer recommend`

How it is used: [docs/recommend.md](../recommend.md). Here is all that it goes by, a row a rule. Of the rows that decide
one thing the first that fits decides it; *otherwise* fits always. *Time to a verdict* is how long half of the
traffic takes to call a good release good ([docs/analysis.md](../analysis.md)); *bad requests that one release may
cost* are a hundredth of what the month's error budget still allows."""


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## What is asked", _questions()]
    for title, rows in TABLES.items():
        parts += [f"## {title}", _rules(rows)]
    for strategy, rows in SETTINGS.items():
        parts += [f"## Settings of {strategy}", _rules(rows)]
    parts += ["## What is said besides", _notes()]
    return "\n\n".join(parts)


def _questions() -> str:
    rows = [
        [code(f"--{each.name}"), cell(each.asks), _answers(each), each.assumed or "*unknown*"]
        for each in QUESTIONS
    ]
    return table(("flag", "question", "answers", "if nobody says"), rows)


def _answers(question: Question) -> str:
    told = "; ".join(f"`{answer}`: {means}" for answer, means in question.answers)
    return cell(told) if told else "a number"


def _rules(rows: Iterable[Row]) -> str:
    told = [
        [code(row.decides), code(_value(row)), cell(in_words(row.when)), cell(row.because)]
        for row in rows
    ]
    return table(("decides", "is", "when", "because"), told)


def _value(row: Row) -> str:
    value = list(row.value) if isinstance(row.value, tuple) else row.value
    return spelled(value) if "." in row.decides else str(value)


def _notes() -> str:
    rows = [[cell(in_words(note.when)), linked(cell(note.words))] for note in NOTES]
    return table(("when", "what"), rows)

"""Questions to a person at a terminal, about what no flag has said."""

import textwrap
from shutil import get_terminal_size

import click

from deployer.operations.advice.questions import Question

NUMBERS = {"sla": (0.0, 100.0), "error-budget": (0.0, 100.0), "traffic": (0.0, 1e7)}
NONE = "none"


def ask(question: Question) -> str:
    """The answer, as a flag would have it; an empty line is what is assumed otherwise.

    Raises:
        KeyboardInterrupt: Ctrl-C, or the end of the input.
    """
    click.echo(f"\n{shown(question, get_terminal_size().columns)}", err=True)
    while True:
        try:
            typed = click.prompt(
                "Answer", question.assumed, err=True, type=str, show_default=bool(question.assumed)
            )
        except click.Abort:
            raise KeyboardInterrupt from None
        try:
            return understood(question, typed)
        except ValueError as error:
            click.echo(str(error), err=True)


def shown(question: Question, width: int) -> str:
    """The question, and its answers below, in lines of so many columns."""
    lines = textwrap.wrap(question.asks, width)
    for number, (answer, means) in enumerate(question.answers, 1):
        head = f"  {number}  {answer:<12} "
        lines += textwrap.wrap(means, width, initial_indent=head, subsequent_indent=" " * len(head))
    return "\n".join(lines)


def agreed(question: str) -> bool:
    """A person says yes; an empty line is no.

    Raises:
        KeyboardInterrupt: as `ask`.
    """
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None


def understood(question: Question, typed: str) -> str:
    """One of the question's answers, by its name or its number; or a number within its bounds.

    Raises:
        ValueError: it is none; says what is.
    """
    word = typed.strip().lower()
    if question.answers:
        return _chosen(question, word)
    if not word and not question.assumed:
        return ""
    low, high = NUMBERS[question.name]
    if word == NONE and question.name == "sla":
        return "0"
    try:
        number = float(word.rstrip("%/s ").replace(",", "."))
    except ValueError:
        number = -1.0
    if not low <= number <= high or (question.name == "sla" and number == high):
        top = f"below {high:g}" if question.name == "sla" else f"to {high:g}"
        raise ValueError(f"{typed!r} is no answer: write a number from {low:g} {top}")
    return f"{number:g}" if question.name != "sla" else repr(number).removesuffix(".0")


def _chosen(question: Question, word: str) -> str:
    names = [answer for answer, _ in question.answers]
    if word.isdecimal() and 1 <= int(word) <= len(names):
        return names[int(word) - 1]
    if word in names:
        return word
    near = [name for name in names if word and name.startswith(word)]
    if len(near) == 1:
        return near[0]
    raise ValueError(f"{word!r} is no answer: write one of {', '.join(names)}")

"""`deployer recommend`: which strategy and settings suit an environment; it looks, and writes if asked to."""

import sys
from collections.abc import Callable
from typing import Any

import click

from deployer.cli.app import app_of, now
from deployer.cli.ending import Ending
from deployer.cli.interview import agreed, understood
from deployer.operations.advice import questions
from deployer.operations.advice.questions import Question


class AnswerType(click.ParamType[str]):
    """One of a question's answers, as a person at the prompt may type it."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.name = "|".join(answer for answer, _ in question.answers) or "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The answer."""
        try:
            return understood(self.question, str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def answer_option(question: Question, metavar: str, words: str) -> Callable[[Any], Any]:
    """The flag that answers a question."""
    kind = AnswerType(question)
    return click.option(f"--{question.name}", type=kind, metavar=metavar, help=words)


@click.command(short_help="Recommend a strategy and settings, with the reasons.")
@answer_option(
    questions.STAGE, "STAGE", "development, staging or production. [default: by the name]"
)
@answer_option(
    questions.CRITICALITY, "LEVEL", "What a bad minute costs: low, medium, high, critical."
)
@answer_option(questions.SLA, "PERCENT", "The availability that is promised: 99.9; 0 for none.")
@answer_option(
    questions.ERROR_BUDGET, "PERCENT", "What is left of this month's error budget. [default: 100]"
)
@answer_option(
    questions.TRAFFIC, "NUMBER", "Requests a second. [default: what the environment had lately]"
)
@answer_option(
    questions.TOGETHER, "ANSWER", "May two releases serve at once: yes, per-user, briefly, no."
)
@answer_option(
    questions.SPARE, "ANSWER", "How many instances more may run: none, little, double, plenty."
)
@answer_option(
    questions.DATABASE, "ANSWER", "What releases change in the data: none, additive, breaking."
)
@click.option("--no-input", is_flag=True, help="Ask nothing: take what is usual, and say so.")
@click.option(
    "--write", is_flag=True, help="Write the settings into the file, for this environment."
)
@click.pass_context
def recommend(ctx: click.Context, /, *, no_input: bool, write: bool, **flags: str | None) -> Ending:
    """Recommend a strategy and settings, with the reasons.

    Where there is a terminal it asks what no flag has said; elsewhere it takes what is
    usual, and says so. The traffic is read from the environment where that answers.
    Every setting comes with its reason, and other answers with what they would change.

    Without --write nothing is changed. With it the environment's own sections of the
    settings get what differs; comments and order stay, and so does the old file, as
    FILE.before.

    \b
    Exit status: 0; 2 an answer or the settings are wrong; nothing was written.
    Example:     deployer recommend --criticality high --sla 99.9 --write
    """  # noqa: D301  \b is for click
    from deployer.cli.advising import Inquiry, told_of, write_down  # noqa: PLC0415  --help stays instant
    from deployer.render.advice import advice_document, advice_text  # noqa: PLC0415

    app = app_of(ctx)
    given = {name.replace("_", "-"): value for name, value in flags.items()}
    person = not no_input and ctx.find_root().params["output"] == "text" and there_is_a_person()
    inquiry = Inquiry(app, given, person=person)
    if write:
        _ = app.settings  # it is there, and can be read, before anybody is asked anything
    told = told_of(inquiry)
    if write:
        told = write_down(app, told)
    app.output.page(lambda width: advice_text(told, width), [advice_document(told, now())])
    if inquiry.may_write(told) and agreed(f"\nWrite what is marked with * into {app.config.name}?"):
        told = write_down(app, told)
    return Ending(reason=inquiry.last_word(told, write=write))


def there_is_a_person() -> bool:
    """Somebody who can be asked, and sees the questions."""
    return sys.stdin.isatty() and sys.stderr.isatty()

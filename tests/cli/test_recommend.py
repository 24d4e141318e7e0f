"""`deployer recommend` over the simulated environment: asks, reads, advises, writes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deployer.cli import recommend as command
from deployer.cli.interview import understood
from deployer.cli.main import cli
from deployer.operations.advice import questions
from deployer.operations.advice.advise import advise, changes
from deployer.operations.advice.circumstances import Circumstances
from deployer.operations.advice.questions import QUESTIONS, Database, Question, Spare
from deployer.render.advice import Answer, Setting, Told, advice_text
from deployer.settings.writing import as_meant
from tests.cli.conftest import Staged
from tests.cli.stage import SETTINGS
from tests.cli.test_terms import Busy


def advice_of(documents: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in documents if each["event"] == "advice")
    return found


def test_flags_decide_and_the_rest_is_assumed_and_said(staged: Staged) -> None:
    shop = staged()
    documents, status = shop.json("recommend", "--two-versions", "briefly", "--traffic", "100")
    advice = advice_of(documents)
    assert (status, advice["strategy"], advice["place"]) == (0, "blue-green", "shop/sim")
    sources = {each["question"]: (each["answer"], each["source"]) for each in advice["answers"]}
    assert sources["two-versions"] == ("briefly", "flag")
    assert sources["criticality"] == ("medium", "assumed")
    assert list(sources) == [question.name for question in QUESTIONS]
    assert advice["path"] is None
    assert shop.config.read_text() == SETTINGS


def test_the_page_says_why_and_what_would_change_it(staged: Staged) -> None:
    done = staged().run("recommend", "--criticality", "high", "--traffic", "200")
    assert done.exit_code == 0
    assert done.stdout.startswith("shop/sim: canary, with high care\n")
    for words in (
        "a bad minute costs money, or trust",
        "What would change it",
        "two-versions  briefly         blue-green",
        '* canary.weights = "auto"',
        "(now [5, 50])",
        "the same command with --write",
    ):
        assert words in done.stdout


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_a_terminal(width: int) -> None:
    of = Circumstances(sla=99.99, spare=Spare.NONE, database=Database.BREAKING, traffic=0.1)
    advice = advise(of)
    rows = tuple(
        Setting(key, as_meant(key, value), '"something else"')
        for key, value in advice.settings.items()
    )
    why = "no usable AWS credentials: set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run `aws configure`"
    answers = (Answer("traffic", "unknown", "assumed", why),)
    text = advice_text(Told("shop/prod", answers, advice, rows, changes(of)), width).plain
    assert all(len(line) <= width for line in text.splitlines())
    assert "more than the budget allows" in " ".join(text.split())


def test_written_settings_are_the_advice_and_are_written_once(staged: Staged) -> None:
    shop = staged()
    asked = ("recommend", "--criticality", "critical", "--traffic", "300", "--write")
    done = shop.run(*asked)
    assert done.exit_code == 0, done.stderr
    assert "deployer.toml is written" in done.stdout
    assert shop.config.with_name("deployer.toml.before").read_text() == SETTINGS
    text = shop.config.read_text()
    assert text.startswith(SETTINGS.rstrip("\n").partition("[canary]")[0])
    own = tomllib.loads(text)["environments"]["sim"]
    assert own["canary"]["weights"] == "auto"
    assert own["analysis"]["inconclusive"] == "hold"
    assert "strategy" not in own  # a canary is what it was
    again = shop.run(*asked)
    assert again.exit_code == 0
    assert "deployer.toml says all of that already" in again.stdout
    assert shop.config.read_text() == text
    assert not shop.config.with_name("deployer.toml.before1").exists()
    assert not shop.config.with_name("deployer.toml.new").exists()


WAYS = [
    ((), "canary"),
    (("--two-versions", "per-user", "--budget", "plenty"), "canary"),
    (("--two-versions", "briefly"), "blue-green"),
    (("--stage", "development"), "blue-green"),
    (("--budget", "none"), "rolling"),
    (("--budget", "none", "--criticality", "high", "--traffic", "100"), "rolling"),
    (("--budget", "little", "--stage", "staging", "--traffic", "100"), "rolling"),
]


@pytest.mark.parametrize(("answers", "strategy"), WAYS, ids=[" ".join(a) for a, _ in WAYS])
def test_a_release_ships_by_what_was_written(
    staged: Staged, answers: tuple[str, ...], strategy: str
) -> None:
    shop = staged()
    assert shop.run("recommend", "--traffic", "100", *answers, "--write").exit_code == 0
    done = shop.run("deploy", "v2")
    assert done.exit_code == 0, done.stderr
    assert (shop.records[0].first_plan.strategy, shop.records[0].status) == (strategy, "shipped")


def test_what_a_person_must_approve_waits(staged: Staged) -> None:
    shop = staged()
    asked = ("recommend", "--traffic", "0.2", "--sla", "99.99", "--write")
    assert shop.run(*asked).exit_code == 0
    done = shop.run("deploy", "v2", "--dry-run")
    assert done.exit_code == 0
    assert "wait for approval" in done.stdout


def test_an_environment_that_may_be_torn_down_is_for_development(staged: Staged) -> None:
    shop = staged()
    text = SETTINGS.replace("[canary]", "[teardown]\nephemeral = true\n\n[canary]").replace(
        'region = "us-east-1"', 'region = "us-east-1"\nprotected = false'
    )
    shop.config.write_text(text)
    advice = advice_of(shop.json("recommend")[0])
    assert advice["answers"][0]["answer"] == "development"


def test_advice_that_contradicts_other_settings_is_not_written(staged: Staged) -> None:
    shop = staged()
    text = SETTINGS.replace("[canary]", "[fleet]\nwarm_pool = 1\n\n[canary]")
    shop.config.write_text(text)
    done = shop.run("recommend", "--budget", "little", "--traffic", "50", "--write")
    assert done.exit_code == 2
    assert "is not written:" in done.stderr
    assert "warm_pool" in done.stderr
    assert shop.config.read_text() == text
    assert list(shop.folder.iterdir()) == [shop.config]


def test_without_traffic_in_the_last_day_it_is_unknown_and_says_so(staged: Staged) -> None:
    advice = advice_of(staged().json("recommend")[0])
    traffic = next(each for each in advice["answers"] if each["question"] == "traffic")
    assert (traffic["answer"], traffic["source"]) == ("unknown", "assumed")
    assert "too few minutes of traffic" in traffic["note"]
    assert advice["evidence"] == "unknown"


def test_traffic_that_was_read_says_of_when(staged: Staged) -> None:
    """The newest minutes that count, which may be of last night."""
    shop = staged()
    shop.past = Busy()
    shop.play.clock.sleep(3600.0)
    advice = advice_of(shop.json("recommend")[0])
    traffic = next(each for each in advice["answers"] if each["question"] == "traffic")
    assert (traffic["source"], traffic["note"]) == (
        "read", "the newest 15 minutes with users, of the last day",
    )  # fmt: skip


def test_without_an_environment_to_ask_there_is_advice_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "deployer.toml").write_text(SETTINGS)
    env = {"AWS_ENDPOINT_URL": "not an address", "DEPLOYER_CONFIG": str(tmp_path / "deployer.toml")}
    done = CliRunner(env=env).invoke(cli, ["--output", "json", "recommend"])
    assert done.exit_code == 0
    advice = advice_of([json.loads(line) for line in done.stdout.splitlines()])
    note = next(each["note"] for each in advice["answers"] if each["question"] == "traffic")
    assert "is no address" in note


def test_before_there_are_settings_it_advises_and_cannot_write(tmp_path: Path) -> None:
    config = str(tmp_path / "deployer.toml")
    done = CliRunner().invoke(cli, ["--config", config, "--env", "dev", "recommend"])
    assert done.exit_code == 0
    assert done.stdout.startswith("dev: blue-green, with least care")
    assert "init` makes them" in done.stdout
    refused = CliRunner().invoke(cli, ["--config", config, "recommend", "--write"])
    assert refused.exit_code == 2
    assert "not found" in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--stage", "moon", "write one of development, staging, production"),
        ("--sla", "100", "write a number from 0 below 100"),
        ("--sla", "many", "write a number from 0 below 100"),
        ("--error-budget", "-1", "write a number from 0 to 100"),
        ("--traffic", "nan", "write a number from 0"),
        ("--budget", "", "write one of none, little, double, plenty"),
        ("--criticality", "5", "write one of low"),
    ],
)
def test_a_wrong_answer_is_one_clear_line(staged: Staged, flag: str, value: str, says: str) -> None:
    done = staged().run("recommend", flag, value)
    assert done.exit_code == 2
    assert says in done.stderr
    assert done.stdout == ""


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "there_is_a_person", lambda: True)


def typed(shop: Any, text: str, *arguments: str) -> Any:
    env = {"DEPLOYER_CONFIG": str(shop.config)}
    runner = CliRunner(env=env)
    return runner.invoke(cli, ["recommend", *arguments], obj=shop.connect, input=text)


def test_a_person_is_asked_what_no_flag_said(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch)
    shop = staged()
    # A stage by its number, what is usual by an empty line, a mistake, its correction, and so on.
    answers = "2\nmoon\n99.9\n80\n120\npe\nplenty\n\n"
    done = typed(shop, answers + "n\n", "--criticality", "high")
    assert done.exit_code == 0, done.stderr
    assert shop.config.read_text() == SETTINGS
    assert "What is this environment?" in done.stderr
    assert "What does it cost" not in done.stderr
    assert "Answer [production]:" in done.stderr
    assert "Write what is marked with * into deployer.toml? [y/N]" in done.stderr
    assert done.stdout.startswith("shop/sim: ")
    agreed = typed(shop, answers + "y\n", "--criticality", "high")
    assert agreed.exit_code == 0, agreed.stderr
    assert "deployer.toml is written" in agreed.stdout
    assert tomllib.loads(shop.config.read_text())["environments"]["sim"]["stickiness"] == "1h"


def test_nobody_is_asked_of_an_error_budget_that_nobody_has(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch)
    done = typed(staged(), "\n\n0\n\n\n\n\n\n\n")
    assert done.exit_code == 0
    assert "error budget is left" not in done.stderr


def test_no_input_asks_nobody(staged: Staged, monkeypatch: pytest.MonkeyPatch) -> None:
    at_a_terminal(monkeypatch)
    done = typed(staged(), "", "--no-input")
    assert done.exit_code == 0
    assert "Answer" not in done.stderr


def test_ctrl_c_at_a_question_is_an_interruption(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_a_terminal(monkeypatch)
    shop = staged()
    done = typed(shop, "1\n", "--write")  # and then the input ends
    assert done.exit_code == 130
    assert shop.config.read_text() == SETTINGS


@pytest.mark.parametrize("question", QUESTIONS, ids=[question.name for question in QUESTIONS])
def test_every_answer_is_understood_by_name_number_and_beginning(question: Question) -> None:
    for number, (answer, _) in enumerate(question.answers, 1):
        assert understood(question, answer.upper()) == answer
        assert understood(question, str(number)) == answer
    if question.assumed:
        assert understood(question, question.assumed) == question.assumed


def test_numbers_are_understood_as_people_write_them() -> None:
    assert understood(questions.SLA, "99,95 %") == "99.95"
    assert understood(questions.SLA, "none") == "0"
    assert understood(questions.TRAFFIC, "120/s") == "120"
    assert understood(questions.TRAFFIC, "") == ""
    assert float(understood(questions.TRAFFIC, "1234567")) == pytest.approx(1234567, rel=1e-5)

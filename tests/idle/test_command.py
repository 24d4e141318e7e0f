"""`deployer teardown --idle`: who is idle and why, asked first, and too many are none."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deployer.aws.session import Aws
from deployer.aws.sweeping.telling import OneShots
from deployer.cli.main import cli
from deployer.topology import sweep_parameter
from tests.cli.recorded import hold, still_said
from tests.contract.conftest import ManualClock
from tests.idle.cloud import NOW, Region

HOUR = 3600
SERVICE = """
[service]
name = "shop"
[teardown]
ephemeral = true
windows = 2
office_hours = ""
[sweep]
most = 2
"""
ONE = """
[environments.{name}]
region = "us-east-1"
protected = false
zones = ["us-east-1a", "us-east-1b"]
image = "ami-0123456789abcdef0"
"""
Command = Callable[..., Result]


@pytest.fixture
def command(
    region: Region, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Command]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    monkeypatch.setenv("AWS_ENDPOINT_URL", region.context.endpoint)
    monkeypatch.setenv("DEPLOYER_CLOCK", f"{NOW + 600}@0.000001")

    def of(text: str) -> Command:
        config = tmp_path / "deployer.toml"
        config.write_text(text)

        def run(*arguments: str) -> Result:
            return CliRunner().invoke(cli, ["--config", str(config), *arguments])

        return run

    return of


def environments(region: Region, *names: str, requests: int = 0) -> str:
    """Made in the Region, quiet unless they serve `requests` in each window; the settings."""
    for name in names:
        region.environment(name, instances=2)
        for hours in (0, 1, 2):
            region.served(name, NOW - hours * HOUR + 60, requests)
    return SERVICE + "".join(ONE.format(name=name) for name in names)


@pytest.fixture(scope="module")
def book(region: Region) -> None:
    region.table("sweeps", {})
    region.admin("scheduler").create_schedule_group(Name="shop-teardown")


@pytest.fixture
def remembered(region: Region, book: None) -> None:
    """What the teardown stack publishes, but the function."""
    topic = region.admin("sns").create_topic(Name="sweeps")["TopicArn"]
    found = {
        "version": 1, "table": "journal-sweeps", "topic": topic, "schedules": "shop-teardown",
        "schedule_role": "arn:aws:iam::123456789012:role/caller",
        "function": "arn:aws:lambda:us-east-1:123456789012:function:sweep",
        "dead_letters": "arn:aws:sqs:us-east-1:123456789012:dead",
    }  # fmt: skip
    name = sweep_parameter("shop")
    region.admin("ssm").put_parameter(
        Name=name, Value=json.dumps(found), Type="String", Overwrite=True
    )


def documents(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_dry_run_tells_of_each_why(region: Region, command: Callable[[str], Command]) -> None:
    text = (
        environments(region, "quiet1") + environments(region, "busy1", requests=90)[len(SERVICE) :]
    )
    run = command(text + ONE.format(name="nowhere1"))
    result = run("teardown", "--idle", "--dry-run")
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "idle" in lines["quiet1"]
    assert "at most 0 requests in each of the last 2 x 1h" in lines["quiet1"]
    assert lines["quiet1"].endswith("people are told that it goes to sleep")
    assert "in use" in lines["busy1"]
    assert "90 requests within the last 1h" in lines["busy1"]
    assert "not there" in lines["nowhere1"]
    (sweep, last) = documents(run("--output", "json", "teardown", "--idle", "--dry-run"))
    hold("teardown", [sweep, last])
    still_said("sweep", [sweep])
    assert {each["environment"]: each["why"] for each in sweep["environments"]} == {
        "quiet1": "idle", "busy1": "used", "nowhere1": "absent",
    }  # fmt: skip
    assert (sweep["event"], sweep["deployment"], sweep["at"] <= last["at"]) == ("sweep", None, True)
    assert (last["event"], last["status"]) == ("result", "planned")


def test_too_many_are_a_persons_affair(region: Region, command: Callable[[str], Command]) -> None:
    run = command(environments(region, "many1", "many2", "many3"))
    result = run("teardown", "--idle", "--dry-run")
    assert result.exit_code == 4
    assert "3 would be told that they go, but sweep.most is 2" in result.output


@pytest.mark.usefixtures("remembered")
def test_too_many_are_not_looked_at_again_to_do_it_then(
    region: Region, command: Callable[[str], Command]
) -> None:
    """One of them may have gone from the list in between, and nobody would have been asked."""
    run, results = command(environments(region, "much1", "much2", "much3")), list[Result]()
    calls = region.calls(lambda: results.append(run("teardown", "--idle")))
    assert results[0].exit_code == 4, results[0].output
    assert not {"Publish", "UpdateItem", "CreateSchedule"} & set(calls)


def test_without_the_stack_nothing_is_done(
    region: Region, command: Callable[[str], Command]
) -> None:
    region.admin("ssm").delete_parameters(Names=[sweep_parameter("shop")])
    result = command(environments(region, "alone1"))("teardown", "--idle", "--yes")
    assert result.exit_code == 2
    assert "cdk deploy shop-us-east-1-teardown" in result.output


@pytest.mark.usefixtures("remembered")
def test_nobody_is_there_to_be_asked(region: Region, command: Callable[[str], Command]) -> None:
    result = command(environments(region, "asked1"))("teardown", "--idle")
    assert result.exit_code == 2
    assert "add --yes" in result.output


@pytest.mark.usefixtures("remembered")
def test_with_yes_people_are_told_first(region: Region, command: Callable[[str], Command]) -> None:
    run = command(environments(region, "told1"))
    result = run("teardown", "--idle", "--yes")
    item = region.admin("dynamodb").get_item(
        TableName="journal-told1", Key={"pk": {"S": "env#shop/told1"}, "sk": {"S": "notice"}}
    )["Item"]
    assert item["told"]["BOOL"]
    assert item["level"]["S"] == "sleep"
    assert result.exit_code == 0, result.output
    assert "told that it goes to sleep at" in result.stdout
    shot = region.admin("scheduler").get_schedule(GroupName="shop-teardown", Name="told1")
    due = datetime.fromtimestamp(math.ceil(float(item["due_at"]["N"])), UTC)
    assert shot["ScheduleExpression"] == f"at({due:%Y-%m-%dT%H:%M:%S})"
    assert shot["ActionAfterCompletion"] == "DELETE"
    assert shot["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 1
    again = run("teardown", "--idle", "--yes")
    assert again.exit_code == 0
    assert "it goes to sleep at" in again.stdout


@pytest.mark.usefixtures("book")
def test_a_reminder_takes_the_place_of_the_one_before(region: Region, aws: Aws) -> None:
    role, function = (
        "arn:aws:iam::123456789012:role/r",
        "arn:aws:lambda:us-east-1:123456789012:function:f",
    )
    dead = "arn:aws:sqs:us-east-1:123456789012:dead"
    shots = OneShots(aws, ManualClock(NOW), "shop-teardown", function, role, dead)
    get = region.admin("scheduler").get_schedule
    shots.set("once", NOW + 3600)
    shots.set("once", NOW + 7200)
    found = get(GroupName="shop-teardown", Name="once")["ScheduleExpression"]
    assert found == f"at({datetime.fromtimestamp(NOW + 7200, UTC):%Y-%m-%dT%H:%M:%S})"
    shots.set("once", NOW - 60)  # what has passed comes soon, not never
    found = get(GroupName="shop-teardown", Name="once")["ScheduleExpression"]
    assert found == f"at({datetime.fromtimestamp(NOW + 60, UTC):%Y-%m-%dT%H:%M:%S})"
    shots.drop(["once", "never"])
    left = region.admin("scheduler").list_schedules(GroupName="shop-teardown")["Schedules"]
    assert "once" not in [one["Name"] for one in left]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("teardown",), "name the environment, or say --idle"),
        (("teardown", "dev", "--idle"), "--idle looks at all environments"),
    ],
)
def test_one_or_all(
    command: Callable[[str], Command], arguments: tuple[str, ...], words: str
) -> None:
    result = command(SERVICE + ONE.format(name="dev"))(*arguments)
    assert result.exit_code == 2
    assert words in result.output

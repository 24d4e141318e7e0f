"""The real CDK CLI against the lab: bootstrap, deploy, again, update, fail, destroy."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from deployer.errors import NotFound
from deployer.lab import actions, cdk, inprocess, server
from deployer.lab.cloudformation import api
from deployer.lab.context import Context
from deployer.lab.telemetry.telemetry import Telemetry
from deployer.process import toolchain
from deployer.process.clock import ScaledClock
from tests.lab_core.monitored import Silence
from tests.leftovers import left

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Cli:
    """The pinned CLI, pointed at a lab of its own."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.made: dict[str, CompletedProcess[str]] = {}

    def __call__(self, *args: str, fails: bool = False) -> str:
        done = cdk.run(args, self.context.endpoint, directory=self.context.directory, quiet=True)
        assert (done.returncode != 0) is fails, done.stdout
        return done.stdout

    def sample(self, command: str, *args: str, fails: bool = False) -> str:
        app = f"{sys.executable} {HERE / 'sample_app.py'}"
        out = str(self.context.directory / "cdk.out")
        return self(command, "-a", app, "-o", out, *args, fails=fails)

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    server.reset()
    context = Context(
        directory=tmp_path_factory.mktemp("lab"),
        network=77,
        endpoint=f"http://localhost:{server.reserve_port()}",
        clock=ScaledClock(1_700_000_000.0, 10.0),
    )
    actions.install(context)
    Telemetry(context, Silence())  # moto has no composite alarms
    engine = api.install(context)
    running = server.serve(context)
    yield Cli(context)
    running.close()
    engine.close()


def topics(cli: Cli) -> list[str]:
    sns = cli.client("sns")
    return [
        sns.get_topic_attributes(TopicArn=one["TopicArn"])["Attributes"]["DisplayName"]
        for one in sns.list_topics()["Topics"]
    ]


@pytest.mark.cdk
@pytest.mark.timeout(240)
def test_the_life_of_a_stack_as_the_cli_sees_it(cli: Cli) -> None:
    cli("bootstrap", "aws://123456789012/us-east-1")
    again = cli("bootstrap", "aws://123456789012/us-east-1")
    assert "bootstrapped (no changes)" in again

    told = cli.sample("deploy", "-c", "name=one", "--require-approval", "never")
    assert "✅  sample" in told
    arn = re.search(r"sample\.TopicArn = (\S+)", told)
    assert arn is not None
    tags = cli.client("sns").list_tags_for_resource(ResourceArn=arn[1])["Tags"]
    assert tags == [{"Key": "team", "Value": "tests"}]
    ttl = cli.client("dynamodb").describe_time_to_live(
        TableName=cli.client("ssm").get_parameter(Name="/sample/where")["Parameter"]["Value"]
    )
    assert ttl["TimeToLiveDescription"]["AttributeName"] == "ttl"

    told = cli.sample("deploy", "-c", "name=one", "--require-approval", "never")
    assert "(no changes)" in told

    told = cli.sample("diff", "-c", "name=two")
    assert "DisplayName" in told
    cli.sample("deploy", "-c", "name=two", "--require-approval", "never")
    assert topics(cli) == ["two"]

    cli.client("ssm").put_parameter(Name="/taken", Value="theirs", Type="String")
    told = cli.sample(
        "deploy", "-c", "name=three", "-c", "taken=/taken", "--require-approval", "never",
        fails=True,
    )  # fmt: skip
    assert "already exists" in told
    assert "Clash" in told
    assert topics(cli) == ["two"]

    cli.sample("destroy", "-c", "name=two", "--force")
    assert topics(cli) == []
    assert cli.client("dynamodb").list_tables()["TableNames"] == []


@pytest.mark.cdk
@pytest.mark.long  # tests/lab/test_readme.py deploys them, tests/lab/test_destroy.py ends them
@pytest.mark.timeout(240)
def test_the_projects_own_stacks(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against moto's Auto Scaling: what these stacks need of CloudFormation is all there.

    A protected environment refuses its end; once the settings say otherwise it leaves nothing.
    """
    cli("bootstrap", "aws://123456789012/us-east-1")
    before = left(cli.client)
    app = ("-a", f"{sys.executable} {ROOT / 'app.py'}", "-c", "env=prod", "--all")
    out = ("-o", str(cli.context.directory / "own.out"))
    cli("deploy", *app, *out, "--require-approval", "never")
    assert cli("deploy", *app, *out, "--require-approval", "never").count("(no changes)") == 5
    assert left(cli.client)["dashboards"]
    refused = cli("destroy", *app, *out, "--force", fails=True)
    assert "cannot be deleted while TerminationProtection is enabled" in refused

    settings = tmp_path / "deployer.toml"
    settings.write_text((ROOT / "deployer.toml").read_text() + "protected = false\n")
    monkeypatch.setenv("DEPLOYER_CONFIG", str(settings))
    cli("deploy", *app, *out, "--require-approval", "never")
    cli("destroy", *app, *out, "--force")
    assert left(cli.client) == before


def test_environment_leads_to_the_lab_and_nowhere_else() -> None:
    made = cdk.environment(
        "http://localhost:7", base={"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "t", "HOME": "/h"}
    )
    assert made["AWS_ENDPOINT_URL"] == "http://localhost:7"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & set(made)
    assert made["HOME"] == "/h"
    assert made["PATH"].startswith(str(Path(sys.executable).parent))
    assert Path(made["JSII_NODE"]).is_file()


def test_environment_without_a_lab_leaves_credentials_alone() -> None:
    made = cdk.environment("", base={"AWS_PROFILE": "mine"})
    assert made["AWS_PROFILE"] == "mine"
    assert "AWS_ENDPOINT_URL" not in made


@pytest.mark.parametrize(
    "arguments",
    [
        ("deploy", "--all"),
        ("destroy", "--all", "--force"),
        ("diff",),
        ("bootstrap",),
        ("--profile", "synth", "deploy"),
        ("-c", "env=prod", "deploy"),
    ],
)
def test_what_talks_to_aws_needs_a_lab(arguments: tuple[str, ...]) -> None:
    assert cdk.needs_a_lab(arguments)


@pytest.mark.parametrize(
    "arguments", [(), ("--version",), ("synth", "--quiet"), ("ls",), ("synth", "deploy")]
)
def test_what_does_not_needs_none(arguments: tuple[str, ...]) -> None:
    assert not cdk.needs_a_lab(arguments)


def test_command_is_the_bundled_cli() -> None:
    node, script, *args = cdk.command(["synth", "-q"])
    assert Path(node).name == "node"
    assert Path(script).is_file()
    assert args == ["synth", "-q"]


def test_a_missing_wheel_is_told() -> None:
    with pytest.raises(NotFound, match="no_such_wheel is not installed"):
        toolchain.package("no_such_wheel")

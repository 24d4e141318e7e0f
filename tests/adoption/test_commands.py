"""`deployer init` without AWS, and how an environment of others is wired."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deployer.aws.verify.adopting import Choice, adopt
from deployer.cli.adoption import slug, written
from deployer.cli.main import cli
from deployer.errors import NotPossibleNow, UsageError
from deployer.settings.reading import load
from deployer.wiring.services import connect
from tests.adoption.test_adopting import default, running

NEW = ("init", "--service", "shop", "--region", "us-east-1", "--image", "ami-0abcdef1234567890")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`deployer ARGUMENTS` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("DEPLOYER_CONFIG", "DEPLOYER_ENV", "DEPLOYER_CLOCK", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: CliRunner().invoke(cli, arguments, prog_name="deployer")


def test_a_file_for_new_stacks_loads(run: Run) -> None:
    done = run("--env", "dev", *NEW)
    assert done.exit_code == 0
    assert "deployer.toml is written: environment dev." in done.stdout
    assert "are a guess" in done.stdout
    assert done.stdout.endswith("Next: `cdk deploy --all -c env=dev`\n")
    settings = load(Path("deployer.toml"))
    assert (settings.service.name, settings.environment.name) == ("shop", "dev")
    assert settings.existing is None


def test_a_file_is_never_lost(run: Run) -> None:
    Path("deployer.toml").write_text("mine")
    done = run(*NEW)
    assert done.exit_code == 2
    assert "--force replaces it" in done.stderr
    assert Path("deployer.toml").read_text() == "mine"
    done = run("--output", "json", *NEW, "--force")
    assert done.exit_code == 0
    assert json.loads(done.stdout.splitlines()[0])["path"] == "deployer.toml"
    assert Path("deployer.toml.before").read_text() == "mine"
    assert load(Path("deployer.toml")).service.name == "shop"
    Path("deployer.toml").write_text("mine too")
    assert run(*NEW, "--force").exit_code == 0
    assert Path("deployer.toml.before").read_text() == "mine"
    assert Path("deployer.toml.before1").read_text() == "mine too"
    assert {each.name for each in Path().iterdir()} == {
        "deployer.toml", "deployer.toml.before", "deployer.toml.before1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("--image", "foo"), 'environments.prod.image = "foo": must be the id of an AMI'),
        (("--region", "mars"), 'environments.prod.region = "mars": must be'),
        (("--service", "My Shop"), 'service.name = "My Shop": must be'),
    ],
)
def test_no_file_is_written_that_would_not_load(
    run: Run, arguments: tuple[str, str], key: str
) -> None:
    Path("deployer.toml").write_text("mine")
    done = run(*NEW, *arguments, "--force")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: deployer.toml is not written: ")
    assert key in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert Path("deployer.toml").read_text() == "mine"
    assert not Path("deployer.toml.before").exists()


def test_an_environment_that_no_section_can_be_called_like_is_refused(run: Run) -> None:
    done = run("--env", "my shop", *NEW)
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "my shop" in done.stderr
    assert not Path("deployer.toml").exists()


def test_what_is_needed_is_said_in_one_line(run: Run) -> None:
    done = run("init")
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--from-alb NAME" in done.stderr
    assert not Path("deployer.toml").exists()


def test_what_is_adopted_loads_and_waits_for_the_twin(run: Run, monkeypatch: Any) -> None:
    place = {"region": "us-east-1", "account": ""}
    found = adopt(running(default()), Choice())
    Path("deployer.toml").write_text(written(("web", "prod"), place, found, "/health", ""))
    settings = load(Path("deployer.toml"))
    assert settings.existing is not None
    assert settings.existing.blue_group == "web-blue"
    assert (settings.environment.instances, settings.environment.max_instances) == (2, 8)
    with pytest.raises(NotPossibleNow, match=r"no green_group.*`deployer verify` tells"):
        connect(settings, {})
    whole = Path("deployer.toml").read_text()
    for key, value in {
        "green_target_group": settings.existing.blue_target_group.replace("blue/0", "green/1"),
        "green_group": "web-green", "green_launch_template": "lt-0123456789abcdef1",
        "journal_table": "web-journal", "artifact_bucket": "releases",
    }.items():  # fmt: skip
        whole = whole.replace(f'{key} = ""', f"{key} = {json.dumps(value)}")
    Path("deployer.toml").write_text(whole)
    services = connect(load(Path("deployer.toml")), {"USER": "alice"})
    assert (services.service, services.url) == ("web", "http://web.elb.example")


@pytest.mark.parametrize(("name", "made"), [("Web_App", "web-app"), ("2048-game", "game")])
def test_a_load_balancers_name_becomes_a_services(name: str, made: str) -> None:
    assert slug(name) == made


def test_a_name_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(UsageError, match="--service"):
        slug("123")

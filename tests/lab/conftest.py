"""A lab started as users start it: by the command line, in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Shell:
    """Runs `deployer` with these variables; each call is bounded."""

    variables: Mapping[str, str]

    def run(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=dict(self.variables), cwd=ROOT, text=True, check=False,
            capture_output=True, timeout=timeout_s,
        )  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "deployer.cli.main", *arguments]

    def events(self, *arguments: str) -> list[Any]:
        """All lines of stdout, parsed."""
        return [
            json.loads(line)
            for line in self.run("--output", "json", *arguments).stdout.splitlines()
        ]

    def json(self, *arguments: str, status: int = 0) -> Any:
        """The last line of stdout, parsed."""
        done = self.run("--output", "json", *arguments)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout.strip().splitlines()[-1])


def shell_for(folder: Path, config: Path = ROOT / "deployer.toml") -> Shell:
    """Knows the folder of a lab and the settings, and nothing of any other AWS."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "DEPLOYER_"))}
    return Shell(kept | {"DEPLOYER_LAB": str(folder), "DEPLOYER_CONFIG": str(config)})


# For deployments that stand and wait: by a clock sixty times as fast, a look each 5 s keeps a
# processor busy with nothing else.
PATIENT = """
[environments.lab.journal]
poll = "15s"
lease = "5m"
"""


def as_sample(ending: str) -> str:
    """Settings of the sample service, but what they say of deployments to the lab is `ending`."""
    text = (ROOT / "deployer.toml").read_text()
    assert ending.lstrip().startswith("["), "its first lines would belong to whatever precedes it"
    return text[: text.index("[environments.lab.canary]")] + ending


def service_in(folder: Path, settings: str) -> Path:
    """Make `folder` that of a service with these settings; their path."""
    for name in ("app.py", "cdk.json", "examples"):
        (folder / name).symlink_to(ROOT / name)
    config = folder / "deployer.toml"
    config.write_text(settings)
    return config


@contextmanager
def lab_up(shell: Shell, *options: str) -> Iterator[dict[str, Any]]:
    """A lab for as long as this lasts, whatever fails meanwhile; yields what `lab up` told."""
    started = shell.run("--output", "json", "lab", "up", "--detach", *options)
    assert started.returncode == 0, started.stderr
    try:
        yield json.loads(started.stdout.strip().splitlines()[-1])
    finally:
        ended = shell.run("lab", "down")
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A shell that knows the lab's folder and nothing else; the lab is up."""
    shell = shell_for(tmp_path_factory.mktemp("lab"))
    with lab_up(shell, "--scale", "20"):
        yield shell


@pytest.fixture(scope="module")
def inside(outside: Shell) -> Shell:
    """The same after `eval "$(deployer lab env)"`."""
    return Shell({**outside.variables, **outside.json("lab", "env")})


def admin(shell: Shell, service: str) -> Any:
    """A client with the administrator's credentials."""
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=shell.variables["AWS_ENDPOINT_URL"],
        region_name="us-east-1",
        aws_access_key_id="lab",
        aws_secret_access_key="lab",
    )

"""`deployer lab incident`: what hits every release, for as long as it lasts."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deployer.cli.main import cli
from deployer.lab import home, incident
from deployer.lab.incident import Incident


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of a lab that this process is."""
    lock = home.take(tmp_path)
    home.publish(
        tmp_path,
        home.State(
            endpoint="http://localhost:1", url="", test_url="", account="123456789012",
            region="us-east-1", pid=os.getpid(), origin=0.0, scale=1.0, config="deployer.toml",
            environment="lab",
        ),
    )  # fmt: skip
    with lock:
        yield tmp_path


def run(folder: Path, *arguments: str) -> Result:
    variables = {home.FOLDER_VARIABLE: str(folder)}
    return CliRunner().invoke(cli, [*arguments], env=variables)


def test_it_lasts_until_its_end(folder: Path) -> None:
    said = run(folder, "lab", "incident", "--error-rate", "0.05", "--latency", "50ms")
    assert said.exit_code == 0
    assert said.output == (
        "Incident: 5 % of all requests fail and all answers take 50ms longer, of whatever release.\n"
        "`deployer lab incident --end` ends it.\n"
    )
    assert incident.current(folder) == Incident(0.05, 50.0)
    told = run(folder, "--output", "json", "lab", "incident", "--latency", "2s")
    assert json.loads(told.output) == {"incident": {"error_rate": 0.0, "latency_ms": 2000.0}}
    for _ in range(2):  # who does not know whether there is one may end it
        over = run(folder, "lab", "incident", "--end")
        assert over.output == "No incident: each release behaves as it was made.\n"
        assert incident.current(folder) is None


@pytest.mark.parametrize("said", [(), ("--end", "--error-rate", "0.1"), ("--error-rate", "2")])
def test_what_says_nothing_or_too_much_is_refused(folder: Path, said: tuple[str, ...]) -> None:
    assert run(folder, "lab", "incident", *said).exit_code == 2
    assert incident.current(folder) is None


def test_the_next_lab_of_the_folder_begins_without_one(tmp_path: Path) -> None:
    incident.begin(tmp_path, Incident(error_rate=1.0))
    with home.take(tmp_path):
        assert incident.current(tmp_path) is None

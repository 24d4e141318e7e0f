"""`deployer dashboard` as it is typed: where it answers, what it refuses, how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deployer.cli.dashboard import news
from deployer.cli.main import cli
from tests.cli.recorded import hold, still_said
from tests.cli.stage import SETTINGS

pytestmark = pytest.mark.alone


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "deployer.toml"
    path.write_text(SETTINGS)
    return path


def run(config: Path, *arguments: str, environment: str | None = None) -> Result:
    named = ("--env", environment) if environment else ()
    typed = ["--config", str(config), *named, "dashboard", *arguments]
    return CliRunner().invoke(cli, typed, prog_name="deployer")


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "shop.example"])
def test_other_machines_only_if_somebody_says_so(config: Path, address: str) -> None:
    done = run(config, "--listen", address)
    assert done.exit_code == 2
    assert "--reached-as NAME" in done.output
    assert "ssh -L" in done.output


@pytest.mark.parametrize(
    "name", ["ops-box:8080", "http://ops-box", "ops/box", "", "ops box", "::1"]
)
def test_a_name_that_no_browser_would_send_is_refused(config: Path, name: str) -> None:
    done = run(config, "--listen", "192.0.2.1", "--reached-as", name)
    assert done.exit_code == 2
    assert "without a port" in done.output


@pytest.mark.parametrize("address", ["999.1.1.1", "127.0.0", "1:2:3", "[::g"])
def test_what_was_meant_as_an_address_and_is_none(config: Path, address: str) -> None:
    done = run(config, "--listen", address)
    assert done.exit_code == 2
    assert f"--listen {address}: it is no address" in done.output


def test_what_cannot_be_read_is_said_once_and_what_can_again() -> None:
    deaf, dark = "AWS does not answer", "no usable AWS credentials"
    both = {"environment/dev": deaf, "environment/prod": deaf}
    assert list(news({}, both)) == [f"dev, prod cannot be read: {deaf}"]
    assert list(news(both, both)) == []
    assert list(news(both, {**both, "fleet": dark})) == [f"fleet cannot be read: {dark}"]
    assert list(news(both, {"environment/dev": deaf})) == ["prod can be read again."]
    assert list(news(both, {"environment/dev": dark})) == [
        f"dev cannot be read: {dark}", "prod can be read again.",
    ]  # fmt: skip


def test_a_port_that_is_taken(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(config, "--port", str(taken.getsockname()[1]))
    assert done.exit_code == 2
    assert "--port 0 takes any free port" in done.output


def test_an_environment_that_is_not_there(config: Path) -> None:
    done = run(config, environment="nowhere")
    assert done.exit_code == 2
    assert "nowhere" in done.output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_while_a_page_is_open(config: Path, number: signal.Signals) -> None:
    """There is nobody there where AWS should be, and it says so."""
    typed = [sys.executable, "-m", "deployer.cli.main", "--output", "json", "--config", str(config), "dashboard"]  # fmt: skip
    away = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}  # fmt: skip
    with subprocess.Popen(
        typed, env={**os.environ, **away}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        hold("dashboard", [told])
        still_said("dashboard", [told])
        link = told["url"]
        host, _, token = link.removeprefix("http://").partition("/#token=")
        with socket.create_connection(
            ("127.0.0.1", int(host.rpartition(":")[2]))
        ) as page:  # a page that is just being loaded
            page.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert page.recv(15) == b"HTTP/1.1 200 OK"
            begun = time.monotonic()
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        assert time.monotonic() - begun < 15
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["status"] == "ok"
    assert token not in err
    assert "Traceback" not in err

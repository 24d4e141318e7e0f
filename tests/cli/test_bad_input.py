"""Whatever is wrong gets one line that says what, where and what to do; and changes nothing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deployer.cli import app
from deployer.cli.ending import Ending
from deployer.cli.main import cli
from deployer.errors import AccessProblem
from deployer.wiring.endpoint import require_endpoint
from tests.cli.conftest import Staged

ROOT = Path(__file__).parents[2]
WINDOWS = """
[service]
name = "shop"
[environments.lab]
region = "us-east-1"
zones = ["us-east-1a", "us-east-1b"]
image = "ami-03c3da4cfa8e8943a"
"""

CASES = {
    "unknown release": (("canary", "v9"), "no release v9: s3://artifacts/shop/v9.tar.gz"),
    "weights that are no numbers": (("canary", "v2", "--weights", "5;25"), "is not a share"),
    "weights that do not rise": (("canary", "v2", "--weights", "25,5"), "shares must rise"),
    "weights above the whole": (("canary", "v2", "--weights", "5,101"), "percent from 0 to 100"),
    "weights that include all": (("canary", "v2", "--weights", "5,100"), "shares must rise"),
    "weights that are too fine": (("canary", "v2", "--weights", "0.05"), "0.1 at the finest"),
    "no weights": (("canary", "v2", "--weights", ""), "is not a share"),
    "a bake without a unit": (("canary", "v2", "--bake", "10"), "write 90s, 10m, 2h or 1h30m"),
    "a bake that is too long": (("canary", "v2", "--bake", "8d"), "a duration from 0s to 7d"),
    "a linger that is no duration": (("canary", "v2", "--linger", "soon"), "is not a duration"),
    "an unknown deployment": (("show", "20990101-000000-ffff"), "20990101-000000-ffff"),
    "an environment that is not there": (
        ("--env", "moon", "status"),
        "no environment 'moon'; there is: sim",
    ),
    "nothing to abort": (("abort",), "nothing is being deployed in shop/sim"),
    "no release at all": (("canary",), "Missing argument 'RELEASE'"),
    "no such command": (("ship", "v2"), "No such command 'ship'"),
    "a command written nearly right": (("canry", "v2"), "Did you mean 'canary'?"),
    "two files of one name": (
        ("report", "--html", "x/../story", "--json", "story"),
        "the second would replace the first",
    ),
    "no such option": (("canary", "v2", "--fast"), "No such option '--fast'"),
    "a limit that is no number": (("history", "--limit", "0"), "--limit"),
}


@pytest.mark.parametrize(("arguments", "words"), CASES.values(), ids=list(CASES))
def test_it_is_refused(staged: Staged, arguments: tuple[str, ...], words: str) -> None:
    shop = staged()
    done = shop.run(*arguments)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) in (1, 4)  # ours, or click's usage and error
    assert shop.play.cloud.changes == []
    assert shop.records == []


@pytest.mark.parametrize(("arguments", "words"), CASES.values(), ids=list(CASES))
def test_a_program_learns_it_from_the_result(
    staged: Staged, arguments: tuple[str, ...], words: str
) -> None:
    documents, status = staged().json(*arguments)
    assert status == 2
    assert [(d["event"], d["status"], d["exit_code"]) for d in documents] == [
        ("result", "error", 2)
    ]
    assert words.strip("'") in documents[0]["reason"] or "argument" in words


def test_no_settings(staged: Staged, tmp_path: Path) -> None:
    done = staged().run("--config", str(tmp_path / "elsewhere" / "deployer.toml"), "status")
    assert done.exit_code == 2
    assert f"deployer.toml not found in {tmp_path}/elsewhere: run this where it lies" in done.stderr


def test_an_unknown_setting(staged: Staged) -> None:
    shop = staged()
    shop.config.write_text(shop.config.read_text() + "\n[probe]\nretries = 3\n")
    done = shop.run("promote")
    assert done.exit_code == 2
    assert "probe.retries is not a setting" in done.stderr
    assert shop.connections == []


def test_several_environments_and_none_named(staged: Staged) -> None:
    shop = staged()
    text = shop.config.read_text()
    shop.config.write_text(
        text + text[text.index("[env") : text.index("[can")].replace("sim", "qa")
    )
    done = shop.run("promote")
    assert done.exit_code == 2
    assert "name an environment with --env: sim, qa" in done.stderr
    assert shop.run("status", DEPLOYER_ENV="qa").exit_code == 0


def run_on_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *arguments: str) -> tuple[int, str]:
    """The real wiring, with no network, no credentials and no configuration of this machine."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    done = CliRunner().invoke(cli, arguments, prog_name="deployer")
    return done.exit_code, done.stderr


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, staged: Staged) -> None:
    config = staged().config
    status, said = run_on_aws(monkeypatch, tmp_path, "--config", str(config), "canary", "v2")
    assert status == 2
    assert "no usable AWS credentials" in said
    assert "AWS_PROFILE" in said
    assert len(said.splitlines()) == 1


def test_a_clock_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, staged: Staged
) -> None:
    monkeypatch.setenv("DEPLOYER_CLOCK", "noon")
    config = staged().config
    status, said = run_on_aws(monkeypatch, tmp_path, "--config", str(config), "status")
    assert status == 2
    assert "DEPLOYER_CLOCK='noon' is not ORIGIN@SCALE" in said


def test_suggested_commands_repeat_the_options_that_were_typed(staged: Staged) -> None:
    shop = staged(weights=None)
    done = shop.run("--env", "sim", "rollback")
    assert "`deployer --env sim canary RELEASE` ships" in done.stderr


def test_an_unexpected_error_is_one_line_that_says_how_to_learn_more(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = staged()

    def break_it() -> None:
        raise ZeroDivisionError("oh")

    shop.play.gate.hooks["cloud.observe"] = break_it
    done = shop.run("status")
    assert done.exit_code == 1
    assert done.stderr == (
        "Error: unexpected ZeroDivisionError: oh (for the traceback: DEPLOYER_DEBUG=1 deployer ...)\n"
    )
    debugged = shop.run("status", DEPLOYER_DEBUG="1")
    assert isinstance(debugged.exception, ZeroDivisionError)


def test_a_flags_value_that_is_not_allowed_is_told_by_the_flag(staged: Staged) -> None:
    shop = staged()
    for flag in ("--bake", "--linger"):
        done = shop.run("canary", "v2", flag, "8d")
        assert done.exit_code == 2
        assert (
            done.stderr == f'Error: {flag} = "8d": must be a duration from 0s to 7d, such as 10m\n'
        )


@pytest.mark.parametrize("command", ["canary --approve 5", "blue-green --approve"])
def test_approval_of_a_first_release_is_refused_not_ignored(staged: Staged, command: str) -> None:
    shop = staged(weights=None)
    name, *flags = command.split()
    done = shop.run(name, "v1", *flags)
    assert done.exit_code == 2
    assert "approval is asked for, but v1 is the first release here" in done.stderr
    assert "--approve none" in done.stderr
    assert shop.play.cloud.changes == []


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB"])
@pytest.mark.parametrize("address", ["garbage", "http://", "ftp://x", "http://[", "http://h:port"])
def test_an_endpoint_that_is_none_is_one_clear_line(name: str, address: str) -> None:
    with pytest.raises(AccessProblem, match=f"^{name}=.* is no address: unset it") as refused:
        require_endpoint({name: address})
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("address", ["", "http://localhost:4566", "https://vpce.example"])
def test_an_endpoint_that_is_one_is_fine(address: str) -> None:
    require_endpoint({"AWS_ENDPOINT_URL": address, "AWS_REGION": "x"})


@pytest.mark.parametrize("arguments", ["--help", "canary --help", "lab --help"])
def test_output_that_cannot_be_written_is_told(arguments: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "deployer.cli.main", *arguments.split()],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


NOWHERE = {"closed": ">&-", "closed all": ">&- 2>&- <&-"}


def at_a_shell(folder: Path, words: str) -> subprocess.CompletedProcess[str]:
    """`deployer` with what a shell does to its streams; the settings are in `folder`."""
    (folder / "deployer.toml").write_text(WINDOWS)
    return subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m deployer.cli.main {words}"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("arguments", ["windows", "--output json windows"])
def test_a_page_that_cannot_be_written_is_no_success(tmp_path: Path, arguments: str) -> None:
    done = at_a_shell(tmp_path, f"--env lab {arguments} > /dev/full")
    assert (done.returncode, done.stderr) == (
        1, "Error: the output cannot be written: No space left on device\n",
    )  # fmt: skip


@pytest.mark.parametrize("where", NOWHERE.values(), ids=list(NOWHERE))
@pytest.mark.parametrize("arguments", ["windows", "--output json windows"])
def test_streams_that_are_closed_change_no_status(
    tmp_path: Path, arguments: str, where: str
) -> None:
    done = at_a_shell(tmp_path, f"--env lab {arguments} {where}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize(("status", "code"), [("shipped", 0), ("ok", 1), ("error", 2)])
def test_a_deployment_keeps_its_status_where_nobody_can_be_told(
    output: str, status: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with click.Context(cli) as ctx:
        ctx.params = {"output": output, "config": "deployer.toml", "env": None}
        app.unwritten_of(ctx).append(OSError(errno.ENOSPC, "No space left on device"))
        assert app.say_result(ctx, Ending(status, 2 if status == "error" else 0)) == code
    assert "the output cannot be written: No space left on device\n" in capsys.readouterr().err


def test_an_endless_word_is_cut_off_in_the_line_for_people(staged: Staged) -> None:
    done = staged().run("canary", "v" * 3000)
    assert done.exit_code == 2
    assert f"no release {'v' * 80}…" in done.stderr
    assert len(done.stderr) < 400

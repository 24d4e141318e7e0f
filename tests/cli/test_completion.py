"""What a shell offers: commands, options, environments, releases, deployments; quickly, and silently."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from deployer.cli import offering
from deployer.cli.group import COMMANDS, COMPLETING, loaded
from deployer.cli.main import cli
from deployer.cli.offering import FRESH_S, Past, keep, recalled
from deployer.cli.unloaded import FIRST
from tests.cli import shells
from tests.cli.conftest import Staged
from tests.cli.stage import SETTINGS, Stage
from tests.documents.reading import shown
from tests.downloads import Unreachable

ROOT = Path(__file__).parents[2]
TWO = SETTINGS.replace("[canary]", "[environments.prod]\nregion = 'us-east-1'\n\n[canary]")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def offers(config: Path, line: str, connect: Any = None) -> dict[str, str]:
    """What zsh is offered at the end of `line`, with what is said of it."""
    words = line.split(" ")
    env = {
        COMPLETING: "zsh_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1),
        "DEPLOYER_CONFIG": str(config),
    }  # fmt: skip
    done = CliRunner(env=env).invoke(cli, [], obj=connect, prog_name="deployer")
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    return dict(zip(lines[1::3], lines[2::3], strict=True))


def on(shop: Stage, line: str) -> dict[str, str]:
    return offers(shop.config, line, shop.connect)


def test_commands_and_their_help(tmp_path: Path) -> None:
    assert list(offers(tmp_path / "no.toml", "deployer ")) == list(COMMANDS)
    assert offers(tmp_path / "no.toml", "deployer can") == {"canary": COMMANDS["canary"].help}


def test_options_of_a_command(staged: Staged) -> None:
    assert "--bake" in on(staged(), "deployer canary v2 --b")
    assert set(on(staged(), "deployer --o")) == {"--output"}


def test_a_fleets_id_is_no_deployments(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    assert on(shop, "deployer show ")
    assert on(shop, "deployer show --fleet ") == {}


def test_a_value_is_completed_without_its_command_and_after_its_options_too(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    loads: list[str] = []

    def load(name: str) -> click.Command:
        loads.append(name)
        return loaded(name)

    monkeypatch.setattr("deployer.cli.group.loaded", load)
    assert list(on(shop, "deployer canary ")) == ["v2"]
    assert on(shop, "deployer canary v2 ") == {}
    assert loads == []
    assert list(on(shop, "deployer canary --auto ")) == ["v2"]
    assert set(on(shop, "deployer canary --capacity ")) == {"full", "matched"}
    assert loads == ["canary", "canary"]


def test_what_stands_for_a_command_offers_what_the_command_does() -> None:
    said: dict[str, Any] = {}
    for name in COMMANDS:
        values = [param for param in loaded(name).params if isinstance(param, click.Argument)]
        if values and values[0]._custom_shell_complete is not None:
            said[name] = values[0]._custom_shell_complete
    assert said == dict(FIRST)


def test_answers_of_a_choice(staged: Staged) -> None:
    assert set(on(staged(), "deployer --output ")) == {"text", "json"}
    assert set(on(staged(), "deployer completion ")) == {"bash", "zsh", "fish"}


def test_environments_come_from_the_settings_that_are_named(tmp_path: Path) -> None:
    config = tmp_path / "deployer.toml"
    config.write_text(TWO)
    assert set(offers(config, "deployer --env ")) == {"prod", "sim"}
    assert set(offers(config, "deployer --env p")) == {"prod"}
    other = tmp_path / "other.toml"
    other.write_text(SETTINGS)
    assert set(offers(config, f"deployer --config {other} --env ")) == {"sim"}
    assert set(offers(config, "deployer teardown ")) == {"prod", "sim"}


def test_releases_and_deployments_come_from_the_journal(staged: Staged) -> None:
    shop = staged()
    for release in ("v2", "v3"):
        assert shop.run("canary", release).exit_code == 0
    assert list(on(shop, "deployer canary ")) == ["v3", "v2"]
    assert on(shop, "deployer rollback v2").keys() == {"v2"}
    assert list(on(shop, "deployer history --release ")) == ["v3", "v2"]
    ids = on(shop, "deployer show ")
    assert list(ids) == [record.id for record in shop.records]
    assert ids[shop.records[0].id].startswith("v3 shipped, ")
    assert list(on(shop, f"deployer --env sim report {shop.records[1].id[:8]}"))


def test_what_was_read_is_remembered_for_a_minute(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    before = shop.commands
    for _ in range(3):
        assert list(on(shop, "deployer canary ")) == ["v2"]
    assert shop.commands == before + 1
    (kept,) = (Path(os.environ["XDG_CACHE_HOME"]) / offering.FOLDER).iterdir()
    old = kept.stat().st_mtime - 2 * FRESH_S
    os.utime(kept, (old, old))
    on(shop, "deployer canary ")
    assert shop.commands == before + 2


def test_where_nobody_answers_the_last_answer_is_offered(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    on(shop, "deployer show ")
    (kept,) = (Path(os.environ["XDG_CACHE_HOME"]) / offering.FOLDER).iterdir()
    os.utime(kept, (1.0, 1.0))

    def refuse(_: Any) -> Any:
        raise RuntimeError("no credentials")

    assert list(offers(shop.config, "deployer canary ", refuse)) == ["v2"]
    kept.write_text("[1, 2")
    assert offers(shop.config, "deployer canary ", refuse) == {}


@pytest.mark.parametrize("text", [None, "", "x = [", "[environments]\n", "environments = 3\n", TWO])
def test_what_cannot_be_known_is_not_offered_and_nothing_is_said(
    text: str | None, tmp_path: Path
) -> None:
    config = tmp_path / "deployer.toml"
    if text is not None:
        config.write_text(text)
    assert offers(config, "deployer canary ") == {}
    assert offers(config, "deployer --env moon show ") == {}


def test_a_command_that_is_not_installed_offers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.setattr("deployer.cli.group.find_spec", lambda _: None)
    assert offers(tmp_path / "no.toml", "deployer lab ") == {}


def test_another_process_reads_and_nobody_waits_for_it_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks a server that never answers; it has nothing to write to, and ends by itself."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setattr(offering, "PATIENCE_S", 0.01)
        config = tmp_path / "deployer.toml"
        config.write_text(SETTINGS)
        assert offers(config, "deployer show ") == {}


def test_a_cache_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep(tmp_path / "file" / "x.json", Past({}, {}))
    assert recalled(tmp_path / "file" / "x.json") == (Past({}, {}), 0.0)


def test_what_is_kept_is_what_was_found(tmp_path: Path) -> None:
    found = Past({"id": "v1 shipped"}, {"v1": "shipped"})
    keep(tmp_path / "a" / "x.json", found)
    assert recalled(tmp_path / "a" / "x.json")[0] == found
    assert [each.name for each in (tmp_path / "a").iterdir()] == ["x.json"]


@pytest.fixture
def program(tmp_path: Path) -> Mapping[str, str]:
    """`deployer` of this tree on the PATH of a shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    file = folder / "deployer"
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m deployer.cli.main "$@"\n')
    file.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def shell(name: str, script: str, program: Mapping[str, str], folder: Path) -> str:
    """What a real one says that starts in `folder`, which is the home of whoever starts it."""
    try:
        start, more = (["bash"], {}) if name == "bash" else shells.command(name, folder)
    except Unreachable as error:
        pytest.skip(f"no real {name}: {error}")
    done = subprocess.run(
        [*start, "-c", script], check=False, capture_output=True, text=True,
        env={**program, **more}, cwd=folder,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_bash_completes(program: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "deployer.toml").write_text(TWO)
    told = shell(
        "bash",
        'eval "$(deployer completion bash)"\n'
        "COMP_WORDS=(deployer --env '') COMP_CWORD=2; _deployer_completion deployer\n"
        'echo "${COMPREPLY[@]}"\n'
        "COMPREPLY=() COMP_WORDS=(deployer blue) COMP_CWORD=1; _deployer_completion deployer\n"
        'echo "${COMPREPLY[@]}"\n',
        program,
        tmp_path,
    )
    assert told.splitlines() == ["sim prod", "blue-green"]


@pytest.mark.timeout(300)  # it may be fetched first
def test_zsh_completes(program: Mapping[str, str], tmp_path: Path) -> None:
    """What it would show is printed: `compadd` shows nothing but below a line that somebody types."""
    (tmp_path / "deployer.toml").write_text(TWO)
    (line,) = shown("tests/cli/test_completion.py::test_zsh_completes")
    (tmp_path / ".zshrc").write_text(f"autoload -U compinit; compinit -u -D\n{line}\n")
    told = shell(
        "zsh",
        "source ~/.zshrc; print $_comps[deployer]\n"
        "compadd() { print -l -- $completions }\n"
        "words=(deployer --env '') CURRENT=3; $_comps[deployer]\n",
        program,
        tmp_path,
    )
    assert told.split() == ["_deployer_completion", "sim", "prod"]


@pytest.mark.timeout(300)  # it may be fetched first
def test_fish_completes(program: Mapping[str, str], tmp_path: Path) -> None:
    """As soon as the file is there, in the next shell."""
    (tmp_path / "deployer.toml").write_text(TWO)
    for line in shown("tests/cli/test_completion.py::test_fish_completes"):
        assert shell("fish", line, program, tmp_path) == ""
    told = shell("fish", "complete -C 'deployer --env '\n", program, tmp_path)
    assert [line.split("\t")[0] for line in told.splitlines()] == ["prod", "sim"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_names_the_program_and_its_variable(name: str) -> None:
    done = CliRunner().invoke(cli, ["completion", name], prog_name="deployer")
    assert done.exit_code == 0
    assert f"{COMPLETING}={name}_complete" in done.stdout
    assert "deployer" in done.stdout


def test_a_programs_output_is_json_all_the_same() -> None:
    done = CliRunner().invoke(cli, ["--output", "json", "completion", "bash"])
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["event"] for line in lines] == ["script", "result"]
    assert COMPLETING in lines[0]["text"]


def test_another_shell_is_refused() -> None:
    assert CliRunner().invoke(cli, ["completion", "tcsh"]).exit_code == 2

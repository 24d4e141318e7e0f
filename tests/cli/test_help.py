"""Help reads like a manual, costs nothing, and says the same everywhere."""

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from deployer.cli.group import COMMANDS
from deployer.cli.main import cli

OURS = [name for name, entry in COMMANDS.items() if not entry.needs]


def python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )


def help_of(*arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="deployer")
    assert done.exit_code == 0
    return done.stdout


def test_help_imports_nothing_heavy() -> None:
    heavy = ("boto3", "botocore", "aws_cdk", "moto", "rich")
    done = python(
        "import sys; from deployer.cli.main import cli\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], file=sys.stderr)"
    )
    assert "Commands:" in done.stdout
    assert done.stderr == "[]\n"


EMPTY = "import click\n@click.group()\ndef cli(): pass\n"
OURS_ONLY = "from deployer.cli.main import cli\n"


def modules_of_help(program: str) -> set[str]:
    """What is in memory when `--help` of a program has been shown."""
    done = python(
        f"import sys\n{program}\n"
        "try: cli(['--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    assert done.stdout.startswith("Usage:")
    return set(done.stderr.split())


def test_help_imports_little_more_than_an_empty_click_program() -> None:
    more = modules_of_help(OURS_ONLY) - modules_of_help(EMPTY)
    ours = {name for name in more if name.split(".")[0] == "deployer"}
    assert {"deployer.cli.main", "deployer.cli.group"} <= ours
    assert len(ours) <= 8, ours
    assert len(more - ours) <= 4, more - ours


def test_no_commands_help_imports_an_aws_library() -> None:
    """All in one process: who is named first is to blame."""
    done = python(
        "import sys; from deployer.cli.main import cli\n"
        f"for name in {OURS!r}:\n"
        "    try: cli([name, '--help'])\n"
        "    except SystemExit: pass\n"
        "    found = [m for m in ('boto3', 'aws_cdk', 'moto') if m in sys.modules]\n"
        "    print(name, *found, file=sys.stderr)"
    )
    assert done.stdout.count("Usage: ") == len(OURS)
    assert done.stderr.splitlines() == OURS


@pytest.mark.parametrize(
    "arguments", [("recommend", "--traffic", "9"), ("completion", "zsh"), ("replay", "none.jsonl")]
)
def test_what_asks_nobody_imports_no_aws_library(arguments: tuple[str, ...]) -> None:
    done = python(
        "import sys; from deployer.cli.main import cli\n"
        f"try: cli({list(arguments)!r})\n"
        "except SystemExit: pass\n"
        "print([m for m in ('boto3', 'moto') if m in sys.modules], file=sys.stderr)"
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_version() -> None:
    done = CliRunner().invoke(cli, ["--version"])
    assert done.exit_code == 0
    assert done.stdout.startswith("deployer ")


@pytest.mark.parametrize("name", OURS)
def test_every_manual_has_purpose_exit_status_and_example(name: str) -> None:
    text = help_of(name)
    assert COMMANDS[name].help in text
    assert "Exit status: 0" in text
    assert (
        f"Example:     deployer {'' if name not in ('deploy', 'status') else '--env prod '}{name}"
        in text
    )
    assert "\\b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_an_option_tells_of_its_own_command_only() -> None:
    assert "rollback RELEASE" not in help_of("abort")
    assert "never" in help_of("rollback").partition("served here")[0]


def lab_commands() -> list[str]:
    group = cli.get_command(click.Context(cli), "lab")
    assert isinstance(group, click.Group)
    return group.list_commands(click.Context(group))


@pytest.mark.parametrize("name", lab_commands())
def test_so_has_every_manual_of_the_lab(name: str) -> None:
    text = help_of("lab", name)
    assert "Exit status: " in text
    assert re.search(rf"Example: .*deployer lab {name}\b", text)
    assert all(len(line) <= 88 for line in text.splitlines())


def test_the_labs_commands_are_in_the_order_of_their_use() -> None:
    commands = lab_commands()
    assert (commands[0], commands[-1]) == ("up", "down")
    assert "..." not in help_of("lab").split("Commands:")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(limit=100) == COMMANDS[name].help
    assert COMMANDS[name].help in " ".join(help_of().split())


def test_without_the_lab_there_is_one_clear_line() -> None:
    done = python(
        "import sys; sys.modules['moto'] = None\n"
        "from deployer.cli.main import main; sys.argv = ['deployer', 'lab', 'up']; main()"
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "Error: `deployer lab` needs the lab, which is not installed: pip install 'deployer[lab]'\n"
    )

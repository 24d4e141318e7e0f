"""`--output json` is what the types say, and what it was when programs were written for it."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from deployer.cli.main import cli
from deployer.render.schema_events import EVENTS, SAYS
from docs.generate.documents import keys
from tests.cli.recorded import KINDS, SAMPLES, WHOLE, hold, name_of, paths, still_said
from tests.cli.samples import Said, said

ROOT = Path(__file__).parents[2]
FILES = sorted(SAMPLES.glob("*.json"))
ELSEWHERE = {
    "sweep": "tests/idle/test_command.py",
    "published": "tests/contract/test_publish_command.py",
    "dashboard": "tests/dashboard/test_command.py",
}
"""Events whose commands need AWS's API or a browser: the test that runs them holds them to their samples."""
WITHOUT_EVENTS = {
    "lab": "one object, without `event`: the keys that its --help names",
    "demo": "one object, without `event`: it shows, and deploys nothing of anybody's",
}


@cache
def documents() -> tuple[Said, ...]:
    return tuple(said())


def newest(event: str) -> list[dict[str, Any]]:
    return [each for _, each in documents() if name_of(each) == event]


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """All that can be typed: `canary`, `lab up`."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield before + name, command


@pytest.mark.parametrize("command", SAYS)
def test_everything_that_is_said_is_held_to_its_type_and_its_sample(command: str) -> None:
    own = [each for name, each in documents() if name == command]
    elsewhere = {event for event in SAYS[command] if event in ELSEWHERE}
    assert own or elsewhere, f"tests/cli/samples.py does not run {command}"
    hold(command, own)


@pytest.mark.parametrize("event", [*EVENTS, WHOLE])
def test_every_event_has_a_sample_and_something_says_it(event: str) -> None:
    assert SAMPLES / f"{event}.json" in FILES, f"record {event}: python -m tests.cli.samples"
    if event in ELSEWHERE:
        assert "hold(" in (ROOT / ELSEWHERE[event]).read_text(encoding="utf-8")
    else:
        still_said(event, newest(event))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_sample_is_of_a_type_that_there_is(file: Path) -> None:
    found = json.loads(file.read_text(encoding="utf-8"))
    assert name_of(found) == file.stem
    msgspec.convert(found, KINDS[file.stem])


def test_no_command_is_forgotten() -> None:
    typed = {name for name, _ in commands(cli)}
    assert {name.partition(" ")[0] for name in typed} == {*SAYS, *WITHOUT_EVENTS}
    every = {event for events in SAYS.values() for event in events}
    assert every | {"result"} == set(EVENTS)


@pytest.mark.parametrize("name", [name for name, _ in commands(cli) if name.startswith("lab ")])
def test_what_the_lab_says_is_named_in_its_help(name: str) -> None:
    """Two hand the terminal over, two print for a shell, and one says `lab env`'s own variables."""
    command = dict(commands(cli))[name]
    silent = {"lab cdk", "lab console", "lab env"}
    assert ("JSON" in (command.help or "")) is (name not in silent)


@pytest.mark.parametrize("event", ["change", "published", "fleet", "advice"])
def test_a_key_that_is_gone_renamed_new_or_of_another_type_is_found(event: str) -> None:
    good = json.loads((SAMPLES / f"{event}.json").read_text(encoding="utf-8"))
    command = next(name for name, events in SAYS.items() if event in events)
    hold(command, [good])
    for key in good:
        gone = {k: v for k, v in good.items() if k != key}
        for bad in (gone, {**gone, f"{key}_2": good[key]}, {**good, key: object()}):
            with pytest.raises((msgspec.ValidationError, AssertionError, KeyError)):
                hold(command, [bad])
    with pytest.raises(AssertionError, match="schema"):
        hold(command, [{**good, "more": 1}])


def test_a_key_deep_inside_that_is_gone_is_found() -> None:
    found = json.loads((SAMPLES / "fleet.json").read_text(encoding="utf-8"))
    assert "waves[].environments[].phase" in set(paths(found))
    for member in (each for wave in found["waves"] for each in wave["environments"]):
        member["state"] = member.pop("phase")
    with pytest.raises(AssertionError, match=r"waves\[\]\.environments\[\]\.phase"):
        still_said("fleet", [found])


def test_a_key_that_may_be_missing_may_still_not_go() -> None:
    """A type has it with a default, since not every one has it; a sample that has it keeps it."""
    plan = json.loads((SAMPLES / "status.json").read_text(encoding="utf-8"))
    del plan["freeze"]
    msgspec.convert(plan, KINDS["status"])
    with pytest.raises(AssertionError, match="freeze"):
        hold("status", [plan])


@pytest.mark.parametrize("kind", set(KINDS.values()), ids=lambda kind: kind.__name__)
def test_every_key_is_explained(kind: type[msgspec.Struct]) -> None:
    assert all(words for _, _, words in keys(kind))

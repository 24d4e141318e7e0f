"""The facts block: what bash executes on EC2 is what anybody else reads with shlex."""

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import SettingsInvalid
from deployer.lab.instances import facts as lab_facts
from deployer.settings.checking import struct
from deployer.settings.schema import ServiceSettings
from stacks.user_data import BEGIN, BOOTSTRAP, END, facts, quoted, user_data, with_facts

CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
LINES = st.text(CHARACTERS, min_size=1, max_size=200)
SERVICES = st.builds(
    ServiceSettings,
    name=st.just("shop"),
    port=st.integers(1024, 65_535),
    start=LINES,
    health_path=st.just("/health?deep=1&x='y'"),
)


def read(script: str) -> dict[str, str]:
    """The facts of a script, the way the lab reads them."""
    lines = script.split("\n")
    block = lines[lines.index(BEGIN) + 1 : lines.index(END)]
    return dict(word.split("=", 1) for line in block for word in shlex.split(line))


@given(SERVICES)
def test_facts_survive_the_round_trip(service: ServiceSettings) -> None:
    assert read(user_data(service)) == facts(service)


@given(SERVICES)
def test_the_lab_reads_the_same_facts(service: ServiceSettings) -> None:
    found = lab_facts.service(user_data(service))
    assert (found.start, found.port, found.health_path) == (
        service.start,
        service.port,
        service.health_path,
    )


@given(LINES)
def test_every_line_of_text_is_a_valid_start_command(start: str) -> None:
    assert struct(ServiceSettings, {"name": "shop", "start": start}, "test").start == start


@pytest.mark.parametrize("start", ["", "a\nb", "a\tb", "a\x00", "a\x85b", "a\u2028b", "x" * 4097])
def test_a_start_command_that_is_no_line_is_refused(start: str) -> None:
    with pytest.raises(SettingsInvalid, match="must be one line of text"):
        struct(ServiceSettings, {"name": "shop", "start": start}, "test")


@pytest.mark.parametrize(
    "start",
    ["python3 app.py", "it's", '"$HOME" `id` $(id) \\ !x', "a=b; c & d | e > f", "# x", "é"],
)
def test_bash_reads_the_same_facts(start: str) -> None:
    service = ServiceSettings(name="shop", start=start)
    script = user_data(service).split(END)[0] + 'printf "%s\\0" "$SERVICE_START" "$SERVICE_PORT"\n'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0") == [start, "8080", ""]


def test_the_script_itself_holds_the_defaults() -> None:
    assert read(BOOTSTRAP.read_text()) == facts(ServiceSettings(name="shop"))


def test_facts_come_first_and_the_rest_is_the_script() -> None:
    script = user_data(ServiceSettings(name="shop", port=9000))
    assert script.startswith(f"#!/usr/bin/env bash\n{BEGIN}\nSERVICE_START='python3 app.py'\n")
    assert script.split(END)[1] == BOOTSTRAP.read_text().split(END)[1]


def test_every_value_is_quoted_even_a_number() -> None:
    assert quoted("8080") == "'8080'"


@pytest.mark.parametrize("script", ["", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n{END}\n" * 2])
def test_a_script_without_its_markers_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match="needs one line"):
        with_facts(script, {})


def test_user_data_is_under_the_limit_of_ec2() -> None:
    longest = ServiceSettings(name="s" * 32, start="x" * 4096, health_path="/" + "y" * 1023)
    assert len(user_data(longest).encode()) < 16_384

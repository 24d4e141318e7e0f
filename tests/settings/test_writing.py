"""Settings written into files of people: what they wrote stays, byte by byte, and nothing else changes."""

import tomllib
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import SettingsInvalid
from deployer.settings.writing import edited

PLAIN = """# The shop.
[service]
name = "shop"      # as in the stacks

[canary]
bake = "20m"  # for all of them

[environments.lab]
region = "us-east-1"

# Users.
[environments.prod]
region = "us-east-1"   # since 2019
strategy = "rolling"   # for now

[environments.prod.canary]
# We tried 5m.
bake = "10m"

[environments.prod.probe]
path = "/"
"""
VALUES = {
    "environment.strategy": "canary", "canary.bake": "5m", "canary.weights": (10, 50),
    "analysis.probes": 6,
}  # fmt: skip


def test_comments_order_and_everything_else_stay() -> None:
    lines = edited(PLAIN, "prod", VALUES).splitlines()
    assert 'strategy = "canary"   # for now' in lines
    for line in PLAIN.splitlines():
        if not line.startswith(("strategy", 'bake = "10m"')):
            assert line in lines
    at = lines.index("# We tried 5m.")
    assert lines[at + 1] == 'bake = "5m"'
    assert lines[at + 2] == "weights = [10, 50]"
    assert [line for line in lines if line.startswith("[")] == [
        "[service]", "[canary]", "[environments.lab]", "[environments.prod]",
        "[environments.prod.canary]", "[environments.prod.probe]", "[environments.prod.analysis]",
    ]  # fmt: skip


LAYOUTS = {
    "plain": PLAIN,
    "the environment's sections come first": (
        "[environments.prod.canary]\nbake='1m'\n[environments.prod]\nregion='r'\n"
    ),
    "elsewhere between others": (
        "[environments.prod]\nregion='r'\n[service]\nname='s'\n[environments.lab]\nregion='r'\n"
        "[environments.prod.canary]\nbake='1m' # c\n[release]\nimage=''\n"
    ),
    "inline": "environments = {prod = {region = 'r', canary = {bake = '1m'}}}\n",
    "inline section": "[environments.prod]\nregion='r'\ncanary = { bake = '1m' } # here\n",
    "dotted": "[environments]\nprod.region = 'r'\nprod.canary.bake = '1m'\n",
    "dotted sections": "[environments.prod]\nregion='r'\ncanary.bake = '1m'\n",
    "quoted": "['environments'.\"prod\"]\nregion='r'\n",
    "no line end": "[environments.prod]\nregion='r'",
    "existing": "[environments.prod]\nregion='r'\n[environments.prod.existing]\nlistener='l'\n",
    "windows": PLAIN.replace("\n", "\r\n"),
    "marked": "\ufeff" + PLAIN,
    "tables in lists": (
        "[environments.prod]\nregion='r'\n[environments.prod.analysis]\nalpha=0.1\n"
        "[[environments.prod.analysis.metrics]]\nname='x'\n[environments.prod.analysis.metrics.series]\n"
        "a={namespace='N',metric='M'}\n"
    ),
}  # fmt: skip


def parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text.removeprefix("\ufeff"))


def put(document: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    own = document["environments"]["prod"]
    for key, value in values.items():
        section, _, name = key.partition(".")
        place = own if section == "environment" else own.setdefault(section, {})
        place[name] = list(value) if isinstance(value, tuple) else value
    return document


CANNOT = "dotted"


@pytest.mark.parametrize("layout", sorted({*LAYOUTS} - {CANNOT}))
def test_however_a_file_is_laid_out(layout: str) -> None:
    text = LAYOUTS[layout]
    made = edited(text, "prod", VALUES)
    assert parsed(made) == put(parsed(text), VALUES)
    assert edited(made, "prod", VALUES) == made
    assert made.count("\r\n") == (made.count("\n") if "\r\n" in text else 0)
    assert made.startswith("\ufeff") == text.startswith("\ufeff")


def test_what_cannot_be_edited_is_told_with_the_rows_to_write_by_hand() -> None:
    """Never a file that says something else."""
    with pytest.raises(SettingsInvalid, match=r'canary\.bake = "5m"; canary\.weights = \[10, 50\]'):
        edited(LAYOUTS[CANNOT], "prod", VALUES)


keys = st.sampled_from(["canary.bake", "canary.linger", "rolling.bake", "environment.strategy"])


@given(
    st.dictionaries(keys, st.sampled_from(["1m", "2m", "# not a comment", 'a"b', "\\"])),
    st.sampled_from(sorted(LAYOUTS)),
)
def test_whatever_is_written_is_what_is_read(values: dict[str, str], layout: str) -> None:
    text = LAYOUTS[layout]
    if layout != CANNOT:
        assert parsed(edited(text, "prod", values)) == put(parsed(text), values)

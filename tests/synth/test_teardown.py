"""What may be torn down says so on every resource; nothing else does."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.topology import CLASS_TAG, EPHEMERAL, EXPIRES_TAG, SERVICE_TAG
from tests.synth.conftest import PARTS, Templates


def tagged(value: Any, key: str) -> Iterator[str]:
    """The values of the tag `key` anywhere below `value`."""
    if isinstance(value, list):
        for each in value:
            yield from tagged(each, key)
    elif isinstance(value, dict):
        if value.get("Key") == key:
            yield value["Value"]
        for each in value.values():
            yield from tagged(each, key)


@pytest.mark.parametrize("part", PARTS)
def test_what_carries_the_services_name_is_ephemeral_too(shapes: Templates, part: str) -> None:
    for name, resource in shapes.template(part, "warm")["Resources"].items():
        ours = list(tagged(resource, SERVICE_TAG))
        assert list(tagged(resource, CLASS_TAG)) == [EPHEMERAL] * len(ours), name
        assert list(tagged(resource, EXPIRES_TAG)) == ["2027-01-31T18:00Z"] * len(ours), name


def test_the_stacks_themselves_are_tagged(shapes: Templates) -> None:
    manifest = json.loads((shapes.directory / "manifest.json").read_text())["artifacts"]
    for part in PARTS:
        tags = manifest[f"shop-warm-{part}"]["properties"]["tags"]
        assert tags[CLASS_TAG] == EPHEMERAL


@pytest.mark.parametrize("part", ["control", "service", "monitoring"])
@pytest.mark.parametrize("environment", ["secure", "adopted"])
def test_nothing_else_is(shapes: Templates, part: str, environment: str) -> None:
    template = shapes.template(part, environment)
    assert not [*tagged(template, CLASS_TAG), *tagged(template, EXPIRES_TAG)]

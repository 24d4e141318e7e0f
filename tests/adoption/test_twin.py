"""The commands that make the twin, and those that pin a group: a shell reads them as they are meant."""

import json
import subprocess
from typing import Any

import pytest

from deployer.aws.verify import fleet, twin
from deployer.model import Slot
from tests.adoption.world import TEMPLATES, World

BLUE = Slot.BLUE
MIXED: dict[str, Any] = {
    "LaunchTemplate": {
        "LaunchTemplateSpecification": {"LaunchTemplateId": TEMPLATES[BLUE], "Version": "4"},
        "Overrides": [{"InstanceType": "m7g.large"}, {"InstanceType": "m6g.large"}],
    },
    "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": 50},
}
# What describe-launch-template-versions answers, with what create-launch-template does not take.
DATA = {
    "ImageId": "ami-1",
    "MetadataOptions": {"State": "pending", "HttpTokens": "required"},
    "NetworkInterfaces": [{"Ipv6Addresses": [{"Ipv6Address": "::1", "IsPrimaryIpv6": False}]}],
    "Operator": {"Managed": False},
}
AWS = """
aws() {
  case "$2" in
    describe-launch-template-versions) printf %s "$DATA" ;;
    describe-launch-templates) printf 7 ;;
    *) printf '%s\\0' "$@" >>"$OUT"; printf '\\n' >>"$OUT"; printf 'made-%s' "$2" ;;
  esac
}
"""


def typed(lines: tuple[str, ...], tmp_path: Any) -> list[list[str]]:
    """What each `aws` that changes something is given, when a shell runs the lines."""
    out = tmp_path / "out"
    out.write_text("")
    script = "set -eu\n" + AWS + "\n".join(lines)
    environment = {"PATH": "/usr/bin:/bin", "OUT": str(out), "DATA": json.dumps(DATA)}
    subprocess.run(["bash", "-c", script], check=True, env=environment, capture_output=True)
    return [line.split("\0")[:-1] for line in out.read_text().splitlines()]


def option(words: list[str], name: str) -> str:
    return words[words.index(f"--{name}") + 1]


@pytest.fixture
def alone() -> World:
    """No twin yet."""
    world = World()
    for key in ("target_group", "group", "launch_template"):
        world.changes[f"green_{key}"] = ""
    return world


def test_the_twin_answers_health_checks_as_its_original_does(alone: World, tmp_path: Any) -> None:
    alone.target_groups[BLUE] |= {
        "HealthCheckPath": "/up?deep=1&fast=0", "HealthCheckProtocol": "HTTP",
        "ProtocolVersion": "HTTP2", "Matcher": {"HttpCode": "200-204,301"},
    }  # fmt: skip
    made = typed(twin.commands(alone.facts()), tmp_path)[0]
    assert made[:2] == ["elbv2", "create-target-group"]
    assert option(made, "health-check-path") == "/up?deep=1&fast=0"
    assert option(made, "protocol-version") == "HTTP2"
    assert json.loads(option(made, "matcher")) == {"HttpCode": "200-204,301"}


def test_the_launch_template_is_copied_without_what_ec2_does_not_take(
    alone: World, tmp_path: Any
) -> None:
    made = typed(twin.commands(alone.facts()), tmp_path)
    (data,) = [option(words, "launch-template-data") for words in made if words[0] == "ec2"]
    assert json.loads(data) == {
        "ImageId": "ami-1",
        "MetadataOptions": {"HttpTokens": "required"},
        "NetworkInterfaces": [{"Ipv6Addresses": [{"Ipv6Address": "::1"}]}],
    }


def test_the_group_has_the_same_types_and_tags(alone: World, tmp_path: Any) -> None:
    tag = {"Key": "team", "Value": "it's ours", "PropagateAtLaunch": True}
    alone.groups[BLUE] |= {
        "MixedInstancesPolicy": MIXED,
        "Tags": [{**tag, "ResourceId": "web-blue"}, {"Key": "aws:x", "Value": "y"}],
    }
    made = typed(twin.commands(alone.facts()), tmp_path)[-1]
    launch = {"LaunchTemplateId": "made-create-launch-template", "Version": "$Default"}
    policy = json.loads(option(made, "mixed-instances-policy"))
    assert policy == fleet.remixed(MIXED, launch)
    assert policy["LaunchTemplate"]["Overrides"] == MIXED["LaunchTemplate"]["Overrides"]
    assert json.loads(option(made, "tags")) == [tag]
    assert option(made, "target-group-arns") == "made-create-target-group"
    assert "--launch-template" not in made


def test_a_group_of_one_type_launches_its_template_by_default(alone: World, tmp_path: Any) -> None:
    made = typed(twin.commands(alone.facts()), tmp_path)[-1]
    assert option(made, "launch-template") == (
        "LaunchTemplateId=made-create-launch-template,Version=$Default"
    )
    assert "--tags" not in made


@pytest.mark.parametrize(("version", "number"), [("4", "4"), ("$Latest", "7")])
def test_before_a_group_is_pinned_the_default_version_is_what_it_launches(
    version: str, number: str, tmp_path: Any
) -> None:
    """The default version is 1 as long as nobody has said another: it would boot at the next launch."""
    world = World()
    world.groups[BLUE]["LaunchTemplate"]["Version"] = version
    (found,) = [each for each in world.said() if each.check == "launches"]
    first, then = typed(tuple(x for x in found.todo if x.startswith("aws ")), tmp_path)
    assert (option(first, "launch-template-id"), option(first, "default-version")) == (
        TEMPLATES[BLUE],
        number,
    )
    assert json.loads(option(then, "launch-template"))["Version"] == "$Default"


def test_a_group_that_is_pinned_keeps_its_spot_and_its_types(tmp_path: Any) -> None:
    world = World()
    del world.groups[BLUE]["LaunchTemplate"]
    world.groups[BLUE]["MixedInstancesPolicy"] = MIXED
    (found,) = [each for each in world.said() if each.check == "launches"]
    *_, pinned = typed(tuple(x for x in found.todo if x.startswith("aws ")), tmp_path)
    launch = {"LaunchTemplateId": TEMPLATES[BLUE], "Version": "$Default"}
    assert json.loads(option(pinned, "mixed-instances-policy")) == fleet.remixed(MIXED, launch)

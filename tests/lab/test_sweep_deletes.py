"""Nobody needs an environment: the scheduled function tells of it, and deletes all of its stacks.

Under its own role, which is all that it has: a right that is missing would leave a stack behind.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from deployer.topology import sweep_stack_name
from tests.leftovers import left

from .conftest import Shell, as_sample, lab_up, service_in, shell_for
from .live import Site
from .test_sweep import SETTINGS, Place, subscribed, until

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(500)]

OF_THE_SWEEP = sweep_stack_name("shop", "us-east-1")
# What an environment is made of; the sweep's own stack, which stays, has none of it.
GONE = {
    "load balancers", "target groups", "groups", "instances", "launch templates", "volumes", "VPCs",
    "subnets", "route tables", "security groups", "internet gateways", "endpoints", "NAT gateways",
    "addresses", "flow logs",
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """v1 serves; nobody comes. Its artifact is gone already: what is in buckets would stay, and say so."""
    folder: Path = tmp_path_factory.mktemp("service")
    deadly = SETTINGS.replace("ephemeral = true", 'ephemeral = true\nlevel = "delete"', 1)
    config = service_in(folder, as_sample(deadly))
    shell = shell_for(tmp_path_factory.mktemp("lab"), config)
    with lab_up(shell, "--scale", "40"):
        inside = Shell({**shell.variables, **shell.json("lab", "env")})
        assert inside.run("lab", "release", "v1").returncode == 0
        done = inside.run("canary", "v1")
        assert done.returncode == 0, done.stderr
        site = Site(inside, folder, {})
        emptied(site)
        yield Place(site, inside.events("status")[0]["url"], subscribed(site))


def emptied(site: Site) -> None:
    """No bucket has anything in it."""
    resource: Any = boto3.resource(
        "s3", endpoint_url=site.endpoint, region_name="us-east-1", aws_access_key_id="lab",
        aws_secret_access_key="lab",
    )  # fmt: skip
    for bucket in resource.buckets.all():
        if bucket.name.startswith("shop-lab"):
            bucket.object_versions.delete()


def test_an_idle_environment_is_told_of_and_deleted_stack_by_stack(place: Place) -> None:
    notice = place.hear("about to go: lab")
    assert "is deleted, with all that it holds" in notice
    assert "deployer --env lab extend 8h" in notice
    assert place.sizes() == {"blue": 2, "green": 0}
    until(lambda: stacks(place) == [OF_THE_SWEEP], f"its stacks go; {place.log()}", 240.0)
    kept = left(place.site.client)
    assert GONE & kept.keys() == set(), kept
    assert [name for names in kept.values() for name in names if name.startswith("shop-lab")] == []
    failed = [line for line in place.judged() if line.get("problem")]
    assert failed == []
    place.hear("being deleted: shop-lab-control")  # the last of them; who looks next finds nothing


def stacks(place: Place) -> list[str]:
    """All that are there, but the CDK's own."""
    found = place.site.client("cloudformation").describe_stacks()["Stacks"]
    return sorted(one["StackName"] for one in found if one["StackName"] != "CDKToolkit")

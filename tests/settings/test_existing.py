"""[environments.NAME.existing]: what others made, named in the settings."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deployer.aws.published import Front, of_settings
from deployer.errors import NotPossibleNow, SettingsInvalid
from deployer.model import Slot
from deployer.settings.reading import load
from deployer.settings.schema import Settings

ELB = "arn:aws:elasticloadbalancing:us-east-1:123456789012"
LISTENER = f"{ELB}:listener/app/shop/1/2"
WHOLE = f"""
listener = "{LISTENER}"
url = "http://shop.example.com"
blue_target_group = "{ELB}:targetgroup/blue/1"
blue_group = "shop-blue"
blue_launch_template = "lt-0123456789abcdef0"
green_target_group = "{ELB}:targetgroup/green/2"
green_group = "shop-green"
green_launch_template = "lt-0123456789abcdef1"
journal_table = "shop-journal"
artifact_bucket = "shop-artifacts"
"""
Load = Callable[..., Settings]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    def of(existing: str = WHOLE, more: str = "") -> Settings:
        path = tmp_path / "deployer.toml"
        path.write_text(
            f'[service]\nname = "shop"\n{more}\n[environments.prod]\nregion = "us-east-1"\n'
            f"[environments.prod.existing]\n{existing}"
        )
        return load(path)

    return of


def test_zones_and_image_are_the_owners_business(loaded: Load) -> None:
    settings = loaded()
    assert (settings.environment.zones, settings.environment.image) == ((), "")


def test_everything_that_the_adapters_need_is_named(loaded: Load) -> None:
    found = of_settings(loaded())
    assert found.listener == found.test_listener == LISTENER
    assert found.load_balancer == f"{ELB}:loadbalancer/app/shop/1"
    assert found.url == found.test_url == "http://shop.example.com"
    assert found.slots[Slot.GREEN].group == "shop-green"
    assert found.slots[Slot.BLUE].target_group.endswith("targetgroup/blue/1")
    assert found.front == Front("", 49_000)
    assert (found.release_tag, found.artifact_tag) == ("deployer:release", "deployer:artifact")


def test_the_rule_its_place_and_the_tags_may_be_others(loaded: Load) -> None:
    rule = LISTENER.replace(":listener/", ":listener-rule/") + "/3"
    more = f'rule = "{rule}"\nrule_priority = 9\nrelease_tag = "app.version"\n'
    found = of_settings(loaded(WHOLE + more))
    assert found.front == Front(rule, 9)
    assert found.release_tag == "app.version"


@pytest.mark.parametrize(
    "key", ["green_target_group", "green_group", "green_launch_template", "journal_table"]
)
def test_no_deployment_begins_before_the_twin_is_there(loaded: Load, key: str) -> None:
    without = "\n".join(line for line in WHOLE.splitlines() if not line.startswith(key))
    with pytest.raises(NotPossibleNow, match=f"has no {key}: `deployer verify` tells"):
        of_settings(loaded(without))


def test_a_bucket_is_needed_only_by_who_uses_it(loaded: Load) -> None:
    without = "\n".join(x for x in WHOLE.splitlines() if "artifact_bucket" not in x)
    with pytest.raises(NotPossibleNow, match="no artifact_bucket"):
        of_settings(loaded(without))
    own = '[release]\nartifact = "s3://ours/{service}/{release}.tar.gz"'
    assert of_settings(loaded(without, own)).artifact_bucket == ""


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("shop-green", "shop-blue", r"existing\.green_group = \"shop-blue\".*slots share nothing"),
        ("cdef1", "cdef0", "existing.green_launch_template"),
        ("listener/app", "listener/net", "must be the ARN of an Application Load Balancer"),
        ("lt-0123456789abcdef0", "web", 'blue_launch_template = "web": must be the id'),
        ("url =", "rule_priority = 1\nurl =", "from 2 to 50000"),
        ("url =", f'rule = "{ELB}:listener-rule/app/b/1/2/3"\nurl =', f"a rule of {LISTENER}"),
        ("url =", f'test_listener = "{ELB}:listener/app/b/1/2"\nurl =', "same load balancer"),
        ("url =", 'release_tag = "a/b"\nurl =', "instance metadata tells no others"),
        ("url =", "uri =", "did you mean 'url'"),
    ],
)
def test_what_cannot_be_is_said(loaded: Load, before: str, after: str, complaint: str) -> None:
    with pytest.raises(SettingsInvalid, match=complaint):
        loaded(WHOLE.replace(before, after))

"""Who goes first in a scale-in: a table of AWS's rules."""

import pytest

from deployer.lab.autoscaling.model import Member, Subnet, TemplateRef
from deployer.lab.autoscaling.victims import choose
from tests.lab_autoscaling.world import NOW, group, member

OLD = {"launched_at": NOW - 5000}
MIDDLE = {"launched_at": NOW - 3000}
YOUNG = {"launched_at": NOW - 10}


@pytest.mark.parametrize(
    ("policy", "members", "victim"),
    [
        (
            "OldestInstance",
            [member("1", **MIDDLE), member("2", **OLD), member("3", **YOUNG)],
            "i-2",
        ),
        (
            "NewestInstance",
            [member("1", **MIDDLE), member("2", **OLD), member("3", **YOUNG)],
            "i-3",
        ),
        ("OldestLaunchTemplate", [member("1", version="9"), member("2", version="10")], "i-1"),
        (
            "OldestLaunchTemplate",
            [member("1", version="1"), member("2", template=TemplateRef("lt-0", "w", "99"))],
            "i-2",
        ),
        ("ClosestToNextInstanceHour", [member("1", **MIDDLE), member("2", **YOUNG)], "i-1"),
        ("Default", [member("1", version="2", **OLD), member("2", version="1", **YOUNG)], "i-2"),
        ("Default", [member("1", **YOUNG), member("2", launched_at=NOW - 3590)], "i-2"),
        ("AllocationStrategy", [member("1", **YOUNG), member("2", **OLD)], "i-2"),
    ],
)
def test_a_policy_picks_within_one_zone(policy: str, members: list[Member], victim: str) -> None:
    assert [m.id for m in choose(group(members, policies=(policy,)), 1, NOW)] == [victim]


def test_policies_narrow_one_after_another() -> None:
    members = [
        member("1", version="1", **YOUNG),
        member("2", version="1", **OLD),
        member("3", version="2", launched_at=NOW - 9000),
    ]
    policies = ("OldestLaunchTemplate", "OldestInstance")
    assert choose(group(members, policies=policies), 1, NOW)[0].id == "i-2"


@pytest.mark.parametrize("policy", ["Default", "OldestInstance", "NewestInstance"])
def test_the_fullest_zone_comes_before_any_policy(policy: str) -> None:
    members = [
        member("1", "a", **OLD),
        member("2", "b"),
        member("3", "b"),
        member("4", "c", **YOUNG),
    ]
    subnets = tuple(Subnet(f"subnet-{zone}", f"us-east-1{zone}") for zone in "abc")
    victims = choose(group(members, policies=(policy,), subnets=subnets), 1, NOW)
    assert victims[0].subnet.zone == "us-east-1b"


def test_zones_stay_balanced_over_many_victims() -> None:
    members = [member(f"{zone}{n}", zone) for zone in "ab" for n in range(3)]
    zones = [victim.subnet.zone for victim in choose(group(members), 4, NOW)]
    assert zones.count("us-east-1a") == zones.count("us-east-1b") == 2


def test_members_outside_the_groups_zones_go_first() -> None:
    members = [member("1", "a"), member("2", "a"), member("3", "c")]
    elsewhere = group(members, subnets=(Subnet("subnet-a", "us-east-1a"),))
    assert choose(elsewhere, 1, NOW)[0].id == "i-3"


def test_the_unhealthy_go_before_the_fullest_zone() -> None:
    members = [member("1", "a"), member("2", "a"), member("3", "b", health="Unhealthy")]
    assert choose(group(members), 1, NOW)[0].id == "i-3"


def test_the_protected_never_go() -> None:
    members = [member("1", protected=True), member("2", protected=True), member("3", "b")]
    assert [victim.id for victim in choose(group(members), 3, NOW)] == ["i-3"]

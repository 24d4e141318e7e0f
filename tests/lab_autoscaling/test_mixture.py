"""Which instance a mixed group buys, whom it gives up, and what EC2 takes back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.autoscaling.mixture import Holding, Mixture, Purchase
from deployer.lab.autoscaling.victims import choose
from tests.lab_autoscaling.test_api_groups import refused, shown
from tests.lab_autoscaling.world import BLUE, NOW, World, group, member

TYPES = ("t3.micro", "t3.small")
TEMPLATE = {"LaunchTemplateId": "lt-1", "Version": "$Default"}


def policy(base: int = 1, percent: int = 0, /, **more: Any) -> dict[str, Any]:
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": TEMPLATE,
            "Overrides": [{"InstanceType": kind} for kind in TYPES],
        },
        "InstancesDistribution": {
            "OnDemandBaseCapacity": base,
            "OnDemandPercentageAboveBaseCapacity": percent,
            "SpotAllocationStrategy": "price-capacity-optimized",
            **more,
        },
    }


def mixed(world: World, size: int, **settings: Any) -> None:
    """A mixed group whose members are in service."""
    world.create(
        LaunchTemplate=None,
        DesiredCapacity=size,
        **{"MixedInstancesPolicy": policy(), "CapacityRebalance": True, **settings},
    )
    world.settle()


def notify(world: World, instance: str, *, final: bool) -> None:
    found = world.fleet.store.find(instance)
    assert found is not None
    world.fleet.hands.notice(*found, world.now, final=final)


def spots(world: World) -> list[str]:
    return [one.id for one in world.group().active if one.spot]


# The user guide's own table, "Controlling the proportion of On-Demand instances".
TABLE = [
    (Mixture((), 10, 50), (10, 15, 20, 25)),
    (Mixture((), 0, 0), (0, 0, 0, 0)),
    (Mixture((), 0, 60), (6, 12, 18, 24)),
    (Mixture((), 0, 100), (10, 20, 30, 40)),
    (Mixture((), 12, 0), (10, 12, 12, 12)),
]


@pytest.mark.parametrize(("mixture", "expected"), TABLE)
def test_the_share_of_on_demand_is_that_of_the_user_guide(
    mixture: Mixture, expected: tuple[int, ...]
) -> None:
    assert tuple(mixture.on_demand(total) for total in (10, 20, 30, 40)) == expected


@given(st.integers(0, 5), st.integers(0, 100), st.integers(0, 30))
def test_a_group_that_grows_ends_with_its_share(base: int, percent: int, size: int) -> None:
    mixture, held = Mixture(TYPES, base, percent), list[Holding]()
    for _ in range(size):
        bought = mixture.purchase(held, "a", size)
        held.append(Holding(bought.instance_type, bought.spot, "a"))
    on_demand = [one for one in held if not one.spot]
    assert len(on_demand) == mixture.on_demand(size) >= (size - min(base, size)) * percent / 100
    assert {one.instance_type for one in on_demand} <= {TYPES[0]}
    counts = [sum(h.spot and h.instance_type == kind for h in held) for kind in TYPES]
    assert max(counts) - min(counts) <= 1


def test_spot_avoids_the_pool_that_is_being_taken_back() -> None:
    mixture = Mixture(TYPES, 0, 0)
    held = [Holding(TYPES[0], True, "a", risky=True), *[Holding(TYPES[1], True, "a")] * 3]
    assert mixture.purchase(held, "a", 5) == Purchase(TYPES[1], spot=True)
    assert mixture.purchase(held, "b", 5) == Purchase(TYPES[0], spot=True)


def test_a_mixed_group_launches_types_and_spot_and_says_so(world: World) -> None:
    mixed(world, 3)
    bought = list(world.cloud.bought.values())
    assert [one.spot for one in bought] == [False, True, True]
    told = shown(world)
    assert told["MixedInstancesPolicy"] == {
        **policy(),
        "LaunchTemplate": {
            **policy()["LaunchTemplate"],
            "LaunchTemplateSpecification": {**TEMPLATE, "LaunchTemplateName": "web"},
        },
        "InstancesDistribution": {
            **policy()["InstancesDistribution"],
            "OnDemandAllocationStrategy": "prioritized",
        },
    }
    assert told["CapacityRebalance"] is True
    assert "LaunchTemplate" not in told
    assert {one["InstanceType"] for one in told["Instances"]} == {
        one.instance_type for one in bought
    }


def test_a_launch_template_takes_the_place_of_a_policy_and_back(world: World) -> None:
    mixed(world, 1)
    world.api.update_auto_scaling_group(AutoScalingGroupName="web", LaunchTemplate=TEMPLATE)
    assert "MixedInstancesPolicy" not in shown(world)
    world.api.update_auto_scaling_group(
        AutoScalingGroupName="web", MixedInstancesPolicy=policy(0, 50)
    )
    assert (
        shown(world)["MixedInstancesPolicy"]["InstancesDistribution"]["OnDemandBaseCapacity"] == 0
    )
    assert "LaunchTemplate" not in shown(world)


def test_a_scale_in_restores_the_share_before_it_looks_at_zones() -> None:
    members = [member("1", spot=True), member("2", "b"), member("3", "b", spot=True)]
    mixture = Mixture(TYPES, 1, 0)
    assert {one.id for one in choose(group(members, desired=1, mixture=mixture), 2, NOW)} == {
        "i-1",
        "i-3",
    }
    only = Mixture(TYPES, 0, 0)
    assert [one.id for one in choose(group(members, desired=2, mixture=only), 1, NOW)] == ["i-2"]


@given(st.integers(0, 3), st.integers(0, 100), st.integers(0, 8), st.integers(1, 8), st.data())
def test_a_group_that_shrinks_ends_with_its_share(
    base: int, percent: int, on_demand: int, spot: int, data: st.DataObject
) -> None:
    mixture, size = Mixture(TYPES, base, percent), on_demand + spot
    desired = data.draw(st.integers(0, size))
    members = [member(str(key), "ab"[key % 2], spot=key < spot) for key in range(size)]
    gone = choose(group(members, desired=desired, mixture=mixture), size - desired, NOW)
    left = [one for one in members if one not in gone]
    share = mixture.on_demand(desired)
    assert len(left) == desired
    # As near to the share as those that there were allow.
    wanted = max(min(share, on_demand), desired - spot)
    assert sum(not one.spot for one in left) == wanted


def test_an_unhealthy_one_is_replaced_by_one_of_its_kind(world: World) -> None:
    ahead = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150}
    mixed(world, 3, InstanceMaintenancePolicy=ahead)
    (base,) = [one.id for one in world.group().active if not one.spot]
    world.api.set_instance_health(InstanceId=base, HealthStatus="Unhealthy")
    world.settle()
    assert base not in world.states()
    assert [one.spot for one in world.group().active].count(False) == 1


def test_a_recommendation_launches_first_and_waits_for_a_health_check(world: World) -> None:
    mixed(world, 3, TargetGroupARNs=[BLUE], HealthCheckType="ELB")
    doomed = spots(world)[0]
    notify(world, doomed, final=False)
    world.pass_time(20)
    assert len(world.states()) == 4
    assert world.states()[doomed] == "InService"
    assert [o["LifecycleState"] for o in shown(world)["Instances"]] == ["InService"] * 4
    world.cloud.all_healthy()
    world.pass_time(2)
    assert world.states()[doomed] == "Terminating"
    world.settle()
    assert doomed not in world.states()
    assert len(world.states()) == 3
    assert any("rebalance recommendation" in one["Cause"] for one in world.activities())


def test_without_rebalancing_a_recommendation_changes_nothing(world: World) -> None:
    mixed(world, 3, CapacityRebalance=False)
    before = set(world.states())
    notify(world, spots(world)[0], final=False)
    world.pass_time(300, step_s=10)
    assert set(world.states()) == before


def test_a_notice_drains_at_once_and_is_replaced_at_once(world: World) -> None:
    mixed(world, 3, TargetGroupARNs=[BLUE])
    doomed = spots(world)[0]
    notify(world, doomed, final=True)
    world.pass_time(2)
    assert world.states()[doomed] == "Terminating"
    assert ("deregister", doomed, BLUE) in world.cloud.told
    assert len(world.states()) == 4
    world.settle()
    assert len(world.states()) == 3
    assert len(spots(world)) == 2
    assert any("Spot interruption notice" in one["Cause"] for one in world.activities())


def test_two_minutes_later_it_is_gone_even_if_it_drains(world: World) -> None:
    mixed(world, 3, TargetGroupARNs=[BLUE])
    doomed = spots(world)[0]
    notify(world, doomed, final=True)
    world.pass_time(118)
    assert world.states()[doomed] == "Terminating"
    world.pass_time(5)
    assert doomed not in world.states()
    assert ("terminate", doomed) in world.cloud.told


def test_without_rebalancing_it_serves_until_it_is_gone(world: World) -> None:
    mixed(world, 3, CapacityRebalance=False)
    doomed = spots(world)[0]
    notify(world, doomed, final=True)
    world.pass_time(118)
    assert world.states()[doomed] == "InService"
    world.settle()
    assert doomed not in world.states()
    assert len(world.states()) == 3
    assert any("EC2 health check" in one["Cause"] for one in world.activities())


def test_a_notice_after_a_recommendation_launches_no_second_replacement(world: World) -> None:
    mixed(world, 3, TargetGroupARNs=[BLUE], HealthCheckType="ELB")
    doomed = spots(world)[0]
    notify(world, doomed, final=False)
    world.pass_time(20)
    notify(world, doomed, final=True)
    world.pass_time(20)
    assert world.states()[doomed] == "Terminating"
    world.settle()
    launched = [one for one in world.cloud.told if one[0] == "launch"]
    assert (len(world.states()), len(launched)) == (3, 4)


def test_a_notice_is_not_put_off_by_another(world: World) -> None:
    mixed(world, 2, TargetGroupARNs=[BLUE])
    doomed = spots(world)[0]
    notify(world, doomed, final=True)
    due = world.group().member(doomed)
    world.pass_time(1)
    notify(world, doomed, final=True)
    again = world.group().member(doomed)
    assert due is not None
    assert again is not None
    assert due.taken_at == again.taken_at


WRONG = [
    ({"SpotMaxPrice": "0.01"}, "SpotMaxPrice"),
    ({"SpotInstancePools": 2}, "SpotInstancePools"),
    ({"OnDemandAllocationStrategy": "lowest-price"}, "OnDemandAllocationStrategy lowest-price"),
]


@pytest.mark.parametrize(("more", "name"), WRONG)
def test_prices_and_pools_are_refused_by_name(
    world: World, more: dict[str, Any], name: str
) -> None:
    asked = policy(1, 0, **more)
    code, told = refused(world.create, LaunchTemplate=None, MixedInstancesPolicy=asked)
    assert (code, name in told) == ("NotImplemented", True), told


OVERRIDES = [
    {"InstanceType": "t3.micro", "WeightedCapacity": "2"},
    {"InstanceRequirements": {"VCpuCount": {"Min": 1}, "MemoryMiB": {"Min": 1}}},
    {"InstanceType": "t3.micro", "LaunchTemplateSpecification": TEMPLATE},
]


@pytest.mark.parametrize("override", OVERRIDES)
def test_weights_and_requirements_are_refused_by_name(
    world: World, override: dict[str, Any]
) -> None:
    asked = policy()
    asked["LaunchTemplate"]["Overrides"] = [override]
    code, told = refused(world.create, LaunchTemplate=None, MixedInstancesPolicy=asked)
    assert code == "NotImplemented"
    assert next(key for key in override if key != "InstanceType") in told


def test_what_makes_no_mixture_is_a_validation_error(world: World) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"LaunchTemplate": TEMPLATE, "MixedInstancesPolicy": policy()},
        {"LaunchTemplate": None, "MixedInstancesPolicy": policy(-1)},
        {"LaunchTemplate": None, "MixedInstancesPolicy": policy(0, 101)},
        {"LaunchTemplate": None, "MixedInstancesPolicy": policy(SpotAllocationStrategy="best")},
        {"LaunchTemplate": None, "MixedInstancesPolicy": {"InstancesDistribution": {}}},
    )
    for asked in wrong:
        assert refused(world.create, **asked)[0] == "ValidationError"

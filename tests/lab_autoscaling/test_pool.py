"""The warm pool: its size, its states, who leaves it first, and the release that it keeps."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.lab.autoscaling.decide import BOOT_S
from deployer.lab.autoscaling.model import LAUNCHING, TERMINATING, WarmPool
from deployer.lab.autoscaling.pool import PREPARE_S, size
from tests.lab_autoscaling.test_api_groups import refused, shown
from tests.lab_autoscaling.test_mixture import policy
from tests.lab_autoscaling.test_properties import Play
from tests.lab_autoscaling.world import BLUE, World, group

WEB = {"AutoScalingGroupName": "web"}
READY_S = BOOT_S + PREPARE_S + 5


def pooled(world: World, **pool: Any) -> None:
    """A warm pool of two, ready."""
    asked = {"MinSize": 2, "MaxGroupPreparedCapacity": 2, **pool}
    world.api.put_warm_pool(**WEB, **asked)
    world.pass_time(READY_S)


def states(world: World) -> dict[str, str]:
    told = world.api.describe_warm_pool(**WEB)
    return {one["InstanceId"]: one["LifecycleState"] for one in told["Instances"]}


def resize(world: World, wanted: int) -> None:
    world.api.set_desired_capacity(**WEB, DesiredCapacity=wanted)


# The user guide's examples: maximum 10, desired 6; then 8 prepared; then fewer than are asked for.
SIZES = [
    (WarmPool(), 6, 4),
    (WarmPool(prepared=8), 6, 2),
    (WarmPool(prepared=4), 6, 0),
    (WarmPool(2, 2), 6, 2),
    (WarmPool(2, 8), 7, 2),
    (WarmPool(2, 8, deleted=True), 0, 0),
]


@pytest.mark.parametrize(("pool", "desired", "expected"), SIZES)
def test_what_is_prepared_less_what_is_asked_for(
    pool: WarmPool, desired: int, expected: int
) -> None:
    assert size(group(maximum=10, desired=desired, pool=pool)) == expected


def test_a_pool_fills_up_and_stops_its_instances(world: World) -> None:
    world.create()
    world.api.put_warm_pool(**WEB, MinSize=2, MaxGroupPreparedCapacity=2)
    world.pass_time(2)
    assert set(states(world).values()) == {"Warmed:Pending"}
    world.pass_time(BOOT_S + PREPARE_S - 5)
    assert set(states(world).values()) == {"Warmed:Pending"}
    world.pass_time(10)
    assert set(states(world).values()) == {"Warmed:Stopped"}
    assert set(world.cloud.instances.values()) == {"stopped"}
    assert world.cloud.acts("register") == []
    assert all("into warm pool" in one["Description"] for one in world.activities())
    assert {one["StatusCode"] for one in world.activities()} == {"Successful"}


def test_its_instances_are_not_the_groups(world: World) -> None:
    world.create(DesiredCapacity=1)
    pooled(world)
    told = shown(world)
    assert (len(told["Instances"]), told["WarmPoolSize"]) == (1, 2)
    assert told["WarmPoolConfiguration"] == {
        "MinSize": 2,
        "MaxGroupPreparedCapacity": 2,
        "PoolState": "Stopped",
        "InstanceReusePolicy": {"ReuseOnScaleIn": False},
    }
    all_of_them = world.api.describe_auto_scaling_instances()["AutoScalingInstances"]
    assert sorted(one["LifecycleState"] for one in all_of_them) == [
        "InService",
        "Warmed:Stopped",
        "Warmed:Stopped",
    ]


def test_a_launch_takes_from_the_pool_first_and_what_it_takes_is_of_the_old_release(
    world: World,
) -> None:
    world.create(TargetGroupARNs=[BLUE])
    pooled(world)
    warm = set(states(world))
    world.cloud.versions["$Default"] = "2"
    resize(world, 3)
    world.pass_time(BOOT_S + 2)
    serving = world.states()
    assert warm < set(serving)
    assert world.cloud.acts("start") == [("start", key) for key in sorted(warm)]
    versions = {
        one["InstanceId"]: one["LaunchTemplate"]["Version"] for one in shown(world)["Instances"]
    }
    assert {versions[key] for key in warm} == {"1"}
    assert {version for key, version in versions.items() if key not in warm} == {"2"}
    world.pass_time(READY_S)
    refilled = world.api.describe_warm_pool(**WEB)["Instances"]
    assert [one["LaunchTemplate"]["Version"] for one in refilled] == ["2", "2"]
    assert {one["LifecycleState"] for one in refilled} == {"Warmed:Stopped"}
    drawn = [
        one["Description"] for one in world.activities() if "from warm pool" in one["Description"]
    ]
    assert len(drawn) == 2


def test_what_is_not_ready_is_not_taken(world: World) -> None:
    world.create()
    world.api.put_warm_pool(**WEB, MinSize=1, MaxGroupPreparedCapacity=1)
    world.pass_time(BOOT_S)
    preparing = set(states(world))
    resize(world, 1)
    world.pass_time(BOOT_S + 2)
    assert set(states(world)) == preparing
    assert list(world.states().values()) == ["InService"]
    assert not preparing & set(world.states())


def test_the_zone_that_is_next_is_served_from_the_pool_if_it_can_be(world: World) -> None:
    world.create()
    pooled(world, MinSize=0, MaxGroupPreparedCapacity=4)
    resize(world, 2)
    world.settle()
    zones = {one.id: one.subnet.zone for one in world.group().members}
    left = sorted(states(world))  # the oldest first, one in each zone
    (gone,) = [key for key in world.states() if zones[key] == zones[left[1]]]
    world.api.terminate_instance_in_auto_scaling_group(
        InstanceId=gone, ShouldDecrementDesiredCapacity=False
    )
    world.settle()
    assert left[1] in world.states()
    assert left[0] not in world.states()


def test_the_size_follows_the_maximum_unless_it_is_said(world: World) -> None:
    world.create(MaxSize=3)
    world.api.put_warm_pool(**WEB)
    world.pass_time(READY_S)
    assert len(states(world)) == 3
    resize(world, 2)
    world.pass_time(READY_S)
    assert (len(states(world)), len(world.states())) == (1, 2)
    world.api.update_auto_scaling_group(**WEB, MaxSize=5)
    world.pass_time(READY_S)
    assert len(states(world)) == 3
    world.api.put_warm_pool(**WEB, MaxGroupPreparedCapacity=3)
    world.pass_time(READY_S)
    assert len(states(world)) == 1
    world.api.put_warm_pool(**WEB, MaxGroupPreparedCapacity=-1)
    world.pass_time(READY_S)
    assert len(states(world)) == 3


def test_running_ones_wait_running(world: World) -> None:
    world.create(TargetGroupARNs=[BLUE])
    pooled(world, PoolState="Running")
    assert set(states(world).values()) == {"Warmed:Running"}
    warm = set(states(world))
    resize(world, 2)
    world.pass_time(2)
    assert {key for key, state in world.states().items() if state == "InService"} == warm
    assert world.cloud.acts("start", "stop") == []


def test_hooks_hold_an_instance_on_its_way_in_and_on_its_way_out(world: World) -> None:
    hooks = [
        {"LifecycleHookName": name, "LifecycleTransition": transition, "HeartbeatTimeout": 7200}
        for name, transition in (("in", LAUNCHING), ("out", TERMINATING))
    ]
    world.create(LifecycleHookSpecificationList=hooks)
    world.api.put_warm_pool(**WEB, MinSize=1, MaxGroupPreparedCapacity=1)
    world.pass_time(READY_S)
    ((key, state),) = states(world).items()
    assert state == "Warmed:Pending:Wait"

    def go_on(name: str) -> None:
        world.api.complete_lifecycle_action(
            **WEB, LifecycleHookName=name, LifecycleActionResult="CONTINUE", InstanceId=key
        )

    go_on("in")
    assert states(world) == {key: "Warmed:Pending:Proceed"}
    world.pass_time(2)
    assert states(world) == {key: "Warmed:Stopped"}
    resize(world, 1)
    world.pass_time(BOOT_S + 2)
    assert world.states()[key] == "Pending:Wait"
    go_on("in")
    world.pass_time(2)
    assert world.states()[key] == "InService"


def test_a_hook_holds_an_instance_that_ends_in_the_pool(world: World) -> None:
    world.create()
    pooled(world)
    world.api.put_lifecycle_hook(
        **WEB, LifecycleHookName="out", LifecycleTransition=TERMINATING, HeartbeatTimeout=7200
    )
    key = min(states(world))
    world.api.terminate_instance_in_auto_scaling_group(
        InstanceId=key, ShouldDecrementDesiredCapacity=False
    )
    world.pass_time(2)
    assert states(world)[key] == "Warmed:Terminating:Wait"
    world.api.complete_lifecycle_action(
        **WEB, LifecycleHookName="out", LifecycleActionResult="CONTINUE", InstanceId=key
    )
    world.pass_time(READY_S)
    assert key not in states(world)
    assert list(states(world).values()) == ["Warmed:Stopped"] * 2


def test_with_reuse_a_scale_in_fills_the_pool_with_what_served(world: World) -> None:
    world.create(DesiredCapacity=2, TargetGroupARNs=[BLUE])
    world.settle()
    served = set(world.states())
    world.api.put_warm_pool(
        **WEB, MaxGroupPreparedCapacity=2, InstanceReusePolicy={"ReuseOnScaleIn": True}
    )
    world.cloud.versions["$Default"] = "2"
    resize(world, 0)
    world.pass_time(3)
    assert set(world.states().values()) == {"Terminating"}
    assert len(world.cloud.acts("deregister")) == 2
    world.cloud.drained()
    world.pass_time(READY_S)
    assert states(world) == dict.fromkeys(served, "Warmed:Stopped")
    assert world.cloud.acts("terminate") == []
    assert {one.targets for one in world.group().pooled} == {frozenset()}
    resize(world, 2)
    world.pass_time(BOOT_S + 2)
    told = {
        one["InstanceId"]: one["LaunchTemplate"]["Version"] for one in shown(world)["Instances"]
    }
    assert told == dict.fromkeys(served, "1")


def test_with_reuse_what_finds_no_room_ends(world: World) -> None:
    world.create(DesiredCapacity=2)
    pooled(world, InstanceReusePolicy={"ReuseOnScaleIn": True})
    full = set(states(world))
    resize(world, 0)
    world.settle()
    world.pass_time(READY_S)
    assert set(states(world)) == full
    assert len(world.cloud.acts("terminate")) == 2


def test_one_that_is_lost_is_replaced(world: World) -> None:
    world.create()
    pooled(world)
    key = min(states(world))
    world.cloud.instances[key] = "terminated"
    world.pass_time(READY_S)
    assert key not in states(world)
    assert list(states(world).values()) == ["Warmed:Stopped"] * 2


def test_a_pool_that_is_not_empty_is_deleted_by_force(world: World) -> None:
    world.create()
    pooled(world)
    assert refused(world.api.delete_warm_pool, **WEB)[0] == "ResourceInUse"
    world.cloud.instantly = False
    world.api.delete_warm_pool(**WEB, ForceDelete=True)
    world.pass_time(2)
    assert shown(world)["WarmPoolConfiguration"]["Status"] == "PendingDelete"
    assert set(states(world).values()) == {"Warmed:Terminating"}
    assert refused(world.api.put_warm_pool, **WEB)[0] == "ValidationError"
    world.cloud.instances = dict.fromkeys(world.cloud.instances, "terminated")
    world.pass_time(3)
    assert "WarmPoolConfiguration" not in shown(world)
    assert refused(world.api.delete_warm_pool, **WEB)[0] == "ValidationError"


def test_the_group_takes_its_pool_with_it(world: World) -> None:
    world.create()
    pooled(world)
    assert refused(world.api.delete_auto_scaling_group, **WEB)[0] == "ResourceInUse"
    world.api.delete_auto_scaling_group(**WEB, ForceDelete=True)
    world.settle()
    assert world.fleet.store.groups == {}
    assert set(world.cloud.instances.values()) == {"terminated"}


def test_what_was_on_its_way_into_the_pool_ends_with_the_group(world: World) -> None:
    world.create(DesiredCapacity=1, TargetGroupARNs=[BLUE])
    world.settle()
    reuse = {"ReuseOnScaleIn": True}
    world.api.put_warm_pool(**WEB, MaxGroupPreparedCapacity=1, InstanceReusePolicy=reuse)
    resize(world, 0)
    world.pass_time(3)
    assert set(world.states().values()) == {"Terminating"}
    world.api.delete_auto_scaling_group(**WEB, ForceDelete=True)
    world.settle()
    assert world.fleet.store.groups == {}
    assert set(world.cloud.instances.values()) == {"terminated"}


def test_suspended_launches_fill_no_pool(world: World) -> None:
    world.create()
    world.api.suspend_processes(**WEB, ScalingProcesses=["Launch"])
    pooled(world)
    assert states(world) == {}


def test_suspended_terminations_leave_a_pool_as_it_is(world: World) -> None:
    world.create()
    pooled(world)
    world.api.suspend_processes(**WEB, ScalingProcesses=["Terminate"])
    world.api.put_warm_pool(**WEB, MinSize=0, MaxGroupPreparedCapacity=0)
    world.pass_time(5)
    assert set(states(world).values()) == {"Warmed:Stopped"}
    world.api.resume_processes(**WEB, ScalingProcesses=["Terminate"])
    world.pass_time(5)
    assert states(world) == {}


def test_hibernation_is_refused_by_name(world: World) -> None:
    world.create()
    code, told = refused(world.api.put_warm_pool, **WEB, PoolState="Hibernated")
    assert (code, "Hibernated" in told) == ("NotImplemented", True)


def test_a_pool_and_a_mixture_are_refused_together(world: World) -> None:
    world.create()
    world.api.put_warm_pool(**WEB)
    asked = {**WEB, "MixedInstancesPolicy": policy()}
    code, told = refused(world.api.update_auto_scaling_group, **asked)
    assert (code, "MixedInstancesPolicy" in told) == ("NotImplemented", True)


def test_an_instance_of_the_pool_ends_without_a_decrement(world: World) -> None:
    world.create()
    pooled(world)
    ended = {"InstanceId": min(states(world)), "ShouldDecrementDesiredCapacity": True}
    code, told = refused(world.api.terminate_instance_in_auto_scaling_group, **ended)
    assert (code, "warm pool" in told) == ("NotImplemented", True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), max_size=6))
def test_in_the_end_both_have_their_size_and_nobody_is_in_both(
    asked: list[tuple[int, int]],
) -> None:
    play = Play(None)
    play.put(pool=WarmPool(1, 3), maximum=6)
    for wanted, wait_s in asked:
        play.put(desired=wanted)
        play.pass_time(float(wait_s))
    for _ in range(15):
        play.cloud.drained()
        play.pass_time(READY_S)
    held = play.group
    assert len(held.active) == held.desired
    assert len(held.pooled) == size(held)
    assert {one.lifecycle.value for one in held.pooled} <= {"Warmed:Stopped"}
    assert len({one.id for one in held.members}) == len(held.members)

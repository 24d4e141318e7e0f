"""Target tracking: alarms, what is made of a metric, and what a group does about it."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.autoscaling import scaling, tracking
from deployer.lab.autoscaling.model import Group, Lifecycle
from deployer.lab.autoscaling.tracking import HIGH, LOW, REQUESTS, Policy, Strength
from deployer.lab.ringing import Ringing
from deployer.lab.telemetry.cpu import Meters
from deployer.lab.usage import Usage
from tests.lab_autoscaling.test_api_groups import refused
from tests.lab_autoscaling.world import BLUE, GREEN, NOW, World, group, member

WEB = {"AutoScalingGroupName": "web"}
LABEL = "app/front/9/targetgroup/blue/1"
TARGET = 20.0
COUNTS = st.integers(0, 20)
POINTS = st.lists(st.floats(0, 1000, allow_nan=False), min_size=1, max_size=15)


def policy(name: str = "requests", /, **facts: Any) -> Policy:
    plain = Policy(
        name, f"arn:{name}", REQUESTS, LABEL, TARGET, shrinks=True, warmup_s=60,
        alarms={HIGH: f"{name}-high", LOW: f"{name}-low"},
    )  # fmt: skip
    return replace(plain, **facts)


def rings(one: Policy, edge: str, *points: float) -> Ringing:
    return Ringing(one.alarms[edge], one.arn, points)


def desired(held: Group, *ringing: Ringing) -> int:
    heard = scaling.hear(held, ringing)
    return scaling.scaled(held, heard, NOW).desired if heard else held.desired


def warm(size: int, /, **settings: Any) -> Group:
    """A group of members that have warmed up, with one policy."""
    members = [member(str(n), "ab"[n % 2]) for n in range(size)]
    return group(members, **{"scaling": (policy(),), **settings})


def test_it_grows_in_proportion_and_rounds_up() -> None:
    assert desired(warm(2), rings(policy(), HIGH, 99, 30)) == 3
    assert desired(warm(2), rings(policy(), HIGH, 31)) == 4
    assert desired(warm(4), rings(policy(), HIGH, 21)) == 5


def test_it_stays_within_the_bounds() -> None:
    assert desired(warm(2, maximum=3), rings(policy(), HIGH, 500)) == 3
    assert desired(warm(4, minimum=3), rings(policy(), LOW, 0)) == 3
    assert desired(warm(4), rings(policy(), LOW, 0)) == 0


def test_instances_that_warm_up_are_no_capacity_and_one_rise_is_answered_once() -> None:
    young = [member(f"y{n}", since=NOW - 59) for n in range(2)]
    held = warm(2)
    grown = replace(held, members=(*held.members, *young), desired=4)
    assert desired(grown, rings(policy(), HIGH, 40)) == 4
    assert desired(grown, rings(policy(), HIGH, 50)) == 5


def test_it_shrinks_by_the_highest_point_and_rounds_up() -> None:
    assert desired(warm(4), rings(policy(), LOW, 9, 11, 2)) == 3
    assert desired(warm(4), rings(policy(), LOW, 9, 9, 2)) == 2


def test_it_does_not_shrink_while_instances_come() -> None:
    low = rings(policy(), LOW, 5)
    held = warm(4)
    coming = member("new", lifecycle=Lifecycle.PENDING)
    assert desired(replace(held, members=(*held.members, coming), desired=5), low) == 5
    assert desired(replace(held, desired=5), low) == 5
    assert desired(held, low) == 1


def test_what_terminates_still_counts_when_it_shrinks() -> None:
    held = warm(3)
    ending = [member(f"e{n}", lifecycle=Lifecycle.TERMINATING) for n in range(3)]
    assert desired(replace(held, members=(*held.members, *ending)), rings(policy(), LOW, 10)) == 3
    spare = [replace(one, lifecycle=Lifecycle.WARMED_TERMINATING) for one in ending]
    assert desired(replace(held, members=(*held.members, *spare)), rings(policy(), LOW, 10)) == 2


def test_the_warm_up_is_the_policys_else_the_groups_else_the_cooldown() -> None:
    assert policy(warmup_s=0).warmup(120, 300) == 0
    assert policy(warmup_s=None).warmup(0, 300) == 0
    assert policy(warmup_s=None).warmup(None, 300) == 300


def test_any_policy_grows_the_group_and_only_all_of_them_shrink_it() -> None:
    other = policy("cpu", metric=tracking.CPU, label="")
    held = warm(4, scaling=(policy(), other))
    assert desired(held, rings(policy(), LOW, 1), rings(other, HIGH, 40)) == 8
    assert desired(held, rings(policy(), LOW, 1)) == 4
    assert desired(held, rings(policy(), LOW, 5), rings(other, LOW, 15)) == 3
    lazy = replace(other, shrinks=False)
    assert desired(warm(4, scaling=(policy(), lazy)), rings(policy(), LOW, 5)) == 1
    at_its_most = warm(4, maximum=4, scaling=(policy(), lazy))
    assert desired(at_its_most, rings(policy(), LOW, 5), rings(other, HIGH, 40)) == 4


def test_somebody_elses_alarm_is_not_heard() -> None:
    assert desired(warm(2), Ringing("requests-high", "arn:other", (99.0,))) == 2
    assert desired(warm(2), Ringing("mine", "arn:requests", (99.0,))) == 2


@given(COUNTS, COUNTS, COUNTS, POINTS)
def test_it_never_leaves_the_bounds_nor_goes_the_wrong_way(
    warm_ones: int, coming: int, leaving: int, points: list[float]
) -> None:
    held = Strength(warm_ones + coming, 0, 15, warm_ones, coming, leaving)
    assert tracking.grown(held, policy(), points) >= held.desired
    assert tracking.grown(held, policy(), points) <= max(held.desired, 15)
    assert 0 <= tracking.shrunk(held, [(policy(), points)]) <= held.desired


# -- the API


def put(world: World, name: str = "requests", /, **settings: Any) -> dict[str, Any]:
    metric = {"PredefinedMetricType": REQUESTS, "ResourceLabel": LABEL}
    asked = {
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingConfiguration": {
            "PredefinedMetricSpecification": metric,
            "TargetValue": TARGET,
        },
        **settings,
    }
    made: dict[str, Any] = world.api.put_scaling_policy(**WEB, PolicyName=name, **asked)
    return made


def tracked(**settings: Any) -> dict[str, Any]:
    metric = {"PredefinedMetricType": REQUESTS, "ResourceLabel": LABEL}
    return {
        "TargetTrackingConfiguration": {
            "PredefinedMetricSpecification": metric,
            "TargetValue": TARGET,
            **settings,
        }
    }


@pytest.fixture
def tracking_world(world: World) -> World:
    world.create(DesiredCapacity=2, TargetGroupARNs=[BLUE, GREEN], DefaultInstanceWarmup=60)
    world.settle()
    world.pass_time(120, step_s=20)
    return world


def ring(world: World, edge: str, *points: float) -> None:
    found = world.group().scaling[0]
    scaling.answer(world.fleet.store, [rings(found, edge, *points)], world.now)


def test_a_policy_keeps_two_alarms(tracking_world: World) -> None:
    made = put(tracking_world)
    names = [one["AlarmName"] for one in made["Alarms"]]
    alarms = {name.split("-")[2]: tracking_world.cloud.alarms[name] for name in names}
    assert {
        edge: (a["ComparisonOperator"], a["Threshold"], a["EvaluationPeriods"], a["Period"])
        for edge, a in alarms.items()
    } == {
        "AlarmHigh": ("GreaterThanThreshold", 20.0, 3, 60),
        "AlarmLow": ("LessThanThreshold", 18.0, 15, 60),
    }
    high = alarms["AlarmHigh"]
    assert (high["Namespace"], high["MetricName"], high["Statistic"]) == (
        "AWS/ApplicationELB",
        "RequestCountPerTarget",
        "Sum",
    )
    assert {one["Name"]: one["Value"] for one in high["Dimensions"]} == {
        "LoadBalancer": "app/front/9",
        "TargetGroup": "targetgroup/blue/1",
    }
    assert high["AlarmActions"] == [made["PolicyARN"]]


def test_a_policy_on_cpu_watches_what_is_published_of_its_group(tracking_world: World) -> None:
    metric = {"PredefinedMetricType": tracking.CPU}
    put(tracking_world, "cpu", **tracked(PredefinedMetricSpecification=metric))
    meters = Meters()
    for real in (1.0, 2.0):
        published = meters.samples([Usage("i-1", "web", real / 2, detailed=True)], 0, real)
    watched = {
        (a["Namespace"], a["MetricName"], tuple((d["Name"], d["Value"]) for d in a["Dimensions"]))
        for a in tracking_world.cloud.alarms.values()
    }
    of_group = published[-1].metric
    assert watched == {(of_group.namespace, of_group.name, of_group.dimensions)}
    assert {a["Statistic"] for a in tracking_world.cloud.alarms.values()} == {"Average"}
    (told,) = tracking_world.api.describe_policies(**WEB)["ScalingPolicies"]
    assert told["TargetTrackingConfiguration"]["PredefinedMetricSpecification"] == metric


def test_a_changed_policy_keeps_its_name_and_alarms(tracking_world: World) -> None:
    first = put(tracking_world)
    second = put(tracking_world, **tracked(TargetValue=50.0))
    assert first == second
    assert {a["Threshold"] for a in tracking_world.cloud.alarms.values()} == {50.0, 45.0}
    third = put(tracking_world, **tracked(DisableScaleIn=True))
    assert len(third["Alarms"]) == len(tracking_world.cloud.alarms) == 1


def test_a_policy_is_told_and_deleted_with_its_alarms(tracking_world: World) -> None:
    arn = put(tracking_world, EstimatedInstanceWarmup=30)["PolicyARN"]
    (told,) = tracking_world.api.describe_policies(**WEB)["ScalingPolicies"]
    assert (told["PolicyName"], told["PolicyARN"], told["Enabled"]) == ("requests", arn, True)
    assert (told["EstimatedInstanceWarmup"], len(told["Alarms"])) == (30, 2)
    configuration = told["TargetTrackingConfiguration"]
    assert configuration["PredefinedMetricSpecification"]["ResourceLabel"] == LABEL
    assert tracking_world.api.describe_policies(PolicyNames=["other"])["ScalingPolicies"] == []
    assert (
        tracking_world.api.describe_policies(PolicyTypes=["StepScaling"])["ScalingPolicies"] == []
    )
    tracking_world.api.delete_policy(PolicyName=arn)
    assert tracking_world.cloud.alarms == {}
    assert refused(tracking_world.api.delete_policy, **WEB, PolicyName="requests")[0] == (
        "ValidationError"
    )


def test_the_group_takes_its_policies_with_it(tracking_world: World) -> None:
    put(tracking_world)
    tracking_world.api.delete_auto_scaling_group(**WEB, ForceDelete=True)
    tracking_world.settle()
    assert tracking_world.fleet.store.groups == {}
    assert tracking_world.cloud.alarms == {}


def test_a_ringing_alarm_moves_the_desired_capacity_and_activities_say_so(
    tracking_world: World,
) -> None:
    put(tracking_world)
    ring(tracking_world, HIGH, 30.0)
    assert tracking_world.group().desired == 3
    tracking_world.settle()
    assert list(tracking_world.states().values()) == ["InService"] * 3
    cause = tracking_world.activities()[0]["Cause"]
    assert "a monitor alarm TargetTracking-web-AlarmHigh-" in cause
    assert (
        "in state ALARM triggered policy requests changing the desired capacity from 2 to 3"
        in cause
    )


def test_a_scale_in_waits_until_everybody_has_warmed_up(tracking_world: World) -> None:
    put(tracking_world)
    ring(tracking_world, HIGH, 30.0)
    tracking_world.settle()
    ring(tracking_world, LOW, 1.0)
    assert tracking_world.group().desired == 3
    tracking_world.pass_time(60, step_s=10)
    ring(tracking_world, LOW, 1.0)
    assert tracking_world.group().desired == 1


def test_a_suspended_group_hears_no_alarm(tracking_world: World) -> None:
    put(tracking_world)
    suspended = {**WEB, "ScalingProcesses": ["AlarmNotification"]}
    tracking_world.api.suspend_processes(**suspended)
    ring(tracking_world, HIGH, 90.0)
    assert tracking_world.group().desired == 2
    tracking_world.api.resume_processes(**suspended)
    ring(tracking_world, HIGH, 30.0)
    assert tracking_world.group().desired == 3


def label(text: str) -> dict[str, Any]:
    metric = {"PredefinedMetricType": REQUESTS, "ResourceLabel": text}
    return tracked(PredefinedMetricSpecification=metric)


WRONG = [
    (label("targetgroup/blue/1"), "is not app/"),
    (label("app/front/9/targetgroup/other/3"), "is not attached"),
    (label("app/other/8/targetgroup/blue/1"), "does not route traffic"),
    (label("app/front/9/targetgroup/green/2"), "does not route traffic"),
    (tracked(TargetValue=0.0), "TargetValue"),
    ({"TargetTrackingConfiguration": {"TargetValue": 5.0}}, "does not simulate"),
    ({"PolicyType": "StepScaling", "AdjustmentType": "ChangeInCapacity"}, "PolicyType StepScaling"),
    ({"PolicyType": "SimpleScaling"}, "PolicyType SimpleScaling"),
    ({"Enabled": False}, "that are off"),
    (
        tracked(PredefinedMetricSpecification={"PredefinedMetricType": "ASGAverageNetworkIn"}),
        "ASGAverageNetworkIn",
    ),
]


@pytest.mark.parametrize(("settings", "words"), WRONG)
def test_what_it_cannot_track_is_refused(
    tracking_world: World, settings: dict[str, Any], words: str
) -> None:
    code, told = refused(partial(put, tracking_world), **settings)
    assert code in ("ValidationError", "NotImplemented")
    assert words in told
    assert tracking_world.cloud.alarms == {}


def test_two_policies_on_one_metric_are_refused(tracking_world: World) -> None:
    put(tracking_world)
    assert refused(partial(put, tracking_world, "again"))[0] == "ValidationError"

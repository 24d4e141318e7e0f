"""Scaling policies, warm pools and mixed groups as resources of a stack."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from deployer.lab.autoscaling.component import Fleet
from deployer.lab.beats import Beats
from deployer.lab.context import Context
from tests.lab_core.stacks import Cloud, template
from tests.lab_core.test_resources import VPC, att, done, ref, resource, subnet

GROUP, POLICY, POOL = (f"AWS::AutoScaling::{kind}" for kind in ("AutoScalingGroup", "ScalingPolicy", "WarmPool"))  # fmt: skip
TEMPLATE = {"LaunchTemplateId": ref("Lt"), "Version": "$Default"}
MIXED = {
    "LaunchTemplate": {
        "LaunchTemplateSpecification": TEMPLATE,
        "Overrides": [{"InstanceType": "t3.micro"}, {"InstanceType": "t3.small"}],
    },
    "InstancesDistribution": {
        "OnDemandBaseCapacity": 1,
        "OnDemandPercentageAboveBaseCapacity": 0,
        "SpotAllocationStrategy": "price-capacity-optimized",
    },
}


@pytest.fixture
def growing(cloud: Cloud, context: Context) -> Iterator[Cloud]:
    """With the lab's own Auto Scaling, alive."""
    with closing(Fleet(context)) as fleet, closing(Beats(context, (fleet,))) as beats:
        beats.start()
        yield cloud
        assert not beats.broken.is_set()


def stack(group: dict[str, Any], **others: Any) -> str:
    label = {"Fn::Join": ["/", [att("Front", "LoadBalancerFullName"), att("Tg", "TargetGroupFullName")]]}  # fmt: skip
    forward = [{"Type": "forward", "TargetGroupArn": ref("Tg")}]
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    return template(
        {
            "Vpc": VPC,
            "S0": subnet(0),
            "S1": subnet(1),
            "Lt": resource(
                "AWS::EC2::LaunchTemplate",
                LaunchTemplateData={"InstanceType": "t3.micro", "ImageId": "ami-12345678"},
            ),
            "Tg": resource(
                "AWS::ElasticLoadBalancingV2::TargetGroup", Port=80, Protocol="HTTP",
                VpcId=ref("Vpc"), TargetType="instance",
            ),
            "Front": resource(
                "AWS::ElasticLoadBalancingV2::LoadBalancer", Subnets=[ref("S0"), ref("S1")]
            ),
            "Door": resource(
                "AWS::ElasticLoadBalancingV2::Listener", LoadBalancerArn=ref("Front"), Port=80,
                Protocol="HTTP", DefaultActions=forward,
            ),
            "Group": resource(
                GROUP, MinSize="0", MaxSize="4", VPCZoneIdentifier=[ref("S0"), ref("S1")],
                TargetGroupARNs=[ref("Tg")], **group,
            ),
            **{
                name: resource(kind, AutoScalingGroupName=ref("Group"), **properties)
                if kind == POOL
                else resource(
                    kind, depends="Door", AutoScalingGroupName=ref("Group"),
                    PolicyType="TargetTrackingScaling",
                    TargetTrackingConfiguration={
                        "PredefinedMetricSpecification": metric, **properties
                    },
                )
                for name, (kind, properties) in others.items()
            },
        }
    )  # fmt: skip


def group_of(cloud: Cloud) -> Any:
    name = cloud.physical_ids("g")["Group"]
    told = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return told["AutoScalingGroups"][0]


def thresholds(cloud: Cloud) -> list[float]:
    told = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")
    return sorted(one["Threshold"] for one in told["MetricAlarms"])


def drift(cloud: Cloud) -> dict[str, str]:
    detection = cloud.api.detect_stack_drift(StackName="g")["StackDriftDetectionId"]
    assert cloud.engine.rest(20.0)
    cloud.api.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    told = cloud.api.describe_stack_resource_drifts(StackName="g")["StackResourceDrifts"]
    return {one["LogicalResourceId"]: one["StackResourceDriftStatus"] for one in told}


def test_a_policy_lives_with_its_stack(growing: Cloud) -> None:
    def body(target: int) -> str:
        policy = {"TargetValue": target}
        group = {"MixedInstancesPolicy": MIXED, "CapacityRebalance": True}
        return stack(group, Requests=(POLICY, policy))

    done(growing.create("g", body(20)), growing)
    told = group_of(growing)
    assert told["CapacityRebalance"] is True
    assert told["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"] == [
        {"InstanceType": "t3.micro"},
        {"InstanceType": "t3.small"},
    ]
    first = growing.physical_ids("g")["Requests"]
    assert ":scalingPolicy:" in first
    assert thresholds(growing) == [18.0, 20.0]
    assert {drift(growing)[name] for name in ("Group", "Requests")} == {"IN_SYNC"}
    done(growing.update("g", body(50)), growing)
    assert growing.physical_ids("g")["Requests"] == first
    assert thresholds(growing) == [45.0, 50.0]
    done(growing.update("g", stack({"LaunchTemplate": TEMPLATE})), growing)
    assert thresholds(growing) == []
    assert "MixedInstancesPolicy" not in group_of(growing)


def test_a_pool_lives_with_its_stack(growing: Cloud) -> None:
    def body(size: int) -> str:
        pool = {
            "MinSize": size,
            "MaxGroupPreparedCapacity": size,
            "PoolState": "Stopped",
            "InstanceReusePolicy": {"ReuseOnScaleIn": False},
        }
        return stack({"LaunchTemplate": TEMPLATE}, Pool=(POOL, pool))

    done(growing.create("g", body(1)), growing)
    assert growing.physical_ids("g")["Pool"] == growing.physical_ids("g")["Group"]
    assert group_of(growing)["WarmPoolConfiguration"]["MinSize"] == 1
    done(growing.update("g", body(2)), growing)
    assert group_of(growing)["WarmPoolConfiguration"]["MaxGroupPreparedCapacity"] == 2
    assert drift(growing)["Pool"] == "IN_SYNC"
    fewer = json.loads(body(2))
    del fewer["Resources"]["Pool"]["Properties"]["MinSize"]
    growing.update("g", json.dumps(fewer))
    assert "drops MinSize" in growing.reasons("g")["Pool"]
    assert group_of(growing)["WarmPoolConfiguration"]["MinSize"] == 2
    growing.delete("g")
    assert growing.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []

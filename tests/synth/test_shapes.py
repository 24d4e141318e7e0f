"""What the optional settings build: HTTPS, ways out, Spot, warm pools, scaling, an existing VPC."""

import json
from typing import Any

import pytest

from tests.synth.conftest import Templates

LISTENER = "ElasticLoadBalancingV2::Listener"
GROUP = "AutoScaling::AutoScalingGroup"


def listeners(shapes: Templates, environment: str) -> dict[int, dict[str, Any]]:
    found = shapes.properties("service", LISTENER, environment)
    return {listener["Port"]: listener for listener in found}


def attributes(resource: dict[str, Any], key: str) -> dict[str, Any]:
    return {item["Key"]: item["Value"] for item in resource[key]}


def test_with_a_certificate_both_listeners_speak_tls_1_3(shapes: Templates) -> None:
    found = listeners(shapes, "secure")
    for port in (443, 8443):
        assert found[port]["Protocol"] == "HTTPS"
        assert found[port]["SslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"
        (certificate,) = found[port]["Certificates"]
        assert certificate["CertificateArn"].startswith("arn:aws:acm:us-east-1:123456789012:")
        assert found[port]["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"] == "503"


def test_plain_http_is_sent_to_the_secure_listener(shapes: Templates) -> None:
    redirect = listeners(shapes, "secure")[80]
    assert (redirect["Protocol"], len(listeners(shapes, "secure"))) == ("HTTP", 3)
    (action,) = redirect["DefaultActions"]
    assert action["RedirectConfig"] == {
        "Protocol": "HTTPS",
        "Port": "443",
        "StatusCode": "HTTP_301",
    }


def test_without_a_certificate_nothing_redirects(shapes: Templates) -> None:
    assert {one["Protocol"] for one in listeners(shapes, "warm").values()} == {"HTTP"}
    assert len(listeners(shapes, "warm")) == 2


def test_the_deployer_asks_for_the_name_on_the_certificate(shapes: Templates) -> None:
    (parameter,) = shapes.properties("service", "SSM::Parameter", "secure")
    text = "".join(part for part in parameter["Value"]["Fn::Join"][1] if isinstance(part, str))
    assert '"url":"https://shop.example.com:443"' in text
    assert '"test_url":"https://shop.example.com:8443"' in text


def test_the_load_balancer_logs_to_the_control_stacks_bucket(shapes: Templates) -> None:
    (balancer,) = shapes.properties("service", "ElasticLoadBalancingV2::LoadBalancer", "secure")
    found = attributes(balancer, "LoadBalancerAttributes")
    assert found["access_logs.s3.enabled"] == "true"
    assert "Logs" in found["access_logs.s3.bucket"]["Fn::ImportValue"]
    assert found["idle_timeout.timeout_seconds"] == "120"
    assert found["deletion_protection.enabled"] == "true"


def test_access_logs_expire(shapes: Templates) -> None:
    buckets = shapes.of_type("control", "S3::Bucket", "secure")
    (logs,) = [item for name, item in buckets.items() if name.startswith("Logs")]
    (rule,) = logs["Properties"]["LifecycleConfiguration"]["Rules"]
    assert (rule["ExpirationInDays"], rule["Status"]) == (30, "Enabled")


def test_access_logs_can_be_turned_off(shapes: Templates) -> None:
    (balancer,) = shapes.properties("service", "ElasticLoadBalancingV2::LoadBalancer", "warm")
    assert "access_logs.s3.bucket" not in attributes(balancer, "LoadBalancerAttributes")
    assert len(shapes.of_type("control", "S3::Bucket", "warm")) == 1


def test_groups_mix_types_and_spot_and_still_boot_the_default_version(shapes: Templates) -> None:
    for group in shapes.properties("service", GROUP, "secure"):
        policy = group["MixedInstancesPolicy"]
        assert "LaunchTemplate" not in group
        assert policy["LaunchTemplate"]["LaunchTemplateSpecification"]["Version"] == "$Default"
        assert policy["InstancesDistribution"] == {
            "OnDemandBaseCapacity": 1,
            "OnDemandPercentageAboveBaseCapacity": 25,
            "SpotAllocationStrategy": "price-capacity-optimized",
        }
        types = [one["InstanceType"] for one in policy["LaunchTemplate"]["Overrides"]]
        assert types == ["t3.micro", "t3a.micro", "t2.micro"]
        assert group["CapacityRebalance"] is True
        assert "DesiredCapacity" not in group


def test_both_slots_scale_on_both_targets(shapes: Templates) -> None:
    policies = shapes.properties("service", "AutoScaling::ScalingPolicy", "secure")
    targets = sorted(
        (
            policy["TargetTrackingConfiguration"]["PredefinedMetricSpecification"][
                "PredefinedMetricType"
            ],
            policy["TargetTrackingConfiguration"]["TargetValue"],
        )
        for policy in policies
    )
    assert (
        targets == [("ALBRequestCountPerTarget", 500)] * 2 + [("ASGAverageCPUUtilization", 60)] * 2
    )


def test_a_warm_pool_has_a_size_of_its_own_and_takes_nothing_back(shapes: Templates) -> None:
    pools = shapes.properties("service", "AutoScaling::WarmPool", "warm")
    assert len(pools) == 2
    for pool in pools:
        assert (pool["MinSize"], pool["MaxGroupPreparedCapacity"]) == (3, 3)
        assert pool["PoolState"] == "Stopped"
        assert pool["InstanceReusePolicy"] == {"ReuseOnScaleIn": False}


def test_target_groups_start_slowly_and_never_stick(shapes: Templates) -> None:
    groups = shapes.properties("service", "ElasticLoadBalancingV2::TargetGroup", "warm")
    for group in groups:
        found = attributes(group, "TargetGroupAttributes")
        assert found["slow_start.duration_seconds"] == "45"
        assert found["stickiness.enabled"] == "false"


def test_nat_gateways_are_one_in_each_zone(shapes: Templates) -> None:
    assert len(shapes.of_type("network", "EC2::NatGateway", "secure")) == 3
    assert len(shapes.of_type("network", "EC2::Subnet", "secure")) == 6


def test_endpoints_answer_to_the_network_only(shapes: Templates) -> None:
    endpoints = shapes.properties("network", "EC2::VPCEndpoint", "warm")
    private = [one for one in endpoints if one["VpcEndpointType"] == "Interface"]
    assert len(private) == 5
    assert all(one["PrivateDnsEnabled"] is True for one in private)
    (group,) = shapes.properties("network", "EC2::SecurityGroup", "warm")
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (443, 443, "tcp")
    assert rule["CidrIp"] == "10.0.0.0/16"


def test_flow_logs_follow_the_setting(shapes: Templates) -> None:
    (log,) = shapes.properties("network", "EC2::FlowLog", "secure")
    assert log["TrafficType"] == "ALL"
    assert shapes.of_type("network", "EC2::FlowLog", "warm") == {}


def test_an_existing_network_is_used_and_nothing_of_it_made(shapes: Templates) -> None:
    assert not (shapes.directory / "shop-adopted-network.template.json").exists()
    (balancer,) = shapes.properties("service", "ElasticLoadBalancingV2::LoadBalancer", "adopted")
    assert balancer["Subnets"] == ["subnet-0000000000000000a", "subnet-0000000000000000b"]
    for group in shapes.properties("service", GROUP, "adopted"):
        assert group["VPCZoneIdentifier"] == [
            "subnet-0000000000000001a",
            "subnet-0000000000000001b",
        ]
    targets = shapes.properties("service", "ElasticLoadBalancingV2::TargetGroup", "adopted")
    assert {group["VpcId"] for group in targets} == {"vpc-0123456789abcdef0"}


@pytest.mark.parametrize(("environment", "allowed"), [("secure", True), ("warm", True)])
def test_session_manager_instead_of_ssh_wherever_it_can_be_reached(
    shapes: Templates, environment: str, allowed: bool
) -> None:
    text = json.dumps(shapes.properties("service", "IAM::Policy", environment))
    assert ("ssmmessages:OpenDataChannel" in text) is allowed
    assert "KeyName" not in json.dumps(shapes.template("service", environment))


def test_the_agent_writes_its_own_metrics_and_its_own_log(shapes: Templates) -> None:
    policies = shapes.properties("service", "IAM::Policy", "secure")
    (statements,) = [
        one["PolicyDocument"]["Statement"] for one in policies if "ReadArtifacts" in json.dumps(one)
    ]
    metrics = [one for one in statements if one["Action"] == "cloudwatch:PutMetricData"]
    assert [one["Condition"] for one in metrics] == [
        {"StringEquals": {"cloudwatch:namespace": "CWAgent"}}
    ]
    (log,) = shapes.properties("service", "Logs::LogGroup", "secure")
    assert log["LogGroupName"] == "/deployer/shop/secure/output"


def test_people_are_told_by_mail_over_a_topic_that_takes_tls_only(shapes: Templates) -> None:
    (subscription,) = shapes.properties("control", "SNS::Subscription", "warm")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")
    (policy,) = shapes.properties("control", "SNS::TopicPolicy", "warm")
    denied, alarms = policy["PolicyDocument"]["Statement"]
    if denied["Effect"] == "Allow":
        denied, alarms = alarms, denied
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert alarms["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (alarms["Action"], alarms["Resource"]) == ("sns:Publish", policy["Topics"][0])
    assert alarms["Condition"].keys() == {"StringEquals"}

"""Each resource type: made, changed, deleted; and what AWS then says about it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from deployer.lab import actions
from deployer.lab.cloudformation.resources.registry import KINDS
from tests.lab_core.monitored import monitored
from tests.lab_core.stacks import Cloud, template

CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}


def att(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    depends = properties.pop("depends", None)
    made = {"Type": kind, "Properties": properties}
    return made | ({"DependsOn": depends} if depends else {})


def subnet(zone: int) -> dict[str, Any]:
    return resource(
        "AWS::EC2::Subnet",
        VpcId=ref("Vpc"),
        CidrBlock=f"10.0.{zone}.0/24",
        AvailabilityZone={"Fn::Select": [zone, {"Fn::GetAZs": ""}]},
        MapPublicIpOnLaunch=zone == 0,
        Tags=[{"Key": "Name", "Value": f"subnet-{zone}"}],
    )


NETWORK = {
    "Vpc": resource(
        "AWS::EC2::VPC",
        CidrBlock="10.0.0.0/16",
        EnableDnsHostnames=True,
        EnableDnsSupport="true",
        InstanceTenancy="default",
    ),
    "S0": subnet(0),
    "S1": subnet(1),
    "Gate": resource("AWS::EC2::InternetGateway"),
    "Attached": resource(
        "AWS::EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gate")
    ),
    "Table": resource("AWS::EC2::RouteTable", VpcId=ref("Vpc")),
    "Out": resource(
        "AWS::EC2::Route",
        depends="Attached",
        RouteTableId=ref("Table"),
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=ref("Gate"),
    ),
    "Routed": resource(
        "AWS::EC2::SubnetRouteTableAssociation", RouteTableId=ref("Table"), SubnetId=ref("S0")
    ),
    "Endpoint": resource(
        "AWS::EC2::VPCEndpoint",
        VpcId=ref("Vpc"),
        ServiceName={"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"},
        VpcEndpointType="Gateway",
        RouteTableIds=[ref("Table")],
    ),
    "Address": resource("AWS::EC2::EIP", depends="Attached", Domain="vpc"),
    "Nat": resource(
        "AWS::EC2::NatGateway", SubnetId=ref("S0"), AllocationId=att("Address", "AllocationId")
    ),
    "Front": resource(
        "AWS::EC2::SecurityGroup",
        VpcId=ref("Vpc"),
        GroupDescription="front",
        SecurityGroupIngress=[
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}
        ],
        SecurityGroupEgress=[
            {
                "IpProtocol": "icmp",
                "FromPort": 252,
                "ToPort": 86,
                "CidrIp": "255.255.255.255/32",
                "Description": "Disallow all traffic",
            }
        ],
    ),
    "Back": resource("AWS::EC2::SecurityGroup", VpcId=ref("Vpc"), GroupDescription="back"),
    "FrontToBack": resource(
        "AWS::EC2::SecurityGroupEgress",
        GroupId=att("Front", "GroupId"),
        DestinationSecurityGroupId=att("Back", "GroupId"),
        IpProtocol="tcp",
        FromPort=8080,
        ToPort=8080,
    ),
    "BackFromFront": resource(
        "AWS::EC2::SecurityGroupIngress",
        GroupId=att("Back", "GroupId"),
        SourceSecurityGroupId=att("Front", "GroupId"),
        IpProtocol="tcp",
        FromPort=8080,
        ToPort=8080,
    ),
    "Logs": resource("AWS::Logs::LogGroup", RetentionInDays=30),
    "LogRole": resource(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                }
            ],
        },
    ),
    "Flow": resource(
        "AWS::EC2::FlowLog",
        ResourceId=ref("Vpc"),
        ResourceType="VPC",
        TrafficType="REJECT",
        LogDestinationType="cloud-watch-logs",
        LogGroupName=ref("Logs"),
        DeliverLogsPermissionArn=att("LogRole", "Arn"),
    ),
}


def done(stack: dict[str, Any], cloud: Cloud) -> None:
    name = stack["StackName"]
    told = cloud.reasons(stack["StackId"])
    assert stack["StackStatus"].endswith("_COMPLETE"), (name, told)
    assert "ROLLBACK" not in stack["StackStatus"], (name, told)


def leftovers(cloud: Cloud) -> set[str]:
    """What AWS has beyond the defaults of an empty account."""
    ec2 = cloud.client("ec2")
    mine = {
        "vpc": [one for one in ec2.describe_vpcs()["Vpcs"] if not one["IsDefault"]],
        "gateway": ec2.describe_internet_gateways()["InternetGateways"],
        "endpoint": [
            one for one in ec2.describe_vpc_endpoints()["VpcEndpoints"] if one["State"] != "deleted"
        ],
        "flow log": ec2.describe_flow_logs()["FlowLogs"],
        "address": ec2.describe_addresses()["Addresses"],
        "template": ec2.describe_launch_templates()["LaunchTemplates"],
        "balancer": cloud.client("elbv2").describe_load_balancers()["LoadBalancers"],
        "target group": cloud.client("elbv2").describe_target_groups()["TargetGroups"],
        "role": cloud.client("iam").list_roles()["Roles"],
        "log group": cloud.client("logs").describe_log_groups()["logGroups"],
    }
    return {name for name, found in mine.items() if found}


def test_network(cloud: Cloud) -> None:
    done(cloud.create("net", template(NETWORK), Capabilities=CAPABILITIES), cloud)
    ids, ec2 = cloud.physical_ids("net"), cloud.client("ec2")
    [vpc] = ec2.describe_vpcs(VpcIds=[ids["Vpc"]])["Vpcs"]
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    hostnames = ec2.describe_vpc_attribute(VpcId=ids["Vpc"], Attribute="enableDnsHostnames")
    assert hostnames["EnableDnsHostnames"]["Value"] is True
    first, second = (
        ec2.describe_subnets(SubnetIds=[ids[name]])["Subnets"][0] for name in ("S0", "S1")
    )
    assert (first["MapPublicIpOnLaunch"], second["MapPublicIpOnLaunch"]) == (True, False)
    assert first["AvailabilityZone"] != second["AvailabilityZone"]
    assert first["Tags"] == [{"Key": "Name", "Value": "subnet-0"}]
    [table] = ec2.describe_route_tables(RouteTableIds=[ids["Table"]])["RouteTables"]
    assert {"0.0.0.0/0"} < {one.get("DestinationCidrBlock") for one in table["Routes"]}
    [front] = ec2.describe_security_groups(GroupIds=[ids["Front"]])["SecurityGroups"]
    out = {(one["IpProtocol"], one.get("FromPort")) for one in front["IpPermissionsEgress"]}
    assert out == {("icmp", 252), ("tcp", 8080)}
    [back] = ec2.describe_security_groups(GroupIds=[ids["Back"]])["SecurityGroups"]
    [rule] = back["IpPermissions"]
    assert rule["UserIdGroupPairs"][0]["GroupId"] == ids["Front"]

    changed = json.loads(json.dumps(NETWORK))
    changed["S0"]["Properties"]["MapPublicIpOnLaunch"] = False
    changed["Front"]["Properties"]["SecurityGroupIngress"][0] |= {"FromPort": 81, "ToPort": 81}
    done(cloud.update("net", template(changed), Capabilities=CAPABILITIES), cloud)
    assert cloud.physical_ids("net") == ids
    [front] = ec2.describe_security_groups(GroupIds=[ids["Front"]])["SecurityGroups"]
    assert [one["FromPort"] for one in front["IpPermissions"]] == [81]

    done(cloud.delete("net"), cloud)
    assert leftovers(cloud) == set()


def entrance(delay: str, path: str, weight: int) -> dict[str, Any]:
    fixed = {
        "Type": "fixed-response",
        "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain"},
    }
    forward = {
        "Type": "forward",
        "ForwardConfig": {
            "TargetGroups": [
                {"TargetGroupArn": ref("Blue"), "Weight": weight},
                {"TargetGroupArn": ref("Green"), "Weight": 100 - weight},
            ]
        },
    }

    def group() -> dict[str, Any]:
        return resource(
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            VpcId=ref("Vpc"),
            Port=8080,
            Protocol="HTTP",
            TargetType="instance",
            HealthCheckPath=path,
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=2,
            Matcher={"HttpCode": "200"},
            TargetGroupAttributes=[
                {"Key": "deregistration_delay.timeout_seconds", "Value": delay},
                {"Key": "stickiness.enabled", "Value": "false"},
            ],
        )

    return {
        "Vpc": VPC,
        "S0": subnet(0),
        "S1": subnet(1),
        "Balancer": resource(
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            Subnets=[ref("S0"), ref("S1")],
            Scheme="internal",
            Type="application",
            LoadBalancerAttributes=[{"Key": "idle_timeout.timeout_seconds", "Value": delay}],
        ),
        "Blue": group(),
        "Green": group(),
        "Listener": resource(
            "AWS::ElasticLoadBalancingV2::Listener",
            LoadBalancerArn=ref("Balancer"),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[fixed],
        ),
        "Rule": resource(
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            ListenerArn=ref("Listener"),
            Priority=weight,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
            Actions=[forward],
        ),
        "Told": resource(
            "AWS::SSM::Parameter",
            Type="String",
            Value={"Fn::Sub": "${Balancer.LoadBalancerFullName} ${Blue.TargetGroupFullName}"},
        ),
    }


def attributes(cloud: Cloud, arn: str) -> dict[str, str]:
    told = cloud.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)
    return {one["Key"]: one["Value"] for one in told["Attributes"]}


def test_load_balancing_changes_in_place(cloud: Cloud) -> None:
    done(cloud.create("lb", template(entrance("30", "/a", 10))), cloud)
    ids, elb = cloud.physical_ids("lb"), cloud.client("elbv2")
    assert attributes(cloud, ids["Blue"])["deregistration_delay.timeout_seconds"] == "30"
    balancer, group = cloud.parameters()[ids["Told"]].split()
    assert ids["Balancer"].endswith(f":loadbalancer/{balancer}")
    assert ids["Blue"].endswith(f":{group}")

    done(cloud.update("lb", template(entrance("45", "/b", 20))), cloud)
    assert cloud.physical_ids("lb") == ids
    assert attributes(cloud, ids["Blue"])["deregistration_delay.timeout_seconds"] == "45"
    [blue] = elb.describe_target_groups(TargetGroupArns=[ids["Blue"]])["TargetGroups"]
    assert blue["HealthCheckPath"] == "/b"
    [rule] = elb.describe_rules(RuleArns=[ids["Rule"]])["Rules"]
    assert rule["Priority"] == "20"
    weights = [one["Weight"] for one in rule["Actions"][0]["ForwardConfig"]["TargetGroups"]]
    assert weights == [20, 80]

    without = entrance("45", "/b", 20)
    del without["Blue"]["Properties"]["TargetGroupAttributes"]
    done(cloud.update("lb", template(without)), cloud)
    assert attributes(cloud, ids["Blue"])["deregistration_delay.timeout_seconds"] == "300"

    done(cloud.delete("lb"), cloud)
    assert leftovers(cloud) == set()


def test_what_the_stack_gave_a_service_is_not_changed_by_it(cloud: Cloud) -> None:
    """moto adds to the actions that it is handed (lab.md A1): an update must not see that."""
    body = template(entrance("30", "/a", 10))
    cloud.create("lb", body)
    more = json.loads(body)
    more["Resources"]["More"] = resource("AWS::SNS::Topic")
    seen = cloud.events("lb")
    done(cloud.update("lb", json.dumps(more)), cloud)
    touched = {name for name, _status in cloud.since("lb", seen)}
    assert touched == {"lb", "More"}


def group_stack(kind: str, maximum: int, minimum: int = 0) -> str:
    policy = {"AutoScalingScheduledAction": {"IgnoreUnmodifiedGroupSizeProperties": True}}
    return template(
        {
            "Vpc": VPC,
            "S0": subnet(0),
            "S1": subnet(1),
            "Lt": resource(
                "AWS::EC2::LaunchTemplate",
                LaunchTemplateData={"InstanceType": kind, "ImageId": "ami-12345678"},
            ),
            "Group": resource(
                "AWS::AutoScaling::AutoScalingGroup",
                MinSize=str(minimum),
                MaxSize=str(maximum),
                VPCZoneIdentifier=[ref("S0"), ref("S1")],
                LaunchTemplate={"LaunchTemplateId": ref("Lt"), "Version": "$Default"},
                Tags=[{"Key": "slot", "Value": kind, "PropagateAtLaunch": True}],
            )
            | {"UpdatePolicy": policy},
        }
    )


def test_group_keeps_the_size_that_others_gave_it(cloud: Cloud) -> None:
    done(cloud.create("asg", group_stack("t3.micro", 4)), cloud)
    name, scaling = cloud.physical_ids("asg")["Group"], cloud.client("autoscaling")
    scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=1, DesiredCapacity=2)

    def group() -> Any:
        told = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
        return told["AutoScalingGroups"][0]

    instances = {one["InstanceId"] for one in group()["Instances"]}
    assert len(instances) == 2
    sent = len(actions.calls("autoscaling", "UpdateAutoScalingGroup"))
    done(cloud.update("asg", group_stack("t3.small", 4)), cloud)
    [update] = actions.calls("autoscaling", "UpdateAutoScalingGroup")[sent:]
    assert not {"MinSize", "MaxSize", "DesiredCapacity"} & set(update.parameters)
    assert {one["InstanceId"] for one in group()["Instances"]} == instances
    assert (group()["MinSize"], group()["DesiredCapacity"]) == (1, 2)
    assert {tag["Key"]: tag["Value"] for tag in group()["Tags"]} == {"slot": "t3.small"}

    done(cloud.update("asg", group_stack("t3.small", 6)), cloud)
    assert (group()["MinSize"], group()["MaxSize"]) == (1, 6)

    done(cloud.delete("asg"), cloud)
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert leftovers(cloud) == set()


def trust(service: str) -> dict[str, Any]:
    return {
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        ]
    }


def allow(action: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def identity(action: str, managed: list[str]) -> dict[str, Any]:
    return {
        "Role": resource(
            "AWS::IAM::Role",
            AssumeRolePolicyDocument=trust("ec2.amazonaws.com"),
            ManagedPolicyArns=[f"arn:aws:iam::aws:policy/{name}" for name in managed],
            Policies=[{"PolicyName": "inline", "PolicyDocument": allow(action)}],
            MaxSessionDuration=7200,
        ),
        "Extra": resource(
            "AWS::IAM::Policy",
            PolicyName="extra",
            PolicyDocument=allow(action),
            Roles=[ref("Role")],
        ),
        "Shared": resource(
            "AWS::IAM::ManagedPolicy", PolicyDocument=allow(action), Roles=[ref("Role")]
        ),
        "Profile": resource("AWS::IAM::InstanceProfile", Roles=[ref("Role")]),
    }


def test_identity(cloud: Cloud) -> None:
    one = template(identity("s3:GetObject", ["AmazonSSMManagedInstanceCore"]))
    done(cloud.create("iam", one, Capabilities=CAPABILITIES), cloud)
    ids, iam = cloud.physical_ids("iam"), cloud.client("iam")

    def attached() -> set[str]:
        told = iam.list_attached_role_policies(RoleName=ids["Role"])["AttachedPolicies"]
        return {each["PolicyArn"].rsplit("/", 1)[1] for each in told}

    shared = ids["Shared"].rsplit("/", 1)[1]
    assert attached() == {"AmazonSSMManagedInstanceCore", shared}
    assert set(iam.list_role_policies(RoleName=ids["Role"])["PolicyNames"]) == {"inline", "extra"}

    for action in ("s3:PutObject", *(f"ec2:Describe{index}" for index in range(6))):
        other = template(identity(action, ["ReadOnlyAccess"]))
        done(cloud.update("iam", other, Capabilities=CAPABILITIES), cloud)
    assert attached() == {"ReadOnlyAccess", shared}
    assert cloud.physical_ids("iam") == ids
    default = iam.get_policy(PolicyArn=ids["Shared"])["Policy"]["DefaultVersionId"]
    version = iam.get_policy_version(PolicyArn=ids["Shared"], VersionId=default)
    assert version["PolicyVersion"]["Document"]["Statement"][0]["Action"] == "ec2:Describe5"

    done(cloud.delete("iam"), cloud)
    assert leftovers(cloud) == set()


def test_policy_that_aws_does_not_have(cloud: Cloud) -> None:
    body = template(identity("s3:GetObject", ["NoSuchPolicy"]))
    stack = cloud.create("iam", body, Capabilities=CAPABILITIES)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "NoSuchPolicy does not exist" in cloud.reasons("iam")["Role"]
    assert leftovers(cloud) == set()


def test_bucket_policy_is_told_and_not_enforced(cloud: Cloud) -> None:
    deny = {
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": "*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ]
    }
    body = template(
        {
            "B": resource(
                "AWS::S3::Bucket",
                VersioningConfiguration={"Status": "Enabled"},
                PublicAccessBlockConfiguration={"BlockPublicAcls": True},
                BucketEncryption={
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                LifecycleConfiguration={
                    "Rules": [
                        {
                            "Id": "old",
                            "Status": "Enabled",
                            "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                            "ExpirationInDays": 400,
                        }
                    ]
                },
            ),
            "P": resource("AWS::S3::BucketPolicy", Bucket=ref("B"), PolicyDocument=deny),
        }
    )
    done(cloud.create("s", body), cloud)
    name, s3 = cloud.physical_ids("s")["B"], cloud.client("s3")
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == deny
    [rule] = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert rule["Expiration"] == {"Days": 400}
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"


def table(properties: dict[str, Any], kind: str = "Table") -> dict[str, Any]:
    key = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    return {"T": resource(f"AWS::DynamoDB::{kind}", **key, **properties)}


@pytest.mark.parametrize("kind", ["Table", "GlobalTable"])
def test_table(cloud: Cloud, kind: str) -> None:
    recovery = {
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    ttl = {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}}
    whole = {"Replicas": [{"Region": ref("AWS::Region"), **recovery}]}
    extra = recovery if kind == "Table" else whole
    done(cloud.create("s", template(table({**extra, **ttl}, kind))), cloud)
    name, dynamodb = cloud.physical_ids("s")["T"], cloud.client("dynamodb")

    def recovers() -> str:
        told = dynamodb.describe_continuous_backups(TableName=name)
        point = told["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        return str(point["PointInTimeRecoveryStatus"])

    def expires() -> str:
        told = dynamodb.describe_time_to_live(TableName=name)
        return str(told["TimeToLiveDescription"]["TimeToLiveStatus"])

    assert (recovers(), expires()) == ("ENABLED", "ENABLED")
    bare = {} if kind == "Table" else {"Replicas": [{"Region": ref("AWS::Region")}]}
    done(cloud.update("s", template(table(bare, kind))), cloud)
    assert (recovers(), expires()) == ("DISABLED", "DISABLED")
    assert cloud.physical_ids("s")["T"] == name
    done(cloud.delete("s"), cloud)
    assert dynamodb.list_tables()["TableNames"] == []


def test_global_table_elsewhere_is_refused(cloud: Cloud) -> None:
    regions = [{"Region": "us-east-1"}, {"Region": "eu-west-1"}]
    stack = cloud.create("s", template(table({"Replicas": regions}, "GlobalTable")))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Replicas other than one" in cloud.reasons("s")["T"]


ALARM = {
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": "2",
    "Threshold": 5,
    "MetricName": "HTTPCode_Target_5XX_Count",
    "Namespace": "AWS/ApplicationELB",
    "Period": 60,
    "Statistic": "Sum",
    "TreatMissingData": "notBreaching",
    "AlarmActions": [ref("Topic")],
}


def various(word: str) -> dict[str, Any]:
    return {
        "Topic": resource("AWS::SNS::Topic", DisplayName=word),
        "TopicPolicy": resource(
            "AWS::SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=allow(f"sns:{word}")
        ),
        "Alarm": resource("AWS::CloudWatch::Alarm", AlarmDescription=word, **ALARM),
        "Parameter": resource(
            "AWS::SSM::Parameter", Type="String", Value=word, Tags={"word": word}
        ),
        "Logs": resource("AWS::Logs::LogGroup", RetentionInDays=7 if word == "a" else 14),
        "Key": resource("AWS::KMS::Key", KeyPolicy=allow(f"kms:{word}")),
        "Alias": resource("AWS::KMS::Alias", AliasName="alias/x", TargetKeyId=ref("Key")),
        "Repository": resource(
            "AWS::ECR::Repository",
            ImageTagMutability="IMMUTABLE" if word == "a" else "MUTABLE",
            EmptyOnDelete=True,
        ),
        "Metadata": resource("AWS::CDK::Metadata", Analytics=f"v2:deflate64:{word}"),
    }


def test_small_services_change_in_place(cloud: Cloud) -> None:
    done(cloud.create("s", template(various("a"))), cloud)
    ids = cloud.physical_ids("s")
    done(cloud.update("s", template(various("b"))), cloud)
    assert cloud.physical_ids("s") == ids
    read: dict[str, Callable[[], Any]] = {
        "Topic": cloud.topics,
        "Parameter": lambda: set(cloud.parameters().values()),
        "Alarm": lambda: {
            one["AlarmDescription"]
            for one in cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
        },
        "Logs": lambda: {
            one["retentionInDays"]
            for one in cloud.client("logs").describe_log_groups()["logGroups"]
        },
        "Repository": lambda: {
            one["imageTagMutability"]
            for one in cloud.client("ecr").describe_repositories()["repositories"]
        },
    }
    now = {name: look() for name, look in read.items()}
    assert now == {
        "Topic": {"b"},
        "Parameter": {"b"},
        "Alarm": {"b"},
        "Logs": {14},
        "Repository": {"MUTABLE"},
    }
    done(cloud.delete("s"), cloud)
    assert {name: look() for name, look in read.items()} == {name: set() for name in read}
    key = cloud.client("kms").describe_key(KeyId=ids["Key"])["KeyMetadata"]
    assert key["KeyState"] == "PendingDeletion"


# Types that have tests of their own: tests/lab_functions, lab_scheduler, lab_workflows, and
# lab_pipelines with tests/lab/test_pipeline.py; tests/lab_core/test_growing.py.
ELSEWHERE = {"Lambda", "Scheduler", "StepFunctions", "CodeBuild", "CodePipeline", "Events"}
GROWING = {"AWS::AutoScaling::ScalingPolicy", "AWS::AutoScaling::WarmPool"}


def test_every_type_has_been_made_by_a_test() -> None:
    tested = (
        {
            one["Type"]
            for stack in (
                NETWORK,
                entrance("1", "/", 1),
                identity("a", []),
                json.loads(group_stack("t3.micro", 1))["Resources"],
                various("a"),
                table({}),
                table({}, "GlobalTable"),
                monitored("a"),
            )
            for one in stack.values()
        }
        | {"AWS::S3::Bucket", "AWS::S3::BucketPolicy"}
        | GROWING
    )
    assert {kind for kind in KINDS if kind.split("::")[1] not in ELSEWHERE} == tested

"""What an instance is: image, metadata, user data, permissions and doors."""

from typing import Any

import pytest

from deployer.settings.reading import load
from deployer.topology import ARTIFACT_TAG, RELEASE_TAG
from stacks.user_data import user_data
from tests.synth.conftest import SAMPLE, Templates, Variant


def test_metadata_needs_a_token_and_shows_the_tags(templates: Templates) -> None:
    for template in templates.properties("service", "EC2::LaunchTemplate"):
        options = template["LaunchTemplateData"]["MetadataOptions"]
        assert options == {
            "HttpTokens": "required",
            "InstanceMetadataTags": "enabled",
            "HttpPutResponseHopLimit": 1,
        }


def test_the_image_is_pinned_and_nothing_re_resolves(templates: Templates) -> None:
    for template in templates.properties("service", "EC2::LaunchTemplate"):
        assert template["LaunchTemplateData"]["ImageId"] == "ami-03c3da4cfa8e8943a"
    parameters = templates.template("service")["Parameters"]
    assert set(parameters) == {"BootstrapVersion"}


def test_the_root_volume_is_encrypted_as_large_as_its_image_and_goes_with_its_instance(
    templates: Templates,
) -> None:
    root = {"Encrypted": True, "VolumeType": "gp3", "DeleteOnTermination": True}
    for template in templates.properties("service", "EC2::LaunchTemplate"):
        assert template["LaunchTemplateData"]["BlockDeviceMappings"] == [
            {"DeviceName": "/dev/xvda", "Ebs": root}
        ]


def test_user_data_is_the_script_with_the_facts(templates: Templates) -> None:
    expected = user_data(load(SAMPLE, "lab").service)
    for template in templates.properties("service", "EC2::LaunchTemplate"):
        assert template["LaunchTemplateData"]["UserData"] == {"Fn::Base64": expected}


def test_launch_templates_know_no_release(templates: Templates) -> None:
    for template in templates.properties("service", "EC2::LaunchTemplate"):
        tagged = template["LaunchTemplateData"]["TagSpecifications"]
        keys = {tag["Key"] for specification in tagged for tag in specification["Tags"]}
        assert keys.isdisjoint({RELEASE_TAG, ARTIFACT_TAG})
        assert "VersionDescription" not in template


CHANGES = [
    ("min_requests = 20", "min_requests = 60", set()),
    ("max_instances = 8", "max_instances = 9", {"AWS::AutoScaling::AutoScalingGroup"}),
    (
        "max_instances = 8",
        'max_instances = 8\ninstance_type = "t3.small"',
        {"AWS::EC2::LaunchTemplate"},
    ),
    ("ami-03c3da4cfa8e8943a", "ami-0123456789abcdef0", {"AWS::EC2::LaunchTemplate"}),
    ('name = "shop"', 'name = "shop"\nstart = "node app.js"', {"AWS::EC2::LaunchTemplate"}),
    (
        'deregistration_delay = "20s"',
        'deregistration_delay = "21s"',
        {"AWS::ElasticLoadBalancingV2::TargetGroup"},
    ),
]


@pytest.mark.parametrize(("old", "new", "kinds"), CHANGES, ids=[c[1] for c in CHANGES])
def test_a_setting_changes_only_what_it_is_about(
    templates: Templates, variant: Variant, old: str, new: str, kinds: set[str]
) -> None:
    changed = variant(old, new)
    before = templates.template("service")["Resources"]
    after = changed.template("service")["Resources"]
    assert {after[name]["Type"] for name in after if before.get(name) != after[name]} == kinds
    assert before.keys() == after.keys()
    for part in ("network", "control"):
        assert changed.template(part) == templates.template(part)


def instances_policy(templates: Templates) -> dict[str, Any]:
    (policy,) = [
        each
        for each in templates.properties("service", "IAM::Policy")
        if each["Roles"] == [{"Ref": "InstanceRole3CCE2F1D"}]
    ]
    return policy


def test_instances_may_read_their_artifacts_and_nothing_else(templates: Templates) -> None:
    policy = instances_policy(templates)
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "ReadArtifacts",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": {
                "Fn::Join": [
                    "",
                    [
                        {
                            "Fn::ImportValue": "shop-lab-control:"
                            "ExportsOutputFnGetAttArtifacts82DD59A1Arn3B515032"
                        },
                        "/shop/*",
                    ],
                ]
            },
        }
    ]
    (role,) = templates.properties("service", "IAM::Role")
    assert "ManagedPolicyArns" not in role
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "ec2.amazonaws.com"}


def test_artifacts_elsewhere_are_what_instances_may_read(variant: Variant) -> None:
    elsewhere = variant(
        "[environments.lab]",
        '[release]\nartifact = "s3://{service}-builds/x/{release}.tgz"\n[environments.lab]',
    )
    policy = instances_policy(elsewhere)
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Resource"] == "arn:aws:s3:::shop-builds/x/*"


DOORS = {"Fn::GetAtt": ["EntranceDoors6376178D", "GroupId"]}
INSTANCES = {"Fn::GetAtt": ["EntranceInstances6747968D", "GroupId"]}


def test_users_and_tests_each_have_their_door(templates: Templates) -> None:
    doors = templates.of_type("service", "EC2::SecurityGroup")["EntranceDoors6376178D"]
    opened = {
        (rule["CidrIp"], rule["FromPort"], rule["ToPort"], rule["IpProtocol"])
        for rule in doors["Properties"]["SecurityGroupIngress"]
    }
    assert opened == {("0.0.0.0/0", 8080, 8080, "tcp"), ("10.0.0.0/16", 8081, 8081, "tcp")}


def test_only_the_load_balancer_reaches_instances(templates: Templates) -> None:
    group = templates.of_type("service", "EC2::SecurityGroup")["EntranceInstances6747968D"]
    assert "SecurityGroupIngress" not in group["Properties"]
    (rule,) = templates.properties("service", "EC2::SecurityGroupIngress")
    assert (rule["GroupId"], rule["SourceSecurityGroupId"]) == (INSTANCES, DOORS)
    assert (rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (8080, 8080, "tcp")


def test_the_load_balancer_reaches_only_instances(templates: Templates) -> None:
    (rule,) = templates.properties("service", "EC2::SecurityGroupEgress")
    assert (rule["GroupId"], rule["DestinationSecurityGroupId"]) == (DOORS, INSTANCES)
    assert (rule["FromPort"], rule["ToPort"]) == (8080, 8080)

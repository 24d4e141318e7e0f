"""The network and the control stack: who reaches what, and what survives a deletion."""

import pytest

from tests.synth.conftest import PARTS, Templates, Variant

ENVIRONMENTS = pytest.mark.parametrize("environment", ["lab", "prod"])


def test_each_zone_of_the_settings_has_both_kinds_of_subnet(templates: Templates) -> None:
    subnets = templates.properties("network", "EC2::Subnet")
    placed = sorted((subnet["AvailabilityZone"], subnet["CidrBlock"]) for subnet in subnets)
    assert placed == [
        ("us-east-1a", "10.0.0.0/24"),
        ("us-east-1a", "10.0.16.0/20"),
        ("us-east-1b", "10.0.1.0/24"),
        ("us-east-1b", "10.0.32.0/20"),
    ]


def test_no_subnet_hands_out_public_addresses(templates: Templates) -> None:
    subnets = templates.properties("network", "EC2::Subnet")
    assert {subnet["MapPublicIpOnLaunch"] for subnet in subnets} == {False}


def test_only_public_subnets_route_to_the_internet(templates: Templates) -> None:
    routes = templates.properties("network", "EC2::Route")
    tables = {route["RouteTableId"]["Ref"] for route in routes}
    assert all(route["DestinationCidrBlock"] == "0.0.0.0/0" for route in routes)
    assert len(tables) == 2
    assert all(name.startswith("VpcPublicSubnet") for name in tables)


def test_instances_reach_s3_through_the_gateway(templates: Templates) -> None:
    (endpoint,) = templates.properties("network", "EC2::VPCEndpoint")
    tables = {table["Ref"] for table in endpoint["RouteTableIds"]}
    isolated = {
        name
        for name in templates.of_type("network", "EC2::RouteTable")
        if name.startswith("VpcInstancesSubnet")
    }
    assert (endpoint["VpcEndpointType"], len(isolated)) == ("Gateway", 2)
    assert isolated <= tables


def test_nothing_costs_by_the_hour_in_the_network(templates: Templates) -> None:
    kinds = {item["Type"] for item in templates.template("network")["Resources"].values()}
    assert kinds.isdisjoint({"AWS::EC2::NatGateway", "AWS::EC2::EIP"})


def test_refused_connections_are_logged(templates: Templates) -> None:
    (log,) = templates.properties("network", "EC2::FlowLog")
    assert (log["TrafficType"], log["ResourceType"]) == ("REJECT", "VPC")


def test_a_smaller_network_and_three_zones_fit(variant: Variant) -> None:
    smaller = variant(
        'zones = ["us-east-1a", "us-east-1b"]',
        'zones = ["us-east-1a", "us-east-1b", "us-east-1c"]\nvpc_cidr = "10.1.0.0/19"',
    )
    blocks = [subnet["CidrBlock"] for subnet in smaller.properties("network", "EC2::Subnet")]
    assert sorted(blocks) == [
        "10.1.0.0/27",
        "10.1.0.32/27",
        "10.1.0.64/27",
        "10.1.2.0/23",
        "10.1.4.0/23",
        "10.1.6.0/23",
    ]


def test_the_journal_is_a_table_on_demand_with_expiry_and_recovery(templates: Templates) -> None:
    (table,) = templates.properties("control", "DynamoDB::GlobalTable")
    (replica,) = table["Replicas"]
    assert table["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert {item["AttributeType"] for item in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert replica["Region"] == "us-east-1"
    assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}


def test_artifacts_are_versioned_encrypted_and_private(templates: Templates) -> None:
    bucket = templates.of_type("control", "S3::Bucket")["Artifacts82DD59A1"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_artifacts_travel_over_tls_only(templates: Templates) -> None:
    policies = templates.properties("control", "S3::BucketPolicy")
    assert len(policies) == 2
    for policy in policies:
        denied = [
            statement["Condition"]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Effect"] == "Deny"
        ]
        assert denied == [{"Bool": {"aws:SecureTransport": "false"}}]


@pytest.mark.parametrize(
    ("environment", "kept"),
    [("lab", ("Delete", "Delete")), ("prod", ("RetainExceptOnCreate", "Retain"))],
)
def test_what_is_protected_survives_its_stack_but_not_a_creation_that_failed(
    templates: Templates, environment: str, kept: tuple[str, str]
) -> None:
    # These logical ids are the data's identity: another id would be another, empty table.
    resources = templates.template("control", environment)["Resources"]
    for name in ("JournalAE8C44B2", "Artifacts82DD59A1"):
        policies = (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"])
        assert policies == kept, name
    (replica,) = resources["JournalAE8C44B2"]["Properties"]["Replicas"]
    assert replica["DeletionProtectionEnabled"] is (environment == "prod")


def test_what_the_deployer_and_dns_hold_on_to_keeps_its_identity(templates: Templates) -> None:
    assert {
        "EntranceBalancer27823B10",
        "EntranceBalancerProductionECD6754C",
        "EntranceBalancerTestAA1B534B",
        "BlueTargets16202A55",
        "GreenTargetsFDC1D409",
        "BlueLaunchTemplate2B7CCDEA",
        "GreenLaunchTemplate2F1C5221",
        "BlueGroupASG2F051B92",
        "GreenGroupASGE6B6476F",
    } <= templates.template("service")["Resources"].keys()


@ENVIRONMENTS
def test_every_resource_that_can_says_whose_it_is(templates: Templates, environment: str) -> None:
    for part in PARTS:
        for name, item in templates.template(part, environment)["Resources"].items():
            tags = item.get("Properties", {}).get("Tags", [])
            if isinstance(tags, list) and tags:
                found = {tag["Key"]: tag["Value"] for tag in tags}
                assert found["deployer:service"] == "shop", name
                assert found["deployer:environment"] == environment, name

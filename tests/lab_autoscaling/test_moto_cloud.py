"""EC2 and ELBv2 of the lab as Auto Scaling uses them: fails when moto changes beneath it."""

from dataclasses import dataclass
from typing import Any

import moto
import pytest
from botocore.exceptions import ClientError

from deployer.lab import actions, addresses, ec2, inprocess
from deployer.lab.autoscaling.cloud import LaunchFailed
from deployer.lab.autoscaling.mixture import Purchase
from deployer.lab.autoscaling.model import Subnet, TemplateRef
from deployer.lab.autoscaling.moto_cloud import MotoCloud
from deployer.lab.context import Context
from deployer.lab.instances import view

TAGS = [{"ResourceType": "instance", "Tags": [{"Key": "deployer:release", "Value": "v1"}]}]

GROUP = {"aws:autoscaling:groupName": "g"}


@dataclass
class Place:
    """moto with a network of two subnets and one template."""

    cloud: MotoCloud
    api: Any
    subnets: tuple[Subnet, ...]
    template: TemplateRef
    vpc: str

    def read(self, instance: str) -> dict[str, Any]:
        answer = self.api.describe_instances(InstanceIds=[instance])
        return dict(answer["Reservations"][0]["Instances"][0])

    def version(self, **data: Any) -> TemplateRef:
        made = self.api.create_launch_template_version(
            LaunchTemplateId=self.template.id, SourceVersion="1", LaunchTemplateData=data
        )
        number = made["LaunchTemplateVersion"]["VersionNumber"]
        return TemplateRef(self.template.id, self.template.name, str(number))


@pytest.fixture
def place(context: Context) -> Place:
    ec2.install()
    addresses.install()
    api = inprocess.client(context, "ec2")
    vpc = api.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = api.create_security_group(GroupName="web", Description="d", VpcId=vpc)["GroupId"]
    ids = [
        api.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]
    data = {
        "ImageId": "ami-12345678",
        "InstanceType": "t3.micro",
        "SecurityGroupIds": [group],
        "TagSpecifications": TAGS,
        "MetadataOptions": {"HttpTokens": "required"},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}],
    }
    made = api.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    template = TemplateRef(made["LaunchTemplate"]["LaunchTemplateId"], "web", "$Default")
    cloud = MotoCloud(context)
    return Place(cloud, api, cloud.subnets(ids, ()), template, vpc)


def test_the_pinned_moto_is_installed() -> None:
    assert moto.__version__ == actions.MOTO


def test_an_instance_is_what_its_template_says(place: Place) -> None:
    made = place.cloud.launch(place.template, place.subnets[1], GROUP)
    read = place.read(made.id)
    assert (made.version, made.instance_type) == ("1", "t3.micro")
    assert read["SubnetId"] == place.subnets[1].id
    assert read["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert read["PrivateIpAddress"].startswith("10.0.1.")
    assert read["MetadataOptions"]["HttpTokens"] == "required"
    assert [one["GroupName"] for one in read["SecurityGroups"]] == ["web"]
    assert {one["Key"]: one["Value"] for one in read["Tags"]} == {
        "deployer:release": "v1",
        "aws:autoscaling:groupName": "g",
        "aws:ec2launchtemplate:id": place.template.id,
        "aws:ec2launchtemplate:version": "1",
    }


def test_the_default_version_is_resolved_to_its_number(place: Place) -> None:
    newer = place.version(InstanceType="t3.large")
    place.api.modify_launch_template(LaunchTemplateId=newer.id, DefaultVersion=newer.version)
    made = place.cloud.launch(place.template, place.subnets[0], GROUP)
    assert (made.version, made.instance_type) == ("2", "t3.large")


def test_an_instance_takes_the_states_of_ec2(place: Place) -> None:
    key = place.cloud.launch(place.template, place.subnets[0], GROUP).id
    assert place.cloud.states([key, "i-none"]) == {key: "pending"}
    place.cloud.boot(key)
    assert place.read(key)["State"] == {"Code": 16, "Name": "running"}
    place.cloud.terminate(key)
    place.cloud.terminate("i-none")
    assert place.read(key)["State"] == {"Code": 32, "Name": "shutting-down"}


def test_a_stopped_instance_starts_again_where_it_was(place: Place, context: Context) -> None:
    key = place.cloud.launch(place.template, place.subnets[0], GROUP).id
    place.cloud.stop(key)
    assert place.cloud.states([key]) == {key: "pending"}  # only what runs can be stopped
    place.cloud.boot(key)
    address = place.read(key)["PrivateIpAddress"]
    place.cloud.stop(key)
    assert place.read(key)["State"] == {"Code": 64, "Name": "stopping"}
    place.cloud.start(key)
    assert place.cloud.states([key]) == {key: "stopping"}
    view.halt(context, key)
    assert place.read(key)["State"] == {"Code": 80, "Name": "stopped"}
    place.cloud.start(key)
    assert place.read(key)["State"] == {"Code": 0, "Name": "pending"}
    place.cloud.boot(key)
    assert place.read(key)["PrivateIpAddress"] == address


def test_instances_of_two_networks_with_the_same_addresses_never_meet(place: Place) -> None:
    vpc = place.api.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = place.api.create_subnet(
        VpcId=vpc, CidrBlock="10.0.0.0/20", AvailabilityZone="us-east-1a"
    )
    there = Subnet(made["Subnet"]["SubnetId"], "us-east-1a")
    both = [
        place.read(place.cloud.launch(place.template, subnet, GROUP).id)["PrivateIpAddress"]
        for subnet in (place.subnets[0], there, place.subnets[0], there)
    ]
    assert len(set(both)) == 4
    assert all(address.startswith("10.0.0.") for address in both)
    with pytest.raises(ClientError, match="two instances with the address"):
        place.api.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1, SubnetId=there.id,
            PrivateIpAddress=both[0],
        )  # fmt: skip


def test_a_purchase_overrides_the_template(place: Place) -> None:
    bought = Purchase("t3.small", spot=True)
    made = place.cloud.launch(place.template, place.subnets[0], GROUP, bought)
    read = place.read(made.id)
    assert (made.instance_type, read["InstanceType"]) == ("t3.small", "t3.small")
    assert read["InstanceLifecycle"] == "spot"
    plain = place.cloud.launch(place.template, place.subnets[0], GROUP)
    assert "InstanceLifecycle" not in place.read(plain.id)


def test_a_template_that_asks_for_spot_itself_is_refused(place: Place) -> None:
    spot = place.version(InstanceMarketOptions={"MarketType": "spot"})
    with pytest.raises(LaunchFailed, match="InstanceMarketOptions"):
        place.cloud.launch(spot, place.subnets[0], GROUP)


def test_a_profile_of_the_template_is_associated(place: Place, context: Context) -> None:
    profiled = place.version(IamInstanceProfile={"Name": "web"})
    with pytest.raises(LaunchFailed, match="web"):
        place.cloud.launch(profiled, place.subnets[0], GROUP)
    inprocess.client(context, "iam").create_instance_profile(InstanceProfileName="web")
    key = place.cloud.launch(profiled, place.subnets[0], GROUP).id
    assert place.read(key)["IamInstanceProfile"]["Arn"].endswith("instance-profile/web")


def test_network_interfaces_of_the_template_get_the_subnet(place: Place) -> None:
    interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": False}
    key = place.cloud.launch(
        place.version(NetworkInterfaces=[interface]), place.subnets[1], GROUP
    ).id
    assert place.read(key)["SubnetId"] == place.subnets[1].id


@pytest.mark.parametrize("version", ["7", "$Newest"])
def test_a_version_that_does_not_exist_fails_the_launch(place: Place, version: str) -> None:
    gone = TemplateRef(place.template.id, "web", version)
    with pytest.raises(LaunchFailed, match=f"version {version.replace('$', '.')}"):
        place.cloud.launch(gone, place.subnets[0], GROUP)
    with pytest.raises(LookupError, match="does not exist"):
        place.cloud.template(place.template.id, "", version)


def test_templates_are_found_by_id_and_by_name(place: Place) -> None:
    assert place.cloud.template(place.template.id, "", "$Default") == place.template
    assert place.cloud.template("", "web", "1").id == place.template.id
    with pytest.raises(LookupError, match="template name nobody"):
        place.cloud.template("", "nobody", "$Default")


def test_subnets_by_id_and_by_default_zone(place: Place) -> None:
    (default,) = place.cloud.subnets((), ("us-east-1c",))
    assert default.zone == "us-east-1c"
    with pytest.raises(LookupError, match="subnet-none"):
        place.cloud.subnets(("subnet-none",), ())
    with pytest.raises(LookupError, match="us-east-1z"):
        place.cloud.subnets((), ("us-east-1z",))


def test_target_groups_that_are_gone_only_matter_to_registration(place: Place) -> None:
    gone = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/gone/0123456789abcdef"
    assert place.cloud.missing_target_groups([gone]) == (gone,)
    assert place.cloud.target_states(gone) == {}
    place.cloud.deregister(gone, ["i-1"])
    with pytest.raises(LookupError, match="target groups not found"):
        place.cloud.register(gone, ["i-1"])


def test_a_terminated_instance_gives_its_address_back(place: Place, context: Context) -> None:
    key = place.cloud.launch(place.template, place.subnets[0], GROUP).id
    address = place.read(key)["PrivateIpAddress"]
    place.cloud.terminate(key)
    other = place.cloud.launch(place.template, place.subnets[0], GROUP).id
    assert place.read(other)["PrivateIpAddress"] != address
    view.bury(context, key)
    assert place.read(key)["State"]["Name"] == "terminated"
    enis = place.api.describe_network_interfaces()["NetworkInterfaces"]
    assert [one["PrivateIpAddress"] for one in enis] == [place.read(other)["PrivateIpAddress"]]
    third = place.cloud.launch(place.template, place.subnets[0], GROUP).id
    assert place.read(third)["PrivateIpAddress"] == address
    view.bury(context, key)
    assert place.read(third)["NetworkInterfaces"][0]["PrivateIpAddress"] == address


def test_launch_times_are_the_labs(place: Place, context: Context) -> None:
    key = place.cloud.launch(place.template, place.subnets[0], GROUP).id
    assert abs(place.read(key)["LaunchTime"].timestamp() - context.clock.now()) < 600

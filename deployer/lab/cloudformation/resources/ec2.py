"""AWS::EC2::*: the network and the launch templates. Property names are the API's own."""

import json
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind


def tag(work: Work) -> None:
    """Make the resource's tags what the template says."""
    tags = work.all_tags()
    if tags:
        work.api("ec2", "create_tags", Resources=[work.id], Tags=tags)
    gone = work.removed_tags()
    if gone:
        work.api("ec2", "delete_tags", Resources=[work.id], Tags=[{"Key": key} for key in gone])


def _create_vpc(work: Work) -> None:
    made = work.api("ec2", "create_vpc", **work.pick("CidrBlock", "InstanceTenancy"))
    work.physical_id = made["Vpc"]["VpcId"]
    _update_vpc(work)


def _update_vpc(work: Work) -> None:
    for name in ("EnableDnsSupport", "EnableDnsHostnames"):
        if name in work.properties:
            work.api(
                "ec2", "modify_vpc_attribute", VpcId=work.id, **{name: {"Value": work.get(name)}}
            )
    tag(work)


def _read_vpc(work: Work) -> dict[str, Any]:
    vpc = work.api("ec2", "describe_vpcs", VpcIds=[work.id])["Vpcs"][0]
    of_vpc = [{"Name": "vpc-id", "Values": [work.id]}]
    default_group = work.api(
        "ec2",
        "describe_security_groups",
        Filters=[*of_vpc, {"Name": "group-name", "Values": ["default"]}],
    )["SecurityGroups"]
    acl = work.api(
        "ec2",
        "describe_network_acls",
        Filters=[*of_vpc, {"Name": "default", "Values": ["true"]}],
    )["NetworkAcls"]
    return {
        "VpcId": work.id,
        "CidrBlock": vpc["CidrBlock"],
        "CidrBlockAssociations": [
            one["AssociationId"] for one in vpc.get("CidrBlockAssociationSet", ())
        ],
        "Ipv6CidrBlocks": [],
        **({"DefaultSecurityGroup": default_group[0]["GroupId"]} if default_group else {}),
        **({"DefaultNetworkAcl": acl[0]["NetworkAclId"]} if acl else {}),
    }


def _create_subnet(work: Work) -> None:
    made = work.api("ec2", "create_subnet", **work.pick("VpcId", "CidrBlock", "AvailabilityZone"))
    work.physical_id = made["Subnet"]["SubnetId"]
    _update_subnet(work)


def _update_subnet(work: Work) -> None:
    if work.changed("MapPublicIpOnLaunch"):
        work.api(
            "ec2",
            "modify_subnet_attribute",
            SubnetId=work.id,
            MapPublicIpOnLaunch={"Value": work.get("MapPublicIpOnLaunch", False)},
        )
    tag(work)


def _read_subnet(work: Work) -> dict[str, Any]:
    subnet = work.api("ec2", "describe_subnets", SubnetIds=[work.id])["Subnets"][0]
    names = ("SubnetId", "AvailabilityZone", "AvailabilityZoneId", "CidrBlock", "VpcId")
    return {name: subnet[name] for name in names if name in subnet} | {"Ipv6CidrBlocks": []}


def _create_gateway(work: Work) -> None:
    made = work.api("ec2", "create_internet_gateway")
    work.physical_id = made["InternetGateway"]["InternetGatewayId"]
    tag(work)


def _attach_gateway(work: Work) -> None:
    work.api("ec2", "attach_internet_gateway", **work.pick("InternetGatewayId", "VpcId"))
    work.physical_id = f"IGW|{work.get('VpcId')}"


def _detach_gateway(work: Work) -> None:
    work.api("ec2", "detach_internet_gateway", **work.pick("InternetGatewayId", "VpcId"))


def _create_route_table(work: Work) -> None:
    made = work.api("ec2", "create_route_table", VpcId=work.need("VpcId"))
    work.physical_id = made["RouteTable"]["RouteTableId"]
    tag(work)


_ROUTE_TO = ("GatewayId", "NatGatewayId", "VpcEndpointId", "InstanceId", "NetworkInterfaceId")


def _create_route(work: Work) -> None:
    where = work.pick("RouteTableId", "DestinationCidrBlock")
    work.api("ec2", "create_route", **where, **work.pick(*_ROUTE_TO))
    work.physical_id = "|".join(map(str, where.values()))


def _replace_route(work: Work) -> None:
    work.api(
        "ec2",
        "replace_route",
        **work.pick("RouteTableId", "DestinationCidrBlock"),
        **work.pick(*_ROUTE_TO),
    )


def _delete_route(work: Work) -> None:
    work.api("ec2", "delete_route", **work.pick("RouteTableId", "DestinationCidrBlock"))


def _associate(work: Work) -> None:
    made = work.api("ec2", "associate_route_table", **work.pick("RouteTableId", "SubnetId"))
    work.physical_id = made["AssociationId"]


def _create_endpoint(work: Work) -> None:
    policy = work.get("PolicyDocument")
    made = work.api(
        "ec2",
        "create_vpc_endpoint",
        **work.pick(*_ENDPOINT.split()),
        PolicyDocument=None if policy is None else json.dumps(policy),
    )
    work.physical_id = made["VpcEndpoint"]["VpcEndpointId"]
    tag(work)


_ENDPOINT = (
    "VpcEndpointType ServiceName VpcId RouteTableIds SubnetIds SecurityGroupIds PrivateDnsEnabled"
)


def _create_flow_log(work: Work) -> None:
    params = work.pick(
        "ResourceType",
        "TrafficType",
        "LogDestinationType",
        "LogGroupName",
        "LogDestination",
        "LogFormat",
        "DeliverLogsPermissionArn",
        "MaxAggregationInterval",
    )
    made = work.api("ec2", "create_flow_logs", ResourceIds=[work.need("ResourceId")], **params)
    failed = made.get("Unsuccessful")
    if failed:
        raise work.refuse(f"this flow log: {failed[0]['Error']['Message']}")
    work.physical_id = made["FlowLogIds"][0]
    tag(work)


def _create_address(work: Work) -> None:
    made = work.api("ec2", "allocate_address", Domain=work.get("Domain", "vpc"))
    work.physical_id = made["PublicIp"]
    tags = work.all_tags()
    if tags:
        work.api("ec2", "create_tags", Resources=[made["AllocationId"]], Tags=tags)


def _read_address(work: Work) -> dict[str, Any]:
    found = work.api("ec2", "describe_addresses", PublicIps=[work.id])["Addresses"][0]
    return {"AllocationId": found["AllocationId"], "PublicIp": work.id}


def _create_nat(work: Work) -> None:
    made = work.api("ec2", "create_nat_gateway", **work.pick("SubnetId", "AllocationId"))
    work.physical_id = made["NatGateway"]["NatGatewayId"]
    tag(work)


def delete(method: str, parameter: str, *, plural: bool = False) -> Any:
    """A deletion that takes the physical id and nothing else."""

    def act(work: Work) -> None:
        work.api("ec2", method, **{parameter: [work.id] if plural else work.id})

    return act


def named(name: str) -> Any:
    """A type whose one attribute is its own id."""
    return lambda work: {name: work.id}


KINDS: list[Kind] = [
    kind(
        "AWS::EC2::VPC",
        "EnableDnsHostnames EnableDnsSupport Tags",
        fixed="CidrBlock InstanceTenancy",
        create=_create_vpc,
        update=_update_vpc,
        delete=delete("delete_vpc", "VpcId"),
        read=_read_vpc,
    ),
    kind(
        "AWS::EC2::Subnet",
        "MapPublicIpOnLaunch Tags",
        fixed="VpcId CidrBlock AvailabilityZone",
        create=_create_subnet,
        update=_update_subnet,
        delete=delete("delete_subnet", "SubnetId"),
        read=_read_subnet,
    ),
    kind(
        "AWS::EC2::InternetGateway",
        "Tags",
        create=_create_gateway,
        update=tag,
        delete=delete("delete_internet_gateway", "InternetGatewayId"),
        read=named("InternetGatewayId"),
    ),
    kind(
        "AWS::EC2::VPCGatewayAttachment",
        "",
        fixed="VpcId",
        frozen="InternetGatewayId",
        create=_attach_gateway,
        delete=_detach_gateway,
        read=lambda _work: {"AttachmentType": "IGW"},
    ),
    kind(
        "AWS::EC2::RouteTable",
        "Tags",
        fixed="VpcId",
        create=_create_route_table,
        update=tag,
        delete=delete("delete_route_table", "RouteTableId"),
        read=named("RouteTableId"),
    ),
    kind(
        "AWS::EC2::Route",
        " ".join(_ROUTE_TO),
        fixed="RouteTableId DestinationCidrBlock",
        create=_create_route,
        update=_replace_route,
        delete=_delete_route,
        read=lambda work: {"CidrBlock": work.get("DestinationCidrBlock")},
    ),
    kind(
        "AWS::EC2::SubnetRouteTableAssociation",
        "",
        fixed="RouteTableId SubnetId",
        create=_associate,
        delete=delete("disassociate_route_table", "AssociationId"),
        read=named("Id"),
    ),
    kind(
        "AWS::EC2::VPCEndpoint",
        "Tags",
        fixed="VpcEndpointType ServiceName VpcId",
        frozen="PolicyDocument RouteTableIds SubnetIds SecurityGroupIds PrivateDnsEnabled",
        create=_create_endpoint,
        update=tag,
        delete=delete("delete_vpc_endpoints", "VpcEndpointIds", plural=True),
        read=named("Id"),
    ),
    kind(
        "AWS::EC2::FlowLog",
        "Tags",
        fixed="ResourceId ResourceType TrafficType LogDestinationType LogGroupName LogDestination "
        "LogFormat DeliverLogsPermissionArn MaxAggregationInterval",
        create=_create_flow_log,
        update=tag,
        delete=delete("delete_flow_logs", "FlowLogIds", plural=True),
        read=named("Id"),
    ),
    kind(
        "AWS::EC2::EIP",
        "Tags",
        frozen="Domain Tags",
        create=_create_address,
        delete=delete("release_address", "PublicIp"),
        read=_read_address,
    ),
    kind(
        "AWS::EC2::NatGateway",
        "Tags",
        fixed="SubnetId AllocationId",
        create=_create_nat,
        update=tag,
        delete=delete("delete_nat_gateway", "NatGatewayId"),
        read=named("NatGatewayId"),
    ),
]

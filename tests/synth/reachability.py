"""Who reaches what, read off the synthesized templates: what the lab cannot feel. Pure.

A model of the four things that decide on AWS: subnets' routes, security groups, endpoints, policies.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True)
class Templates:
    """One environment's templates as a whole: resources by logical id, exports by name."""

    resources: Mapping[str, Json]
    exports: Mapping[str, Any]

    def of(self, kind: str) -> dict[str, Json]:
        """Properties of all resources of a type such as `EC2::Subnet`, by logical id."""
        return {
            name: item.get("Properties", {})
            for name, item in self.resources.items()
            if item["Type"] == f"AWS::{kind}"
        }

    def identity(self, value: Any) -> str:
        """The logical id that a reference leads to, over stacks; a literal is itself."""
        match value:
            case {"Ref": name}:
                return str(name)
            case {"Fn::GetAtt": [name, *_]}:
                return str(name)
            case {"Fn::ImportValue": name}:
                return self.identity(self.exports[name])
            case _:
                return str(value)


def joined(*stacks: Json) -> Templates:
    """Several stacks of one environment; logical ids are unique among ours."""
    resources: dict[str, Json] = {}
    exports: dict[str, Any] = {}
    for stack in stacks:
        assert resources.keys().isdisjoint(stack["Resources"])
        resources |= stack["Resources"]
        outputs = stack.get("Outputs", {}).values()
        exports |= {one["Export"]["Name"]: one["Value"] for one in outputs if "Export" in one}
    return Templates(resources, exports)


@dataclass(frozen=True)
class Rule:
    """One opening of a security group: `peer` is an address range or a group's logical id."""

    group: str
    peer: str
    protocol: str
    low: int
    high: int

    def admits(self, port: int) -> bool:
        return self.protocol == "-1" or (self.protocol == "tcp" and self.low <= port <= self.high)


def rules(found: Templates, direction: str) -> Iterator[Rule]:
    """Every `Ingress` or `Egress` rule there is, inline or on its own."""
    for name, group in found.of("EC2::SecurityGroup").items():
        for rule in group.get(f"SecurityGroup{direction}", ()):
            yield _rule(found, name, rule)
    for rule in found.of(f"EC2::SecurityGroup{direction}").values():
        yield _rule(found, found.identity(rule["GroupId"]), rule)


def _rule(found: Templates, group: str, rule: Json) -> Rule:
    peers = ("CidrIp", "SourceSecurityGroupId", "DestinationSecurityGroupId")
    (peer,) = [found.identity(rule[key]) for key in peers if key in rule]
    return Rule(group, peer, rule["IpProtocol"], rule.get("FromPort", 0), rule.get("ToPort", 65535))


def connects(found: Templates, source: str, target: str, port: int) -> bool:
    """Group `source` may open a connection to group `target`: out of the one and into the other."""
    out = any(
        rule.group == source and rule.peer in (target, ANYWHERE) and rule.admits(port)
        for rule in rules(found, "Egress")
    )
    into = any(
        rule.group == target and rule.peer == source and rule.admits(port)
        for rule in rules(found, "Ingress")
    )
    return out and into


def leaves(found: Templates, source: str, port: int) -> bool:
    """Group `source` may open connections to any address on `port`."""
    return any(
        rule.group == source and rule.peer == ANYWHERE and rule.admits(port)
        for rule in rules(found, "Egress")
    )


def route_tables(found: Templates, subnet: str) -> set[str]:
    """Of one subnet."""
    return {
        found.identity(one["RouteTableId"])
        for one in found.of("EC2::SubnetRouteTableAssociation").values()
        if found.identity(one["SubnetId"]) == subnet
    }


def way_out(found: Templates, subnet: str) -> str:
    """Where the subnet's default route leads: `internet`, `nat`, or `nowhere`."""
    tables = route_tables(found, subnet)
    for route in found.of("EC2::Route").values():
        default = route.get("DestinationCidrBlock") == ANYWHERE
        if not default or found.identity(route["RouteTableId"]) not in tables:
            continue
        if "NatGatewayId" in route:
            gateway = found.of("EC2::NatGateway")[found.identity(route["NatGatewayId"])]
            beyond = way_out(found, found.identity(gateway["SubnetId"]))
            return "nat" if beyond == "internet" else "nowhere"
        if "GatewayId" in route:
            return "internet"
    return "nowhere"


def reaches(found: Templates, subnet: str, group: str, service: str) -> bool:
    """From `subnet`, an instance in `group` reaches an AWS service (`s3`, `ssm`, `logs`) on 443.

    Through the internet, through a gateway endpoint in its routes, or through an interface endpoint
    in one of the VPC's subnets that lets the VPC's addresses in and answers to the service's name.
    """
    if not leaves(found, group, 443):
        return False
    if way_out(found, subnet) in ("nat", "internet"):
        return True
    return any(
        _opens(found, endpoint, subnet)
        for endpoint in found.of("EC2::VPCEndpoint").values()
        if str(_flat(endpoint["ServiceName"])).endswith(f".{service}")
    )


def _opens(found: Templates, endpoint: Json, subnet: str) -> bool:
    assert "PolicyDocument" not in endpoint, (
        "what an endpoint's policy lets through is not modelled"
    )
    if endpoint["VpcEndpointType"] == "Gateway":
        tables = {found.identity(table) for table in endpoint["RouteTableIds"]}
        return bool(tables & route_tables(found, subnet))
    doors = {found.identity(group) for group in endpoint["SecurityGroupIds"]}
    (vpc,) = found.of("EC2::VPC").values()
    entered = any(
        rule.group in doors and rule.peer == vpc["CidrBlock"] and rule.admits(443)
        for rule in rules(found, "Ingress")
    )
    names = vpc["EnableDnsHostnames"] and vpc["EnableDnsSupport"] and endpoint["PrivateDnsEnabled"]
    return bool(entered and names)


def _flat(value: Any) -> Any:
    """`Fn::Join` as text, references left out."""
    if isinstance(value, dict) and "Fn::Join" in value:
        between, parts = value["Fn::Join"]
        return between.join(part if isinstance(part, str) else "?" for part in parts)
    return value

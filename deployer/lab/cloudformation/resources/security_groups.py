"""AWS::EC2::SecurityGroup and its rules, inline or on their own."""

from collections.abc import Mapping
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind
from deployer.lab.cloudformation.resources.ec2 import delete, tag

_ANYWHERE = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
_PEERS = {
    "SourceSecurityGroupId": "GroupId",
    "DestinationSecurityGroupId": "GroupId",
    "SourcePrefixListId": "PrefixListId",
    "DestinationPrefixListId": "PrefixListId",
    "CidrIp": "CidrIp",
    "CidrIpv6": "CidrIpv6",
}
_LISTS = {
    "GroupId": "UserIdGroupPairs",
    "PrefixListId": "PrefixListIds",
    "CidrIp": "IpRanges",
    "CidrIpv6": "Ipv6Ranges",
}
# The far end of a rule is the other end of one in the other direction.
_FAR = {
    "ingress": {"DestinationSecurityGroupId", "DestinationPrefixListId"},
    "egress": {"SourceSecurityGroupId", "SourcePrefixListId"},
}
_RULE = {"IpProtocol", "FromPort", "ToPort", "Description", "GroupId", *_PEERS}


def permission(work: Work, rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of the template as the API's IpPermission.

    Raises:
        NotSimulated: a key that is not known.
    """
    unknown = sorted(set(rule) - _RULE)
    if unknown:
        raise work.refuse(f"{', '.join(unknown)} in a security group rule")
    made: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    for end in ("FromPort", "ToPort"):
        if end in rule and made["IpProtocol"] != "-1":
            made[end] = int(rule[end])
    for key, name in _PEERS.items():
        if key in rule:
            peer = {name: rule[key]}
            if "Description" in rule:
                peer["Description"] = rule["Description"]
            made[_LISTS[name]] = [peer]
    return made


def _create(work: Work) -> None:
    made = work.api(
        "ec2",
        "create_security_group",
        GroupName=work.get("GroupName") or work.name(),
        Description=work.need("GroupDescription"),
        VpcId=work.get("VpcId"),
    )
    work.physical_id = made["GroupId"]
    if "SecurityGroupEgress" in work.properties:
        # The template's rules stand instead of the one that EC2 makes by itself.
        _revoke(work, "egress", [_ANYWHERE])
    _update(work)


def _update(work: Work) -> None:
    for direction, name in (("ingress", "SecurityGroupIngress"), ("egress", "SecurityGroupEgress")):
        old = [permission(work, rule) for rule in work.before.get(name, [])]
        new = [permission(work, rule) for rule in work.get(name, [])]
        _revoke(work, direction, [rule for rule in old if rule not in new])
        _authorize(work, direction, [rule for rule in new if rule not in old])
    tag(work)


def _authorize(work: Work, direction: str, rules: list[dict[str, Any]]) -> None:
    if rules:
        work.api(
            "ec2",
            f"authorize_security_group_{direction}",
            GroupId=work.get("GroupId") or work.id,
            IpPermissions=rules,
        )


def _revoke(work: Work, direction: str, rules: list[dict[str, Any]]) -> None:
    if rules:
        work.api(
            "ec2",
            f"revoke_security_group_{direction}",
            GroupId=work.get("GroupId") or work.id,
            IpPermissions=rules,
        )


def _rule(direction: str) -> Kind:
    def create(work: Work) -> None:
        rule = permission(work, work.properties)
        _authorize(work, direction, [rule])
        work.physical_id = work.name()

    def remove(work: Work) -> None:
        _revoke(work, direction, [permission(work, work.properties)])

    return kind(
        f"AWS::EC2::SecurityGroup{direction.capitalize()}",
        "",
        fixed=" ".join(sorted(_RULE - {"Description", *_FAR[direction]})),
        frozen="Description",
        create=create,
        delete=remove,
        read=lambda work: {"Id": work.id},
    )


KINDS: list[Kind] = [
    kind(
        "AWS::EC2::SecurityGroup",
        "SecurityGroupIngress SecurityGroupEgress Tags",
        fixed="GroupName GroupDescription VpcId",
        create=_create,
        update=_update,
        delete=delete("delete_security_group", "GroupId"),
        read=lambda work: {"GroupId": work.id, "Id": work.id, "VpcId": work.get("VpcId", "")},
    ),
    _rule("ingress"),
    _rule("egress"),
]

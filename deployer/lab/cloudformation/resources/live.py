"""What resources are now, read from their services, in the shapes of a template.

For drift detection and drift-aware change sets. A reader returns what it can read of the properties
that the template names; properties that need a new resource to change cannot drift and are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deployer.lab.cloudformation.kinds import Work

Reader = Callable[[Work], dict[str, Any]]
# Properties that no service gives back (`writeOnlyProperties` of the types' schemas): their drift is
# ignored, on AWS too.
WRITE_ONLY = {
    "AWS::EC2::LaunchTemplate": {"LaunchTemplateData", "TagSpecifications", "VersionDescription"},
    "AWS::SSM::Parameter": {"AllowedPattern", "Description", "Tier"},
}


def _named(work: Work, name: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of `[{Key, …}]` those that the template has: keys that others have added are no drift."""
    known = {one["Key"] for one in work.get(name, [])}
    return [one for one in found if one["Key"] in known]


# -- load balancing


def _tags(work: Work) -> list[dict[str, Any]]:
    found = work.api("elbv2", "describe_tags", ResourceArns=[work.id])
    return _named(work, "Tags", found["TagDescriptions"][0]["Tags"])


def _balancer(work: Work) -> dict[str, Any]:
    one = work.api("elbv2", "describe_load_balancers", LoadBalancerArns=[work.id])
    (found,) = one["LoadBalancers"]
    attributes = work.api("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=work.id)
    return {
        "IpAddressType": found.get("IpAddressType"),
        "SecurityGroups": found.get("SecurityGroups", []),
        "Subnets": [zone["SubnetId"] for zone in found["AvailabilityZones"]],
        "LoadBalancerAttributes": _named(work, "LoadBalancerAttributes", attributes["Attributes"]),
        "Tags": _tags(work),
    }


def _target_group(work: Work) -> dict[str, Any]:
    (one,) = work.api("elbv2", "describe_target_groups", TargetGroupArns=[work.id])["TargetGroups"]
    found = work.api("elbv2", "describe_target_group_attributes", TargetGroupArn=work.id)
    attributes = _named(work, "TargetGroupAttributes", found["Attributes"])
    return {**one, "TargetGroupAttributes": attributes, "Tags": _tags(work)}


def _listener(work: Work) -> dict[str, Any]:
    (one,) = work.api("elbv2", "describe_listeners", ListenerArns=[work.id])["Listeners"]
    return {**one, "Tags": _tags(work)}


def _rule(work: Work) -> dict[str, Any]:
    (one,) = work.api("elbv2", "describe_rules", RuleArns=[work.id])["Rules"]
    return {**one, "Tags": _tags(work)}


# -- compute


def _group(work: Work) -> dict[str, Any]:
    (one,) = work.api(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[work.id]
    )["AutoScalingGroups"]
    subnets: str = one.get("VPCZoneIdentifier", "")
    return {
        **one,
        "VPCZoneIdentifier": subnets.split(","),
        "Cooldown": one.get("DefaultCooldown"),
        "Tags": _named(work, "Tags", one.get("Tags", [])),
    }


def _scaling_policy(work: Work) -> dict[str, Any]:
    found = work.api("autoscaling", "describe_policies", PolicyNames=[work.id])["ScalingPolicies"]
    if not found:
        raise Gone
    return dict(found[0])


def _warm_pool(work: Work) -> dict[str, Any]:
    (one,) = work.api(
        "autoscaling", "describe_auto_scaling_groups", AutoScalingGroupNames=[work.id]
    )["AutoScalingGroups"]
    if "WarmPoolConfiguration" not in one:
        raise Gone
    return dict(one["WarmPoolConfiguration"])


def _launch_template(work: Work) -> dict[str, Any]:
    """Nothing that could drift; but it may be gone."""
    work.api("ec2", "describe_launch_templates", LaunchTemplateIds=[work.id])
    return {}


_PEERS = {
    "IpRanges": ("CidrIp", "CidrIp"),
    "Ipv6Ranges": ("CidrIpv6", "CidrIpv6"),
    "PrefixListIds": ("PrefixListId", "{}PrefixListId"),
    "UserIdGroupPairs": ("GroupId", "{}SecurityGroupId"),
}


def _security_group(work: Work) -> dict[str, Any]:
    """Rules of the template; those that other resources have added to the group are not its own."""
    (one,) = work.api("ec2", "describe_security_groups", GroupIds=[work.id])["SecurityGroups"]
    live: dict[str, Any] = {"Tags": _named(work, "Tags", one.get("Tags", []))}
    for name, permissions, end in (
        ("SecurityGroupIngress", one["IpPermissions"], "Source"),
        ("SecurityGroupEgress", one["IpPermissionsEgress"], "Destination"),
    ):
        there = _rules(permissions, end)
        live[name] = [
            rule | {"Description": there[_text(rule)]}
            for rule in work.get(name, [])
            if _text(rule) in there
        ]
    return live


def _rules(permissions: Sequence[Mapping[str, Any]], end: str) -> dict[str, str | None]:
    """Descriptions of a group's rules, one for each peer, by their `_text`."""
    return {
        _text({**permission, name.format(end): peer[key]}): peer.get("Description")
        for permission in permissions
        for many, (key, name) in _PEERS.items()
        for peer in permission.get(many, ())
    }


def _text(rule: Mapping[str, Any]) -> str:
    """For comparison: a template's numbers may be text; with protocol -1 ports say nothing."""
    ports = () if str(rule["IpProtocol"]) == "-1" else ("FromPort", "ToPort")
    peers = [name.format(end) for _, name in _PEERS.values() for end in ("Source", "Destination")]
    names = ("IpProtocol", *ports, *sorted(set(peers)))
    return str([(name, str(rule[name])) for name in names if rule.get(name) is not None])


def _security_group_rule(end: str, direction: str) -> Reader:
    def read(work: Work) -> dict[str, Any]:
        (one,) = work.api("ec2", "describe_security_groups", GroupIds=[work.need("GroupId")])[
            "SecurityGroups"
        ]
        there, own = _rules(one[direction], end), _text(work.properties)
        if own not in there:
            raise Gone
        return {"Description": there[own]}

    return read


class Gone(Exception):
    """The resource was deleted by somebody."""


# -- identities, parameters, alarms


def _role(work: Work) -> dict[str, Any]:
    one = work.api("iam", "get_role", RoleName=work.id)["Role"]
    attached = work.api("iam", "list_attached_role_policies", RoleName=work.id)
    inline = [
        {
            "PolicyName": each["PolicyName"],
            "PolicyDocument": work.api(
                "iam", "get_role_policy", RoleName=work.id, PolicyName=each["PolicyName"]
            )["PolicyDocument"],
        }
        for each in work.get("Policies", [])
    ]
    return {
        **one,
        "ManagedPolicyArns": [each["PolicyArn"] for each in attached["AttachedPolicies"]],
        "Policies": inline,
        "Tags": _named(work, "Tags", one.get("Tags", [])),
    }


def _policy(work: Work) -> dict[str, Any]:
    """As its first role has it; users and groups have none in the lab."""
    name = work.need("PolicyName")
    roles = [
        role
        for role in work.get("Roles", [])
        if name in work.api("iam", "list_role_policies", RoleName=role)["PolicyNames"]
    ]
    if not roles:
        raise Gone
    found = work.api("iam", "get_role_policy", RoleName=roles[0], PolicyName=name)
    return {"PolicyName": name, "PolicyDocument": found["PolicyDocument"], "Roles": roles}


def _profile(work: Work) -> dict[str, Any]:
    one = work.api("iam", "get_instance_profile", InstanceProfileName=work.id)["InstanceProfile"]
    return {"Roles": [role["RoleName"] for role in one["Roles"]]}


def _parameter(work: Work) -> dict[str, Any]:
    one = work.api("ssm", "get_parameter", Name=work.id)["Parameter"]
    tags = work.api("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId=work.id)[
        "TagList"
    ]
    # The template has them as a mapping.
    found = {tag["Key"]: tag["Value"] for tag in tags}
    return {**one, "Tags": {key: found.get(key) for key in work.get("Tags", {})}}


def _alarm(work: Work) -> dict[str, Any]:
    found = work.api("cloudwatch", "describe_alarms", AlarmNames=[work.id])["MetricAlarms"]
    if not found:
        raise Gone
    tags = work.api("cloudwatch", "list_tags_for_resource", ResourceARN=found[0]["AlarmArn"])[
        "Tags"
    ]
    return {**found[0], "Tags": _named(work, "Tags", tags)}


READERS: dict[str, Reader] = {
    "AWS::AutoScaling::AutoScalingGroup": _group,
    "AWS::AutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::AutoScaling::WarmPool": _warm_pool,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::EC2::LaunchTemplate": _launch_template,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::SecurityGroupEgress": _security_group_rule("Destination", "IpPermissionsEgress"),
    "AWS::EC2::SecurityGroupIngress": _security_group_rule("Source", "IpPermissions"),
    "AWS::ElasticLoadBalancingV2::Listener": _listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": _rule,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _target_group,
    "AWS::IAM::InstanceProfile": _profile,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::Role": _role,
    "AWS::SSM::Parameter": _parameter,
}

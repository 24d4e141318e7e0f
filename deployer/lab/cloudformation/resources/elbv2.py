"""AWS::ElasticLoadBalancingV2::*. Names and shapes are the API's own."""

from typing import Any

from deployer.lab.cloudformation.kinds import Act, Kind, Work, kind

# What an attribute goes back to when it leaves the template (ELB API reference).
DEFAULTS = {
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "client_keep_alive.seconds": "3600",
    "routing.http2.enabled": "true",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.desync_mitigation_mode": "defensive",
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "deregistration_delay.timeout_seconds": "300",
    "slow_start.duration_seconds": "0",
    "stickiness.enabled": "false",
    "stickiness.type": "lb_cookie",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
}


def _attributes(work: Work, name: str) -> list[dict[str, str]]:
    """The attributes to set: the template's, and the defaults of those that left it.

    Raises:
        NotSimulated: one left whose default is not known here.
    """
    wanted = {one["Key"]: str(one["Value"]) for one in work.get(name, [])}
    for gone in [one["Key"] for one in work.before.get(name, []) if one["Key"] not in wanted]:
        if gone not in DEFAULTS:
            raise work.refuse(f"taking back {gone} in {name}")
        wanted[gone] = DEFAULTS[gone]
    return [{"Key": key, "Value": value} for key, value in wanted.items()]


def _tag(work: Work) -> None:
    tags = work.all_tags()
    if tags:
        work.api("elbv2", "add_tags", ResourceArns=[work.id], Tags=tags)
    gone = work.removed_tags()
    if gone:
        work.api("elbv2", "remove_tags", ResourceArns=[work.id], TagKeys=gone)


def _delete(method: str, parameter: str) -> Act:
    def act(work: Work) -> None:
        work.api("elbv2", method, **{parameter: work.id})

    return act


# -- load balancer


def _create_balancer(work: Work) -> None:
    made = work.api(
        "elbv2",
        "create_load_balancer",
        Name=work.get("Name") or _short(work),
        Tags=work.all_tags() or None,
        **work.pick("Scheme", "SecurityGroups", "Subnets", "Type", "IpAddressType"),
    )
    work.physical_id = made["LoadBalancers"][0]["LoadBalancerArn"]
    _set_balancer(work)


def _short(work: Work) -> str:
    """At most 32 characters, no hyphen at an end; as CloudFormation makes them."""
    return f"{work.stack[:8]}-{work.logical_id[:5]}-{work.name().rsplit('-', 1)[-1]}"


def _set_balancer(work: Work) -> None:
    attributes = _attributes(work, "LoadBalancerAttributes")
    if attributes:
        work.api(
            "elbv2",
            "modify_load_balancer_attributes",
            LoadBalancerArn=work.id,
            Attributes=attributes,
        )


def _update_balancer(work: Work) -> None:
    _set_balancer(work)
    if work.changed("SecurityGroups"):
        work.api(
            "elbv2",
            "set_security_groups",
            LoadBalancerArn=work.id,
            SecurityGroups=work.get("SecurityGroups", []),
        )
    if work.changed("Subnets"):
        work.api("elbv2", "set_subnets", LoadBalancerArn=work.id, Subnets=work.get("Subnets", []))
    _tag(work)


def _read_balancer(work: Work) -> dict[str, Any]:
    found = work.api("elbv2", "describe_load_balancers", LoadBalancerArns=[work.id])
    one = found["LoadBalancers"][0]
    return {
        "LoadBalancerArn": work.id,
        "LoadBalancerFullName": work.id.split(":loadbalancer/", 1)[1],
        "LoadBalancerName": one["LoadBalancerName"],
        "DNSName": one["DNSName"],
        "CanonicalHostedZoneID": one["CanonicalHostedZoneId"],
        "SecurityGroups": one.get("SecurityGroups", []),
    }


# -- target group

_HEALTH = (
    "HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort "
    "HealthCheckProtocol HealthCheckTimeoutSeconds HealthyThresholdCount UnhealthyThresholdCount "
    "Matcher"
)
_FIXED = "Name Port Protocol ProtocolVersion TargetType VpcId IpAddressType"


def _create_group(work: Work) -> None:
    if work.get("Targets"):
        raise work.refuse("Targets (groups register their instances)")
    made = work.api(
        "elbv2",
        "create_target_group",
        Tags=work.all_tags() or None,
        **{"Name": _short(work)} | work.pick(*_FIXED.split(), *_HEALTH.split()),
    )
    work.physical_id = made["TargetGroups"][0]["TargetGroupArn"]
    _set_group(work)


def _set_group(work: Work) -> None:
    attributes = _attributes(work, "TargetGroupAttributes")
    if attributes:
        work.api(
            "elbv2",
            "modify_target_group_attributes",
            TargetGroupArn=work.id,
            Attributes=attributes,
        )


def _update_group(work: Work) -> None:
    if work.changed(*_HEALTH.split()):
        work.api(
            "elbv2", "modify_target_group", TargetGroupArn=work.id, **work.pick(*_HEALTH.split())
        )
    _set_group(work)
    _tag(work)


def _read_group(work: Work) -> dict[str, Any]:
    one = work.api("elbv2", "describe_target_groups", TargetGroupArns=[work.id])["TargetGroups"][0]
    return {
        "TargetGroupArn": work.id,
        "TargetGroupFullName": work.id.rsplit(":", 1)[1],
        "TargetGroupName": one["TargetGroupName"],
        "LoadBalancerArns": one.get("LoadBalancerArns", []),
    }


# -- listener and rule

_LISTENER = "Port Protocol SslPolicy Certificates DefaultActions AlpnPolicy"


def _create_listener(work: Work) -> None:
    made = work.api(
        "elbv2",
        "create_listener",
        LoadBalancerArn=work.need("LoadBalancerArn"),
        Tags=work.all_tags() or None,
        **work.pick(*_LISTENER.split()),
    )
    work.physical_id = made["Listeners"][0]["ListenerArn"]


def _update_listener(work: Work) -> None:
    work.api("elbv2", "modify_listener", ListenerArn=work.id, **work.pick(*_LISTENER.split()))
    _tag(work)


def _create_rule(work: Work) -> None:
    made = work.api(
        "elbv2",
        "create_rule",
        Tags=work.all_tags() or None,
        **work.pick("ListenerArn", "Priority", "Conditions", "Actions"),
    )
    work.physical_id = made["Rules"][0]["RuleArn"]


def _update_rule(work: Work) -> None:
    work.api("elbv2", "modify_rule", RuleArn=work.id, **work.pick("Conditions", "Actions"))
    if work.changed("Priority"):
        priority = {"RuleArn": work.id, "Priority": int(work.need("Priority"))}
        work.api("elbv2", "set_rule_priorities", RulePriorities=[priority])
    _tag(work)


KINDS: list[Kind] = [
    kind(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "LoadBalancerAttributes SecurityGroups Subnets Tags",
        fixed="Name Scheme Type",
        frozen="IpAddressType",
        create=_create_balancer,
        update=_update_balancer,
        delete=_delete("delete_load_balancer", "LoadBalancerArn"),
        read=_read_balancer,
    ),
    kind(
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        f"{_HEALTH} TargetGroupAttributes Targets Tags",
        fixed=_FIXED,
        create=_create_group,
        update=_update_group,
        delete=_delete("delete_target_group", "TargetGroupArn"),
        read=_read_group,
    ),
    kind(
        "AWS::ElasticLoadBalancingV2::Listener",
        f"{_LISTENER} Tags",
        fixed="LoadBalancerArn",
        create=_create_listener,
        update=_update_listener,
        delete=_delete("delete_listener", "ListenerArn"),
        read=lambda work: {"ListenerArn": work.id},
    ),
    kind(
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Priority Conditions Actions Tags",
        fixed="ListenerArn",
        create=_create_rule,
        update=_update_rule,
        delete=_delete("delete_rule", "RuleArn"),
        read=lambda work: {"RuleArn": work.id, "IsDefault": False},
    ),
]

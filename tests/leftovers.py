"""What an account still holds, kind by kind: for tests of what a deletion leaves behind."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Client = Callable[[str], Any]
Left = dict[str, list[str]]
# Of an account that nobody has used yet: its default network, and what the lab begins with.
THEIRS = ("/aws/", "/deployer-lab/")


def left(client: Client) -> Left:
    """Names of everything there is, by kind; kinds of which nothing is left are absent."""
    found = {**_compute(client), **_network(client), **_rest(client)}
    return {kind: sorted(names) for kind, names in found.items() if names}


def _compute(client: Client) -> Left:
    balancers, scaling, ec2 = client("elbv2"), client("autoscaling"), client("ec2")
    instances = [
        instance
        for page in ec2.describe_instances()["Reservations"]
        for instance in page["Instances"]
    ]
    return {
        "load balancers": _all(balancers, "describe_load_balancers", "LoadBalancerName"),
        "target groups": _all(balancers, "describe_target_groups", "TargetGroupName"),
        "groups": _all(scaling, "describe_auto_scaling_groups", "AutoScalingGroupName"),
        "instances": [
            one["InstanceId"] for one in instances if one["State"]["Name"] != "terminated"
        ],
        "launch templates": _all(ec2, "describe_launch_templates", "LaunchTemplateName"),
        "volumes": _all(ec2, "describe_volumes", "VolumeId"),
    }


def _network(client: Client) -> Left:
    """All but the default VPC and what is in it."""
    ec2 = client("ec2")
    vpcs = ec2.describe_vpcs()["Vpcs"]
    default = {one["VpcId"] for one in vpcs if one["IsDefault"]}

    def foreign(listed: Iterable[Mapping[str, Any]], key: str) -> list[str]:
        return [one[key] for one in listed if one.get("VpcId") not in default]

    gateways = ec2.describe_internet_gateways()["InternetGateways"]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    nats = ec2.describe_nat_gateways()["NatGateways"]
    return {
        "VPCs": foreign(vpcs, "VpcId"),
        "subnets": foreign(ec2.describe_subnets()["Subnets"], "SubnetId"),
        "route tables": foreign(ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
        "security groups": foreign(ec2.describe_security_groups()["SecurityGroups"], "GroupName"),
        "internet gateways": [one["InternetGatewayId"] for one in gateways],
        "endpoints": [one["VpcEndpointId"] for one in endpoints if one["State"] != "deleted"],
        "NAT gateways": [one["NatGatewayId"] for one in nats if one["State"] != "deleted"],
        "addresses": _all(ec2, "describe_addresses", "PublicIp"),
        "flow logs": _all(ec2, "describe_flow_logs", "FlowLogId"),
    }


def _rest(client: Client) -> Left:
    alarms = client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    iam = client("iam")
    return {
        "stacks": _all(client("cloudformation"), "describe_stacks", "StackName"),
        "alarms": [
            one["AlarmName"]
            for kind in ("MetricAlarms", "CompositeAlarms")
            for one in alarms.get(kind, [])
        ],
        "dashboards": _all(client("cloudwatch"), "list_dashboards", "DashboardName"),
        "buckets": [one["Name"] for one in client("s3").list_buckets()["Buckets"]],
        "tables": list(client("dynamodb").list_tables()["TableNames"]),
        "topics": _all(client("sns"), "list_topics", "TopicArn"),
        "subscriptions": _all(client("sns"), "list_subscriptions", "SubscriptionArn"),
        "log groups": _all(client("logs"), "describe_log_groups", "logGroupName"),
        "parameters": [
            name
            for name in _all(client("ssm"), "describe_parameters", "Name")
            if not name.startswith(THEIRS)
        ],
        "roles": _all(iam, "list_roles", "RoleName"),
        "policies": [one["PolicyName"] for one in iam.list_policies(Scope="Local")["Policies"]],
        "instance profiles": _all(iam, "list_instance_profiles", "InstanceProfileName"),
    }


def _all(client: Any, operation: str, key: str) -> list[str]:
    """The values of `key` in the one list that the operation answers with."""
    answer = getattr(client, operation)()
    return [
        str(one[key])
        for listed in answer.values()
        if isinstance(listed, list)
        for one in listed
        if key in one
    ]

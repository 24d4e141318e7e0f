"""What calls of Auto Scaling, EC2 and Elastic Load Balancing need. Pure.

Source: Service Authorization Reference, pages of the three services; a test compares the kinds of
resource with AWS's list as cfn-lint carries it.
"""

from collections.abc import Sequence

from deployer.lab.iam.asked import Ask
from deployer.lab.iam.mapping import Facts, Needs, Params, Table, anywhere, arn, on, request_tags
from deployer.lab.iam.patterns import Unsupported

# -- Auto Scaling


def _group(action: str) -> Needs:
    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        launches = {"LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName"}
        if action.endswith(":UpdateAutoScalingGroup") and launches & set(params):
            raise Unsupported(
                f"{action} with another template: AWS asks for ec2:RunInstances and iam:PassRole "
                "then, which the lab does not"
            )
        return (Ask(action, facts.group_arn(params["AutoScalingGroupName"])),)

    return needs


_GROUP = (
    *("AttachInstances", "CompleteLifecycleAction", "DetachInstances", "EnterStandby"),
    *("ExitStandby", "RecordLifecycleActionHeartbeat", "ResumeProcesses", "SetDesiredCapacity"),
    *("SetInstanceProtection", "SuspendProcesses", "UpdateAutoScalingGroup"),
)
_GROUP_READS = (
    *("DescribeAutoScalingGroups", "DescribeAutoScalingInstances", "DescribeInstanceRefreshes"),
    *("DescribeLifecycleHooks", "DescribeNotificationConfigurations", "DescribePolicies"),
    *("DescribeScalingActivities", "DescribeScheduledActions", "DescribeTags"),
    *("DescribeWarmPool",),
)


def _terminate(params: Params, facts: Facts) -> Sequence[Ask]:
    """Several instances come with their group's name; a single one is looked up."""
    name = params.get("AutoScalingGroupName") or facts.group_of(params["InstanceId"])
    return (Ask("autoscaling:TerminateInstanceInAutoScalingGroup", facts.group_arn(name)),)


AUTOSCALING = Table(
    "autoscaling",
    {
        **{name: _group(f"autoscaling:{name}") for name in _GROUP},
        **{name: anywhere(f"autoscaling:{name}") for name in _GROUP_READS},
        "TerminateInstanceInAutoScalingGroup": _terminate,
    },
)

# -- EC2


def _template(action: str) -> Needs:
    def needs(params: Params, facts: Facts) -> Sequence[Ask]:
        if params.get("ResolveAlias"):
            raise Unsupported(f"{action} with ResolveAlias: AWS asks for ssm:GetParameters too")
        found = params.get("LaunchTemplateId") or facts.template_id(params["LaunchTemplateName"])
        return (Ask(action, arn(facts, "ec2", f"launch-template/{found}")),)

    return needs


_TEMPLATE = ("CreateLaunchTemplateVersion", "DeleteLaunchTemplateVersions", "ModifyLaunchTemplate")
_EC2_READS = (
    *("DescribeAvailabilityZones", "DescribeImages", "DescribeInstances", "DescribeInstanceStatus"),
    *("DescribeLaunchTemplates", "DescribeLaunchTemplateVersions", "DescribeRouteTables"),
    *("DescribeSecurityGroups", "DescribeSubnets", "DescribeTags", "DescribeVpcs"),
    *("DescribeVpnGateways", "DescribeVpcEndpointServices", "DescribeInstanceTypes"),
)
EC2 = Table(
    "ec2",
    {
        **{name: _template(f"ec2:{name}") for name in _TEMPLATE},
        **{name: anywhere(f"ec2:{name}") for name in _EC2_READS},
    },
)

# -- Elastic Load Balancing v2

_ELB = "elasticloadbalancing"
_ELB_READS = (
    *("DescribeListenerAttributes", "DescribeListenerCertificates", "DescribeListeners"),
    *("DescribeLoadBalancerAttributes", "DescribeLoadBalancers", "DescribeRules"),
    *("DescribeSSLPolicies", "DescribeTags", "DescribeTargetGroupAttributes"),
    *("DescribeTargetGroups", "DescribeTargetHealth"),
)
_ON = {
    "DeleteListener": "ListenerArn",
    "DeleteRule": "RuleArn",
    "DeregisterTargets": "TargetGroupArn",
    "ModifyListener": "ListenerArn",
    "ModifyRule": "RuleArn",
    "ModifyTargetGroup": "TargetGroupArn",
    "ModifyTargetGroupAttributes": "TargetGroupArn",
    "RegisterTargets": "TargetGroupArn",
    "RemoveTags": "ResourceArns",
}


def _create_rule(params: Params, _facts: Facts) -> Sequence[Ask]:
    """Tags that come with the rule need AddTags on it, before it has an id."""
    listener, tags = params["ListenerArn"], request_tags(params.get("Tags", ()))
    made = Ask(f"{_ELB}:CreateRule", listener, tags)
    if not tags:
        return (made,)
    rule = listener.replace(":listener/", ":listener-rule/", 1) + "/*"
    keys = {**tags, f"{_ELB}:createaction": ("CreateRule",)}
    return made, Ask(f"{_ELB}:AddTags", rule, keys)


def _add_tags(params: Params, _facts: Facts) -> Sequence[Ask]:
    keys = request_tags(params["Tags"])
    return [Ask(f"{_ELB}:AddTags", each, keys) for each in params["ResourceArns"]]


def _priorities(params: Params, _facts: Facts) -> Sequence[Ask]:
    return [Ask(f"{_ELB}:SetRulePriorities", each["RuleArn"]) for each in params["RulePriorities"]]


ELBV2 = Table(
    _ELB,
    {
        **{name: on(f"{_ELB}:{name}", parameter) for name, parameter in _ON.items()},
        **{name: anywhere(f"{_ELB}:{name}") for name in _ELB_READS},
        "AddTags": _add_tags,
        "CreateRule": _create_rule,
        "SetRulePriorities": _priorities,
    },
)

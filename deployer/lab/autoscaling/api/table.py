"""Every action of the Auto Scaling API, and who answers it; the rest is refused by name."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import botocore.session

from deployer.lab import actions
from deployer.lab.autoscaling.api import (
    activities,
    attachments,
    fixed,
    groups,
    hooks,
    members,
    policies,
    pools,
    tags,
)
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params

Action = Callable[[Desk, Params], Answer]

ANSWERED: Final[Mapping[str, Action]] = {
    "AttachLoadBalancerTargetGroups": attachments.attach_target_groups,
    "AttachTrafficSources": attachments.attach_sources,
    "CompleteLifecycleAction": hooks.complete,
    "CreateAutoScalingGroup": groups.create,
    "CreateOrUpdateTags": tags.create_or_update,
    "DeleteAutoScalingGroup": groups.delete,
    "DeleteLifecycleHook": hooks.delete,
    "DeletePolicy": policies.delete,
    "DeleteTags": tags.delete,
    "DeleteWarmPool": pools.delete,
    "DescribeAccountLimits": fixed.limits,
    "DescribeAutoScalingGroups": groups.describe,
    "DescribeAutoScalingInstances": members.describe,
    "DescribeInstanceRefreshes": fixed.none_of("InstanceRefreshes"),
    "DescribeLaunchConfigurations": fixed.none_of("LaunchConfigurations"),
    "DescribeLifecycleHookTypes": fixed.hook_types,
    "DescribeLifecycleHooks": hooks.describe,
    "DescribeLoadBalancerTargetGroups": attachments.describe_target_groups,
    "DescribeLoadBalancers": fixed.none_of("LoadBalancers"),
    "DescribeNotificationConfigurations": fixed.none_of("NotificationConfigurations"),
    "DescribePolicies": policies.describe,
    "DescribeScalingActivities": activities.describe,
    "DescribeScalingProcessTypes": fixed.process_types,
    "DescribeScheduledActions": fixed.none_of("ScheduledUpdateGroupActions"),
    "DescribeTags": tags.describe,
    "DescribeTerminationPolicyTypes": fixed.policy_types,
    "DescribeTrafficSources": attachments.describe_sources,
    "DescribeWarmPool": pools.describe,
    "DetachInstances": members.detach,
    "DetachLoadBalancerTargetGroups": attachments.detach_target_groups,
    "DetachTrafficSources": attachments.detach_sources,
    "EnterStandby": members.enter_standby,
    "ExitStandby": members.exit_standby,
    "PutLifecycleHook": hooks.put,
    "PutScalingPolicy": policies.put,
    "PutWarmPool": pools.put,
    "RecordLifecycleActionHeartbeat": hooks.heartbeat,
    "ResumeProcesses": activities.resume,
    "SetDesiredCapacity": groups.set_desired,
    "SetInstanceHealth": members.set_health,
    "SetInstanceProtection": members.protect,
    "SuspendProcesses": activities.suspend,
    "TerminateInstanceInAutoScalingGroup": members.terminate,
    "UpdateAutoScalingGroup": groups.update,
}


def install(desk: Desk) -> None:
    """Take the whole API over: moto's own Auto Scaling is never reached."""
    for name in action_names():
        actions.replace("autoscaling", name, partial(_answer, desk, ANSWERED.get(name)))


def action_names() -> list[str]:
    """All actions that botocore's model of the service has."""
    model = botocore.session.get_session().get_service_model("autoscaling")
    return list(model.operation_names)


def _answer(
    desk: Desk, action: Action | None, call: actions.Call, params: dict[str, Any]
) -> Answer:
    if action is None:
        raise actions.Refused("NotImplemented", f"the lab does not simulate {call.action}")
    return action(desk, params)

"""Answers that never change, and lists that are always empty because nothing can be put in them."""

from collections.abc import Callable

from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import LAUNCHING, PROCESSES, TERMINATING
from deployer.lab.autoscaling.victims import POLICIES

# Default quotas of an account (aws-facts 3.2).
_GROUPS, _CONFIGURATIONS = 500, 200


def limits(desk: Desk, _params: Params) -> Answer:
    """DescribeAccountLimits."""
    return {
        "MaxNumberOfAutoScalingGroups": _GROUPS,
        "MaxNumberOfLaunchConfigurations": _CONFIGURATIONS,
        "NumberOfAutoScalingGroups": len(desk.store.groups),
        "NumberOfLaunchConfigurations": 0,
    }


def process_types(_desk: Desk, _params: Params) -> Answer:
    return {"Processes": [{"ProcessName": name} for name in PROCESSES]}


def policy_types(_desk: Desk, _params: Params) -> Answer:
    """Those that the lab simulates."""
    return {"TerminationPolicyTypes": list(POLICIES)}


def hook_types(_desk: Desk, _params: Params) -> Answer:
    return {"LifecycleHookTypes": [LAUNCHING, TERMINATING]}


def none_of(key: str) -> Callable[[Desk, Params], Answer]:
    """An action that lists things of a group which the lab never has."""

    def describe(desk: Desk, params: Params) -> Answer:
        if params.get("AutoScalingGroupName"):
            desk.group(params["AutoScalingGroupName"])
        return {key: []}

    return describe

"""Lifecycle hooks: put, delete, describe, complete, heartbeat."""

from dataclasses import replace

from deployer.lab.autoscaling import present, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import LAUNCHING, Group, HookWait, Member

_MOST = 50  # per group


def put(desk: Desk, params: Params) -> Answer:
    """PutLifecycleHook creates, or changes what is given."""
    group = desk.open_group(params)
    old = next((hook for hook in group.hooks if hook.name == params["LifecycleHookName"]), None)
    made = validate.hook(params, old)
    others = tuple(hook for hook in group.hooks if hook is not old)
    validate.within("The number of lifecycle hooks", len(others) + 1, 1, _MOST)
    desk.store.put(replace(group, hooks=(*others, made)))
    return {}


def delete(desk: Desk, params: Params) -> Answer:
    """Outstanding actions are completed first (autoscaling API model, DeleteLifecycleHook).

    With ABANDON for launches, CONTINUE for terminations.
    """
    group = desk.open_group(params)
    name = params["LifecycleHookName"]
    hook = next((held for held in group.hooks if held.name == name), None)
    if hook is None:
        raise validate.invalid(f"No Lifecycle Hook found with name {name}")
    result = "ABANDON" if hook.transition == LAUNCHING else "CONTINUE"
    for member in group.members:
        for wait in member.waits:
            if wait.hook == name:
                current = desk.store.groups[group.name]
                desk.hands.finish_hook(current, member, wait, result, desk.now())
    current = desk.store.groups[group.name]
    desk.store.put(replace(current, hooks=tuple(h for h in current.hooks if h.name != name)))
    return {}


def describe(desk: Desk, params: Params) -> Answer:
    group = desk.group(params["AutoScalingGroupName"])
    names = params.get("LifecycleHookNames") or ()
    return {
        "LifecycleHooks": [
            present.hook(group.name, hook)
            for hook in group.hooks
            if not names or hook.name in names
        ]
    }


def complete(desk: Desk, params: Params) -> Answer:
    """CompleteLifecycleAction, by token or by instance."""
    result = params["LifecycleActionResult"]
    if result not in ("CONTINUE", "ABANDON"):
        raise validate.invalid(f"LifecycleActionResult must be CONTINUE or ABANDON, not {result}")
    group, member, wait = _waiting(desk, params)
    desk.hands.finish_hook(group, member, wait, result, desk.now())
    return {}


def heartbeat(desk: Desk, params: Params) -> Answer:
    """RecordLifecycleActionHeartbeat: another heartbeat timeout from now, up to the limit."""
    group, member, wait = _waiting(desk, params)
    later = replace(wait, until=min(desk.now() + wait.heartbeat_s, wait.limit))
    waits = tuple(later if held is wait else held for held in member.waits)
    desk.store.put(group.put(replace(member, waits=waits)))
    return {}


def _waiting(desk: Desk, params: Params) -> tuple[Group, Member, HookWait]:
    group = desk.group(params["AutoScalingGroupName"])
    token, instance = params.get("LifecycleActionToken"), params.get("InstanceId")
    if not token and not instance:
        raise validate.invalid("Either a lifecycle action token or an instance ID is required")
    for member in group.members:
        for wait in member.waits:
            meant = wait.token == token if token else member.id == instance
            if meant and wait.hook == params["LifecycleHookName"]:
                return group, member, wait
    what = f"token {token}" if token else f"instance ID {instance}"
    raise validate.invalid(f"No active Lifecycle Action found with {what}")

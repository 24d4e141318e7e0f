"""Hooks that a deployment may still run: whoever stays for a while only must know how long they take."""

from deployer.durations import spell
from deployer.errors import PlanInvalid
from deployer.hooks import HookAction, HookPoint
from deployer.plan import Deployment, Status
from deployer.steps.hook import SLACK_S, Hook


def hooks_to_come(deployment: Deployment) -> dict[HookPoint, HookAction]:
    """Those that may still run: of the steps that are left, and of the way back it may have to take."""
    if deployment.over:
        return {}
    left = deployment.plan.steps[deployment.cursor :]
    known = deployment.plan.intent.hooks
    back = HookPoint.ON_ROLLBACK
    turning = {back: known[back]} if deployment.status is Status.RUNNING and back in known else {}
    return {**{step.point: step.action for step in left if isinstance(step, Hook)}, **turning}


def require_brief_hooks(deployment: Deployment, stay_s: float) -> None:
    """Each hook that may still run ends within a visit.

    Raises:
        PlanInvalid: one may not.
    """
    for point, action in hooks_to_come(deployment).items():
        if longest(action) > stay_s:
            raise PlanInvalid(
                f"the hook {point} may take {spell(action.deadline_s)}, and what runs this "
                f"deployment stays for {spell(stay_s)} at a time: give the hook a deadline of "
                f"{spell(max(0.0, stay_s - SLACK_S))} at most, or run the deployment from a machine"
            )


def longest(action: HookAction) -> float:
    """Seconds from a hook's beginning until its end is known, at most."""
    return action.deadline_s + SLACK_S

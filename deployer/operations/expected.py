"""When a plan is expected to end: for whoever must know before it begins, such as a freeze window. Pure."""

from deployer.plan import Plan


def expected_end(plan: Plan, now: float) -> float | None:
    """When a plan that begins `now` is expected to have ended, epoch seconds; None: unknown.

    The time that people take to approve is not in it (`plan.outlook.people` says how many times one is
    waited for); neither is the time that they pause it.
    """
    outlook = plan.outlook
    return None if outlook is None or outlook.end_s is None else now + outlook.end_s

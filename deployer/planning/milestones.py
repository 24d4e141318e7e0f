"""Where in a plan something is reached. Pure."""

from deployer.plan import Plan
from deployer.steps.route import Route


def to_full(plan: Plan) -> int:
    """How many of its steps lead up to the last that moves traffic; 0: none does. In place all do."""
    if plan.in_place:
        return len(plan.steps)
    return 1 + max((n for n, s in enumerate(plan.steps) if isinstance(s, Route)), default=-1)

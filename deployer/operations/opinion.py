"""What is thought of a running deployment's candidate at this moment: why it waits. Changes nothing.

The record keeps what moved the deployment, not what holds it: a person at another terminal would see
that it waits, and not for what.
"""

from deployer.analysis.terms import Terms
from deployer.errors import DeployError
from deployer.model import WHOLE, Snapshot
from deployer.plan import Deployment, Status
from deployer.ports import Metrics, Prober, World
from deployer.steps import beside
from deployer.steps.bake import Bake
from deployer.steps.ramp import Ramp


def opinion(
    deployment: Deployment, seen: Snapshot, metrics: Metrics, prober: Prober, now: float
) -> str:
    """In words; empty: the step in execution compares nothing.

    Whoever asks may reach less than the deployment's runner: a source of metrics, a token. What is
    missing here is told as it is found here.
    """
    terms, step = _held_to(deployment, seen), deployment.step
    if terms is None or not isinstance(step, Ramp | Bake):
        return ""
    world = World(
        seen, now, deployment.entered_at, metrics, prober,
        held_s=deployment.held_s, shares=deployment.shares, terms=terms,
        attended_at=deployment.attended_at,
    )  # fmt: skip
    try:
        return beside.judge(world, deployment.plan.candidate, terms, step.delay_s).reason
    except DeployError as error:
        return f"not to be told from here: {error}"


def _held_to(deployment: Deployment, seen: Snapshot) -> Terms | None:
    """Terms, where the candidate has a share beside the stable slot; None: nothing is compared."""
    plan = deployment.plan
    share = seen.weights[plan.candidate] if seen.weights else 0
    compared = plan.strategy == "canary" and deployment.status is Status.RUNNING
    return plan.intent.terms if compared and 0 < share < WHOLE else None

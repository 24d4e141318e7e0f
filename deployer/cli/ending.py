"""How a command ended: what the last line says, and the exit status. Pure."""

from dataclasses import dataclass

from deployer.plan import Deployment, Status

EXIT = {Status.SHIPPED: 0, Status.ROLLED_BACK: 3, Status.HALTED: 4}


@dataclass(frozen=True, slots=True)
class Ending:
    """status: `ok`, `planned`, `asked`, `error`, `interrupted`, or a deployment's final status.

    reason: one line: why it ended so.
    """

    status: str = "ok"
    exit_code: int = 0
    reason: str = ""
    deployment: Deployment | None = None


def of_deployment(deployment: Deployment, *, wanted: Status = Status.SHIPPED) -> Ending:
    """A deployment that has come to its end; exit 0 if that is the end that was `wanted`."""
    status = deployment.status
    exit_code = 0 if status is wanted else EXIT[status]
    return Ending(status.value, exit_code, deployment.reason, deployment)

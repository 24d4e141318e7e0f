"""The state machine that carries detached deployments: found by its name, started once for each.

[M:stepfunctions.StartExecution] is idempotent by name and input as long as the execution runs, and
refuses the name for 90 days after that: so is this.
"""

import msgspec

from deployer import topology
from deployer.aws.failures import asking, changing, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import ChangeRefused, DeployError, NotPossibleNow
from deployer.operations.detached import Mandate

NEEDS = (
    Need("states:DescribeStateMachine", Resource.DETACHED),
    Need("states:StartExecution", Resource.DETACHED),
)


class StateMachine:
    """Implements `detached.Machine` for one environment.

    made: whether its settings want a runner stack. Without one the deployer's role may not even ask.
    """

    def __init__(self, aws: Aws, service: str, environment: str, *, made: bool = True) -> None:
        self._aws = aws
        self._made = made
        self._place = f"{service}/{environment}"
        self._stack = topology.stack_name(service, environment, "runner")
        self._name = topology.machine_name(service, environment)

    def require(self) -> None:
        """It is there. Two calls, none where the settings want none.

        Raises:
            NotPossibleNow: it is not; says how to get it.
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        if not self._made:
            raise self._missing()
        arn = self._arn()
        try:
            with asking("states:DescribeStateMachine", arn):
                self._aws.stepfunctions.describe_state_machine(stateMachineArn=arn)
        except DeployError as error:
            if code_of(error) != "StateMachineDoesNotExist":
                raise
            raise self._missing() from error

    def _missing(self) -> NotPossibleNow:
        return NotPossibleNow(
            f"{self._place} has no state machine {self._name} to carry a deployment: deploy its "
            f"runner stack (`[runner] enabled = true` in deployer.toml, then `cdk deploy {self._stack}`), "
            "or run without --detach"
        )

    def start(self, mandate: Mandate) -> None:
        """Begin its execution; one that has begun already is no error. Two calls.

        Raises:
            ChangeRefused, CloudUnavailable, AccessProblem: as `failures.changing`.
        """
        arn, given = self._arn(), msgspec.json.encode(mandate).decode()
        try:
            with changing("states:StartExecution", arn):
                self._aws.stepfunctions.start_execution(
                    stateMachineArn=arn, name=mandate.execution, input=given
                )
        except ChangeRefused as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def _arn(self) -> str:
        """Where the caller is: the same partition, account and Region."""
        with asking("sts:GetCallerIdentity", "the credentials"):
            _, partition, _, _, account, _ = self._aws.sts.get_caller_identity()["Arn"].split(
                ":", 5
            )
        return f"arn:{partition}:states:{self._aws.region}:{account}:stateMachine:{self._name}"

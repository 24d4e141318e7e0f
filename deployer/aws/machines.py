"""Executions of state machines: begun once, however often that is asked (AWS Step Functions)."""

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError

NEEDS = (Need("states:StartExecution", Resource.MACHINE),)


class Machines:
    """State machines of one Region."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def start(self, machine: str, name: str, given: str) -> None:
        """Begin an execution of that name, unless there is, or was, one of it.

        machine: ARN; given: its input, JSON. A name is taken for 90 days (API reference,
        StartExecution); with the same input it is no error while that execution runs.

        Raises:
            CloudUnavailable: no answer: it may have begun.
            AccessProblem, NotFound: nothing has.
        """
        try:
            with asking("states:StartExecution", f"the state machine {machine}"):
                self._aws.stepfunctions.start_execution(
                    stateMachineArn=machine, name=name, input=given
                )
        except DeployError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

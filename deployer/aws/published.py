"""What the service stack publishes once, in one SSM parameter, for the CLI to read once."""

from typing import Literal, NoReturn

import msgspec
from botocore.exceptions import EndpointConnectionError

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable, DeployError, NotFound, NotPossibleNow
from deployer.model import Slot
from deployer.topology import stack_name, topology_parameter

NEEDS = (Need("ssm:GetParameter", Resource.TOPOLOGY),)


class PublishedSlot(msgspec.Struct, frozen=True):
    """One slot's resources: ARN of its target group, name of its group, id of its template."""

    target_group: str
    group: str
    launch_template: str


class PublishedSlots(msgspec.Struct, frozen=True):
    """Both slots; indexed by `Slot`."""

    blue: PublishedSlot
    green: PublishedSlot

    def __getitem__(self, slot: Slot) -> PublishedSlot:
        return self.blue if slot is Slot.BLUE else self.green


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Identifiers of one environment; `listener`, `test_listener`, `load_balancer` are ARNs."""

    version: Literal[1]
    listener: str
    test_listener: str
    load_balancer: str
    url: str
    test_url: str
    slots: PublishedSlots
    journal_table: str
    artifact_bucket: str


def read(aws: Aws, service: str, environment: str) -> Published:
    """The environment's identifiers; one call.

    It is the first that a command makes, so it also finds out whether credentials and Region are
    good.

    Raises:
        NotFound: nothing is published; says in which account and Region, and what to deploy.
        NotPossibleNow: published by another version of the stacks.
        AccessProblem: no credentials, permission missing, or the Region cannot be reached.
        CloudUnavailable: no answer.
    """
    name = topology_parameter(service, environment)
    try:
        with asking("ssm:GetParameter", f"the parameter {name}"):
            found = aws.ssm.get_parameter(Name=name)
    except CloudUnavailable as error:
        if isinstance(error.__cause__, EndpointConnectionError):
            raise AccessProblem(str(error)) from error
        raise
    except DeployError as error:
        if code_of(error) == "ParameterNotFound":
            _missing(aws, service, environment, name)
        raise
    return parse(found["Parameter"]["Value"], name, stack_name(service, environment, "service"))


def parse(text: str, name: str, stack: str) -> Published:
    """The parameter's JSON.

    Raises:
        NotPossibleNow: another version, or not what the stack writes.
    """
    try:
        return msgspec.json.decode(text, type=Published)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise NotPossibleNow(
            f"the parameter {name} is not what this version of deployer reads ({error}): "
            f"deploy the stack of the same version: cdk deploy {stack}"
        ) from error


def _missing(aws: Aws, service: str, environment: str, name: str) -> NoReturn:
    stack = stack_name(service, environment, "service")
    raise NotFound(
        f"{service} has no environment {environment!r} in {_account(aws)}, Region "
        f"{aws.ssm.meta.region_name} (no parameter {name}): deploy it with `cdk deploy {stack}`, "
        "or check the credentials and the Region"
    )


def _account(aws: Aws) -> str:
    """A hint beside an error: the wrong account is the commonest cause."""
    try:
        return f"account {aws.account()}"
    except DeployError:
        return "this account"

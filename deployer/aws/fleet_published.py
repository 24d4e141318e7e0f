"""What the fleet's stack publishes: its book and its state machine, in one SSM parameter."""

from typing import Literal

import msgspec

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError, NotFound, NotPossibleNow
from deployer.topology import fleet_parameter, fleet_stack_name

NEEDS = (Need("ssm:GetParameter", Resource.FLEET),)


class FleetPublished(msgspec.Struct, frozen=True, kw_only=True):
    """table: name of the book's; machine: ARN of the state machine."""

    version: Literal[1]
    table: str
    machine: str


def read(aws: Aws, service: str) -> FleetPublished:
    """The identifiers; one call.

    Raises:
        NotFound: nothing is published; says what to deploy.
        NotPossibleNow: published by another version of the stacks.
        AccessProblem, CloudUnavailable: as `failures.asking`.
    """
    name, stack = fleet_parameter(service), fleet_stack_name(service)
    try:
        with asking("ssm:GetParameter", f"the parameter {name}"):
            found = aws.ssm.get_parameter(Name=name)["Parameter"]["Value"]
    except DeployError as error:
        if code_of(error) == "ParameterNotFound":
            raise NotFound(
                f"{service} has no fleet in Region {aws.region} (no parameter {name}): write [waves] "
                f"into deployer.toml and deploy it with `cdk deploy {stack}`, or check the "
                "credentials and the Region"
            ) from error
        raise
    try:
        return msgspec.json.decode(found, type=FleetPublished)
    except msgspec.DecodeError as error:
        raise NotPossibleNow(
            f"the parameter {name} is not what this version of deployer reads ({error}): deploy the "
            f"stack of the same version: cdk deploy {stack}"
        ) from error

"""Where a service's sweeps in one Region live: published by the teardown stack, read once."""

from typing import Literal

import msgspec

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError, NotFound, NotPossibleNow
from deployer.topology import sweep_parameter, sweep_stack_name

NEEDS = (Need("ssm:GetParameter", Resource.TOPOLOGY),)


class Sweeps(msgspec.Struct, frozen=True, kw_only=True):
    """Identifiers: the table's name, a schedule group's name, everything else by ARN."""

    version: Literal[1]
    table: str
    topic: str
    schedules: str
    schedule_role: str
    function: str
    dead_letters: str


def read(aws: Aws, service: str, region: str) -> Sweeps:
    """One call.

    Raises:
        NotFound: the stack is not deployed here.
        NotPossibleNow: published by another version of the stacks.
        CloudUnavailable, AccessProblem: as `failures.asking`.
    """
    name, stack = sweep_parameter(service), sweep_stack_name(service, region)
    try:
        with asking("ssm:GetParameter", f"the parameter {name}"):
            found = aws.ssm.get_parameter(Name=name)
    except DeployError as error:
        if code_of(error) != "ParameterNotFound":
            raise
        raise NotFound(
            f"nobody tears down idle environments of {service} in {region}: deploy what does with "
            f"`cdk deploy {stack}` (an environment of deployer.toml must be ephemeral)"
        ) from error
    return parse(found["Parameter"]["Value"], name, stack)


def parse(text: str, name: str, stack: str) -> Sweeps:
    """The parameter's JSON.

    Raises:
        NotPossibleNow: another version, or not what the stack writes.
    """
    try:
        return msgspec.json.decode(text, type=Sweeps)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise NotPossibleNow(
            f"the parameter {name} is not what this version of deployer reads ({error}): deploy the "
            f"stack of the same version: cdk deploy {stack}"
        ) from error

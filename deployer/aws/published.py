"""An environment's identifiers.

The service stack publishes them once, in one SSM parameter, for the CLI to read once; where others
made the resources, the settings name them.
"""

from typing import Literal, NoReturn

import msgspec
from botocore.exceptions import EndpointConnectionError

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable, DeployError, NotFound, NotPossibleNow
from deployer.model import Slot
from deployer.settings import artifacts
from deployer.settings.existing import ExistingSettings
from deployer.settings.schema import Settings
from deployer.topology import ARTIFACT_TAG, RELEASE_TAG, stack_name, topology_parameter

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


class Front(msgspec.Struct, frozen=True):
    """Where the deployer's rule stands on a listener of others.

    behind:   ARN of the rule that it stands in front of; empty: the default action.
    priority: its own; a user group's rule has the one before.
    """

    behind: str
    priority: int


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """Identifiers of one environment; `listener`, `test_listener`, `load_balancer` are ARNs.

    front: None: the listener belongs to the stacks, and nothing serves without the deployer's rule.
    topic: hears of deployments that need a person; empty: nobody was named.
    """

    version: Literal[1]
    listener: str
    test_listener: str
    load_balancer: str
    url: str
    test_url: str
    slots: PublishedSlots
    journal_table: str
    artifact_bucket: str
    front: Front | None = None
    topic: str = ""
    release_tag: str = RELEASE_TAG
    artifact_tag: str = ARTIFACT_TAG


# What a deployment cannot do without, of an environment that others made.
COMPLETE = (
    "blue_launch_template",
    "green_target_group",
    "green_group",
    "green_launch_template",
    "journal_table",
)


def lacking(settings: Settings) -> tuple[str, ...]:
    """Keys of [environments.NAME.existing] that are still empty and must not be."""
    existing = settings.existing
    if existing is None:
        return ()
    own_bucket = artifacts.location(settings).bucket is None
    keys = (*COMPLETE, *(("artifact_bucket",) if own_bucket else ()))
    return tuple(key for key in keys if not getattr(existing, key))


def of_settings(settings: Settings) -> Published:
    """What the settings of an environment that others made name.

    Raises:
        NotPossibleNow: something is still missing; `deployer verify` tells how to get it.
    """
    existing, name = settings.existing, settings.environment.name
    missing = lacking(settings)
    if existing is None or missing:
        raise NotPossibleNow(
            f"deployer.toml: environments.{name}.existing has no {', no '.join(missing)}: "
            "`deployer verify` tells how to get what is missing"
        )
    return so_far(existing)


def so_far(existing: ExistingSettings) -> Published:
    """The same, however much is still missing."""
    listener = existing.listener
    return Published(
        version=1,
        listener=listener,
        test_listener=existing.test_listener or listener,
        load_balancer=listener.rpartition("/")[0].replace(":listener/", ":loadbalancer/", 1),
        url=existing.url,
        test_url=existing.test_url or existing.url,
        slots=PublishedSlots(
            *(
                PublishedSlot(
                    *(
                        getattr(existing, f"{slot}_{key}")
                        for key in ("target_group", "group", "launch_template")
                    )
                )
                for slot in Slot
            )
        ),
        journal_table=existing.journal_table,
        artifact_bucket=existing.artifact_bucket,
        front=Front(existing.rule, existing.rule_priority),
        release_tag=existing.release_tag,
        artifact_tag=existing.artifact_tag,
    )


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

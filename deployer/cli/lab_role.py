"""The credentials that `deployer lab env` hands out: a role's, by sts:AssumeRole in the lab."""

from collections.abc import Callable
from typing import Any

import click
from botocore.exceptions import ClientError

from deployer.errors import NotFound
from deployer.lab.home import ADMIN
from deployer.topology import DEPLOYER_ROLE_OUTPUT

DEPLOYER, ADMINISTRATOR = "deployer", "admin"
SESSION = "lab"
Clients = Callable[[str], Any]


def credentials(clients: Clients, control: str, wanted: str | None) -> dict[str, str]:
    """Variables with the credentials of the role `wanted`.

    clients: boto3 clients of the lab, with the administrator's credentials.
    control: name of the stack that has the deployer's role.
    wanted:  None: the deployer's if there is one, else the administrator's (and a word about it).

    Raises:
        NotFound: there is no such role.
    """
    if wanted == ADMINISTRATOR:
        return dict(ADMIN)
    arn = deployers_role(clients, control) if wanted in (None, DEPLOYER) else role(clients, wanted)
    if arn is None and wanted is None:
        click.echo(
            "no stacks yet, hence no role: these are the administrator's credentials; "
            "run `deployer lab env` again when the stacks are deployed",
            err=True,
        )
        return dict(ADMIN)
    if arn is None:
        raise NotFound(
            f"the lab has no role {wanted}: roles are made by stacks (`deployer lab cdk -- deploy "
            "--all`); `--role admin` needs none"
        )
    return assumed(clients, arn)


def deployers_role(clients: Clients, control: str) -> str | None:
    """ARN of the role in the control stack's output; None if there is no such stack or output."""
    try:
        (stack,) = clients("cloudformation").describe_stacks(StackName=control)["Stacks"]
    except ClientError:
        return None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
    found = outputs.get(DEPLOYER_ROLE_OUTPUT)
    return None if found is None else str(found)


def role(clients: Clients, name: str | None) -> str | None:
    """ARN of the role of this name; None if there is none."""
    try:
        return str(clients("iam").get_role(RoleName=name)["Role"]["Arn"])
    except ClientError:
        return None


def assumed(clients: Clients, arn: str) -> dict[str, str]:
    """A session of this role, as long as the role allows."""
    iam, sts = clients("iam"), clients("sts")
    longest = iam.get_role(RoleName=arn.rsplit("/", 1)[1])["Role"]["MaxSessionDuration"]
    given = sts.assume_role(RoleArn=arn, RoleSessionName=SESSION, DurationSeconds=longest)[
        "Credentials"
    ]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }

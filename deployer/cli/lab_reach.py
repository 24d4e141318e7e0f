"""How the lab's commands reach it: a client with every right, and what the service stack published."""

import json
from pathlib import Path
from typing import Any

from deployer.errors import PlanInvalid
from deployer.lab import home
from deployer.settings.reading import load as load_settings


def client(state: home.State, service: str) -> Any:
    """A boto3 client of the lab, whatever this shell's environment says."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    make: Any = boto3.client  # its overloads want literal service names
    return make(
        service,
        endpoint_url=state.endpoint,
        region_name=state.region,
        aws_access_key_id="lab",
        aws_secret_access_key="lab",  # noqa: S106  no secret: the lab checks no signature
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}),
    )


def topology(state: home.State) -> dict[str, Any]:
    """What the service stack published, and the service's name.

    Raises:
        DeployError: the stacks are not deployed.
    """
    from deployer.topology import topology_parameter  # noqa: PLC0415

    service = load_settings(Path(state.config), state.environment).service.name
    ssm = client(state, "ssm")
    try:
        parameter = ssm.get_parameter(Name=topology_parameter(service, state.environment))
    except ssm.exceptions.ParameterNotFound:
        raise PlanInvalid(
            "the lab has no stacks yet: run `deployer lab cdk -- bootstrap`, then "
            "`deployer lab cdk -- deploy --all`"
        ) from None
    found: dict[str, Any] = json.loads(parameter["Parameter"]["Value"])
    return found | {"service": service}

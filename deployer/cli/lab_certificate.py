"""`deployer lab certificate`: another certificate for the lab's ACM, and the settings that use it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from deployer.errors import NotFound
from deployer.lab import home
from deployer.settings.reading import load

Clients = Callable[[str], Any]


def imported(directory: Path, clients: Clients, name: str) -> dict[str, str]:
    """Make one for `name` and import it: the documented JSON keys."""
    from deployer.lab import authority  # noqa: PLC0415  cryptography takes a while to import

    pem, key = authority.issue(directory, name)
    made = clients("acm").import_certificate(Certificate=pem, PrivateKey=key)
    return {
        "certificate": made["CertificateArn"],
        "domain": name,
        "authority": str(home.authority(directory)),
    }


def as_settings(environment: str, told: dict[str, str]) -> str:
    """Lines for deployer.toml."""
    lines = [f'{key} = "{told[key]}"' for key in ("certificate", "domain")]
    return "\n".join([f"[environments.{environment}.balancer]", *lines])


def domain(state: home.State, clients: Clients) -> str:
    """What users of this lab's service ask for, without its port.

    Raises:
        NotFound: the settings do not say so, and there is no load balancer.
    """
    named = load(Path(state.config), state.environment).balancer.domain
    if named:
        return named
    for balancer in clients("elbv2").describe_load_balancers()["LoadBalancers"]:
        return str(balancer["DNSName"])
    raise NotFound(
        "there is no load balancer that the certificate could be for: deploy the stacks first "
        "(`deployer lab cdk -- deploy --all`), or say NAME"
    )

"""An environment with a certificate: what the lab gives it when it begins.

There is neither DNS nor a real ACM here, so the lab takes from the settings what it would need them
for: it lives in the network of `[balancer] domain`, the address of its first load balancer, and its
ACM has `[balancer] certificate` from the beginning, made for that address by the lab's own authority.
"""

import re
from typing import Final, NamedTuple

from deployer.errors import SettingsInvalid
from deployer.lab import home
from deployer.lab.context import ACCOUNT, REGION
from deployer.settings.stacks import BalancerSettings

_DOMAIN: Final = re.compile(r"127\.(\d{1,3})\.255\.1")


class Secured(NamedTuple):
    """certificate: its ARN; network: N of 127.N.0.0/16."""

    certificate: str
    domain: str
    network: int


def secured(settings: BalancerSettings) -> Secured | None:
    """What these settings ask of the lab; None: plain HTTP.

    Raises:
        SettingsInvalid: no lab can have this certificate, or this name.
    """
    if not settings.certificate:
        return None
    ours = f":acm:{REGION}:{ACCOUNT}:certificate/"
    if ours not in settings.certificate:
        raise SettingsInvalid(
            f"[balancer] certificate of a lab is arn:aws{ours}NAME, with any NAME: it makes that "
            f"certificate itself. Not {settings.certificate} (in [environments.lab.balancer] name "
            'one of its own, or "" for plain HTTP)'
        )
    found = _DOMAIN.fullmatch(settings.domain)
    if found is None or int(found[1]) not in home.NETWORKS:
        first, last = home.NETWORKS[0], home.NETWORKS[-1]
        raise SettingsInvalid(
            f"[balancer] domain of a lab is the address of its load balancer, since it has no DNS: "
            f"127.N.255.1, N from {first} to {last}; not {settings.domain}"
        )
    return Secured(settings.certificate, settings.domain, int(found[1]))

"""Where AWS is for this process, or the lab, and by whose clock: read from the environment."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from deployer.aws import pacing
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, SettingsInvalid
from deployer.process import clock as clocks
from deployer.process.clock import ScaledClock, WallClock


def clients(region: str, clock: WallClock | ScaledClock) -> Aws:
    """One Region's clients, at the pace that all of this process share."""
    return Aws(region, pacing.shared(region, clock))


def require_endpoint(environ: Mapping[str, str]) -> None:
    """An address in AWS_ENDPOINT_URL, or in one for a service, is one.

    Raises:
        AccessProblem: it is not.
    """
    for name, address in environ.items():
        if name.startswith("AWS_ENDPOINT_URL") and address and not is_address(address):
            raise AccessProblem(
                f"{name}={address} is no address: unset it for AWS, or run "
                'eval "$(deployer lab env)" for the lab'
            )


def is_address(text: str) -> bool:
    """Whether it reads `http://host:port`, or https; the port may be missing."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def chosen_clock(environ: Mapping[str, str]) -> WallClock | ScaledClock:
    """The clock that `environ` names; a lab's only where there is a lab.

    Leases and bakes would run out many times too early on AWS, in a shell that once used a lab.

    Raises:
        SettingsInvalid: it names none, or a lab's clock without a lab's endpoint.
    """
    clock = clocks.from_environment(environ)
    if isinstance(clock, ScaledClock) and not environ.get("AWS_ENDPOINT_URL"):
        raise SettingsInvalid(
            f"{clocks.VARIABLE} is a lab's clock, but AWS_ENDPOINT_URL leads to no lab: open another "
            'shell for AWS, or run eval "$(deployer lab env)" for the lab'
        )
    return clock

"""What a group wants done: small frozen facts that `decide` makes and the fleet carries out."""

from dataclasses import dataclass

from deployer.lab.autoscaling.model import Subnet


@dataclass(frozen=True, slots=True)
class Launch:
    """Run one instance in this subnet; `ahead`: it replaces one that is still there."""

    subnet: Subnet
    cause: str
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Boot:
    """EC2's part of the launch is over: the instance runs."""

    member: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The member waits for the group's lifecycle hooks on this transition."""

    member: str
    transition: str


@dataclass(frozen=True, slots=True)
class GiveUpWaiting:
    """A hook's time is over: its default result holds."""

    member: str
    hook: str


@dataclass(frozen=True, slots=True)
class Serve:
    """The instance runs: register it and call it in service."""

    member: str


@dataclass(frozen=True, slots=True)
class Condemn:
    """A health check failed: the member is unhealthy from now on."""

    member: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Take the member out: deregister it, then let it drain."""

    member: str
    cause: str


@dataclass(frozen=True, slots=True)
class End:
    """Drained, and no hook left: terminate the instance."""

    member: str


@dataclass(frozen=True, slots=True)
class Bury:
    """The instance is gone: so is the member."""

    member: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Drained: the member is detached, or in standby."""

    member: str


@dataclass(frozen=True, slots=True)
class MarkAttachment:
    """A target group of the group is in a new state; `Removed` is the end of it."""

    arn: str
    state: str


@dataclass(frozen=True, slots=True)
class Vanish:
    """The group was being deleted and has no member left."""


Intent = (
    Launch
    | Boot
    | Hold
    | GiveUpWaiting
    | Serve
    | Condemn
    | Retire
    | End
    | Bury
    | Leave
    | MarkAttachment
    | Vanish
)

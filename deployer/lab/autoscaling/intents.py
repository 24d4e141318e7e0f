"""What a group wants done: small frozen facts that `decide` makes and the fleet carries out."""

from dataclasses import dataclass

from deployer.lab.autoscaling.model import Subnet


@dataclass(frozen=True, slots=True)
class Launch:
    """Run one instance in this subnet.

    ahead:  it replaces one that is still there; `proves`: which stays until this one is healthy.
    pooled: for the warm pool.
    """

    subnet: Subnet
    cause: str
    ahead: bool = False
    proves: bool = False
    pooled: bool = False


@dataclass(frozen=True, slots=True)
class Draw:
    """Put an instance of the warm pool into service, instead of a launch."""

    member: str
    cause: str
    ahead: bool = False
    proves: bool = False


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
    """Take the member out: deregister it, then let it drain.

    returns: it goes into the warm pool then, if there is room.
    """

    member: str
    cause: str
    returns: bool = False


@dataclass(frozen=True, slots=True)
class Prove:
    """It has passed a health check: the one that it replaces may go."""

    member: str


@dataclass(frozen=True, slots=True)
class Reclaim:
    """The two minutes of a Spot instance are over: EC2 takes it back, whatever it does."""

    member: str


@dataclass(frozen=True, slots=True)
class Return:
    """Drained: the member goes into the warm pool."""

    member: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Prepared: EC2 stops the instance."""

    member: str


@dataclass(frozen=True, slots=True)
class Shelve:
    """The member is in the warm pool from now on."""

    member: str


@dataclass(frozen=True, slots=True)
class ForgetPool:
    """The warm pool was being deleted and is empty."""


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
    | Draw
    | Boot
    | Hold
    | GiveUpWaiting
    | Serve
    | Condemn
    | Retire
    | Prove
    | Reclaim
    | Return
    | Halt
    | Shelve
    | ForgetPool
    | End
    | Bury
    | Leave
    | MarkAttachment
    | Vanish
)

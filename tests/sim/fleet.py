"""One slot's groups as time passes: the deployer's own, by which it estimates too."""

from deployer.simulation.fleet import (
    GIVE_UP_S,
    NEVER,
    NOTICE_S,
    REPLACE_S,
    RETRY_S,
    Behaviour,
    Loss,
    SimGroup,
    SimInstance,
)

__all__ = [
    "GIVE_UP_S",
    "NEVER",
    "NOTICE_S",
    "REPLACE_S",
    "RETRY_S",
    "Behaviour",
    "Loss",
    "SimGroup",
    "SimInstance",
]

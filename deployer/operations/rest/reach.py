"""What tearing one environment down asks of AWS beside what deployments ask."""

from typing import Protocol

from deployer.model import Snapshot
from deployer.operations.idle.ports import Notices
from deployer.operations.rest.deletion import Stacks
from deployer.operations.rest.rails import Use


class Reach(Protocol):
    """One environment; everything raises CloudUnavailable or AccessProblem where there is no answer."""

    @property
    def stacks(self) -> Stacks:
        """Its stacks, in the order in which they go."""
        ...

    @property
    def notices(self) -> Notices:
        """Where people's wish to keep it is written down."""
        ...

    def tagged(self) -> bool:
        """What was deployed says of itself that it is ephemeral."""
        ...

    def use(self, seen: Snapshot) -> Use | None:
        """What users did lately; None: nobody can reach a slot."""
        ...

"""The groups of the lab and their activities; every access happens under the lab's lock."""

from deployer.lab.autoscaling.cloud import LaunchFailed
from deployer.lab.autoscaling.ledger import Ledger
from deployer.lab.autoscaling.model import Group, Member


class Store:
    """Groups by name, in the order of their creation."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self.ledger = Ledger()
        # Injected launch failures by group: (reason, how many launches still fail).
        self.launch_faults: dict[str, tuple[str, int]] = {}

    def put(self, group: Group) -> Group:
        self.groups[group.name] = group
        return group

    def find(self, instance_id: str) -> tuple[Group, Member] | None:
        """The group and member of an instance."""
        for group in self.groups.values():
            member = group.member(instance_id)
            if member is not None:
                return group, member
        return None

    def meet_fault(self, group: str) -> None:
        """Fail this launch if a fault was injected for the group; it counts as used.

        Raises:
            LaunchFailed: with the injected reason.
        """
        if group not in self.launch_faults:
            return
        reason, left = self.launch_faults.pop(group)
        if left > 1:
            self.launch_faults[group] = (reason, left - 1)
        raise LaunchFailed(reason)

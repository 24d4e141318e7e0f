"""What every action needs: the groups, the hands, the time, and the look-ups that can fail."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.lab.autoscaling.hands import Hands
from deployer.lab.autoscaling.model import DELETING, Group, Member
from deployer.lab.autoscaling.store import Store
from deployer.lab.autoscaling.validate import invalid

Params = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """`now`: virtual epoch s. Actions run under the lab's lock."""

    hands: Hands
    now: Callable[[], float]
    account: str
    region: str

    @property
    def store(self) -> Store:
        return self.hands.store

    def group(self, name: str) -> Group:
        """A group by name.

        Raises:
            Refused: ValidationError, there is none.
        """
        found = self.store.groups.get(name)
        if found is None:
            raise invalid(f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        return found

    def open_group(self, params: Params) -> Group:
        """The group that the parameters name, which must not be on its way out."""
        found = self.group(params["AutoScalingGroupName"])
        if found.status == DELETING:
            raise invalid(f"AutoScalingGroup '{found.name}' is pending delete")
        return found

    def member(self, instance_id: str) -> tuple[Group, Member]:
        """Raises Refused (ValidationError) for an instance of no group."""
        found = self.store.find(instance_id)
        if found is None:
            raise invalid(
                f"Instance Id not found - No managed instance found for instance ID: {instance_id}"
            )
        return found

    def members(self, group: Group, ids: Iterable[str]) -> tuple[Member, ...]:
        """Members of this very group; at least one must be asked for."""
        found = []
        for key in dict.fromkeys(ids):
            member = group.member(key)
            if member is None:
                raise invalid(f"The instance {key} is not part of Auto Scaling group {group.name}.")
            found.append(member)
        if not found:
            raise invalid("You must specify at least one instance ID")
        return tuple(found)

"""EC2, ELBv2 and CloudWatch as Auto Scaling needs them; the API in process, or a fake in tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from deployer.lab.autoscaling.mixture import ORDINARY, Purchase
from deployer.lab.autoscaling.model import Subnet, TemplateRef


class LaunchFailed(Exception):
    """EC2 would not launch; the text is the reason that the activity tells."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A new instance, and the launch-template version (a number, in digits) that it was made from."""

    id: str
    instance_type: str
    version: str


class Cloud(Protocol):
    """All calls are made under the lab's lock."""

    def template(self, template_id: str, name: str, version: str) -> TemplateRef:
        """Look the template up by id or, if that is empty, by name; `version` is kept as given.

        Raises:
            LookupError: no such template or version; the text is AWS's reason.
        """

    def subnets(self, ids: Sequence[str], zones: Sequence[str]) -> tuple[Subnet, ...]:
        """These subnets; or, without ids, the default subnets of these zones.

        Raises:
            LookupError: one does not exist.
        """

    def missing_target_groups(self, arns: Sequence[str]) -> tuple[str, ...]:
        """Those that do not exist."""

    def launch(
        self,
        template: TemplateRef,
        subnet: Subnet,
        tags: Mapping[str, str],
        purchase: Purchase = ORDINARY,
    ) -> Launched:
        """Run one instance; it is `pending` until `boot`.

        Raises:
            LaunchFailed: with EC2's reason.
        """

    def boot(self, instance_id: str) -> None:
        """The instance is `running` from now on."""

    def terminate(self, instance_id: str) -> None:
        """The instance shuts down; gone ones are no error."""

    def stop(self, instance_id: str) -> None:
        """A running instance begins to stop: it is `stopping`, and `stopped` once it has ended."""

    def start(self, instance_id: str) -> None:
        """A stopped instance is `pending` until `boot`."""

    def states(self, ids: Sequence[str]) -> Mapping[str, str]:
        """EC2 state by id; what does not exist is absent."""

    def register(self, arn: str, ids: Sequence[str]) -> None:
        """Register instances with a target group.

        Raises:
            LookupError: the target group does not exist.
        """

    def deregister(self, arn: str, ids: Sequence[str]) -> None:
        """Begin to drain; a target group that is gone is no error."""

    def target_states(self, arn: str) -> Mapping[str, str]:
        """Target health by instance id; empty when the target group is gone."""

    def balancers(self, arn: str) -> tuple[str, ...]:
        """ARNs of the load balancers whose listeners lead to the target group."""

    def watch(self, alarm: Mapping[str, Any]) -> None:
        """Put an alarm, as PutMetricAlarm takes it."""

    def unwatch(self, alarms: Sequence[str]) -> None:
        """Delete alarms; those that are gone are no error."""

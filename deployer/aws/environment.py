"""One environment on AWS: the port `Cloud`, over its rule, groups, targets and launch templates.

How the parts of this package are put together (deployer.wiring.services):

    aws       = Aws(region, pacing.shared(region, clock))              # session, pacing
    published = published.read(aws, service, environment)              # published
    cloud     = AwsCloud(aws, published, service, environment, clock)  # here
    metrics   = CloudWatchMetrics(aws, published)                      # cloudwatch
    prober    = HttpProbe(published.test_url, path, timeout_s, clock)  # probe
    journal   = DynamoJournal(aws, published.journal_table, service, clock)  # dynamodb
    artifacts = Artifacts(aws, uri_of, image)                          # artifacts
    release   = artifacts.resolve("v2")

An observation makes five calls, one after the other: DescribeLaunchTemplates (both),
DescribeAutoScalingGroups (both), DescribeTargetHealth (each), DescribeRules. Two more are made only
when there is something to learn: DescribeLaunchTemplateVersions for versions not read before, and
DescribeScalingActivities for a group with fewer instances in service than it should have. None of
them grows with the number of instances (docs/scale.md).

Their order makes a mistake cautious: groups before health, so that an instance that left in between
shows as draining and is not counted; the rule last, since it is what others can move beneath us
and what every change depends on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer.aws import asg, targets
from deployer.aws.alb import ProductionRule
from deployer.aws.cohort_rule import CohortRule
from deployer.aws.launch_templates import Boots, LaunchTemplates
from deployer.aws.page_rule import PageRule
from deployer.aws.published import Published
from deployer.aws.session import Aws
from deployer.aws.targets import Targets
from deployer.aws.unchanged import Unchanged
from deployer.aws.versions import TagKeys
from deployer.changes import (
    Change,
    Freeze,
    PinRelease,
    ResumeProcesses,
    SetCohort,
    SetDesired,
    SetFloor,
    SetPage,
    SetWeights,
    Stick,
    Suspend,
    Terminate,
    Thaw,
)
from deployer.errors import ChangeRefused, Halted, NotFound, WeightsMoved
from deployer.model import Instance, Release, Slot, SlotState, Snapshot
from deployer.ports import Clock
from deployer.topology import ENVIRONMENT_TAG, SERVICE_TAG

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef, InstanceTypeDef

Version = tuple[str, int]  # launch template and number


class AwsCloud:
    """The port `Cloud`; remembers immutable launch-template versions, and what it last read."""

    def __init__(
        self, aws: Aws, published: Published, service: str, environment: str, clock: Clock
    ) -> None:
        self._aws = aws
        self._slots = published.slots
        self._clock = clock
        keys = TagKeys(published.release_tag, published.artifact_tag)
        self._templates = LaunchTemplates(aws, clock, keys)
        self._rule = ProductionRule(
            aws,
            published.listener,
            {slot: published.slots[slot].target_group for slot in Slot},
            {SERVICE_TAG: service, ENVIRONMENT_TAG: environment},
            published.front,
        )
        self._cohort = CohortRule(self._rule)
        self._page = PageRule(self._rule, service, environment)
        self._health = {slot: Unchanged(targets.understood) for slot in Slot}
        self._versions = {slot: Unchanged(_versions) for slot in Slot}
        self._instances = {slot: Unchanged(_instances) for slot in Slot}
        self._booted: dict[Slot, str] = {}

    @property
    def booted(self) -> Mapping[Slot, str]:
        """The release that each slot booted when it was last observed, if it had one."""
        return self._booted

    def observe(self) -> Snapshot:
        """One reading.

        Raises:
            CloudUnavailable, AccessProblem: as the port says.
            NotFound: something of the stack is gone.
            Halted: the production rule is not the deployer's.
        """
        at = self._clock.now()
        boots = self._templates.boots(self._slots[slot].launch_template for slot in Slot)
        groups = asg.read(self._aws, [self._slots[slot].group for slot in Slot])
        states = {
            slot: self._state(
                slot, groups[self._slots[slot].group], boots[self._slots[slot].launch_template]
            )
            for slot in Slot
        }
        self._booted = {slot: each.boots.name for slot, each in states.items() if each.boots}
        rules = self._rule.rules()
        weights, sticky_s = self._rule.read_among(rules)
        cohort = self._cohort.among(rules)
        asleep = self._page.among(rules)
        blue, green = states[Slot.BLUE], states[Slot.GREEN]
        return Snapshot(at, weights, blue, green, cohort, sticky_s, asleep)

    def apply(self, change: Change) -> None:
        """Carry out one change.

        Raises:
            WeightsMoved, ChangeRefused, CloudUnavailable, AccessProblem: as the port says.
        """
        try:
            self._apply(change)
        except NotFound as error:
            raise ChangeRefused(str(error)) from error
        except WeightsMoved:
            raise
        except Halted as error:  # the rule is no longer one that we can read: somebody was here
            raise WeightsMoved(str(error)) from error

    def _apply(self, change: Change) -> None:
        match change:
            case SetWeights():
                self._rule.change(change)
            case Stick():
                self._rule.stick(change)
            case SetCohort():
                self._cohort.change(change)
            case SetPage():
                self._page.change(change)
            case PinRelease():
                self._templates.pin(self._slots[change.slot].launch_template, change.release)
            case _:
                self._apply_to_group(self._slots[change.slot].group, change)

    def _apply_to_group(
        self,
        group: str,
        change: SetDesired | Terminate | Freeze | SetFloor | Thaw | Suspend | ResumeProcesses,
    ) -> None:
        match change:
            case SetDesired():
                asg.set_desired(self._aws, group, change.desired, change.live)
            case Terminate():
                asg.terminate(self._aws, group, change)
            case Freeze() | SetFloor():
                asg.freeze(self._aws, group, change.floor)
            case Thaw():
                asg.thaw(self._aws, group, change.floor, change.raised)
            case Suspend():
                asg.suspend(self._aws, group, change.processes)
            case ResumeProcesses():
                asg.resume(self._aws, group, change.processes)

    def _state(self, slot: Slot, group: AutoScalingGroupTypeDef, boots: Boots) -> SlotState:
        name = group["AutoScalingGroupName"]
        failures = asg.launch_failures(self._aws, name) if asg.short(group) else ()
        registered = self._health[slot](targets.read(self._aws, self._slots[slot].target_group))
        members = group.get("Instances", ())
        versions = self._versions[slot](members)
        carried = self._carried(self._slots[slot].launch_template, boots, versions)
        return SlotState(
            slot=slot,
            min_size=group["MinSize"],
            max_size=group["MaxSize"],
            desired=group["DesiredCapacity"],
            instances=self._instances[slot](members, versions, registered, carried),
            boots=boots.release,
            stale=boots.stale,
            stack_image=boots.stack_image,
            draining=registered.draining,
            launch_failures=failures,
            suspended=asg.suspended(group),
            version=boots.version,
            known=tuple({each.name: each for each in carried.values() if each}.values()),
            pool=asg.warm_pool(group),
        )

    def _carried(
        self, template: str, boots: Boots, found: Iterable[Version | None]
    ) -> dict[Version, Release | None]:
        """What the slot boots and runs, by version, the newest last.

        Each version is asked for once: one that was deleted is read again at every look.
        """
        versions = {(template, boots.version), *filter(None, found)}
        return {version: self._templates.carried(*version) for version in sorted(versions)}


def _versions(members: Sequence[InstanceTypeDef]) -> tuple[Version | None, ...]:
    return tuple(map(asg.version_of, members))


def _instances(
    members: Sequence[InstanceTypeDef],
    versions: Sequence[Version | None],
    registered: Targets,
    carried: Mapping[Version, Release | None],
) -> tuple[Instance, ...]:
    return tuple(
        _instance(member, version, registered, carried[version] if version else None)
        for member, version in zip(members, versions, strict=True)
    )


def _instance(
    found: InstanceTypeDef, version: Version | None, registered: Targets, release: Release | None
) -> Instance:
    return Instance(
        id=found["InstanceId"],
        lifecycle=found["LifecycleState"],
        release=release.name if release else None,
        health=registered.health.get(found["InstanceId"]),
        zone=found.get("AvailabilityZone", ""),
        protected=found.get("ProtectedFromScaleIn", False),
        version=version[1] if version else 0,
        kind=found.get("InstanceType", ""),
    )

"""One resource at a time: made, changed, replaced, deleted, with the events that tell of it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from deployer.lab.cloudformation.blueprint import Blueprint
from deployer.lab.cloudformation.kinds import Api, ApiRefused, Kind, Work
from deployer.lab.cloudformation.problems import NotSimulated, ResourceFailed, TemplateInvalid
from deployer.lab.cloudformation.stack import Resource, Stack
from deployer.lab.context import Context

# Error codes by which services say that a thing is not there: deleting it has succeeded.
_GONE = re.compile(r"NotFound|^NoSuch|DoesNotExist|^NonExistent")
_TAKEN = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {} "
    "and update the stack again."
)
_REPLACING = (
    "Requested update requires the creation of a new physical resource; hence creating one."
)
# What a template may name: that cannot make way for another (AWS: aws-properties-name.html).
_NAMED = {
    "AWS::AutoScaling::AutoScalingGroup": "AutoScalingGroupName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::DynamoDB::GlobalTable": "TableName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::EC2::SecurityGroup": "GroupName",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::Scheduler::Schedule": "Name",
    "AWS::Scheduler::ScheduleGroup": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}


class Halt(Exception):
    """A resource failed; the text is the reason for the stack's own status."""


@dataclass(slots=True)
class Ledger:
    """What one update has done so far, for the way back.

    created:  made anew; replaced: the resources that gave way, still there; touched: changed in
    place, with success or not; drifted: what the last template said of a resource, and what it was.
    """

    created: list[Resource] = field(default_factory=list)
    replaced: dict[str, Resource] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    drifted: dict[str, tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=dict)


class Builder:
    """The engine's hands; it takes the lab's lock for marks and events only."""

    def __init__(self, context: Context, kinds: Mapping[str, Kind], api: Api) -> None:
        self._context, self._kinds, self._api = context, kinds, api

    def make(self, stack: Stack, target: Blueprint, logical_id: str, ledger: Ledger) -> None:
        """Create a resource that the stack does not have.

        Raises:
            Halt: it failed.
        """
        one = self._draft(target, logical_id, "CREATE_IN_PROGRESS")
        stack.resources[logical_id] = one
        ledger.created.append(one)
        self._build(stack, target, one, "CREATE")

    def converge(
        self,
        stack: Stack,
        target: Blueprint,
        logical_id: str,
        ledger: Ledger,
        *,
        again: bool = False,
        wanted: dict[str, Any] | None = None,
    ) -> None:
        """Bring a resource to what the blueprint says: make, change, replace, or leave it.

        With `again`, on the way back, an update that did not succeed is undone as well; `wanted`
        is then what the resource was, if that is not what the blueprint says.

        Raises:
            Halt: it failed.
        """
        one = stack.resources.get(logical_id)
        if one is None:
            self.make(stack, target, logical_id, ledger)
            return
        definition = target.resources[logical_id]
        try:
            properties = wanted or target.properties(logical_id, stack.known)
        except TemplateInvalid as error:
            self._fail(stack, one, "UPDATE", str(error))
        kind = self._kinds.get(definition["Type"])
        if one.type == definition["Type"] and one.status != "CREATE_FAILED":
            changed = _changed(one.properties, properties)
            if not changed and not (again and one.attempted is not None):
                one.definition = definition
                return
            if kind is not None and kind.in_place(changed):
                ledger.touched.add(logical_id)
                self._change(stack, one, definition, properties)
                return
            name = properties.get(_NAMED.get(one.type, ""))
            if name is not None and name == one.properties.get(_NAMED[one.type]):
                self._fail(stack, one, "UPDATE", _TAKEN.format(name))
        ledger.replaced[logical_id] = one
        self._supplant(stack, target, one)

    def remove(self, stack: Stack, one: Resource, *, policy: str) -> bool:
        """Delete a resource as its policy says; whether that succeeded (or was not wanted)."""
        if policy in ("Retain", "Snapshot"):
            self._mark(stack, one, "DELETE_SKIPPED")
            return True
        self._mark(stack, one, "DELETE_IN_PROGRESS")
        if one.physical_id is not None:
            work = self._work(stack, one, one.attempted or one.properties)
            try:
                self._kinds[one.type].delete(work)
            except ResourceFailed as error:
                if not (isinstance(error, ApiRefused) and _GONE.search(error.code)):
                    self._mark(stack, one, "DELETE_FAILED", str(error))
                    return False
        self._mark(stack, one, "DELETE_COMPLETE")
        return True

    def reinstate(self, stack: Stack, one: Resource) -> None:
        """Put back a resource that had given way to another."""
        stack.resources[one.logical_id] = one
        self._mark(stack, one, "UPDATE_COMPLETE")

    # -- the steps

    def _draft(self, target: Blueprint, logical_id: str, status: str) -> Resource:
        definition = target.resources[logical_id]
        return Resource(logical_id, definition["Type"], definition, status)

    def _supplant(self, stack: Stack, target: Blueprint, old: Resource) -> None:
        new = self._draft(target, old.logical_id, "UPDATE_IN_PROGRESS")
        announced = replace(new, physical_id=old.physical_id)
        self._mark(stack, announced, "UPDATE_IN_PROGRESS", _REPLACING)
        # Others go on seeing the old one until the new one is there.
        try:
            self._build(stack, target, new, "UPDATE", known_as=old)
        finally:
            if new.physical_id is not None:
                stack.resources[old.logical_id] = new

    def _build(
        self,
        stack: Stack,
        target: Blueprint,
        one: Resource,
        verb: str,
        known_as: Resource | None = None,
    ) -> None:
        try:
            one.properties = target.properties(one.logical_id, stack.known)
            if known_as is None:
                self._mark(stack, one, f"{verb}_IN_PROGRESS")
            kind = self._kind(one)
            work = self._work(stack, one, one.properties)
            try:
                kind.create(work)
            finally:
                one.physical_id = work.physical_id
            self._mark(stack, one, f"{verb}_IN_PROGRESS", "Resource creation Initiated")
            one.attributes = kind.read(work)
        except (ResourceFailed, TemplateInvalid) as error:
            self._fail(stack, one, verb, str(error))
        self._mark(stack, one, f"{verb}_COMPLETE")

    def _change(
        self, stack: Stack, one: Resource, definition: Mapping[str, Any], wanted: dict[str, Any]
    ) -> None:
        before = _possible(one, wanted)
        # A failed way back leaves the first attempt as what the live state may be.
        one.attempted = one.attempted or wanted
        self._mark(stack, one, "UPDATE_IN_PROGRESS")
        try:
            kind = self._kind(replace(one, definition=definition, properties=wanted))
            work = self._work(stack, replace(one, definition=definition), wanted)
            work.before = before
            stuck = sorted(_changed(before, wanted) & kind.frozen)
            if stuck or kind.update is None:
                raise work.refuse(f"an update of {', '.join(stuck)}")
            kind.update(work)
            one.attributes = kind.read(work)
        except ResourceFailed as error:
            self._fail(stack, one, "UPDATE", str(error))
        one.properties, one.attempted, one.definition = wanted, None, definition
        self._mark(stack, one, "UPDATE_COMPLETE")

    def _kind(self, one: Resource) -> Kind:
        """The resource's type, if the lab can make all that is asked.

        Raises:
            NotSimulated: the type, a property or a policy is not known; nothing was done.
        """
        kind = self._kinds.get(one.type)
        if kind is None:
            raise NotSimulated(f"the lab does not simulate {one.type} ({one.logical_id})")
        unknown = sorted(set(one.properties) - kind.properties)
        if unknown:
            raise NotSimulated(
                f"the lab does not simulate {', '.join(unknown)} of {one.type} ({one.logical_id})"
            )
        policies = {**one.definition.get("UpdatePolicy", {})}
        policies |= {f"CreationPolicy.{key}": 1 for key in one.definition.get("CreationPolicy", {})}
        if strange := sorted(set(policies) - kind.policies):
            raise NotSimulated(
                f"the lab does not simulate UpdatePolicy {', '.join(strange)} of {one.type} "
                f"({one.logical_id})"
            )
        return kind

    def _work(self, stack: Stack, one: Resource, properties: dict[str, Any]) -> Work:
        return Work(
            api=self._api,
            stack=stack.name,
            logical_id=one.logical_id,
            type=one.type,
            properties=properties,
            physical_id=one.physical_id,
            policy=one.definition.get("UpdatePolicy", {}),
            tags=stack.tags,
        )

    def _fail(self, stack: Stack, one: Resource, verb: str, reason: str) -> None:
        self._mark(stack, one, f"{verb}_FAILED", reason)
        doing = "create" if verb == "CREATE" else "update"
        raise Halt(failures(doing, [one.logical_id])) from None

    def _mark(self, stack: Stack, one: Resource, status: str, reason: str | None = None) -> None:
        with self._context.lock:
            stack.mark(one, status, reason)


def failures(doing: str, logical_ids: Iterable[str]) -> str:
    """A stack's status reason, in CloudFormation's words."""
    return f"The following resource(s) failed to {doing}: [{', '.join(logical_ids)}]."


def _possible(one: Resource, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The live properties, as far as they are known.

    Where an update failed in the middle, those that differ from what is wanted: so every one that
    is in doubt is set again.
    """
    if one.attempted is None:
        return one.properties
    chosen = {
        name: (one.attempted if one.attempted.get(name) != wanted.get(name) else one.properties)
        for name in {*one.attempted, *one.properties}
    }
    return {name: source[name] for name, source in chosen.items() if name in source}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}

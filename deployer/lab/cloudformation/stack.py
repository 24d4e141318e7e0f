"""What CloudFormation remembers: stacks, their resources, events, change sets. Data."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from deployer.lab.cloudformation.blueprint import Blueprint
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.template import Known

GONE = "DELETE_COMPLETE"


def now() -> datetime:
    """Real time: the CDK CLI compares CloudFormation's timestamps with its own clock."""
    return datetime.now(UTC)


@dataclass(slots=True)
class Resource:
    """One resource of a stack, as last applied.

    properties: resolved; what the next update is compared with.
    attempted:  resolved properties of an update that did not succeed: the live state may be
                anywhere between the two.
    """

    logical_id: str
    type: str
    definition: Mapping[str, Any]
    status: str
    properties: dict[str, Any] = field(default_factory=dict)
    physical_id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    attempted: dict[str, Any] | None = None
    reason: str | None = None
    changed: datetime = field(default_factory=now)


@dataclass(frozen=True, slots=True)
class Event:
    """`token` ties together the events of one operation."""

    id: str
    at: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None
    properties: Mapping[str, Any] | None
    token: str | None


@dataclass(slots=True)
class ChangeSet:
    """A change that waits for ExecuteChangeSet; `blueprint` is None if it failed.

    live: of a drift-aware one: properties as they are, of the resources that have drifted.
    """

    id: str
    name: str
    kind: str
    request: Mapping[str, Any]
    status: str
    execution: str
    reason: str | None = None
    blueprint: Blueprint | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    live: dict[str, dict[str, Any]] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    created: datetime = field(default_factory=now)


@dataclass(slots=True)
class Stack:
    """One stack; `blueprint` is the one last applied with success."""

    id: str
    name: str
    status: str
    reason: str | None = None
    blueprint: Blueprint | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outputs: list[dict[str, str]] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    notifications: list[str] = field(default_factory=list)
    role: str | None = None
    change_set_id: str | None = None
    protected: bool = False
    disable_rollback: bool = False
    token: str | None = None
    created: datetime = field(default_factory=now)
    updated: datetime | None = None
    deleted: datetime | None = None

    @property
    def known(self) -> dict[str, Known]:
        """The resources that exist, for Ref and GetAtt."""
        return {
            name: Known(resource.physical_id, resource.attributes)
            for name, resource in self.resources.items()
            if resource.physical_id is not None
        }

    @property
    def exports(self) -> dict[str, str]:
        """Values by export name."""
        return {
            output["ExportName"]: output["OutputValue"]
            for output in self.outputs
            if "ExportName" in output
        }

    def become(self, status: str, reason: str | None = None) -> None:
        """Change the stack's own status, with its event."""
        self.status, self.reason = status, reason
        self._tell(self.name, self.id, "AWS::CloudFormation::Stack", status, reason, None)

    def mark(self, resource: Resource, status: str, reason: str | None = None) -> None:
        """Change a resource's status, with its event."""
        resource.status, resource.reason, resource.changed = status, reason, now()
        self._tell(
            resource.logical_id,
            resource.physical_id or "",
            resource.type,
            status,
            reason,
            resource.attempted or resource.properties,
        )

    def _tell(  # noqa: PLR0917  the columns of an event
        self,
        logical_id: str,
        physical_id: str,
        kind: str,
        status: str,
        reason: str | None,
        properties: Mapping[str, Any] | None,
    ) -> None:
        # A millisecond apart at least: the CLI puts events in order by that.
        after = self.events[-1].at + timedelta(milliseconds=1) if self.events else now()
        self.events.append(
            Event(
                str(uuid.uuid4()),
                max(now(), after),
                logical_id,
                physical_id,
                kind,
                status,
                reason,
                properties,
                self.token,
            )
        )


class Stacks:
    """All stacks of the lab, deleted ones included (by id)."""

    def __init__(self) -> None:
        self._all: dict[str, Stack] = {}

    def __iter__(self) -> Iterator[Stack]:
        return iter(list(self._all.values()))

    def add(self, stack: Stack) -> None:
        self._all[stack.id] = stack

    def find(self, name: str) -> Stack | None:
        """By id, or by the name of one that is not deleted."""
        if name in self._all:
            return self._all[name]
        return next((s for s in self if s.name == name and s.status != GONE), None)

    def get(self, name: str) -> Stack:
        """As `find`.

        Raises:
            TemplateInvalid: no such stack, in AWS's words.
        """
        stack = self.find(name)
        if stack is None:
            raise TemplateInvalid(f"Stack with id {name} does not exist")
        return stack

    @property
    def exports(self) -> dict[str, str]:
        return {name: value for stack in self for name, value in stack.exports.items()}

    def importers(self, export: str) -> list[str]:
        """Names of the stacks that use an export."""
        return [stack.name for stack in self if stack.status != GONE and export in stack.imports]

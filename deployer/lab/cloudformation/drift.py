"""Drift: what a stack's resources are, held against what its template says.

Only properties that the template names are compared (API, StackResourceDrift). Against the template
as last deployed, that is drift; against the one to deploy, it is what REVERT_DRIFT changes (UG, "Using
drift-aware change sets").
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.cloudformation.kinds import Api, ApiRefused, Kind, Work
from deployer.lab.cloudformation.problems import NotSimulated
from deployer.lab.cloudformation.resources.live import READERS, WRITE_ONLY, Gone
from deployer.lab.cloudformation.stack import Resource, Stack


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that is not as the template has it; `path` as `/Actions/0/Weight`."""

    path: str
    expected: Any
    actual: Any

    @property
    def property(self) -> str:
        return self.path.split("/")[1]


@dataclass(frozen=True, slots=True)
class Drift:
    """What one resource is now.

    status:      IN_SYNC, MODIFIED, DELETED, or UNKNOWN if the lab cannot tell.
    actual:      its live properties, of those that the template names.
    """

    resource: Resource
    status: str
    actual: dict[str, Any] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    reason: str | None = None


def of_stack(stack: Stack, kinds: Mapping[str, Kind], api: Api) -> list[Drift]:
    """Every resource of the stack; one that the lab cannot read is UNKNOWN."""
    return [of_resource(stack, one, kinds, api) for one in stack.resources.values()]


def of_resource(stack: Stack, one: Resource, kinds: Mapping[str, Kind], api: Api) -> Drift:
    """One resource, read from its service."""
    reader = READERS.get(one.type)
    if reader is None:
        return Drift(one, "UNKNOWN", reason=f"the lab does not read what {one.type} is")
    work = Work(api, stack.name, one.logical_id, one.type, one.properties)
    work.physical_id, work.tags = one.physical_id, stack.tags
    try:
        found = reader(work)
    except Gone:
        return Drift(one, "DELETED")
    except ApiRefused as error:
        if "NotFound" in error.code or error.code.startswith("NoSuch"):
            return Drift(one, "DELETED")
        raise
    ignored = kinds[one.type].fixed | WRITE_ONLY.get(one.type, set())
    compared = {name: value for name, value in one.properties.items() if name not in ignored}
    unread = sorted(name for name, value in compared.items() if value and name not in found)
    if unread:
        return Drift(one, "UNKNOWN", reason=f"the lab does not read {unread} of {one.type}")
    actual = {name: found.get(name) for name in compared}
    different = tuple(
        each for name in compared for each in differences(compared[name], actual[name], f"/{name}")
    )
    return Drift(one, "MODIFIED" if different else "IN_SYNC", actual, different)


def differences(expected: Any, actual: Any, path: str) -> list[Difference]:
    """Where `actual` is not what `expected` names; the order of a list means nothing."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [
            each
            for name, value in expected.items()
            for each in differences(value, actual.get(name), f"{path}/{name}")
        ]
    if isinstance(expected, list) and isinstance(actual, list):
        return _of_lists(expected, actual, path)
    if same(expected, actual):
        return []
    return [Difference(path, expected, actual)]


def _of_lists(expected: list[Any], actual: list[Any], path: str) -> list[Difference]:
    if len(expected) != len(actual):
        return [Difference(path, expected, actual)]
    left, odd = list(actual), []
    for at, item in enumerate(expected):
        match = next((each for each in left if not differences(item, each, "")), None)
        if match is None:
            odd.append((at, item))
        else:
            left.remove(match)
    return [
        each
        for (at, item), other in zip(odd, left, strict=True)
        for each in differences(item, other, f"{path}/{at}")
    ]


def same(expected: Any, actual: Any) -> bool:
    """Scalars as CloudFormation takes them: "80" is 80, "true" is true, nothing is an empty list."""
    if expected in (None, "", []) and actual in (None, "", []):
        return True
    if str(expected).lower() == str(actual).lower():
        return not isinstance(expected, (Mapping, list))
    with contextlib.suppress(TypeError, ValueError):
        return float(expected) == float(actual)
    return False


def live(stack: Stack, kinds: Mapping[str, Kind], api: Api) -> dict[str, Drift]:
    """For a drift-aware change set: the resources that have drifted, by logical id.

    Raises:
        NotSimulated: one cannot be read, or was deleted: the lab would guess.
    """
    found = {each.resource.logical_id: each for each in of_stack(stack, kinds, api)}
    for logical_id, each in found.items():
        if each.status == "UNKNOWN":
            raise NotSimulated(f"REVERT_DRIFT: {each.reason} ({logical_id})")
        if each.status == "DELETED":
            raise NotSimulated(
                f"REVERT_DRIFT: the lab does not make again what was deleted ({logical_id})"
            )
    return {name: each for name, each in found.items() if each.status == "MODIFIED"}


def as_is(drift: Drift) -> dict[str, Any]:
    """The resource's properties with the live values of those that have drifted."""
    changed = {each.property for each in drift.differences}
    return {
        name: drift.actual[name] if name in changed else value
        for name, value in drift.resource.properties.items()
    }

"""What a resource type is to the engine, and the one thing its functions work with."""

import copy
import random
import string
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from deployer.lab import inprocess
from deployer.lab.cloudformation.problems import NotSimulated, ResourceFailed
from deployer.lab.context import Context

POLL_S = 0.05  # real
PATIENCE_S = 3600.0  # virtual: what a wait for another part of the lab may take
LEAST_PATIENCE_S = 60.0  # real


class Api:
    """boto3 calls for resource types: values are coerced as CloudFormation does ("80" is 80).

    Any error of the service becomes ResourceFailed, in CloudFormation's words.
    """

    def __init__(self, context: Context, closing: threading.Event) -> None:
        self.context, self.closing = context, closing

    def __call__(self, service: str, method: str, **params: Any) -> Any:
        client = inprocess.client(self.context, service)
        shape = client.meta.service_model.operation_model(
            client.meta.method_to_api_mapping[method]
        ).input_shape
        given = {key: value for key, value in params.items() if value is not None}
        try:
            return getattr(client, method)(**_coerce(given, shape))
        except ClientError as error:
            raise _failed(service, error) from error
        except ParamValidationError as error:
            raise ResourceFailed(f"Properties validation failed: {error}") from error

    def wait(self, done: Callable[[], bool], what: str) -> None:
        """Poll until `done`, without the lab's lock.

        Raises:
            ResourceFailed: it takes too long, or the lab is closing.
        """
        patience_s = max(LEAST_PATIENCE_S, self.context.clock.real(PATIENCE_S))
        end = time.monotonic() + patience_s
        while not done():
            if self.closing.wait(POLL_S) or time.monotonic() > end:
                raise ResourceFailed(f"gave up waiting until {what}")


def _failed(service: str, error: ClientError) -> ResourceFailed:
    response: Mapping[str, Any] = error.response
    told = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return ApiRefused(
        f"{told.get('Message')} (Service: {service}, Status Code: {status}, "
        f"Error Code: {told.get('Code')})",
        str(told.get("Code")),
    )


class ApiRefused(ResourceFailed):
    """A service refused; `code` is its error code."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


def _coerce(value: Any, shape: Any) -> Any:
    """Scalars to the type that the API wants; everything else as it is, for botocore to judge."""
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return {
            key: _coerce(item, shape.members[key]) if key in shape.members else item
            for key, item in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [_coerce(item, shape.member) for item in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: _coerce(item, shape.value) for key, item in value.items()}
    return _scalar(value, shape.type_name)


def _scalar(value: Any, kind: str) -> Any:
    if kind in ("integer", "long") and isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    if kind in ("float", "double") and isinstance(value, (str, int)):
        return float(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    if kind == "string" and isinstance(value, (int, float)):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


@dataclass(slots=True)
class Work:
    """One resource being created, updated, deleted or read.

    properties:  resolved, as wanted (for delete: as they are).
    before:      as they were, when updating.
    physical_id: set by `create` as soon as the thing exists, so that a failure after that can be
                 cleaned up.
    policy:      the UpdatePolicy attribute.
    tags:        the stack's.
    """

    api: Api
    stack: str
    logical_id: str
    type: str
    properties: dict[str, Any]
    before: dict[str, Any] = field(default_factory=dict)
    physical_id: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str, default: Any = None) -> Any:
        """A property, copied: services may keep what they are given."""
        return copy.deepcopy(self.properties.get(name, default))

    def pick(self, *names: str) -> dict[str, Any]:
        """The named properties that are present."""
        return {name: self.get(name) for name in names if name in self.properties}

    def need(self, name: str) -> Any:
        """A property that must be there.

        Raises:
            ResourceFailed: it is missing.
        """
        if name not in self.properties:
            raise ResourceFailed(f"Properties validation failed: required key [{name}] not found")
        return self.get(name)

    def changed(self, *names: str) -> bool:
        return any(self.properties.get(name) != self.before.get(name) for name in names)

    @property
    def id(self) -> str:
        if self.physical_id is None:
            raise ResourceFailed("it was never made")
        return self.physical_id

    def name(self, longest: int = 255) -> str:
        """A name as CloudFormation makes them: `STACK-LOGICALID-RANDOM`."""
        suffix = "".join(random.choices(string.ascii_uppercase + string.digits, k=12))  # noqa: S311
        stem = f"{self.stack}-{self.logical_id}"[: longest - 13]
        return f"{stem}-{suffix}"

    def all_tags(self, own: str = "Tags") -> list[dict[str, Any]]:
        """The stack's tags and the resource's own, which win."""
        merged = {**self.tags, **{tag["Key"]: tag["Value"] for tag in self.get(own, [])}}
        return [{"Key": key, "Value": str(value)} for key, value in merged.items()]

    def removed_tags(self, own: str = "Tags") -> list[str]:
        """Keys of tags that it had and shall have no more."""
        kept = {tag["Key"] for tag in self.all_tags(own)}
        return [tag["Key"] for tag in self.before.get(own, []) if tag["Key"] not in kept]

    def refuse(self, what: str) -> NotSimulated:
        """The error to raise for a thing that the lab does not simulate."""
        return NotSimulated(f"the lab does not simulate {what} of {self.type} ({self.logical_id})")


Act = Callable[[Work], None]


def nothing(_work: Work) -> None:
    """For types whose deletion needs no call."""


def no_attributes(_work: Work) -> dict[str, Any]:
    """For types without GetAtt."""
    return {}


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource type.

    properties: names it knows; any other is refused.
    fixed:      a change of one of these needs a new resource.
    frozen:     AWS changes these in place, the lab does not: a change is refused, never a new resource.
    update:     brings the existing resource to `properties`; without it any change needs a new one.
    read:       what GetAtt gives, asked after each create and update.
    policies:   keys of UpdatePolicy that are honoured; any other is refused.
    """

    type: str
    properties: frozenset[str]
    create: Act
    delete: Act
    update: Act | None = None
    fixed: frozenset[str] = frozenset()
    read: Callable[[Work], dict[str, Any]] = no_attributes
    policies: frozenset[str] = frozenset()
    frozen: frozenset[str] = frozenset()

    def in_place(self, changed: Collection[str]) -> bool:
        """Whether the existing resource is to be changed, or the change refused, not replaced."""
        if self.frozen.intersection(changed):
            return True
        return self.update is not None and not self.fixed.intersection(changed)


def kind(
    type_: str,
    properties: str,
    *,
    create: Act,
    delete: Act,
    update: Act | None = None,
    fixed: str = "",
    read: Callable[[Work], dict[str, Any]] = no_attributes,
    policies: str = "",
    frozen: str = "",
) -> Kind:
    """A Kind whose sets are written as words; those in `fixed` and `frozen` need not be repeated."""
    return Kind(
        type_,
        frozenset(f"{properties} {fixed} {frozen}".split()),
        create,
        delete,
        update,
        frozenset(fixed.split()),
        read,
        frozenset(policies.split()),
        frozenset(frozen.split()),
    )

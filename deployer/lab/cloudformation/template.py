"""Intrinsic functions and conditions. Pure: all that is known comes in as a `Scope`.

Source: CloudFormation User Guide, "Intrinsic function reference".
"""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.cloudformation.problems import TemplateInvalid

NO_VALUE: Any = type("NoValue", (), {"__repr__": lambda _self: "AWS::NoValue"})()
_PLACEHOLDER = re.compile(r"\$\{(!?)([^{}]*)\}")
_DYNAMIC = re.compile(r"\{\{resolve:([^}]*)\}\}")


@dataclass(frozen=True, slots=True)
class Known:
    """A resource that exists: what Ref and GetAtt give."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


def _no_parameter(name: str) -> str:
    raise TemplateInvalid(f"Unable to fetch parameters [{name}] from parameter store")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a template's expressions are resolved against.

    parameters: by name, typed (lists for list types); pseudo parameters included.
    resources:  by logical id, those made so far.
    exports:    by export name, of all stacks in the region.
    zones:      names of the region's, asked for when they are needed.
    ssm:        value of a Systems Manager parameter, for `{{resolve:ssm:NAME}}`.
    """

    parameters: Mapping[str, Any]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    mappings: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Known] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    zones: Callable[[], Sequence[str]] = tuple
    ssm: Callable[[str], str] = _no_parameter


def resolve(value: Any, scope: Scope) -> Any:
    """`value` with every intrinsic evaluated; members that come to AWS::NoValue are left out.

    Raises:
        TemplateInvalid: an unknown function, name or attribute, or wrong arguments.
    """
    if isinstance(value, Mapping):
        call = intrinsic(value)
        if call is not None:
            return _FUNCTIONS[call[0]](call[1], scope)
        resolved = {str(key): resolve(item, scope) for key, item in value.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}
    if isinstance(value, list):
        items = [resolve(item, scope) for item in value]
        return [item for item in items if item is not NO_VALUE]
    if isinstance(value, str) and "{{resolve:" in value:
        return _DYNAMIC.sub(lambda match: _dynamic(match[1], scope), value)
    return value


def intrinsic(value: Mapping[str, Any]) -> tuple[str, Any] | None:
    """(function, arguments) if `value` is a call of one.

    Raises:
        TemplateInvalid: it looks like one and is not known here.
    """
    if len(value) != 1:
        return None
    [(name, argument)] = value.items()
    if name in _FUNCTIONS and (name != "Condition" or isinstance(argument, str)):
        return str(name), argument
    if isinstance(name, str) and name.startswith("Fn::"):
        raise TemplateInvalid(f"Template error: the lab does not simulate {name}")
    return None


def holds(name: str, scope: Scope) -> bool:
    """Whether the condition called `name` is true."""
    if name not in scope.conditions:
        raise TemplateInvalid(f"Template error: unresolved condition dependency {name}")
    return truth(scope.conditions[name], scope)


def truth(expression: Any, scope: Scope) -> bool:
    """A condition expression's value.

    Raises:
        TemplateInvalid: it is no boolean.
    """
    value = resolve(expression, scope)
    if not isinstance(value, bool):
        raise TemplateInvalid(f"Template error: {value!r} is not a condition")
    return value


def broken_rules(rules: Mapping[str, Any], scope: Scope) -> list[str]:
    """Descriptions of the assertions of a template's Rules section that do not hold."""
    return [
        str(assertion.get("AssertDescription", name))
        for name, rule in rules.items()
        if truth(rule.get("RuleCondition", True), scope)
        for assertion in rule.get("Assertions", ())
        if not truth(assertion["Assert"], scope)
    ]


def _arguments(argument: Any, name: str, least: int, most: int) -> list[Any]:
    if not isinstance(argument, list) or not least <= len(argument) <= most:
        raise TemplateInvalid(f"Template error: {name} takes {least} to {most} arguments")
    return argument


def _ref(argument: Any, scope: Scope) -> Any:
    if argument == "AWS::NoValue":
        return NO_VALUE
    if argument in scope.parameters:
        return scope.parameters[argument]
    if argument in scope.resources:
        return scope.resources[argument].physical_id
    raise TemplateInvalid(f"Template error: unresolved reference {argument}")


def _get_att(argument: Any, scope: Scope) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else list(argument)
    if len(parts) != 2:
        raise TemplateInvalid(f"Template error: Fn::GetAtt takes a resource and a name: {argument}")
    logical_id, name = parts[0], str(resolve(parts[1], scope))
    if logical_id not in scope.resources:
        raise TemplateInvalid(f"Template error: Fn::GetAtt of unknown resource {logical_id}")
    attributes = scope.resources[logical_id].attributes
    if name not in attributes:
        raise TemplateInvalid(
            f"Template error: resource {logical_id} has no attribute {name} in the lab"
            f" (it has {', '.join(sorted(attributes)) or 'none'})"
        )
    return attributes[name]


def _sub(argument: Any, scope: Scope) -> str:
    template, given = (
        (argument, {}) if isinstance(argument, str) else _arguments(argument, "Fn::Sub", 2, 2)
    )
    values = {key: resolve(item, scope) for key, item in given.items()}

    def fill(match: re.Match[str]) -> str:
        literal, name = match[1], match[2].strip()
        if literal:
            return "${" + match[2] + "}"
        if name in values:
            return text(values[name])
        return text(_get_att(name, scope) if "." in name else _ref(name, scope))

    return text(resolve(_PLACEHOLDER.sub(fill, template), scope))


def text(value: Any) -> str:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, (list, Mapping)) or value is NO_VALUE:
        raise TemplateInvalid(f"Template error: {value!r} is not text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _join(argument: Any, scope: Scope) -> str:
    delimiter, items = _arguments(argument, "Fn::Join", 2, 2)
    values = resolve(items, scope)
    if not isinstance(values, list):
        raise TemplateInvalid("Template error: Fn::Join needs a list")
    return text(delimiter).join(map(text, values))


def _select(argument: Any, scope: Scope) -> Any:
    index, items = (resolve(part, scope) for part in _arguments(argument, "Fn::Select", 2, 2))
    if not isinstance(items, list) or not 0 <= int(index) < len(items):
        raise TemplateInvalid(
            f"Template error: Fn::Select cannot select nonexistent value at index {index}"
        )
    return items[int(index)]


def _split(argument: Any, scope: Scope) -> list[str]:
    delimiter, source = (resolve(part, scope) for part in _arguments(argument, "Fn::Split", 2, 2))
    return text(source).split(delimiter)


def _zones(argument: Any, scope: Scope) -> list[str]:
    region = resolve(argument, scope)
    if region not in ("", scope.parameters.get("AWS::Region")):
        raise TemplateInvalid(f"Template error: the lab has one region, not {region}")
    return list(scope.zones())


def _find_in_map(argument: Any, scope: Scope) -> Any:
    names = [text(resolve(part, scope)) for part in _arguments(argument, "Fn::FindInMap", 3, 3)]
    value: Any = scope.mappings
    for name in names:
        if not isinstance(value, Mapping) or name not in value:
            raise TemplateInvalid(f"Template error: Unable to get mapping for {'::'.join(names)}")
        value = value[name]
    return value


def _import(argument: Any, scope: Scope) -> str:
    name = text(resolve(argument, scope))
    if name not in scope.exports:
        raise TemplateInvalid(f"No export named {name} found.")
    return scope.exports[name]


def _if(argument: Any, scope: Scope) -> Any:
    condition, positive, negative = _arguments(argument, "Fn::If", 3, 3)
    return resolve(positive if holds(condition, scope) else negative, scope)


def _equals(argument: Any, scope: Scope) -> bool:
    one, other = (resolve(part, scope) for part in _arguments(argument, "Fn::Equals", 2, 2))
    if isinstance(one, (list, Mapping)) or isinstance(other, (list, Mapping)):
        return bool(one == other)
    return text(one) == text(other)


def _cidr(argument: Any, scope: Scope) -> list[str]:
    parts = [resolve(part, scope) for part in _arguments(argument, "Fn::Cidr", 2, 3)]
    network, count = ipaddress.ip_network(text(parts[0]), strict=False), int(parts[1])
    host_bits = int(parts[2]) if len(parts) == 3 else network.max_prefixlen - network.prefixlen
    blocks = network.subnets(new_prefix=network.max_prefixlen - host_bits)
    found = [str(block) for block, _ in zip(blocks, range(count), strict=False)]
    if len(found) < count:
        raise TemplateInvalid(
            f"Template error: {parts[0]} has no {count} blocks of {host_bits} bits"
        )
    return found


def _base64(argument: Any, scope: Scope) -> str:
    return base64.b64encode(text(resolve(argument, scope)).encode()).decode()


def _contains(argument: Any, scope: Scope) -> bool:
    items, wanted = (resolve(part, scope) for part in _arguments(argument, "Fn::Contains", 2, 2))
    return text(wanted) in [text(item) for item in items]


def _dynamic(reference: str, scope: Scope) -> str:
    service, _, name = reference.partition(":")
    if service != "ssm":
        raise TemplateInvalid(f"the lab resolves no dynamic reference to {service}")
    return scope.ssm(name)


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": _ref,
    "Condition": holds,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::GetAZs": _zones,
    "Fn::FindInMap": _find_in_map,
    "Fn::ImportValue": _import,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::Not": lambda argument, scope: not truth(_arguments(argument, "Fn::Not", 1, 1)[0], scope),
    "Fn::And": lambda argument, scope: all(
        truth(part, scope) for part in _arguments(argument, "Fn::And", 2, 10)
    ),
    "Fn::Or": lambda argument, scope: any(
        truth(part, scope) for part in _arguments(argument, "Fn::Or", 2, 10)
    ),
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::Contains": _contains,
}

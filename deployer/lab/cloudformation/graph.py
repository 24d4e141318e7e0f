"""Which resource waits for which: from Ref, GetAtt, Sub and DependsOn. Pure."""

import re
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from deployer.lab.cloudformation.problems import TemplateInvalid

_PLACEHOLDER = re.compile(r"\$\{([^!{}][^{}]*)\}")


def references(value: Any) -> Iterator[str]:
    """Names that an expression mentions: of resources, parameters and pseudo parameters."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            [(name, argument)] = value.items()
            yield from _called(name, argument)
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def _called(name: str, argument: Any) -> Iterator[str]:
    if name == "Ref" and isinstance(argument, str):
        yield argument
    elif name == "Fn::GetAtt":
        yield argument.split(".", 1)[0] if isinstance(argument, str) else str(argument[0])
    elif name == "Fn::Sub":
        template, own = (argument, {}) if isinstance(argument, str) else argument
        for found in _PLACEHOLDER.findall(template):
            if found.strip() not in own:
                yield found.strip().split(".", 1)[0]


def dependencies(
    resources: Mapping[str, Mapping[str, Any]], others: Collection[str]
) -> dict[str, set[str]]:
    """For each resource, the resources it needs first.

    Args:
        resources: those whose condition holds.
        others:    names that may be mentioned too: parameters, resources that are left out.

    Raises:
        TemplateInvalid: a name that is neither.
    """
    found: dict[str, set[str]] = {}
    for logical_id, resource in resources.items():
        named = set(references(resource.get("Properties", {})))
        depends = resource.get("DependsOn", [])
        named |= {depends} if isinstance(depends, str) else set(depends)
        found[logical_id] = named & set(resources)
        strange = sorted(
            name for name in named - set(resources) - set(others) if not name.startswith("AWS::")
        )
        if strange:
            raise TemplateInvalid(
                "Template format error: Unresolved resource dependencies "
                f"[{', '.join(strange)}] in the Resources block of the template"
            )
    return found


def order(needs: Mapping[str, Collection[str]]) -> list[str]:
    """A sequence in which everything comes after what it needs, else in the given order.

    Raises:
        TemplateInvalid: a circle.
    """
    sorter = TopologicalSorter({name: set(first) for name, first in needs.items()})
    position = {name: index for index, name in enumerate(needs)}
    try:
        sorter.prepare()
    except CycleError as error:
        circle = sorted(set(error.args[1]))
        raise TemplateInvalid(
            f"Circular dependency between resources: [{', '.join(circle)}]"
        ) from error
    ordered: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda name: position.get(name, -1))
        ordered.extend(ready)
        sorter.done(*ready)
    return ordered

"""Long answers in XML, read fast: a thousand instances cost milliseconds, not a tenth of a second.

botocore's own parser looks every element up in the service's model anew, about 30 ms for the health
of a thousand targets, at every look. Here the model becomes closures once, which give the same
document (tests/contract/test_answers.py compares them). botocore's event `before-parse` is made for
this; whatever is not plain, such as an error, is left to botocore.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

from botocore.utils import parse_timestamp

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from botocore.hooks import BaseEventHooks
    from botocore.model import OperationModel, Shape

# The two whose answers grow with the number of instances.
LONG: Final = (
    "auto-scaling.DescribeAutoScalingGroups",
    "elastic-load-balancing-v2.DescribeTargetHealth",
)
NAMESPACE = re.compile(rb' xmlns="[^"]*"')

Parse = Callable[["Element"], Any]


class Unknown(Exception):
    """A newer botocore's model has something that none of the answers had: it reads them itself."""


SCALARS: Final[dict[str, Parse]] = {
    "boolean": lambda node: node.text == "true",
    "double": lambda node: float(node.text or ""),
    "float": lambda node: float(node.text or ""),
    "integer": lambda node: int(node.text or ""),
    "long": lambda node: int(node.text or ""),
    "string": lambda node: node.text or "",
    "timestamp": lambda node: parse_timestamp(node.text or ""),
}


def attach(events: BaseEventHooks) -> None:
    """Read the long answers of clients that are made with these events from now on."""
    for name in LONG:
        events.register(f"before-parse.{name}", take_over)


def take_over(
    operation_model: OperationModel,
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any],
    **_event: object,
) -> None:
    """Put what the answer holds beside botocore's own result, and leave it only the rest."""
    found = split(operation_model, response_dict["body"], response_dict["status_code"])
    if found is not None:
        result, response_dict["body"] = found
        customized_response_dict.update(result)


def split(
    operation_model: OperationModel, body: bytes, status: int
) -> tuple[dict[str, Any], bytes] | None:
    """The answer's result, and the same answer without it; None: botocore must read it all."""
    shape = operation_model.output_shape
    opening, begins, rest = body.partition(b"<ResponseMetadata>")
    plain, _ = NAMESPACE.subn(b"", opening, count=1)
    named = shape.serialization.get("resultWrapper") if shape is not None else None
    if status != 200 or shape is None or named is None or not begins or b"xmlns" in plain:
        return None
    wrapper = named.encode()
    before, begun, result = plain.partition(b"<%b>" % wrapper)
    try:
        found = understood(shape, begun + result.rstrip()) if begun else None
    except (ET.ParseError, ValueError, Unknown):
        return None
    if found is None:
        return None
    return dict(found), before + b"<%b/>" % wrapper + begins + rest


@lru_cache(maxsize=8)  # both groups' answers, and a few before them: mostly nothing has changed
def understood(shape: Shape, result: bytes) -> dict[str, Any]:
    """The document in an element of this shape; not to be altered.

    Raises:
        ET.ParseError, ValueError: it is none.
        Unknown: as `compiled`.
    """
    read: dict[str, Any] = compiled(shape)(ET.fromstring(result))  # noqa: S314  AWS's words, over TLS
    return read


@cache
def compiled(shape: Shape) -> Parse:
    """The function that reads an element of this shape.

    Raises:
        Unknown: such a shape is in none of the answers above.
    """
    if shape.type_name == "structure":
        return _structure(shape)
    if shape.type_name == "list" and not shape.serialization.get("flattened"):
        each = compiled(shape.member)  # type: ignore[attr-defined]  # the stubs know no list
        return lambda node: [each(child) for child in node]
    if shape.type_name in SCALARS:
        return SCALARS[shape.type_name]
    raise Unknown(f"{shape.name} is a {shape.type_name}")


def _structure(shape: Shape) -> Parse:
    members = {
        member.serialization.get("name", name): (name, compiled(member))
        for name, member in shape.members.items()  # type: ignore[attr-defined]  # nor any structure
    }

    def read(node: Element) -> dict[str, Any]:
        found = {}
        for child in node:
            if child.tag in members:
                name, parse = members[child.tag]
                found[name] = parse(child)
        return found

    return read

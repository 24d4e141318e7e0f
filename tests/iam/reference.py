"""AWS's Service Authorization Reference, as cfn-lint carries it: which action knows which resource."""

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def _services() -> dict[str, Any]:
    text = files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def kinds(action: str) -> tuple[str, ...]:
    """Names of the resource types on which an action may be granted; none: only on `*`.

    Raises:
        KeyError: AWS knows no such action.
    """
    service, _, name = action.partition(":")
    return tuple(_services()[service]["Actions"][name.lower()].get("Resources", ()))


def shapes(action: str) -> Iterable[str]:
    """Regular expressions of the ARNs on which it may be granted, region and account left open."""
    service = action.partition(":")[0]
    for kind in kinds(action):
        known = _services()[service]["Resources"].get(kind)
        for shape in known["ARNFormats"] if known else [f"arn:${{Partition}}:{service}:.*"]:
            yield re.sub(r"\$\{\w+\}", "[^:]*", shape)


def may_be_on(action: str, arn: str) -> bool:
    """Whether AWS lets the action be granted on such an ARN."""
    return any(re.fullmatch(shape, arn) for shape in shapes(action))

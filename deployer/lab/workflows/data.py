"""Data on its way through a state: reference paths, payload templates, where a result goes. Pure.

Source: Amazon States Language specification, "Paths", "Payload Template". Of JSONPath the lab knows
reference paths only (`$.a.b[0]`, `$$.Execution.Id`); intrinsic functions are refused by name.
"""

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

from deployer.lab.workflows.problems import TOO_LARGE, Problem, runtime, unsimulated

LARGEST = 256 * 1024  # bytes of JSON: [D:limits-overview.md]
_PATH = re.compile(r"\$\$?(?:\.[A-Za-z_][\w-]*|\[\d+\]|\['[^']+'\])*")
_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]|\['([^']+)'\]")


def require_path(path: str) -> str:
    """The path, if the lab can follow it.

    Raises:
        Refused: a JSONPath with more than names and indices, or an intrinsic function.
    """
    if not _PATH.fullmatch(path):
        raise unsimulated(f"the path {path}")
    return path


def follow(path: str, data: Any, about: Mapping[str, Any]) -> Any:
    """What a reference path means; `about` is the context object (`$$`).

    Raises:
        Problem: nothing is there.
    """
    found: Any = about if path.startswith("$$") else data
    for name, index, quoted in _STEP.findall(path.lstrip("$")):
        try:
            found = found[int(index)] if index else found[name or quoted]
        except (KeyError, IndexError, TypeError) as error:
            where = json.dumps(data)[:200]
            raise runtime(
                f"The JSONPath '{path}' could not be found in the input '{where}'"
            ) from error
    return found


def present(path: str, data: Any, about: Mapping[str, Any]) -> bool:
    """Whether a reference path means anything."""
    try:
        follow(path, data, about)
    except Problem:
        return False
    return True


def require_template(template: Any) -> Any:
    """A payload template, if the lab can fill it in.

    Raises:
        Refused: it cannot.
    """
    if isinstance(template, Mapping):
        for key, value in template.items():
            if key.endswith(".$"):
                require_path(str(value))
            else:
                require_template(value)
    elif isinstance(template, list):
        for value in template:
            require_template(value)
    return template


def fill(template: Any, data: Any, about: Mapping[str, Any]) -> Any:
    """The template with each `name.$` replaced by `name` and what its path means.

    Raises:
        Problem: nothing is there.
    """
    if isinstance(template, Mapping):
        return {
            key.removesuffix(".$"): follow(value, data, about)
            if key.endswith(".$")
            else fill(value, data, about)
            for key, value in template.items()
        }
    if isinstance(template, list):
        return [fill(value, data, about) for value in template]
    return template


def place(path: str | None, data: Any, result: Any) -> Any:
    """`data` with `result` at ResultPath; None: the result is dropped.

    Raises:
        Problem: the path leads through something that is no object.
    """
    if path is None:
        return data
    steps = [name or quoted for name, _, quoted in _STEP.findall(path.lstrip("$"))]
    if not steps:
        return result
    whole = copy.deepcopy(data)
    inner = whole
    for step in steps[:-1]:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else None
    if not isinstance(inner, dict):
        raise Problem(
            "States.ResultPathMatchFailure",
            f"Unable to apply step '{steps[-1]}' to input '{json.dumps(data)[:200]}'",
        )
    inner[steps[-1]] = result
    return whole


def limited(data: Any) -> str:
    """The data as JSON.

    Raises:
        Problem: more than a state may pass on.
    """
    text = json.dumps(data, separators=(",", ":"))
    if len(text.encode()) > LARGEST:
        raise Problem(
            TOO_LARGE,
            "The state/task returned a result with a size exceeding the maximum number of bytes "
            "service limit.",
        )
    return text

"""MaxRecords and NextToken of the Describe actions. Pure."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import validate


def page(
    items: Sequence[dict[str, Any]], params: Mapping[str, Any], key: str, *, default: int, most: int
) -> dict[str, Any]:
    """One page of `items` under `key`, and NextToken if there are more.

    Raises:
        Refused: InvalidNextToken, or MaxRecords outside 1..most.
    """
    size = validate.within("MaxRecords", params.get("MaxRecords") or default, 1, most)
    start = _start(params.get("NextToken"))
    shown: dict[str, Any] = {key: list(items[start : start + size])}
    if start + size < len(items):
        shown["NextToken"] = base64.urlsafe_b64encode(f"at:{start + size}".encode()).decode()
    return shown


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        mark, _, start = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        position = int(start)
    except ValueError:
        mark, position = "", -1
    if mark != "at" or position < 0:
        raise Refused("InvalidNextToken", f"The token '{token}' is invalid.")
    return position

"""EventBridge's event patterns, as far as rules here have them: exact values. Pure.

Source: EventBridge User Guide, "Amazon EventBridge event patterns". Content filters (prefix, exists,
anything-but, ...) are refused when the rule is made.
"""

from collections.abc import Mapping
from typing import Any

from deployer.lab.wire import Refused

FIELDS = {"source", "detail-type", "detail", "account", "region", "resources"}


def require_known(pattern: Mapping[str, Any]) -> None:
    """Raises Refused: something in it is not evaluated here, or it is no pattern."""
    if more := set(pattern) - FIELDS:
        raise _unsupported(f"{', '.join(sorted(more))} of an event pattern")
    _require_exact(pattern)


def _require_exact(pattern: Mapping[str, Any]) -> None:
    for name, wanted in pattern.items():
        if isinstance(wanted, Mapping):
            _require_exact(wanted)
        elif not isinstance(wanted, list) or not all(isinstance(x, str | int) for x in wanted):
            raise _unsupported(f"the filter {wanted} of {name} in an event pattern")


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether every field of the pattern has one of its values in the event."""
    return all(
        matches(wanted, event.get(name, {}))
        if isinstance(wanted, Mapping)
        else event.get(name) in wanted
        for name, wanted in pattern.items()
    )


def _unsupported(what: str) -> Refused:
    return Refused("NotImplemented", f"the lab does not simulate {what}")

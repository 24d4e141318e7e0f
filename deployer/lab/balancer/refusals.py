"""How the load balancer's API says no: AWS's code and, where known, AWS's words."""

from collections.abc import Collection

from deployer.lab.wire import Refused


def invalid(message: str) -> Refused:
    """A parameter is wrong."""
    return Refused("ValidationError", message)


def not_simulated(what: str) -> Refused:
    """AWS can do it, the lab cannot: refused, never silently accepted."""
    return Refused("NotImplemented", f"the lab does not simulate {what}")


def whole(name: str, value: object, low: int, high: int) -> int:
    """`value` as an integer from `low` to `high`.

    Raises:
        Refused: it is none.
    """
    text = str(value)
    if not text.isdecimal() or not low <= int(text) <= high:
        raise invalid(f"'{name}' must be a whole number from {low} to {high}, not '{text}'")
    return int(text)


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """`value` if it is allowed.

    Raises:
        Refused: it is not.
    """
    if value not in allowed:
        raise invalid(f"'{name}' must be one of [{', '.join(sorted(allowed))}], not '{value}'")
    return value

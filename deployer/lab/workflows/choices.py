"""Rules of a Choice state. Pure.

Source: Amazon States Language specification, "Choice State", "Data-test expression". A value of
another type than the operator's fits nothing; a variable that is not there is an error, unless the
rule asks for that (`IsPresent`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.lab.workflows.data import follow, present, require_path
from deployer.lab.workflows.problems import undefined, unsimulated

Test = Callable[[Any, Mapping[str, Any]], bool]  # (data, context object)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "StringEquals": lambda found, wanted: isinstance(found, str) and found == wanted,
    "BooleanEquals": lambda found, wanted: isinstance(found, bool) and found is wanted,
    "NumericEquals": lambda found, wanted: _number(found) and found == wanted,
    "NumericLessThan": lambda found, wanted: _number(found) and found < wanted,
    "NumericLessThanEquals": lambda found, wanted: _number(found) and found <= wanted,
    "NumericGreaterThan": lambda found, wanted: _number(found) and found > wanted,
    "NumericGreaterThanEquals": lambda found, wanted: _number(found) and found >= wanted,
    "IsNull": lambda found, wanted: (found is None) is wanted,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of Choices."""

    test: Test
    following: str


def rule_of(text: Mapping[str, Any]) -> Rule:
    """Read one entry.

    Raises:
        Refused: not valid, or not simulated.
    """
    if "Next" not in text:
        raise undefined("a Choice rule without Next")
    return Rule(
        test_of({k: v for k, v in text.items() if k not in ("Next", "Comment")}), text["Next"]
    )


def test_of(text: Mapping[str, Any]) -> Test:
    """Read an expression.

    Raises:
        Refused: not valid, or not simulated.
    """
    names = text.keys() - {"Variable"}
    if len(names) != 1:
        raise undefined(f"a Choice rule has one operator, not {', '.join(sorted(names)) or 'none'}")
    (name,) = names
    if name in ("And", "Or"):
        inner, every = [test_of(each) for each in text[name]], name == "And"
        return lambda data, about: (all if every else any)(each(data, about) for each in inner)
    if name == "Not":
        one = test_of(text["Not"])
        return lambda data, about: not one(data, about)
    path = require_path(str(text.get("Variable", "")))
    wanted = text[name]
    if name == "IsPresent":
        return lambda data, about: present(path, data, about) is wanted
    if name not in _OPERATORS:
        raise unsimulated(f"the operator {name} of a Choice")
    return lambda data, about: _OPERATORS[name](follow(path, data, about), wanted)

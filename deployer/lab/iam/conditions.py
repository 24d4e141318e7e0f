"""IAM's condition operators. Pure.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators" and "Multivalued context
keys". Operators that nobody here needs (dates, addresses, binary) are refused by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.lab.iam.asked import Context
from deployer.lab.iam.patterns import Unsupported, Variables, literal, matches, matches_arn

Test = Callable[[str, str, Variables], bool]  # (the policy's value, the request's, variables)


def _equal(wanted: str, found: str, variables: Variables) -> bool:
    return literal(wanted, variables) == found


def _equal_folded(wanted: str, found: str, variables: Variables) -> bool:
    filled = literal(wanted, variables)
    return filled is not None and filled.casefold() == found.casefold()


def _arn(wanted: str, found: str, variables: Variables) -> bool:
    return matches_arn(wanted, found, variables)


def _truth(wanted: str, found: str, _variables: Variables) -> bool:
    return wanted.lower() == found.lower()


def _number(compare: Callable[[float, float], bool]) -> Test:
    return lambda wanted, found, _variables: compare(float(found), float(wanted))


POSITIVE: Mapping[str, Test] = {
    "stringequals": _equal,
    "stringequalsignorecase": _equal_folded,
    "stringlike": matches,
    "arnequals": _arn,  # AWS: the same as ArnLike
    "arnlike": _arn,
    "bool": _truth,
    "numericequals": _number(lambda a, b: a == b),
    "numericlessthan": _number(lambda a, b: a < b),
    "numericlessthanequals": _number(lambda a, b: a <= b),
    "numericgreaterthan": _number(lambda a, b: a > b),
    "numericgreaterthanequals": _number(lambda a, b: a >= b),
}
NEGATIVE: Mapping[str, Test] = {
    "stringnotequals": _equal,
    "stringnotequalsignorecase": _equal_folded,
    "stringnotlike": matches,
    "arnnotequals": _arn,
    "arnnotlike": _arn,
    "numericnotequals": _number(lambda a, b: a == b),
}
_SETS = ("forallvalues", "foranyvalue")


@dataclass(frozen=True, slots=True)
class Condition:
    """`{"ForAllValues:StringLikeIfExists": {"aws:TagKeys": [...]}}`, taken apart.

    among: `forallvalues`, `foranyvalue`, or "" for a key with a single value.
    """

    operator: str
    among: str
    if_exists: bool
    key: str
    values: tuple[str, ...]

    def holds(self, context: Context) -> bool:
        """Whether the request fulfils it.

        Raises:
            Unsupported: a key that the lab does not know, or several values where one may be.
        """
        found = context.values(self.key)
        if self.operator == "null":
            return (found is None) is (self.values == ("true",))
        if found is None or (not found and self.among):
            return self._without()
        if self.among:
            fits = [self._fits(value, context) for value in found]
            return all(fits) if self.among == "forallvalues" else any(fits)
        if len(found) != 1:
            raise Unsupported(f"{self.key} with several values needs ForAllValues or ForAnyValue")
        return self._fits(found[0], context)

    def _without(self) -> bool:
        """The request has no such key."""
        if self.if_exists or self.among == "forallvalues":
            return True
        return self.operator in NEGATIVE and not self.among

    def _fits(self, found: str, context: Context) -> bool:
        test = POSITIVE.get(self.operator) or NEGATIVE[self.operator]
        fits = any(test(wanted, found, context.variable) for wanted in self.values)
        return fits is (self.operator in POSITIVE)


def read(block: Mapping[str, Any]) -> tuple[Condition, ...]:
    """A statement's Condition block.

    Raises:
        Unsupported: an operator that is not evaluated here.
    """
    return tuple(
        _condition(operator, key, _texts(values))
        for operator, keys in block.items()
        for key, values in keys.items()
    )


def _condition(spelled: str, key: str, values: tuple[str, ...]) -> Condition:
    among, _, rest = spelled.lower().rpartition(":")
    operator = rest.removesuffix("ifexists")
    known = operator in POSITIVE or operator in NEGATIVE or rest == "null"
    if not known or (among and among not in _SETS):
        raise Unsupported(f"condition operator {spelled}")
    if operator == "null" and values not in (("true",), ("false",)):
        raise Unsupported(f"Null with {values}")
    return Condition(operator, among, rest != operator, key, values)


def _texts(values: Any) -> tuple[str, ...]:
    """One value or a list; true and numbers are texts in IAM."""
    listed = values if isinstance(values, list) else [values]
    return tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in listed)

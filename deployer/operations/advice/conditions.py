"""Conditions of the table's rows: data that can be tested on facts, and read by people."""

from collections.abc import Mapping
from dataclasses import dataclass

from deployer.operations.advice.circumstances import Fact

# How a fact is called in a sentence, and the unit of its numbers.
CALLED: Mapping[str, tuple[str, str]] = {
    "sla": ("availability promised", " %"),
    "error-budget": ("error budget left", " %"),
    "traffic": ("traffic", " requests/s"),
    "verdict": ("time to a verdict", " min"),
    "affordable": ("bad requests that one release may cost", ""),
}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The fact is one of these."""

    fact: str
    values: tuple[str, ...]

    def holds(self, facts: Mapping[str, Fact]) -> bool:
        """Whether it is."""
        return facts[self.fact] in self.values

    def __str__(self) -> str:
        return f"{self.fact} {' or '.join(self.values)}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The fact is known, and this or more."""

    fact: str
    bound: float

    def holds(self, facts: Mapping[str, Fact]) -> bool:
        """Whether it is."""
        value = facts[self.fact]
        return isinstance(value, int | float) and value >= self.bound

    def __str__(self) -> str:
        called, unit = CALLED[self.fact]
        return f"{called} {self.bound:g}{unit} or more" if self.bound else f"{called} known"


@dataclass(frozen=True, slots=True)
class Below:
    """The fact is known, and less than this."""

    fact: str
    bound: float

    def holds(self, facts: Mapping[str, Fact]) -> bool:
        """Whether it is."""
        value = facts[self.fact]
        return isinstance(value, int | float) and value < self.bound

    def __str__(self) -> str:
        called, unit = CALLED[self.fact]
        return f"{called} below {self.bound:g}{unit}"


@dataclass(frozen=True, slots=True)
class AtMost:
    """The fact is known, and this or less."""

    fact: str
    bound: float

    def holds(self, facts: Mapping[str, Fact]) -> bool:
        """Whether it is."""
        value = facts[self.fact]
        return isinstance(value, int | float) and value <= self.bound

    def __str__(self) -> str:
        called, unit = CALLED[self.fact]
        return f"{called} {self.bound:g}{unit} at most"


Condition = OneOf | AtLeast | AtMost | Below


def all_hold(conditions: tuple[Condition, ...], facts: Mapping[str, Fact]) -> bool:
    """Whether each of them does; no conditions hold always."""
    return all(condition.holds(facts) for condition in conditions)


def in_words(conditions: tuple[Condition, ...]) -> str:
    """`stage production, availability promised 99.9 % or more`; `otherwise` for none."""
    return ", ".join(map(str, conditions)) or "otherwise"

"""Rules of composite alarms: `ALARM(a) AND NOT (OK("b") OR FALSE)`. Pure.

Source: [M:cloudwatch.PutCompositeAlarm.AlarmRule].
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.lab.telemetry.evaluation import State

MOST_CHILDREN = 100
MOST_ELEMENTS = 500
_TOKEN = re.compile(
    r"\s*(?:(?P<test>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:\"(?P<quoted>[^\"]+)\"|(?P<bare>[^()\"]+?))\s*\)"
    r"|(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<sign>[()]))",
    re.IGNORECASE,
)


class BadRule(ValueError):
    """Not a rule; the text says why."""


Test = Callable[[Mapping[str, State]], bool]


@dataclass(frozen=True, slots=True)
class CompositeRule:
    """`children`: names of the alarms that it refers to, in order of appearance."""

    children: tuple[str, ...]
    holds: Test


def parse(text: str) -> CompositeRule:
    """NOT binds closest, then AND, then OR.

    Raises:
        BadRule: syntax, or too many children or elements.
    """
    reader = _Reader(text)
    test = reader.either()
    if reader.tokens:
        raise BadRule(f"unexpected {reader.tokens[0]!r} in the rule {text!r}")
    children = tuple(dict.fromkeys(reader.children))
    if len(children) > MOST_CHILDREN:
        raise BadRule(f"a rule has at most {MOST_CHILDREN} children")
    return CompositeRule(children, test)


class _Reader:
    """Recursive descent over the tokens that are left."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.children: list[str] = []
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise BadRule(f"the rule {text!r} is not understood at {text[at:].strip()[:20]!r}")
            self.tokens.append(_token(match))
            at = match.end()
        if len(self.tokens) > MOST_ELEMENTS:
            raise BadRule(f"a rule has at most {MOST_ELEMENTS} elements")

    def either(self) -> Test:
        test = self.both()
        while self.take("OR"):
            test = _or(test, self.both())
        return test

    def both(self) -> Test:
        test = self.one()
        while self.take("AND"):
            test = _and(test, self.one())
        return test

    def one(self) -> Test:
        if self.take("NOT"):
            inner = self.one()
            return lambda states: not inner(states)
        if self.take("("):
            test = self.either()
            if not self.take(")"):
                raise BadRule(f"a bracket is not closed in the rule {self.text!r}")
            return test
        if not self.tokens:
            raise BadRule(f"the rule {self.text!r} ends too early")
        kind, name = self.tokens.pop(0)
        if kind in ("TRUE", "FALSE"):
            return lambda _states: kind == "TRUE"
        if not name:
            raise BadRule(f"unexpected {kind} in the rule {self.text!r}")
        self.children.append(name)
        return lambda states: states.get(name) is State(kind)

    def take(self, kind: str) -> bool:
        if self.tokens and self.tokens[0] == (kind, ""):
            self.tokens.pop(0)
            return True
        return False


def _token(match: re.Match[str]) -> tuple[str, str]:
    """(kind, name of the alarm)."""
    if match["test"]:
        name = match["quoted"] or match["bare"]
        return match["test"].upper(), name.rpartition(":alarm:")[2]
    return (match["word"] or match["sign"]).upper(), ""


def _or(left: Test, right: Test) -> Test:
    return lambda states: left(states) or right(states)


def _and(left: Test, right: Test) -> Test:
    return lambda states: left(states) and right(states)

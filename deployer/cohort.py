"""A user group, by what its requests carry: how people write it, and what a rule can tell. Pure.

    header:X-Beta=yes    the header has this value; `*` is any run of characters, `?` is one
    cookie:beta=1        the cookie has exactly this value
    query:beta=1         the query string has this pair; wildcards in the value as above
    source:10.0.0.0/8    the connection comes from this network; up to five, by commas

A rule may hold five values and five wildcards, a value 128 characters, the name of a header 40; case
does not count (aws-facts 1.6). No backslash: whether it escapes depends on the condition.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network

MOST_VALUES = 5
MOST_WILDCARDS = 5
LONGEST_VALUE = 128
LONGEST_NAME = 40
COOKIE_FRAME = len("*; =; *")  # what a rule has around a cookie's name and value
EXAMPLES = "header:X-Beta=yes, cookie:beta=1, query:beta=1 or source:10.0.0.0/8"


class Trait(StrEnum):
    """What the group's requests have in common."""

    HEADER = "header"
    COOKIE = "cookie"
    QUERY = "query"
    SOURCE = "source"


# A cookie holds no wildcard: its rule needs four of the five to find it among others.
NAMES = {
    Trait.HEADER: re.compile(rf"[!#$%&'+.^_`|~0-9A-Za-z-]{{1,{LONGEST_NAME}}}"),
    Trait.COOKIE: re.compile(r"[!#$%&'+.^_`|~0-9A-Za-z-]+"),
    Trait.QUERY: re.compile(r"[!\"$%'-)+->@-\[\]-~]+"),
}
VALUES = {
    Trait.HEADER: re.compile(r"[!-\[\]-~](?:[ -\[\]-~]*[!-\[\]-~])?"),
    Trait.COOKIE: re.compile(r"[!#-)+\--:<->@-\[\]-~]+"),
    Trait.QUERY: re.compile(r"[!\"$%'-\[\]-~]+"),
}
# Headers that a rule has other conditions for.
TOLD_OTHERWISE = {"cookie": "cookie:NAME=VALUE", "host": "a rule of your own"}


@dataclass(frozen=True, slots=True)
class Cohort:
    """The users whose requests have this trait.

    name:   of the header, of the cookie, or the key of the query string; empty for a source.
    values: the one that it must have; of a source the networks, sorted.

    Raises:
        ValueError: no rule could tell them apart; says why.
    """

    trait: Trait
    name: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.trait is Trait.SOURCE:
            _require_networks(self.values)
        else:
            _require_pair(self.trait, self.name, *self.values)

    @classmethod
    def parse(cls, text: str) -> "Cohort":
        """`header:X-Beta=yes`.

        Raises:
            ValueError: not written like that, or no rule could tell it.
        """
        kind, colon, rest = text.strip().partition(":")
        if not colon or kind not in tuple(Trait):
            raise ValueError(f"{text!r} is no user group: write {EXAMPLES}")
        if kind == Trait.SOURCE:
            return cls(Trait.SOURCE, "", networks(rest))
        name, equals, value = rest.partition("=")
        if not equals:
            raise ValueError(f"{text!r} lacks a value: write {EXAMPLES}")
        return cls(Trait(kind), name.strip(), (value.strip(),))

    def __str__(self) -> str:
        pair = f"{self.name}=" if self.name else ""
        return f"{self.trait}:{pair}{','.join(self.values)}"


def networks(text: str) -> tuple[str, ...]:
    """Each as AWS has it: `10.1.2.3` is `10.1.2.3/32`, and host bits are dropped.

    Raises:
        ValueError: one of them is no network.
    """
    try:
        found = {str(ip_network(word.strip(), strict=False)) for word in text.split(",")}
    except ValueError:
        raise ValueError(
            f"{text!r} is no network: write source:10.0.0.0/8, several by commas"
        ) from None
    return tuple(sorted(found))


def _require_networks(values: tuple[str, ...]) -> None:
    if not 1 <= len(values) <= MOST_VALUES:
        raise ValueError(f"a rule holds 1 to {MOST_VALUES} networks, not {len(values)}")
    if any(ip_network(value).prefixlen == 0 for value in values):
        raise ValueError("every address is no group: ship with weights instead")


def _require_pair(trait: Trait, name: str, value: str) -> None:
    text = f"{trait}:{name}={value}"
    other = TOLD_OTHERWISE.get(name.lower()) if trait is Trait.HEADER else None
    if other:
        raise ValueError(f"{text!r}: the header {name} is for {other}")
    if not NAMES[trait].fullmatch(name):
        raise ValueError(f"{text!r}: {name!r} is no name that a rule can look for")
    if not VALUES[trait].fullmatch(value):
        hint = ", nor a wildcard" if trait is Trait.COOKIE else ""
        raise ValueError(f"{text!r}: {value!r} is no value that a rule can look for{hint}")
    long = len(value) if trait is not Trait.COOKIE else len(name + value) + COOKIE_FRAME
    if max(long, len(name)) > LONGEST_VALUE:
        raise ValueError(f"{text[:40]!r}...: a rule holds {LONGEST_VALUE} characters at most")
    if value.count("*") + value.count("?") > MOST_WILDCARDS:
        raise ValueError(f"{text!r}: a rule holds {MOST_WILDCARDS} wildcards at most")

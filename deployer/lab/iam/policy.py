"""Policy documents taken apart. Pure.

Source: IAM User Guide, "IAM JSON policy element reference". What is not understood is refused:
leaving out an element would change what the policy means.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from deployer.lab.iam.asked import Ask, Context
from deployer.lab.iam.conditions import Condition, read
from deployer.lab.iam.patterns import Unsupported, matches, matches_arn, no_variables

VERSION = "2012-10-17"
OLD_VERSION = "2008-10-17"  # the default; knows no policy variables
_KNOWN = frozenset(
    {
        *("Sid", "Effect", "Action", "NotAction", "Resource", "NotResource"),
        *("Principal", "NotPrincipal", "Condition"),
    }
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    but:        whether `actions` is a NotAction, `resources` a NotResource.
    principals: (kind, name) of a resource's policy; None in a policy of an identity.
    """

    sid: str
    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...]
    but_actions: bool
    resources: tuple[str, ...]
    but_resources: bool
    principals: frozenset[tuple[str, str]] | None
    conditions: tuple[Condition, ...]
    variables: bool = True

    def applies(self, ask: Ask, context: Context) -> bool:
        """Whether it says something about this request (whose principal has been looked at).

        Raises:
            Unsupported: as `Condition.holds`.
        """
        return (
            self._names(ask.action)
            and self._covers(ask.resource, context)
            and all(condition.holds(context) for condition in self.conditions)
        )

    def _names(self, action: str) -> bool:
        named = any(matches(each.lower(), action.lower()) for each in self.actions)
        return named is not self.but_actions

    def _covers(self, resource: str, context: Context) -> bool:
        if not self.resources:  # a trust policy: about the role that it belongs to
            return True
        variables = context.variable if self.variables else no_variables
        fits = any(_fits(each, resource, variables) for each in self.resources)
        return fits is not self.but_resources


def _fits(pattern: str, resource: str, variables: Any) -> bool:
    if resource == "*":  # no particular resource: only `*` grants that
        return pattern == "*"
    return matches_arn(pattern, resource, variables)


@dataclass(frozen=True, slots=True)
class Policy:
    """A document and where it is from, for whoever reads a refusal."""

    name: str
    statements: tuple[Statement, ...]

    def mentions(self, key: str) -> bool:
        """Whether a condition or a resource speaks of this key, `resourcetag` for instance."""
        return any(
            key in condition.key.lower() or any(key in value.lower() for value in condition.values)
            for statement in self.statements
            for condition in statement.conditions
        ) or any(key in each.lower() for one in self.statements for each in one.resources)


@lru_cache(maxsize=512)
def parse(name: str, text: str) -> Policy:
    """The policy in this JSON text.

    Raises:
        Unsupported: an element, an operator or a shape that is not evaluated here; names the policy.
    """
    try:
        document = json.loads(text)
        version = document.get("Version", OLD_VERSION)
        if version not in (VERSION, OLD_VERSION):
            raise Unsupported(f"Version {version}")  # noqa: TRY301  it is named below
        listed = document["Statement"]
        statements = listed if isinstance(listed, list) else [listed]
        return Policy(name, tuple(_statement(each, version) for each in statements))
    except Unsupported as error:
        raise Unsupported(f"{error} in policy {name}") from error


def _statement(raw: Mapping[str, Any], version: str) -> Statement:
    if unknown := set(raw) - _KNOWN:
        raise Unsupported(f"policy element {', '.join(sorted(unknown))}")
    if "NotPrincipal" in raw:
        raise Unsupported("NotPrincipal")
    if raw.get("Effect") not in ("Allow", "Deny"):
        raise Unsupported(f"Effect {raw.get('Effect')}")
    return Statement(
        sid=raw.get("Sid", ""),
        effect=raw["Effect"],
        actions=_either(raw, "Action"),
        but_actions="NotAction" in raw,
        resources=_either(raw, "Resource", needed="Principal" not in raw),
        but_resources="NotResource" in raw,
        principals=_principals(raw["Principal"]) if "Principal" in raw else None,
        conditions=read(raw.get("Condition", {})),
        variables=version == VERSION,
    )


def _either(raw: Mapping[str, Any], name: str, *, needed: bool = True) -> tuple[str, ...]:
    """`Action` or `NotAction`, one text or a list of them."""
    given = [raw[each] for each in (name, f"Not{name}") if each in raw]
    if len(given) > 1 or (needed and not given):
        raise Unsupported(f"a statement with {'both' if given else 'neither'} {name} and Not{name}")
    listed = given[0] if given else []
    return tuple(listed) if isinstance(listed, list) else (str(listed),)


def _principals(raw: Any) -> frozenset[tuple[str, str]]:
    if raw == "*":
        return frozenset({("AWS", "*")})
    return frozenset(
        (kind, name)
        for kind, names in raw.items()
        for name in (names if isinstance(names, list) else [names])
    )

"""A user group as the conditions of a listener rule, and back. Pure.

There is no condition on cookies: their header is matched (aws-facts 1.6). `*beta=1*` would take
`xbeta=10` for it, so the four places that a cookie can have are spelled out: alone, first, last, in
the middle. That is four of a rule's five values, and four of its five wildcards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deployer.cohort import Cohort, Trait, networks

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import (
        QueryStringKeyValuePairTypeDef,
        RuleConditionOutputTypeDef,
        RuleConditionTypeDef,
    )

COOKIE = "Cookie"


def conditions(cohort: Cohort) -> list[RuleConditionTypeDef]:
    """What a rule of the group asks for."""
    values = list(cohort.values)
    match cohort.trait:
        case Trait.SOURCE:
            return [{"Field": "source-ip", "SourceIpConfig": {"Values": values}}]
        case Trait.QUERY:
            pair: QueryStringKeyValuePairTypeDef = {"Key": cohort.name, "Value": values[0]}
            return [{"Field": "query-string", "QueryStringConfig": {"Values": (pair,)}}]
        case Trait.COOKIE:
            return [_header(COOKIE, places(f"{cohort.name}={values[0]}"))]
        case Trait.HEADER:
            return [_header(cohort.name, values)]


def places(pair: str) -> list[str]:
    """Where a cookie can stand in its header: browsers put `; ` between two (RFC 6265, 4.2.1)."""
    return [pair, f"{pair}; *", f"*; {pair}", f"*; {pair}; *"]


def told(given: Sequence[RuleConditionOutputTypeDef]) -> Cohort | None:
    """The group that asks for exactly this; None: no group of ours does."""
    if len(given) != 1:
        return None
    try:
        cohort = _cohort(given[0])
    except ValueError:
        return None
    return cohort


def _cohort(condition: RuleConditionOutputTypeDef) -> Cohort | None:
    if condition.get("RegexValues"):
        return None
    match condition.get("Field"):
        case "source-ip":
            values = condition.get("SourceIpConfig", {}).get("Values", [])
            return Cohort(Trait.SOURCE, "", networks(",".join(values)))
        case "query-string":
            pairs = condition.get("QueryStringConfig", {}).get("Values", [])
            pair = pairs[0] if len(pairs) == 1 else {}
            return Cohort(Trait.QUERY, pair.get("Key", ""), (pair.get("Value", ""),))
        case "http-header":
            config = condition.get("HttpHeaderConfig", {})
            return _of_header(config.get("HttpHeaderName", ""), config.get("Values", []))
    return None


def _of_header(name: str, values: Sequence[str]) -> Cohort | None:
    if name.lower() != COOKIE.lower():
        return Cohort(Trait.HEADER, name, tuple(values)) if len(values) == 1 else None
    alone = min(values, key=len, default="")
    cookie, _, value = alone.partition("=")
    same = sorted(values) == sorted(places(alone))
    return Cohort(Trait.COOKIE, cookie, (value,)) if same else None


def _header(name: str, values: list[str]) -> RuleConditionTypeDef:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": values}}

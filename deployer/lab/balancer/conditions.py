"""A listener rule's condition as Envoy's header matchers: all of a rule's matchers must hold.

Path, host, method, query string and source address are headers too (`:path`, `:authority`,
`:method`, and SOURCE_HEADER which the listener writes), so that one kind of matcher does for all.
Wildcards: `*` is any run of characters, `?` exactly one. Case matters for paths and methods only
(aws-facts 1.6; elbv2 API model, the ...ConditionConfig shapes).
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

# Written by the listener before routing (a client's own is overwritten), removed before a target.
SOURCE_HEADER = "x-lab-source-ip"

Matcher = dict[str, Any]


def matchers(condition: Mapping[str, Any]) -> Matcher:
    """One condition, as the API says it, to one matcher.

    Raises:
        ValueError: a kind of condition that is not simulated.
    """
    field = condition["Field"]
    match field:
        case "path-pattern":
            return _path(values_of(condition, "PathPatternConfig"))
        case "host-header":
            return _host(values_of(condition, "HostHeaderConfig"))
        case "http-request-method":
            return _header(
                ":method", "|".join(_literal(values_of(condition, "HttpRequestMethodConfig")))
            )
        case "http-header":
            config = condition["HttpHeaderConfig"]
            return _header(config["HttpHeaderName"].lower(), "(?i)" + _any(config["Values"], "."))
        case "query-string":
            return _query(condition["QueryStringConfig"]["Values"])
        case "source-ip":
            ranges = condition["SourceIpConfig"]["Values"]
            return _header(SOURCE_HEADER, "|".join(cidr_regex(each) for each in ranges))
    raise ValueError(f"the lab does not simulate conditions on {field}")


def values_of(condition: Mapping[str, Any], config: str) -> list[str]:
    """The values of a condition, given in its config or, for paths and hosts, beside it."""
    return list(condition.get(config, {}).get("Values") or condition.get("Values") or ())


def _header(name: str, regex: str) -> Matcher:
    return {"name": name, "string_match": {"safe_regex": {"regex": regex}}}


def _path(values: Iterable[str]) -> Matcher:
    """The path alone is compared, never its query string."""
    return _header(":path", _any(values, "[^?]") + r"(?:\?.*)?")


def _host(values: Iterable[str]) -> Matcher:
    return _header(":authority", "(?i)" + _any(values, "[^:]") + r"(?::\d+)?")


def _query(pairs: Iterable[Mapping[str, str]]) -> Matcher:
    """Any of the pairs somewhere in the query string; a pair without a key matches any key."""
    wanted = []
    for pair in pairs:
        key = wildcard(pair["Key"], "[^&=]") if pair.get("Key") else "[^&=]*"
        value = wildcard(pair["Value"], "[^&]")
        wanted.append(f"{key}={value}" if pair.get("Key") else f"(?:{key}=)?{value}")
    return _header(":path", rf"(?i)[^?]*\?(?:.*&)?(?:{'|'.join(wanted)})(?:&.*)?")


def _literal(values: Iterable[str]) -> list[str]:
    return [re.escape(value) for value in values]


def _any(values: Iterable[str], one: str) -> str:
    return "(?:" + "|".join(wildcard(value, one) for value in values) + ")"


def wildcard(pattern: str, one: str) -> str:
    r"""ALB's wildcards as a regular expression; `one` matches a single character.

    A backslash makes the next character ordinary: `\*` is a star.
    """
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join(_part(part, one) for part in parts)


def _part(part: str, one: str) -> str:
    if part in {"*", "?"}:
        return one + "*" if part == "*" else one
    return re.escape(part[1:] if part[0] == "\\" and len(part) == 2 else part)


def cidr_regex(cidr: str) -> str:
    """Addresses in a CIDR block as a regular expression; IPv6 blocks match nothing.

    The lab's network is IPv4, so no connection comes from an IPv6 block.
    """
    network = ip_network(cidr, strict=False)
    if not isinstance(network, IPv4Network):
        return "ipv6"
    first, last = network.network_address.packed, network.broadcast_address.packed
    return r"\.".join(_octet(low, high) for low, high in zip(first, last, strict=True))


def _octet(low: int, high: int) -> str:
    if (low, high) == (0, 255):
        return r"\d+"
    return str(low) if low == high else f"(?:{'|'.join(map(str, range(low, high + 1)))})"

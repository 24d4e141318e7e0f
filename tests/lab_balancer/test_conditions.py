"""Which requests meet which conditions, decided by the regular expressions that Envoy gets."""

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.balancer.conditions import SOURCE_HEADER, cidr_regex, matchers, wildcard


def meets(condition: dict[str, Any], headers: dict[str, str]) -> bool:
    """As Envoy does it: a header that is there, and an expression that matches all of it."""
    matcher = matchers(condition)
    regex = matcher["string_match"]["safe_regex"]["regex"]
    value = headers.get(matcher["name"])
    return value is not None and re.fullmatch(regex, value) is not None


def path(*values: str) -> dict[str, Any]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def query(value: str, key: str | None = None) -> dict[str, Any]:
    pair = {"Value": value} | ({"Key": key} if key else {})
    return {"Field": "query-string", "QueryStringConfig": {"Values": [pair]}}


@pytest.mark.parametrize(
    ("patterns", "asked", "met"),
    [
        (["/*"], "/", True),
        (["/*"], "/a/b?c=d", True),
        (["/img/*"], "/img/", True),
        (["/img/*"], "/img", False),
        (["/a", "/b"], "/b", True),
        (["/a?c"], "/abc", True),
        (["/a?c"], "/ac", False),
        (["/a?c"], "/a?c", False),  # the question mark of a request begins its query
        (["/a*z"], "/a?z", False),
        (["/A"], "/a", False),
        (["/a.c"], "/abc", False),
    ],
)
def test_paths(patterns: list[str], asked: str, met: bool) -> None:
    assert meets(path(*patterns), {":path": asked}) is met
    if len(patterns) == 1:
        assert meets({"Field": "path-pattern", "Values": patterns}, {":path": asked}) is met


@pytest.mark.parametrize(
    ("pattern", "host", "met"),
    [
        ("*.example.com", "www.example.com", True),
        ("*.example.com", "WWW.Example.COM:8080", True),
        ("*.example.com", "example.com", False),
        ("example.???", "example.com", True),
        ("example.com", "example.com.evil.test", False),
    ],
)
def test_hosts(pattern: str, host: str, met: bool) -> None:
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [pattern]}}
    assert meets(condition, {":authority": host}) is met


@pytest.mark.parametrize(
    ("values", "said", "met"),
    [
        (["green"], "GREEN", True),
        (["gr*"], "green", True),
        (["gr?en", "blue"], "blue", True),
        (["green"], "greener", False),
        (["*canary=1*"], "a=b; canary=1; c=d", True),
    ],
)
def test_headers(values: list[str], said: str, met: bool) -> None:
    condition = {
        "Field": "http-header",
        "HttpHeaderConfig": {"HttpHeaderName": "X-Slot", "Values": values},
    }
    assert meets(condition, {"x-slot": said}) is met
    assert not meets(condition, {})


def test_methods_mind_case_and_have_no_wildcards() -> None:
    condition = {
        "Field": "http-request-method",
        "HttpRequestMethodConfig": {"Values": ["GET", "M-SEARCH"]},
    }
    assert meets(condition, {":method": "GET"})
    assert meets(condition, {":method": "M-SEARCH"})
    assert not meets(condition, {":method": "get"})


@pytest.mark.parametrize(
    ("condition", "asked", "met"),
    [
        (query("1", "v"), "/?v=1", True),
        (query("1", "v"), "/p?a=b&V=1&c=d", True),
        (query("1", "v"), "/?v=12", False),
        (query("1", "v"), "/?xv=1", False),
        (query("1", "v"), "/v=1", False),
        (query("b*", "v"), "/?v=beta", True),
        (query("b*", "v"), "/?v=x&w=beta", False),
        (query("beta"), "/?anything=beta", True),
        (query("beta"), "/?beta", True),
        (query(r"a\*"), "/?v=a*", True),
        (query(r"a\*"), "/?v=ab", False),
    ],
)
def test_query_strings(condition: dict[str, Any], asked: str, met: bool) -> None:
    assert meets(condition, {":path": asked}) is met


def test_sources_of_another_family_never_match() -> None:
    condition = {"Field": "source-ip", "SourceIpConfig": {"Values": ["2001:db8::/32"]}}
    assert not meets(condition, {SOURCE_HEADER: "127.0.0.1"})


def test_a_condition_that_is_not_simulated_is_an_error() -> None:
    with pytest.raises(ValueError, match="cookie"):
        matchers({"Field": "cookie"})


@given(
    address=st.ip_addresses(v=4).map(str),
    other=st.ip_addresses(v=4).map(str),
    bits=st.integers(0, 32),
)
def test_a_block_matches_exactly_its_addresses(address: str, other: str, bits: int) -> None:
    block = IPv4Network(f"{address}/{bits}", strict=False)
    regex = cidr_regex(f"{address}/{bits}")
    for each in (address, other, str(block[0]), str(block[-1])):
        assert (re.fullmatch(regex, each) is not None) == (IPv4Address(each) in block)


def slowly(pattern: str, text: str) -> bool:
    """The meaning of wildcards, spelled out."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return slowly(pattern[1:], text) or (bool(text) and slowly(pattern, text[1:]))
    return bool(text) and pattern[0] in {"?", text[0]} and slowly(pattern[1:], text[1:])


@given(pattern=st.text("ab.*?+[", max_size=6), text=st.text("ab.+[", max_size=8))
def test_wildcards_mean_what_they_say(pattern: str, text: str) -> None:
    assert (re.fullmatch(wildcard(pattern, "."), text) is not None) == slowly(pattern, text)

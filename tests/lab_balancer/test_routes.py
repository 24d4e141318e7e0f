"""Rules become routes: order, weights, stickiness, answers without a target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.balancer.model import (
    Action,
    Fixed,
    Forward,
    Group,
    Listener,
    LoadBalancer,
    Redirect,
    Rule,
    Share,
)
from deployer.lab.balancer.routes import Json, Setting, duration, route_configuration

BLUE, GREEN = "targetgroup/blue/1", "targetgroup/green/2"
ANY = ({"Field": "path-pattern", "Values": ["/*"]},)
CLOSED = Fixed(503, "text/plain", "closed")


def routes(*rules: Rule, groups: dict[str, Group] | None = None, scale: float = 1) -> list[Json]:
    listener = Listener(arn="l", port=80, rules=rules)
    balancer = LoadBalancer("app/x/1", "lb", "127.1.255.1", (listener,), idle_timeout_s=7)
    made = route_configuration(Setting(balancer, groups or {}, scale), listener)
    return list(made["virtual_hosts"][0]["routes"])


def default(action: Action) -> Rule:
    return Rule(None, (), action)


def clusters(route: Json) -> list[Json]:
    return list(route["route"]["weighted_clusters"]["clusters"])


@given(st.lists(st.integers(1, 50_000), unique=True, max_size=12))
def test_the_lowest_number_first_and_the_default_last(priorities: list[int]) -> None:
    rules = [default(CLOSED), *(Rule(n, ANY, Fixed(200, "text/plain", str(n))) for n in priorities)]
    bodies = [each["direct_response"]["body"]["inline_string"] for each in routes(*rules)]
    assert bodies == [*map(str, sorted(priorities)), "closed"]


@given(st.lists(st.integers(0, 999), min_size=1, max_size=5).filter(any))
def test_shares_are_the_weights_and_weight_0_gets_nothing(weights: list[int]) -> None:
    action = Forward(tuple(Share(f"g{at}", weight) for at, weight in enumerate(weights)))
    (route,) = routes(default(action))
    given_weights = {each["name"]: each["weight"] for each in clusters(route)}
    assert given_weights == {f"g{at}": weight for at, weight in enumerate(weights) if weight}


def test_nothing_is_retried_and_only_idleness_is_limited() -> None:
    (route,) = routes(default(Forward((Share(BLUE, 1),))))
    assert "retry_policy" not in route["route"]
    assert route["route"]["timeout"] == "0s"
    assert route["route"]["idle_timeout"] == "7s"


def test_a_groups_cookie_leads_to_the_group_before_the_weights_are_asked() -> None:
    action = Forward((Share(BLUE, 9), Share(GREEN, 1)), sticky_s=600)
    sticky_blue, sticky_green, rest = routes(Rule(5, ANY, action), scale=10)[:3]
    for route, cookie in ((sticky_blue, "AWSALBTG=1"), (sticky_green, "AWSALBTG=2")):
        (_path, wanted) = route["match"]["headers"]
        assert wanted["name"] == "cookie"
        assert cookie in wanted["string_match"]["safe_regex"]["regex"]
        (only,) = clusters(route)
        header = only["response_headers_to_add"][0]["header"]
        assert header == {"key": "set-cookie", "value": f"{cookie}; Path=/; Max-Age=60"}
    assert [each["weight"] for each in clusters(rest)] == [9, 1]


def test_the_cookie_of_a_group_without_weight_leads_there_all_the_same() -> None:
    """The worse of what ALB may do; everybody else goes where the weights are."""
    action = Forward((Share(BLUE, 1), Share(GREEN, 0)), sticky_s=600)
    made = routes(default(action))
    names = [[each["name"] for each in clusters(route)] for route in made]
    assert names == [[BLUE], [GREEN], [BLUE]]
    assert [each["weight"] for route in made for each in clusters(route)] == [1, 1, 1]


def test_target_stickiness_is_on_for_its_group_alone() -> None:
    groups = {BLUE: Group(BLUE, "b", 80, sticky_s=100), GREEN: Group(GREEN, "g", 80)}
    (route,) = routes(default(Forward((Share(BLUE, 1), Share(GREEN, 1)))), groups=groups, scale=10)
    blue, green = clusters(route)
    assert "typed_per_filter_config" not in green
    (config,) = blue["typed_per_filter_config"].values()
    cookie = config["stateful_session"]["session_state"]["typed_config"]["cookie"]
    assert cookie == {"name": "AWSALB", "path": "/", "ttl": "10s"}


@pytest.mark.parametrize(
    ("redirect", "expected"),
    [
        (
            Redirect(301, protocol="HTTPS", port="443"),
            {"https_redirect": True, "port_redirect": 443},
        ),
        (Redirect(302, host="new.test"), {"host_redirect": "new.test"}),
        (Redirect(302, path="/gone", query=""), {"path_redirect": "/gone", "strip_query": True}),
        (
            Redirect(302, path="/v2/#{path}"),
            {"regex_rewrite": {"pattern": {"regex": "/(.*)"}, "substitution": r"/v2/\1"}},
        ),
    ],
)
def test_redirects(redirect: Redirect, expected: Json) -> None:
    (route,) = routes(default(redirect))
    code = {301: "MOVED_PERMANENTLY", 302: "FOUND"}[redirect.status]
    assert route["redirect"] == {"response_code": code, **expected}


def test_a_percent_sign_in_a_header_is_no_command() -> None:
    (route,) = routes(default(Fixed(200, "100%", "")))
    assert route["response_headers_to_add"][0]["header"]["value"] == "100%%"
    assert route["direct_response"] == {"status": 200}


@given(st.floats(0.000001, 1e6))
def test_durations_are_written_as_protobuf_reads_them(seconds: float) -> None:
    text = duration(seconds)
    assert text.endswith("s")
    assert float(text[:-1]) == pytest.approx(seconds, abs=1e-6)
    assert "e" not in text

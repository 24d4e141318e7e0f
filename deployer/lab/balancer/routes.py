"""A listener's rules as Envoy's routes, in the order in which ALB tries them.

The target group is chosen first, by weight, for every request anew; what happens inside it never
leads to another group (aws-facts 1.3). Groups of weight 0 get no request, but from clients that
have their cookie: whether ALB honours it is not documented (aws-facts, open question 1), and the lab
does the worse of the two, so that nothing rests on the better.
Nothing is ever retried: ALB does not.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from deployer.lab.balancer.conditions import SOURCE_HEADER, matchers
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

GROUP_COOKIE = "AWSALBTG"
TARGET_COOKIE = "AWSALB"
# Route names tell the access log what kind of answer it was.
FORWARD, FIXED, REDIRECT = "forward", "fixed", "redirect"
REDIRECT_CODES = {301: "MOVED_PERMANENTLY", 302: "FOUND"}
CLIENT = "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"
TYPE = "type.googleapis.com/"

Json = dict[str, Any]


def routes_name(balancer: LoadBalancer, listener: Listener) -> str:
    """Name of a listener and of its routes, for Envoy."""
    return f"{balancer.name}:{listener.port}"


@dataclass(frozen=True, slots=True)
class Setting:
    """What a rule's routes depend on besides the rule; cookies last `scale` times shorter."""

    balancer: LoadBalancer
    groups: Mapping[str, Group]
    scale: float


def route_configuration(setting: Setting, listener: Listener) -> Json:
    """Envoy's RouteConfiguration of one listener."""
    routes = [route for rule in in_order(listener.rules) for route in _rule(rule, setting)]
    return {
        "@type": TYPE + "envoy.config.route.v3.RouteConfiguration",
        "name": routes_name(setting.balancer, listener),
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
        "request_headers_to_remove": [SOURCE_HEADER, "x-envoy-external-address"],
        "request_headers_to_add": [
            {"header": {"key": "x-forwarded-for", "value": CLIENT}},
            _set("x-forwarded-port", str(listener.port)),
        ],
    }


def in_order(rules: tuple[Rule, ...]) -> list[Rule]:
    """Lowest priority number first, the default rule last (aws-facts 1.6)."""
    return sorted(rules, key=lambda rule: math.inf if rule.priority is None else rule.priority)


def _rule(rule: Rule, setting: Setting) -> list[Json]:
    match: Json = {"prefix": "/"}
    if rule.conditions:
        match["headers"] = [matchers(condition) for condition in rule.conditions]
    if not isinstance(rule.action, Forward):
        return [{"match": match, **_answer(rule.action)}]
    action = rule.action
    return [
        *_sticky_routes(match, action, setting),
        _forward(match, action, action.shares, setting),
    ]


def _answer(action: Action) -> Json:
    return _fixed(action) if isinstance(action, Fixed) else _redirect(action)


def _sticky_routes(match: Json, action: Forward, setting: Setting) -> list[Json]:
    """A client with a group's cookie stays with the group, even without a weight."""
    if action.sticky_s is None:
        return []
    return [
        _forward(_with_cookie(match, share), action, (replace(share, weight=1),), setting)
        for share in action.shares
    ]


def _with_cookie(match: Json, share: Share) -> Json:
    cookie = rf"(?:.*;\s*)?{GROUP_COOKIE}={re.escape(cookie_value(share.group))}(?:\s*;.*)?"
    wanted = {"name": "cookie", "string_match": {"safe_regex": {"regex": cookie}}}
    return {**match, "headers": [*match.get("headers", ()), wanted]}


def cookie_value(group: str) -> str:
    """The group's id: its ARN's last part (ALB encrypts it; nobody may rely on the content)."""
    return group.rsplit("/", 1)[-1]


def _forward(match: Json, action: Forward, shares: tuple[Share, ...], setting: Setting) -> Json:
    weighted = [_weighted(share, action, setting) for share in shares if share.weight]
    # No limit on the whole answer: ALB knows only an idle timeout, then answers 504.
    route = {
        "weighted_clusters": {"clusters": weighted},
        "timeout": "0s",
        "idle_timeout": duration(setting.balancer.idle_timeout_s),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
    }
    return {"match": match, "name": FORWARD, "route": route}


def _weighted(share: Share, action: Forward, setting: Setting) -> Json:
    cluster: Json = {"name": share.group, "weight": share.weight}
    if action.sticky_s is not None:
        lifetime = max(1, round(action.sticky_s / setting.scale))
        value = f"{GROUP_COOKIE}={cookie_value(share.group)}; Path=/; Max-Age={lifetime}"
        cluster["response_headers_to_add"] = [_set("set-cookie", value, append=True)]
    group = setting.groups.get(share.group)
    if group is not None and group.sticky_s is not None:
        cluster["typed_per_filter_config"] = {
            "envoy.filters.http.stateful_session": _target_cookie(group.sticky_s / setting.scale)
        }
    return cluster


def _target_cookie(lifetime_s: float) -> Json:
    kind = TYPE + "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState"
    lifetime = duration(max(1, round(lifetime_s)))
    state = {"@type": kind, "cookie": {"name": TARGET_COOKIE, "path": "/", "ttl": lifetime}}
    return {
        "@type": TYPE + "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute",
        "stateful_session": {
            "session_state": {"name": "envoy.http.stateful_session.cookie", "typed_config": state}
        },
    }


def _fixed(action: Fixed) -> Json:
    answer: Json = {"status": action.status}
    if action.body:
        answer["body"] = {"inline_string": action.body}
    return {
        "name": FIXED,
        "direct_response": answer,
        "response_headers_to_add": [
            _set("content-type", action.content_type),
            _set("server", "awselb/2.0"),
        ],
    }


def _redirect(action: Action) -> Json:
    if not isinstance(action, Redirect):
        raise TypeError(f"not an action: {action!r}")
    change: Json = {"response_code": REDIRECT_CODES[action.status]}
    if action.protocol == "HTTPS":
        change["https_redirect"] = True
    if action.host != "#{host}":
        change["host_redirect"] = action.host
    if action.port != "#{port}":
        change["port_redirect"] = int(action.port)
    if not action.query:
        change["strip_query"] = True
    change |= _redirect_path(action.path)
    return {"name": REDIRECT, "redirect": change}


def _redirect_path(path: str) -> Json:
    if path == "/#{path}":
        return {}
    if "#{path}" not in path:
        return {"path_redirect": path}
    substitution = path.replace("\\", r"\\").replace("#{path}", r"\1")
    return {"regex_rewrite": {"pattern": {"regex": "/(.*)"}, "substitution": substitution}}


def _set(name: str, value: str, *, append: bool = False) -> Json:
    how = "APPEND_IF_EXISTS_OR_ADD" if append else "OVERWRITE_IF_EXISTS_OR_ADD"
    return {"header": {"key": name, "value": value.replace("%", "%%")}, "append_action": how}


def duration(seconds: float) -> str:
    """A protobuf Duration in JSON, to the microsecond: 0.2 -> `"0.2s"`."""
    return f"{round(seconds, 6):.6f}".rstrip("0").rstrip(".") + "s"

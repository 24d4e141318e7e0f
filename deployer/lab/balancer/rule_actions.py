"""What ALB accepts as a rule's actions: checked, and brought to AWS's normal form.

Limits: aws-facts 1.1 (weights, five target groups, one load balancer for each target group), 1.3
(stickiness), 1.6 (fixed responses); the elbv2 API model for the rest.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.lab.balancer.refusals import invalid, not_simulated, whole
from deployer.lab.wire import Refused

MAX_WEIGHT = 999
MAX_GROUPS = 5
MAX_STICKY_S = 604_800
CONTENT_TYPES = (
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
)
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a rule is to go: its load balancer, and all target groups.

    owners: target group ARN -> ARN of the load balancer that uses it, None if none does.
    sticky: ARNs of the target groups with target stickiness (AWSALB).
    """

    load_balancer: str
    owners: Mapping[str, str | None]
    sticky: frozenset[str] = frozenset()


def actions(given: Sequence[Mapping[str, Any]], setting: Setting) -> list[Json]:
    """The actions of a rule or listener, in normal form.

    Raises:
        Refused: AWS would refuse them, or the lab does not simulate them.
    """
    if not given:
        raise invalid("At least one action must be specified")
    kinds = [action.get("Type") for action in given]
    for kind in kinds:
        if kind not in {"forward", "fixed-response", "redirect"}:
            raise not_simulated(f"actions of type '{kind}'")
    if len(given) > 1:
        raise Refused(
            "InvalidLoadBalancerAction",
            "Exactly one forward, redirect or fixed-response action can be specified",
        )
    action = given[0]
    if action["Type"] == "forward":
        return [_forward(action, setting)]
    return [_fixed(action) if action["Type"] == "fixed-response" else _redirect(action)]


def _forward(action: Mapping[str, Any], setting: Setting) -> Json:
    shares = _shares(action)
    _check_weights(shares)
    stickiness = _stickiness((action.get("ForwardConfig") or {}).get("TargetGroupStickinessConfig"))
    arns = [share["TargetGroupArn"] for share in shares]
    for arn in arns:
        _check_group(arn, setting)
    if len(arns) > 1 and not stickiness["Enabled"] and setting.sticky & set(arns):
        raise Refused(
            "InvalidConfigurationRequest",
            "You must enable group stickiness on a rule if you enabled target stickiness on one "
            "of its target groups",
        )
    made: Json = {"Type": "forward"}
    if len(shares) == 1:
        made["TargetGroupArn"] = arns[0]
    config = {"TargetGroups": shares, "TargetGroupStickinessConfig": stickiness}
    return {**made, **_order(action), "ForwardConfig": config}


def _order(action: Mapping[str, Any]) -> Json:
    return {"Order": action["Order"]} if action.get("Order") else {}


def _shares(action: Mapping[str, Any]) -> list[Json]:
    """The target groups of a forward action, which may be said in two ways (aws-facts 1.1)."""
    arn = action.get("TargetGroupArn")
    given = list((action.get("ForwardConfig") or {}).get("TargetGroups") or ())
    if not given and not arn:
        raise invalid("A target group ARN must be specified")
    if not given:
        return [{"TargetGroupArn": arn, "Weight": 1}]
    if arn and [each.get("TargetGroupArn") for each in given] != [arn]:
        raise Refused(
            "InvalidLoadBalancerAction",
            "You cannot specify both a target group ARN and a forward config with other target groups",
        )
    if len(given) > 1 and any(each.get("Weight") is None for each in given):
        raise invalid("A weight must be specified for each of several target groups")
    return [
        {"TargetGroupArn": each["TargetGroupArn"], "Weight": each.get("Weight", 1)}
        for each in given
    ]


def _check_weights(shares: Sequence[Mapping[str, Any]]) -> None:
    if len(shares) > MAX_GROUPS:
        raise Refused(
            "InvalidLoadBalancerAction",
            f"A forward action can have at most {MAX_GROUPS} target groups, not {len(shares)}",
        )
    if len({share["TargetGroupArn"] for share in shares}) < len(shares):
        raise Refused("InvalidLoadBalancerAction", "The target groups of an action must be unique")
    weights = [whole("weight", share["Weight"], 0, MAX_WEIGHT) for share in shares]
    if not sum(weights):
        # What AWS does with it is not documented; whoever writes it means something else.
        raise Refused("InvalidLoadBalancerAction", "At least one weight must be greater than 0")


def _check_group(arn: str, setting: Setting) -> None:
    if arn not in setting.owners:
        raise Refused("TargetGroupNotFound", f"Target groups '{arn}' not found")
    owner = setting.owners[arn]
    if owner not in {None, setting.load_balancer}:
        raise Refused(
            "TargetGroupAssociationLimit",
            "The following target groups cannot be associated with more than one load balancer: "
            f"{arn}",
        )


def _stickiness(config: Mapping[str, Any] | None) -> Json:
    if not config or not config.get("Enabled"):
        return {"Enabled": False}
    if config.get("DurationSeconds") is None:
        raise invalid("DurationSeconds must be specified when target group stickiness is enabled")
    lasts = whole("DurationSeconds", config["DurationSeconds"], 1, MAX_STICKY_S)
    return {"Enabled": True, "DurationSeconds": lasts}


def _fixed(action: Mapping[str, Any]) -> Json:
    config = action.get("FixedResponseConfig") or {}
    status = str(config.get("StatusCode"))
    if not re.fullmatch("[245][0-9][0-9]", status):
        raise invalid(f"A fixed response's status code must be 2XX, 4XX or 5XX, not '{status}'")
    content_type = config.get("ContentType") or "text/plain"
    if content_type not in CONTENT_TYPES:
        raise Refused(
            "InvalidLoadBalancerAction",
            f"The ContentType must be one of: {', '.join(CONTENT_TYPES)}",
        )
    if len((config.get("MessageBody") or "").encode()) > 1024:
        raise invalid("A fixed response's body has at most 1024 bytes")
    return {"Type": "fixed-response", **_order(action), "FixedResponseConfig": dict(config)}


def _redirect(action: Mapping[str, Any]) -> Json:
    given = action.get("RedirectConfig") or {}
    if given.get("StatusCode") not in {"HTTP_301", "HTTP_302"}:
        raise invalid("A redirect's status code must be HTTP_301 or HTTP_302")
    config = {
        "Protocol": "#{protocol}",
        "Host": "#{host}",
        "Port": "#{port}",
        "Path": "/#{path}",
        "Query": "#{query}",
        **{key: value for key, value in given.items() if value is not None},
    }
    unchanged = ("#{protocol}", "#{host}", "#{port}", "/#{path}")
    if tuple(config[key] for key in ("Protocol", "Host", "Port", "Path")) == unchanged:
        raise Refused(
            "InvalidLoadBalancerAction",
            "The redirect would loop: modify its protocol, host, port or path",
        )
    if config["Protocol"] not in {"HTTP", "HTTPS", "#{protocol}"}:
        raise invalid("A redirect's protocol must be HTTP, HTTPS or #{protocol}")
    if config["Port"] != "#{port}":
        whole("Port", config["Port"], 1, 65535)
    _check_redirect_words(config)
    return {"Type": "redirect", **_order(action), "RedirectConfig": config}


def _check_redirect_words(config: Mapping[str, str]) -> None:
    """Which of ALB's reserved words the lab can put where."""
    if not config["Path"].startswith("/"):
        raise invalid("A redirect's path must start with '/'")
    if config["Host"] != "#{host}" and "#{" in config["Host"]:
        raise not_simulated(f"the redirect host '{config['Host']}'")
    if (
        config["Path"].count("#{") > config["Path"].count("#{path}")
        or config["Path"].count("#{path}") > 1
    ):
        raise not_simulated(f"the redirect path '{config['Path']}'")
    if config["Query"] not in {"", "#{query}"}:
        raise not_simulated(f"the redirect query '{config['Query']}'")

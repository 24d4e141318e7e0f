"""From what a load balancer does today to the settings of an environment on it. Pure.

Where several answers fit, none is chosen: one line says which there are and the flag that names one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deployer import topology
from deployer.aws import front
from deployer.aws.verify.entrance import LAST
from deployer.aws.verify.facts import short
from deployer.aws.verify.fleet import attached_to, launch_of
from deployer.aws.verify.twin import twin_name
from deployer.errors import NotFound, NotPossibleNow, UsageError

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef
    from mypy_boto3_elbv2.type_defs import ListenerTypeDef, LoadBalancerTypeDef, RuleTypeDef


@dataclass(frozen=True, slots=True)
class Running:
    """What is there. `ours`: ARNs of rules that a deployer has made."""

    balancer: LoadBalancerTypeDef
    listeners: Mapping[str, ListenerTypeDef]
    rules: Mapping[str, Sequence[RuleTypeDef]]
    groups: Sequence[AutoScalingGroupTypeDef]
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """What the flags name; empty: whatever there is."""

    listener: str = ""
    rule: str = ""
    blue: str = ""
    green: str = ""


@dataclass(frozen=True, slots=True)
class Adopted:
    """values: [environments.NAME.existing], by key. unknown: what a person must still say."""

    values: Mapping[str, str | int]
    instances: int
    max_instances: int
    target_group: str
    unknown: tuple[str, ...] = field(default=())


def adopt(running: Running, choice: Choice) -> Adopted:
    """The settings.

    Raises:
        UsageError: several ways or groups fit; says which, and the flag that chooses.
        NotFound: nothing fits.
        NotPossibleNow: the deployer's rule has no place.
    """
    listener, way = chosen_way(running, choice)
    shares = front.forwarded(way.get("Actions", ()))
    blue, blue_group, green, green_group = slots(running, choice, shares)
    templates = {name: launch_of(group) if group else {} for name, group in
                 (("blue", blue_group), ("green", green_group))}  # fmt: skip
    ids = {name: str(launch.get("LaunchTemplateId", "")) for name, launch in templates.items()}
    shared = ids["blue"] if ids["blue"] == ids["green"] else ""
    url = url_of(running.balancer, running.listeners[listener], way)
    values: dict[str, str | int] = {
        "listener": listener,
        "rule": "" if way.get("IsDefault") else way["RuleArn"],
        "rule_priority": priority(running, running.rules[listener], way, {blue, green} - {""}),
        "url": url,
        "blue_target_group": blue,
        "blue_group": blue_group["AutoScalingGroupName"],
        "blue_launch_template": ids["blue"],
        "green_target_group": green,
        "green_group": green_group["AutoScalingGroupName"] if green_group else "",
        "green_launch_template": "" if shared else ids["green"],
    }
    desired = [group["DesiredCapacity"] for group in (blue_group, green_group) if group]
    return Adopted(
        values,
        max(1, *desired),
        max(1, blue_group["MaxSize"], *desired),
        blue,
        tuple(
            open_questions(
                url,
                values,
                by_name=bool(green) and green not in shares and not choice.green,
                own_name=running.balancer.get("DNSName", "") in url,
            )
        ),
    )


def open_questions(
    url: str, values: Mapping[str, str | int], *, by_name: bool, own_name: bool
) -> Iterator[str]:
    """What AWS does not tell.

    by_name:  nothing but its name says that green is the twin.
    own_name: no rule asks for a host.
    """
    yield "where releases lie: release.artifact, or release.image if they are AMIs"
    if own_name:
        yield f"what users ask for: {url} is the load balancer's own name"
    if not values["green_group"]:
        yield "the twin: there is none yet; `deployer verify` prints the commands that make it"
    elif by_name:
        yield (
            f"whether {values['green_group']} ({short(str(values['green_target_group']))}) is the twin: it "
            "was taken by its name; another one: --green"
        )
    if values["green_group"] and not values["green_launch_template"]:
        yield "green_launch_template: both groups launch from one; each needs its own"


def ways(running: Running, choice: Choice) -> Iterator[tuple[str, RuleTypeDef]]:
    """Rules and default actions that lead to a group's instances: (listener, rule)."""
    behind = {arn for group in running.groups for arn in attached_to(group)}
    for arn, listener in running.listeners.items():
        if choice.listener not in ("", arn, str(listener.get("Port"))):
            continue
        for rule in running.rules.get(arn, ()):
            wanted = choice.rule in ("", rule["RuleArn"]) or (
                choice.rule == "default" and rule.get("IsDefault")
            )
            leads = behind & set(front.forwarded(rule.get("Actions", ())))
            if (
                wanted
                and leads
                and not front.slot_tested(rule)
                and rule["RuleArn"] not in running.ours
            ):
                yield arn, rule


def chosen_way(running: Running, choice: Choice) -> tuple[str, RuleTypeDef]:
    """The one that the flags leave.

    Raises:
        NotFound: none. UsageError: several.
    """
    found = list(ways(running, choice))
    name = running.balancer.get("LoadBalancerName", "")
    if not found and running.ours:
        raise NotFound(
            f"what leads to instances behind {name} is a deployer's own rule already: the "
            "deployer.toml that it was made with describes it, and its stacks need no --from-alb; "
            "or look at --listener and --rule"
        )
    if not found:
        raise NotFound(
            f"no rule of {name} forwards to a target group that an Auto Scaling group is attached "
            "to: register the service there first, or look at --listener and --rule"
        )
    if len(found) > 1:
        told = "; ".join(
            f"--listener {running.listeners[arn].get('Port')} --rule "
            f"{'default' if rule.get('IsDefault') else rule['RuleArn']} (to "
            f"{', '.join(map(short, front.forwarded(rule['Actions'])))})"
            for arn, rule in found
        )
        raise UsageError(f"{len(found)} ways of {name} lead to instances; choose one: {told}")
    return found[0]


def slots(
    running: Running, choice: Choice, shares: Mapping[str, int]
) -> tuple[str, AutoScalingGroupTypeDef, str, AutoScalingGroupTypeDef | None]:
    """Target group and group of blue, then of green, empty and None as long as there is no twin.

    Raises:
        UsageError: several groups fit. NotFound: a named one does not.
    """
    serving = sorted(shares, key=lambda arn: (-shares[arn], arn))
    named = next((arn for arn in serving if "blue" in short(arn).lower()), serving[0])
    blue = group_behind(running, named, choice.blue, "--blue")
    if blue is None:
        raise NotFound(f"no Auto Scaling group is attached to {short(named)}: name one with --blue")
    wanted = choice.green or twin_name(blue["AutoScalingGroupName"])
    for arn in serving:
        if arn != named and (green := group_behind(running, arn, choice.green, "--green")):
            return named, blue, arn, green
    twin = next((g for g in running.groups if g["AutoScalingGroupName"] == wanted), None)
    own = sorted(attached_to(twin) - {named}) if twin else []
    if twin and len(own) > 1:
        raise UsageError(
            f"{wanted} is attached to several target groups ({', '.join(map(short, own))}), and a slot "
            "has one: detach the others, or name another twin with --green"
        )
    if twin and own:
        return named, blue, own[0], twin
    if choice.green:
        raise NotFound(f"there is no group {choice.green} with a target group of its own (--green)")
    return named, blue, "", None


def group_behind(
    running: Running, arn: str, wanted: str, flag: str
) -> AutoScalingGroupTypeDef | None:
    """The group that is attached to a target group.

    Raises:
        UsageError: there are several, and no flag says which.
    """
    found = [group for group in running.groups if arn in attached_to(group)]
    names = [group["AutoScalingGroupName"] for group in found]
    if wanted:
        return next((g for g in found if g["AutoScalingGroupName"] == wanted), None)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} groups are attached to {short(arn)}; choose one with {flag}: "
            f"{', '.join(names)}"
        )
    return found[0] if found else None


def priority(
    running: Running, rules: Sequence[RuleTypeDef], way: RuleTypeDef, slots: set[str]
) -> int:
    """A free one for the deployer's rule, with the one before free too: right in front of `way`.

    Where it has a rule to these `slots` already: that one's. Another service's may be there too.

    Raises:
        NotPossibleNow: there is no room.
    """
    for rule in rules:
        shares = set(front.forwarded(rule.get("Actions", ())))
        if rule["RuleArn"] in running.ours and len(shares) > 1 and shares == slots:
            return int(rule["Priority"])
    taken = {int(rule["Priority"]) for rule in rules if not rule.get("IsDefault")}
    if way.get("IsDefault"):
        last = max(taken, default=0)
        fit = max(topology.PRODUCTION_RULE_PRIORITY, last + 2)
    else:
        fit = int(way["Priority"]) - 1
    if fit > LAST or fit < 2 or fit in taken or fit - 1 in taken:
        raise NotPossibleNow(
            f"there are no two free priorities right before {front.named(way)}, for the deployer's "
            "own rules: make room with `aws elbv2 set-rule-priorities`"
        )
    return fit


def url_of(balancer: LoadBalancerTypeDef, listener: ListenerTypeDef, way: RuleTypeDef) -> str:
    """What users ask for: the host that the rule asks for, else the load balancer itself."""
    hosts = [
        value
        for condition in way.get("Conditions", ())
        for value in condition.get("HostHeaderConfig", {}).get("Values", [])
        if "*" not in value and "?" not in value
    ]
    scheme = str(listener.get("Protocol", "HTTP")).lower()
    port = int(listener.get("Port", 80))
    usual = {"http": 80, "https": 443}.get(scheme) == port
    return f"{scheme}://{(hosts or [balancer.get('DNSName', '')])[0]}{'' if usual else f':{port}'}"

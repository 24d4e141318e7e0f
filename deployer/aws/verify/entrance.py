"""Checks of the way in: listener, rules, target groups. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from deployer import topology
from deployer.aws import front
from deployer.aws.alb import sticky_s
from deployer.aws.verify.facts import Facts, SlotFacts, short
from deployer.errors import Halted
from deployer.findings import Finding, problem, warning
from deployer.model import Health, Slot

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef

SLOW_DRAIN_S = 300  # AWS's own default
SLOW_TO_NOTICE_S = 60
LAST = 50_000  # the largest priority


def listener(facts: Facts) -> Iterator[Finding]:
    """It is there, and so is the one for tests."""
    if facts.balancer is None and "elasticloadbalancing:DescribeLoadBalancers" not in facts.unread:
        yield problem(
            "listener", short(facts.names.load_balancer), "there is no such load balancer",
            "nothing can be shipped to it", "check existing.listener in deployer.toml",
        )  # fmt: skip
        return
    if "elasticloadbalancing:DescribeListeners" in facts.unread:
        return
    there = f"it has {', '.join(sorted(facts.listeners)) or 'none'}"
    if facts.names.listener not in facts.listeners:
        yield problem(
            "listener", facts.names.listener, "the load balancer has no such listener",
            "the deployer's rule would have no place", there,
        )  # fmt: skip
    elif facts.names.test_listener not in facts.listeners:
        yield problem(
            "listener", facts.names.test_listener, "the load balancer has no such test listener",
            "smoke requests would reach nobody, and nothing checks the health of an idle slot", there,
        )  # fmt: skip


def rule(facts: Facts) -> Iterator[Finding]:
    """The deployer's rule has its place, and does all that is done behind it."""
    place = facts.names.front
    if place is None or not facts.own:
        return
    target_groups = {slot: facts.names.slots[slot].target_group for slot in Slot}
    try:
        front.says(front.behind(place, facts.own), target_groups)
    except Halted as error:
        yield problem(
            "rule", place.behind or facts.names.listener, str(error),
            "a rule in front of it would lead around the rest",
            "let it forward to the live slot's target group and do nothing else, or name another "
            "rule in existing.rule",
        )  # fmt: skip
    for each in facts.own:
        if each.get("Priority") == str(place.priority) and not is_ours(each, facts):
            yield problem(
                "rule", each["RuleArn"], f"priority {place.priority} is taken",
                "the deployer's rule needs it", "name a free one in existing.rule_priority",
            )  # fmt: skip
        elif each.get("Priority") == str(place.priority - 1) and not is_group(each, facts):
            yield warning(
                "rule", each["RuleArn"], f"priority {place.priority - 1} is taken",
                "no user group can go first (canary --group)",
                "name another existing.rule_priority: it and the one before must be free",
            )  # fmt: skip


def is_ours(each: RuleTypeDef, facts: Facts) -> bool:
    """The deployer's production rule, by what it forwards to."""
    slots = {facts.names.slots[slot].target_group for slot in Slot}
    return set(front.forwarded(each.get("Actions", ()))) == slots


def is_group(each: RuleTypeDef, facts: Facts) -> bool:
    """A user group's rule, by what it forwards to."""
    slots = {facts.names.slots[slot].target_group for slot in Slot}
    return bool(targets := set(front.forwarded(each.get("Actions", ())))) and targets <= slots


def other_ways(facts: Facts) -> Iterator[Finding]:
    """No request reaches a slot past the deployer's rule: it would not follow the weights."""
    place = facts.names.front
    slots = {facts.names.slots[slot].target_group for slot in Slot} - {""}
    for arn, rules in facts.rules.items():
        for each in rules:
            if place is None or not slots & set(front.forwarded(each.get("Actions", ()))):
                continue
            here = arn == facts.names.listener
            known = here and (
                each["RuleArn"] == place.behind
                or (not place.behind and each.get("IsDefault"))
                or each.get("Priority") in (str(place.priority), str(place.priority - 1))
            )
            if not known and not front.slot_tested(each):
                yield problem(
                    "other-ways", front.named(each) if here else f"{short(arn)}: {front.named(each)}",
                    "it leads to a slot too, past the deployer's rule",
                    "its requests do not follow the weights, and fail once that slot is empty",
                    "make it redirect to the production listener, or give it target groups of its own",
                )  # fmt: skip
    if place is not None and not place.behind:
        for each in facts.own:
            if not each.get("IsDefault") and int(each["Priority"]) > place.priority:
                yield problem(
                    "other-ways", front.named(each),
                    f"it comes after the deployer's rule ({place.priority}), which takes everything",
                    "its users would reach this service instead",
                    f"set existing.rule_priority above {each['Priority']}, "
                    f"{LAST} at most",
                )  # fmt: skip


def smoke(facts: Facts) -> Iterator[Finding]:
    """A smoke request reaches just the slot that it names; this also keeps idle slots checked."""
    test = facts.names.test_listener
    taken = {str(rule.get("Priority")) for rule in facts.rules.get(test, ())}
    free = (number for number in range(1, LAST) if str(number) not in taken)
    for slot in Slot:
        target_group = facts.names.slots[slot].target_group
        if not target_group or test not in facts.rules:
            continue
        found = [each for each in facts.rules[test] if front.slot_tested(each) is slot]
        if not any(set(front.forwarded(each["Actions"])) == {target_group} for each in found):
            yield problem(
                "smoke-requests", test,
                f"no rule sends {topology.SLOT_HEADER}: {slot} to {short(target_group)}",
                "smoke requests would ask the wrong slot, and nothing checks the health of an idle one",
                "make it (with a source-ip condition beside, where strangers must not):",
                create_rule(test, next(free), slot, target_group),
            )  # fmt: skip
            continue
        place = facts.names.front
        late = [
            each for each in found
            if place and test == facts.names.listener and int(each["Priority"]) > place.priority - 2
        ]  # fmt: skip
        for each in late:
            yield problem(
                "smoke-requests", each["RuleArn"], "it comes after the deployer's own rules",
                "smoke requests would be served like everybody's",
                "give it a smaller priority",
                "aws elbv2 set-rule-priorities --rule-priorities "
                f"'[{{\"RuleArn\":\"{each['RuleArn']}\",\"Priority\":{next(free)}}}]'",
            )  # fmt: skip


def create_rule(test: str, priority: int, slot: Slot, target_group: str) -> str:
    """The command that makes a slot's rule for smoke requests."""
    config = {"HttpHeaderName": topology.SLOT_HEADER, "Values": [str(slot)]}
    conditions = json.dumps([{"Field": "http-header", "HttpHeaderConfig": config}])
    actions = json.dumps([{"Type": "forward", "TargetGroupArn": target_group}])
    return (
        f"aws elbv2 create-rule --listener-arn {test} --priority {priority} "
        f"--conditions '{conditions}' --actions '{actions}'"
    )


def target_groups(facts: Facts) -> Iterator[Finding]:
    """Both are there, alike, in the load balancer's network, and sanely checked."""
    for slot, each in facts.slots.items():
        if not each.names.target_group:
            continue
        if each.target_group is None:
            if "elasticloadbalancing:DescribeTargetGroups" in facts.unread:
                continue
            yield problem(
                "target-groups", each.names.target_group, "there is no such target group",
                f"{slot} cannot serve", "check deployer.toml",
            )  # fmt: skip
        else:
            yield from _target_group(facts, slot, each)
    blue, green = (facts.slots[slot].target_group for slot in Slot)
    if blue and green:
        for key in ("Protocol", "Port", "HealthCheckPath", "HealthCheckPort", "Matcher"):
            if blue.get(key) != green.get(key):
                yield problem(
                    "target-groups", short(green["TargetGroupArn"]),
                    f"its {key} is {green.get(key)}, that of {short(blue['TargetGroupArn'])} {blue.get(key)}",
                    "the slots would not answer alike", "make them alike",
                )  # fmt: skip


def _target_group(facts: Facts, slot: Slot, each: SlotFacts) -> Iterator[Finding]:
    found = each.target_group
    if found is None:
        return
    name = short(found["TargetGroupArn"])
    if found.get("TargetType") != "instance":
        yield problem(
            "target-groups", name, f"its targets are of type {found.get('TargetType')}",
            "the deployer counts instances that are healthy in the target group",
            "use one of target type instance",
        )  # fmt: skip
    if facts.balancer and found.get("VpcId") != facts.balancer.get("VpcId"):
        yield problem(
            "target-groups", name, f"it is in {found.get('VpcId')}, the load balancer in "
            f"{facts.balancer.get('VpcId')}", f"{slot} can never serve", "make it in the same VPC",
        )  # fmt: skip
    if not found.get("LoadBalancerArns"):
        yield problem(
            "target-groups", name, "no rule names it",
            "its targets stay `unused`: nothing checks their health (smoke-requests)",
            "make the rules for smoke requests",
        )  # fmt: skip
    notices = found.get("HealthCheckIntervalSeconds", 0) * found.get("UnhealthyThresholdCount", 0)
    if notices > SLOW_TO_NOTICE_S:
        yield warning(
            "health-check", name, f"a broken instance is noticed after {notices} s",
            "a broken release serves its share for so long",
            "check more often: aws elbv2 modify-target-group --target-group-arn "
            f"{found['TargetGroupArn']} --health-check-interval-seconds 5 "
            "--health-check-timeout-seconds 2 --unhealthy-threshold-count 2",
        )  # fmt: skip
    drain = int(each.attributes.get("deregistration_delay.timeout_seconds", "0"))
    if drain >= SLOW_DRAIN_S:
        yield warning(
            "health-check", name, f"draining takes {drain} s, whether or not anything is in flight",
            "every batch of a rolling deployment, and every retired slot, waits for so long",
            "as long as your slowest request, and no longer:",
            "aws elbv2 modify-target-group-attributes --target-group-arn "
            f"{found['TargetGroupArn']} --attributes "
            "'[{\"Key\":\"deregistration_delay.timeout_seconds\",\"Value\":\"30\"}]'",
        )  # fmt: skip


def stickiness(facts: Facts) -> Iterator[Finding]:
    """Weights decide about every request; what their rule promises to clients is told."""
    yield from _promised(facts)
    for each in facts.slots.values():
        if each.attributes.get("stickiness.enabled") == "true":
            yield problem(
                "stickiness", short(each.names.target_group), "it keeps clients with one target",
                "the rule must stick then, and no way back would take users off a bad release",
                "aws elbv2 modify-target-group-attributes --target-group-arn "
                f"{each.names.target_group} --attributes "
                "'[{\"Key\":\"stickiness.enabled\",\"Value\":\"false\"}]'",
            )  # fmt: skip


def _promised(facts: Facts) -> Iterator[Finding]:
    place = facts.names.front
    if place is None:
        return
    ours = [each for each in facts.own if each.get("Priority") == str(place.priority)]
    for each in facts.own:
        stood_before = each["RuleArn"] == place.behind if place.behind else each.get("IsDefault")
        if stood_before and (sticks := sticky_s(each)) and not any(map(sticky_s, ours)):
            yield warning(
                "stickiness", front.named(each), f"it keeps clients with a target group for {sticks} s",
                "the deployer's rule in front of it does not: while shares are split, clients may "
                "change releases with every request",
                "if your users need it: after the first deployment switch it on in the deployer's rule, "
                "which keeps it from then on (docs/strategies.md, When the rule sticks)",
            )  # fmt: skip


def targets(facts: Facts) -> Iterator[Finding]:
    """What is registered is checked."""
    for each in facts.slots.values():
        health = each.targets.health if each.targets else {}
        unused = sum(state is Health.UNUSED for state in health.values())
        if unused:
            yield problem(
                "targets", short(each.names.target_group),
                f"{unused} of {len(health)} targets are `unused`",
                "nothing checks their health: no rule names the target group, or the load balancer "
                "has no subnet in their zone", "make the rules for smoke requests; add the zone",
            )  # fmt: skip

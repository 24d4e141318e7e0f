"""In front of others' rules: what the deployer's rule copies from the one behind it, and what that one says.

Nothing here changes anything of others: their rule, or default action, stays as its owner's template
has it, and the deployer's rule, with the same conditions and a smaller priority, comes before it
(docs/decisions/0010). Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from deployer import topology
from deployer.aws import weights as scale
from deployer.errors import Halted
from deployer.model import Slot, Weights

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import (
        ActionOutputTypeDef,
        RuleConditionOutputTypeDef,
        RuleConditionTypeDef,
        RuleTypeDef,
    )

    from deployer.aws.published import Front

EVERYTHING: RuleConditionTypeDef = {
    "Field": "path-pattern",
    "PathPatternConfig": {"Values": [topology.PRODUCTION_RULE_PATH]},
}


def behind(front: Front, rules: Sequence[RuleTypeDef]) -> RuleTypeDef:
    """The rule that the deployer's stands in front of; with no name, the default one.

    Raises:
        Halted: it is gone, or comes before the deployer's, which would then be in vain.
    """
    wanted = front.behind
    for rule in rules:
        if rule["RuleArn"] == wanted or (not wanted and rule.get("IsDefault")):
            if not rule.get("IsDefault") and int(rule["Priority"]) <= front.priority:
                raise Halted(
                    f"{named(rule)} has priority {rule['Priority']} and comes before the "
                    f"deployer's ({front.priority}), which would be in vain: give one of them "
                    "another priority (existing.rule_priority)"
                )
            return rule
    raise Halted(
        f"the rule in front of which the deployer's stands is gone: {wanted or 'the default one'}"
    )


def says(rule: RuleTypeDef, target_groups: Mapping[Slot, str]) -> Weights | None:
    """How `rule` shares traffic between the slots; None: it answers by itself, nothing is served.

    Raises:
        Halted: it does something else, which a rule in front of it would lead around.
    """
    actions = rule.get("Actions", ())
    if only(actions, "fixed-response"):
        return None
    shares = forwarded(actions)
    if not copies(rule) or not set(shares) <= set(target_groups.values()):
        raise Halted(
            f"{named(rule)} must do nothing but forward to the slots' target groups, so that the "
            "deployer's rule can stand in front of it: `deployer verify` says what to do"
        )
    return scale.read(*(shares.get(target_groups[slot], 0) for slot in Slot))


def copies(rule: RuleTypeDef) -> bool:
    """Whether a rule that only forwards does all that this one does."""
    return only(rule.get("Actions", ()), "forward") and not rule.get("Transforms")


def only(actions: Sequence[ActionOutputTypeDef], kind: str) -> bool:
    """There is one action, of this kind."""
    return [action["Type"] for action in actions] == [kind]


def conditions(rule: RuleTypeDef) -> list[RuleConditionTypeDef]:
    """What the deployer's rule asks for in front of `rule`: the same."""
    if rule.get("IsDefault"):
        return [EVERYTHING]
    return [asked(condition) for condition in rule.get("Conditions", ())]


def narrowing(rule: RuleTypeDef) -> list[RuleConditionTypeDef]:
    """What a user group's rule asks for beside the group's own trait: those of other hosts are not its users."""
    return [each for each in map(asked, rule.get("Conditions", ())) if each != EVERYTHING]


def without(
    given: Sequence[RuleConditionOutputTypeDef], known: Collection[RuleConditionTypeDef]
) -> list[RuleConditionOutputTypeDef]:
    """`given` without those that are `known`."""
    return [each for each in given if asked(each) not in known]


def slot_tested(each: RuleTypeDef) -> Slot | None:
    """The slot to which the rule sends smoke requests; None: it is no such rule."""
    for condition in each.get("Conditions", ()):
        config = condition.get("HttpHeaderConfig", {})
        if config.get("HttpHeaderName", "").lower() == topology.SLOT_HEADER.lower():
            values = config.get("Values", [])
            return Slot(values[0]) if values in (["blue"], ["green"]) else None
    return None


def forwarded(actions: Sequence[ActionOutputTypeDef]) -> dict[str, int]:
    """Weight per target group that is forwarded to; of a single one it does not matter, and is 1."""
    shares: dict[str, int] = {}
    for action in actions:
        if action["Type"] == "forward":
            groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
            shares |= {group["TargetGroupArn"]: group.get("Weight", 0) for group in groups}
            if not groups and "TargetGroupArn" in action:
                shares[action["TargetGroupArn"]] = 1
    return dict.fromkeys(shares, 1) if len(shares) == 1 else shares


def asked(condition: RuleConditionOutputTypeDef) -> RuleConditionTypeDef:
    """A condition as it was read, made fit to be sent: `Values` may not stand beside its own config."""
    kept: dict[str, Any] = {**condition}
    field = str(kept.get("Field"))
    if field == "path-pattern" and "PathPatternConfig" not in kept and kept.get("Values"):
        kept["PathPatternConfig"] = {"Values": kept["Values"]}
    if field == "host-header" and "HostHeaderConfig" not in kept and kept.get("Values"):
        kept["HostHeaderConfig"] = {"Values": kept["Values"]}
    if any(key.endswith("Config") for key in kept):
        kept.pop("Values", None)
    return cast("RuleConditionTypeDef", {key: value for key, value in kept.items() if value})


def named(rule: RuleTypeDef) -> str:
    """A rule, for people."""
    return (
        "the listener's default action" if rule.get("IsDefault") else f"the rule {rule['RuleArn']}"
    )

"""The production rule: found, read, made, and moved without touching anything else of it.

ModifyRule replaces the whole list of actions and has no compare-and-swap (aws-facts 1.1), so a
change reads the rule, compares it with what the caller believes, and sends everything back with
nothing but the two weights changed; and the rule's stickiness, where the change says so.

On a listener of others it stands in front of the rule, or the default action, that leads to the
service today (`Front`): as long as it is not made, the live weights are what that one says, which
nobody but its owner ever changes (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from deployer import topology
from deployer.aws import front
from deployer.aws import weights as scale
from deployer.aws.failures import asking, changing, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.published import Front
from deployer.aws.session import Aws
from deployer.changes import SetWeights, Stick
from deployer.errors import ChangeRefused, DeployError, Halted, WeightsMoved
from deployer.model import Slot, Weights

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import (
        ActionOutputTypeDef,
        ActionTypeDef,
        RuleConditionTypeDef,
        RuleTypeDef,
    )
    from mypy_boto3_elbv2.type_defs import TargetGroupStickinessConfigTypeDef as Stickiness

NEEDS = (
    Need("elasticloadbalancing:DescribeRules", Resource.ANY),
    Need("elasticloadbalancing:CreateRule", Resource.LISTENER),
    Need("elasticloadbalancing:AddTags", Resource.NEW_RULE),
    Need("elasticloadbalancing:ModifyRule", Resource.RULE),
)
NOT_STICKY: Stickiness = {"Enabled": False}


@dataclass(frozen=True, slots=True)
class ProductionRule:
    """The rule on `listener` that shares the traffic between the two target groups.

    target_groups: ARN per slot.
    tags:          written on the rule when it is made.
    front:         where it stands among the rules of others; None: the listener is the stacks'.
    """

    aws: Aws
    listener: str
    target_groups: dict[Slot, str]
    tags: dict[str, str]
    front: Front | None = None

    @property
    def priority(self) -> int:
        """Where the rule is made."""
        return self.front.priority if self.front else topology.PRODUCTION_RULE_PRIORITY

    def read(self) -> tuple[Weights | None, int | None]:
        """The live weights, None without a rule; and for how many seconds it sticks, None: not.

        One call.

        Raises:
            Halted: the rule is not one that the deployer made, or serves nothing.
            CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
        """
        return self.read_among(self.rules())

    def read_among(self, rules: Sequence[RuleTypeDef]) -> tuple[Weights | None, int | None]:
        """The same, from what `rules` told.

        Raises:
            Halted: as `read`.
        """
        rule = self.find(rules)
        if rule is None:
            return self._unmade(rules), None
        return self._weights_of(rule), sticky_s(rule)

    def change(self, change: SetWeights) -> None:
        """Send `change.weights`. Two calls; one if they are live already.

        Raises:
            WeightsMoved: the live weights are not `change.live`, or the rule's stickiness, which
                would be switched off, is not `change.sticky_s`; nothing was changed.
            Halted, CloudUnavailable, AccessProblem, ChangeRefused: as `read` and `changing`.
        """
        rules = self.rules()
        rule, (live, sticks) = self.find(rules), self.read_among(rules)
        unstick = change.unsticks and sticks is not None
        if live == change.weights and not unstick:
            return
        require_expected(live, change.live)
        if unstick and sticks != change.sticky_s:
            raise WeightsMoved(
                f"the rule sticks for {sticks} s, which was not so when it was read: looking again"
            )
        if rule is None:
            self._create(change, rules)
        else:
            self._modify(rule, change.weights, NOT_STICKY if unstick else None)

    def stick(self, change: Stick) -> None:
        """Let the rule stick again. Two calls; one if it sticks already, for however long.

        Raises:
            WeightsMoved: the live weights are not `change.live`; nothing was changed.
            Halted, CloudUnavailable, AccessProblem, ChangeRefused: as `read` and `changing`.
        """
        rules = self.rules()
        rule = self.find(rules)
        require_expected(self.read_among(rules)[0], change.live)
        if rule is not None and sticky_s(rule) is None:
            again: Stickiness = {"Enabled": True, "DurationSeconds": change.sticky_s}
            self._modify(rule, change.live, again)

    def find(self, rules: Sequence[RuleTypeDef]) -> RuleTypeDef | None:
        """The production rule: by its path and its two target groups, whatever its priority.

        Raises:
            Halted: there are several, or another rule has taken the priority.
        """
        mine = [rule for rule in rules if self._is_mine(rule)]
        if len(mine) > 1:
            arns = ", ".join(rule["RuleArn"] for rule in mine)
            raise Halted(
                f"several production rules share the two slots: delete all but one: {arns}"
            )
        at_ours = [rule["RuleArn"] for rule in rules if rule.get("Priority") == str(self.priority)]
        if at_ours and not mine:
            raise Halted(
                f"the rule at priority {self.priority} of the listener is not the deployer's (it "
                f"must {self._shape} and forward to exactly the two slots' target groups): move or "
                f"delete {at_ours[0]}"
            )
        return mine[0] if mine else None

    def rules(self) -> tuple[RuleTypeDef, ...]:
        """All rules of the listener. One call for 400 of them.

        Raises:
            CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
        """
        with asking("elasticloadbalancing:DescribeRules", self.listener):
            pages = self.aws.elbv2.get_paginator("describe_rules").paginate(
                ListenerArn=self.listener, PaginationConfig={"PageSize": 400}
            )
            return tuple(rule for page in pages for rule in page["Rules"])

    @property
    def _shape(self) -> str:
        path = f"match {topology.PRODUCTION_RULE_PATH}"
        return path if self.front is None else "be in front of the rule that the settings name"

    def _is_mine(self, rule: RuleTypeDef) -> bool:
        """Among the rules of others only its place tells it apart: they may share traffic too."""
        if set(_shares(rule.get("Actions", ()))) != set(self.target_groups.values()):
            return False
        if self.front is None:
            return _catches_all(rule)
        return rule.get("Priority") == str(self.priority) and rule["RuleArn"] != self.front.behind

    def _unmade(self, rules: Sequence[RuleTypeDef]) -> Weights | None:
        """The live weights before the rule is made: None where nothing is behind it."""
        if self.front is None:
            return None
        return front.says(front.behind(self.front, rules), self.target_groups)

    def narrowing(self, rules: Sequence[RuleTypeDef]) -> list[RuleConditionTypeDef]:
        """What requests must be, beside anything, for the rule to see them."""
        if self.front is None:
            return []
        return front.narrowing(self.find(rules) or front.behind(self.front, rules))

    def _weights_of(self, rule: RuleTypeDef) -> Weights:
        shares = _shares(rule["Actions"])
        return scale.read(*(shares[self.target_groups[slot]] for slot in Slot))

    def _create(self, change: SetWeights, rules: Sequence[RuleTypeDef]) -> None:
        """Make the rule; if another process was faster, or a reply was lost, look what it says."""
        try:
            with changing("elasticloadbalancing:CreateRule", self.listener):
                self.aws.elbv2.create_rule(
                    ListenerArn=self.listener,
                    Priority=self.priority,
                    Conditions=front.conditions(front.behind(self.front, rules))
                    if self.front
                    else [front.EVERYTHING],
                    Actions=[self._forward(change.weights)],
                    Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
                )
        except ChangeRefused as error:
            if code_of(error) != "PriorityInUse":
                raise
            live, _ = self.read()
            if live != change.weights:
                raise WeightsMoved(
                    f"the production rule was made by somebody else in this moment: it sends {live}"
                ) from error

    def _forward(self, weights: Weights) -> ActionTypeDef:
        sent = scale.written(weights)
        return {
            "Type": "forward",
            "ForwardConfig": {
                "TargetGroups": [
                    {"TargetGroupArn": self.target_groups[slot], "Weight": sent[slot]}
                    for slot in Slot
                ]
            },
        }

    def _modify(self, rule: RuleTypeDef, weights: Weights, stickiness: Stickiness | None) -> None:
        sent = scale.written(weights)
        by_arn = {self.target_groups[slot]: sent[slot] for slot in Slot}
        with _gone_is_moved(), changing("elasticloadbalancing:ModifyRule", rule["RuleArn"]):
            self.aws.elbv2.modify_rule(
                RuleArn=rule["RuleArn"],
                Actions=[resent(action, by_arn, stickiness) for action in rule["Actions"]],
            )


def require_expected(live: Weights | None, expected: Weights | None) -> None:
    """The rule sends what the caller believes.

    Raises:
        WeightsMoved: it does not.
    """
    if live != expected:
        raise WeightsMoved(
            f"the rule sends {live or 'nothing: it is gone'}, not {expected or 'nothing'} "
            "as expected: somebody else moved traffic; find out who, then `deployer status`"
        )


@contextmanager
def _gone_is_moved() -> Iterator[None]:
    try:
        yield
    except DeployError as error:
        if code_of(error) == "RuleNotFound":
            raise WeightsMoved(
                "the production rule was deleted in this moment: run `deployer status`"
            ) from error
        raise


def _shares(actions: Sequence[ActionOutputTypeDef]) -> dict[str, int]:
    """Weight per target group of the forward action; empty if it does not share traffic."""
    for action in actions:
        groups = action.get("ForwardConfig", {}).get("TargetGroups", ())
        if action["Type"] == "forward" and len(groups) > 1:
            return {group["TargetGroupArn"]: group.get("Weight", 0) for group in groups}
    return {}


def sticky_s(rule: RuleTypeDef) -> int | None:
    """For how long the rule's forward action keeps a client with its target group; None: it does not.

    Without a duration it cannot be on: one must be given then (elbv2 API, TargetGroupStickinessConfig).
    """
    for action in rule.get("Actions", ()):
        config = action.get("ForwardConfig", {}).get("TargetGroupStickinessConfig", {})
        if action["Type"] == "forward" and config.get("Enabled"):
            return config.get("DurationSeconds")
    return None


def _catches_all(rule: RuleTypeDef) -> bool:
    conditions = rule.get("Conditions", ())
    if len(conditions) != 1 or conditions[0].get("Field") != "path-pattern":
        return False
    values = conditions[0].get("PathPatternConfig", {}).get("Values") or conditions[0].get("Values")
    return values == [topology.PRODUCTION_RULE_PATH]


def resent(
    action: ActionOutputTypeDef, weights: dict[str, int], stickiness: Stickiness | None = None
) -> ActionTypeDef:
    """An action as it was read, made fit to be sent back, with these weights per target group.

    A forward action loses the TargetGroupArn that is not allowed beside two groups, and keeps its
    order, and its stickiness unless another one is given; an OIDC action keeps the secret that reading it does not show
    (aws-facts 1.1, traps a and b).
    """
    kept: dict[str, Any] = {**action}
    if "AuthenticateOidcConfig" in kept and "ClientSecret" not in kept["AuthenticateOidcConfig"]:
        known = {**kept["AuthenticateOidcConfig"], "UseExistingClientSecret": True}
        kept["AuthenticateOidcConfig"] = known
    if kept["Type"] == "forward":
        kept.pop("TargetGroupArn", None)
        groups = [
            {**group, "Weight": weights[group["TargetGroupArn"]]}
            for group in kept["ForwardConfig"]["TargetGroups"]
        ]
        kept["ForwardConfig"] = {**kept["ForwardConfig"], "TargetGroups": groups}
        if stickiness is not None:
            kept["ForwardConfig"]["TargetGroupStickinessConfig"] = stickiness
    return cast("ActionTypeDef", kept)

"""A user group's own rule: before the production rule, to one slot, made and deleted, never changed.

It takes users past the production rule, so it may do nothing that the production rule does not:
where that one authenticates or rewrites first, there is no place for a group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer import topology
from deployer.aws import beside
from deployer.aws.alb import ProductionRule
from deployer.aws.failures import changing, code_of
from deployer.aws.front import without
from deployer.aws.group_conditions import conditions, told
from deployer.aws.needs import Need, Resource
from deployer.changes import SetCohort
from deployer.errors import ChangeRefused, WeightsMoved
from deployer.model import Admitted, Blocked

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import RuleTypeDef

NEEDS = (
    Need("elasticloadbalancing:CreateRule", Resource.LISTENER),
    Need("elasticloadbalancing:AddTags", Resource.NEW_RULE),
    Need("elasticloadbalancing:DeleteRule", Resource.COHORT_RULE),
)


@dataclass(frozen=True, slots=True)
class CohortRule:
    """The group's rule beside `production`, which knows the listener, the slots and the tags."""

    production: ProductionRule

    @property
    def priority(self) -> int:
        """Before the production rule; among the rules of others right before it."""
        front = self.production.front
        return front.priority - 1 if front else topology.COHORT_RULE_PRIORITY

    def among(self, rules: Sequence[RuleTypeDef]) -> Admitted | Blocked | None:
        """What `rules`, all of the listener's, make of a user group."""
        taken = beside.at(rules, self.priority)
        return self._obstacle(rules) if taken is None else self._read(taken, rules)

    def change(self, change: SetCohort) -> None:
        """Make the group's rule, or delete it. Two calls; one if that is done already.

        Raises:
            WeightsMoved: the live rule is not `change.live`; nothing was changed.
            ChangeRefused: there is no place for it.
            Halted, CloudUnavailable, AccessProblem: as `ProductionRule.rules` and `changing`.
        """
        rules = self.production.rules()
        live = self.among(rules)
        if live == change.admitted or (change.admitted is None and not isinstance(live, Admitted)):
            return
        if isinstance(live, Blocked):
            raise ChangeRefused(f"{change}: {live.why}")
        if live != change.live:
            raise WeightsMoved(
                f"the rule of a user group sends {live or 'nobody: it is gone'}, not "
                f"{change.live or 'nobody'} as expected: somebody else moved traffic; find out "
                "who, then `deployer status`"
            )
        if change.admitted is not None:
            self._create(change.admitted, rules)
        elif taken := beside.at(rules, self.priority):
            beside.delete(self.production.aws, taken["RuleArn"])

    def _read(self, rule: RuleTypeDef, rules: Sequence[RuleTypeDef]) -> Admitted | Blocked:
        slots = {arn: slot for slot, arn in self.production.target_groups.items()}
        own = without(rule.get("Conditions", ()), self.production.narrowing(rules))
        cohort, slot = told(own), slots.get(_target(rule))
        if cohort is not None and slot is not None and not rule.get("Transforms"):
            return Admitted(cohort, slot)
        return Blocked(
            f"the listener's rule at priority {self.priority} is not one that the deployer makes for a "
            f"user group: move or delete {rule['RuleArn']}"
        )

    def _obstacle(self, rules: Sequence[RuleTypeDef]) -> Blocked | None:
        """Why a rule at our priority would be in vain, or would lead around something."""
        rule = self.production.find(rules)
        if rule is None:
            return None
        if int(rule["Priority"]) < self.priority:
            return Blocked(
                f"the production rule has priority {rule['Priority']} and comes before a group's "
                f"({self.priority}): give it {topology.PRODUCTION_RULE_PRIORITY}"
            )
        more: list[str] = [
            action["Type"] for action in rule["Actions"] if action["Type"] != "forward"
        ]
        more += ["transforms"] if rule.get("Transforms") else []
        if more:
            return Blocked(
                f"the production rule does more than forward ({', '.join(more)}), and a group's "
                "rule would lead around that"
            )
        return None

    def _create(self, admitted: Admitted, rules: Sequence[RuleTypeDef]) -> None:
        """Make it; if another process was faster, or a reply was lost, look what it says."""
        tags = {**self.production.tags, topology.COHORT_TAG: str(admitted.slot)}
        target_group = self.production.target_groups[admitted.slot]
        try:
            with changing("elasticloadbalancing:CreateRule", self.production.listener):
                self.production.aws.elbv2.create_rule(
                    ListenerArn=self.production.listener,
                    Priority=self.priority,
                    Conditions=[*conditions(admitted.cohort), *self.production.narrowing(rules)],
                    Actions=[{"Type": "forward", "TargetGroupArn": target_group}],
                    Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                )
        except ChangeRefused as error:
            if code_of(error) != "PriorityInUse":
                raise
            live = self.among(self.production.rules())
            if live != admitted:
                raise WeightsMoved(
                    f"the rule of a user group was made by somebody else in this moment: it sends "
                    f"{live}"
                ) from error


def _target(rule: RuleTypeDef) -> str:
    """The target group that a rule forwards everything to; empty if it does anything else."""
    actions = rule.get("Actions", ())
    if len(actions) != 1 or actions[0]["Type"] != "forward":
        return ""
    groups = actions[0].get("ForwardConfig", {}).get("TargetGroups", ())
    arns = [group["TargetGroupArn"] for group in groups] or [actions[0].get("TargetGroupArn", "")]
    return arns[0] if len(arns) == 1 else ""

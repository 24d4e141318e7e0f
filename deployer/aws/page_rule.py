"""The page of a sleeping environment: a rule before the deployer's others, made and deleted, never changed.

It asks for what the production rule asks for, and answers 503 with a few words on how to wake the
environment. The production rule stays as it is behind it, with its weights, so that nothing about
traffic has to be remembered or written anew; and both target groups stay referenced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from deployer import topology
from deployer.aws import beside
from deployer.aws.alb import ProductionRule
from deployer.aws.failures import changing, code_of
from deployer.aws.front import EVERYTHING, only
from deployer.aws.needs import Need, Resource
from deployer.changes import SetPage
from deployer.errors import ChangeRefused

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import ActionTypeDef, RuleTypeDef

NEEDS = (
    Need("elasticloadbalancing:CreateRule", Resource.LISTENER),
    Need("elasticloadbalancing:AddTags", Resource.NEW_RULE),
    Need("elasticloadbalancing:DeleteRule", Resource.PAGE_RULE),
)
STATUS = "503"


@dataclass(frozen=True, slots=True)
class PageRule:
    """The page's rule beside `production`, which knows the listener and the tags."""

    production: ProductionRule
    service: str
    environment: str

    @property
    def priority(self) -> int:
        """Before a user group's rule, which is before the production rule."""
        front = self.production.front
        return front.priority - 2 if front else topology.PAGE_RULE_PRIORITY

    def among(self, rules: Sequence[RuleTypeDef]) -> bool:
        """Whether the page answers, by `rules`, all of the listener's."""
        rule = beside.at(rules, self.priority)
        return rule is not None and _is_page(rule)

    def change(self, change: SetPage) -> None:
        """Put the page up, or take it away. Two calls; one if that is done already.

        Raises:
            ChangeRefused: there is no place for it; nothing was changed.
            Halted, CloudUnavailable, AccessProblem: as `ProductionRule.rules` and `changing`.
        """
        rules = self.production.rules()
        if self.among(rules) == change.up:
            return
        if change.up:
            self._create(rules)
        elif rule := beside.at(rules, self.priority):
            beside.delete(self.production.aws, rule["RuleArn"])

    def _create(self, rules: Sequence[RuleTypeDef]) -> None:
        """Make it; if another process was faster, or a reply was lost, look what is there."""
        self._require_place(rules)
        # Only what is ephemeral goes to sleep, and who tears down by a schedule may touch no other rule.
        own = {topology.PAGE_TAG: topology.PAGE, topology.CLASS_TAG: topology.EPHEMERAL}
        tags = {**self.production.tags, **own}
        try:
            with changing("elasticloadbalancing:CreateRule", self.production.listener):
                self.production.aws.elbv2.create_rule(
                    ListenerArn=self.production.listener,
                    Priority=self.priority,
                    Conditions=self.production.narrowing(rules) or [EVERYTHING],
                    Actions=[page(self.service, self.environment)],
                    Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
                )
        except ChangeRefused as error:
            if code_of(error) != "PriorityInUse" or not self.among(self.production.rules()):
                raise

    def _require_place(self, rules: Sequence[RuleTypeDef]) -> None:
        """A page that stands behind the production rule would answer nobody.

        Raises:
            ChangeRefused: it would, or there is no production rule yet, or no place before it.
        """
        rule, taken = self.production.find(rules), beside.at(rules, self.priority)
        if rule is None:
            raise ChangeRefused("there is no production rule: nothing was ever released here")
        if taken is not None:
            raise ChangeRefused(
                f"the rule at priority {self.priority} of the listener is not the deployer's page: "
                f"move or delete {taken['RuleArn']}"
            )
        if self.priority < 1 or int(rule["Priority"]) < self.priority:
            raise ChangeRefused(
                f"the production rule has priority {rule['Priority']}, and the page must come before "
                f"it and before a user group's rule: give it a larger one"
            )


def page(service: str, environment: str) -> ActionTypeDef:
    """What everybody gets: 503, so that no crawler, cache or health check takes it for the service."""
    name = escape(f"{service}/{environment}")
    body = (
        f"<!doctype html><title>{name} is asleep</title>\n"
        f"<h1>{name} is asleep</h1>\n"
        "<p>It was put to sleep because nobody used it. Nothing is lost. To wake it, which takes a "
        f"few minutes:</p>\n<pre>deployer --env {escape(environment)} wake</pre>\n"
    )
    return {
        "Type": "fixed-response",
        "FixedResponseConfig": {
            "StatusCode": STATUS,
            "ContentType": "text/html",
            "MessageBody": body,
        },
    }


def _is_page(rule: RuleTypeDef) -> bool:
    actions = rule.get("Actions", [])
    statuses = [each.get("FixedResponseConfig", {}).get("StatusCode") for each in actions]
    return only(actions, "fixed-response") and statuses == [STATUS]

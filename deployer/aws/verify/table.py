"""All checks, in the order of the table. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from deployer.aws.verify import around, entrance, fleet, templates, terraform
from deployer.aws.verify.facts import Facts
from deployer.findings import Finding, or_ok, unknown


class Check(NamedTuple):
    """A row, or several: `look` yields what is wrong; `well` says what is so if nothing is.

    needs: what must have been read for that: actions of Elastic Load Balancing and others.
    """

    name: str
    look: Callable[[Facts], Iterable[Finding]]
    well: str
    needs: tuple[str, ...] = ()


BALANCERS = "elasticloadbalancing:DescribeLoadBalancers"
LISTENERS = "elasticloadbalancing:DescribeListeners"
RULES = "elasticloadbalancing:DescribeRules"
TARGET_GROUPS = "elasticloadbalancing:DescribeTargetGroups"
ATTRIBUTES = "elasticloadbalancing:DescribeTargetGroupAttributes"
HEALTH = "elasticloadbalancing:DescribeTargetHealth"
TAGS = "elasticloadbalancing:DescribeTags"
GROUPS = "autoscaling:DescribeAutoScalingGroups"
HOOKS = "autoscaling:DescribeLifecycleHooks"
VERSIONS = "ec2:DescribeLaunchTemplateVersions"
TABLE = "dynamodb:DescribeTable"
BACKUPS = "dynamodb:DescribeContinuousBackups"
METRICS = "cloudwatch:GetMetricData"
TEMPLATE = "cloudformation:GetTemplate"


CHECKS = (
    Check("complete", around.complete, "the settings name both slots and the journal"),
    Check(
        "listener",
        entrance.listener,
        "load balancer and listener are there",
        (BALANCERS, LISTENERS),
    ),
    Check("rule", entrance.rule, "the deployer's rule has its place", (LISTENERS, RULES)),
    Check(
        "other-ways",
        entrance.other_ways,
        "no way leads past the deployer's rule",
        (LISTENERS, RULES),
    ),
    Check("smoke-requests", entrance.smoke, "each slot can be asked by itself", (LISTENERS, RULES)),
    Check(
        "target-groups",
        entrance.target_groups,
        "both alike, in the load balancer's VPC",
        (TARGET_GROUPS, BALANCERS),
    ),
    Check(
        "stickiness",
        entrance.stickiness,
        "no target group keeps clients",
        (TARGET_GROUPS, ATTRIBUTES),
    ),
    Check(
        "targets",
        entrance.targets,
        "everything that is registered is checked",
        (TARGET_GROUPS, HEALTH),
    ),
    Check(
        "groups", fleet.groups, "each behind its own target group, in zones of the load balancer"
    ),
    Check(
        "launches", fleet.launches, "each by $Default of a launch template of its own", (GROUPS,)
    ),
    Check("boots", fleet.boots, "instances can read what to run", (VERSIONS,)),
    Check("sizes", fleet.sizes, "room for what serves, and for a surge", (GROUPS,)),
    Check("health", fleet.health, "by the load balancer's checks, after a grace period", (GROUPS,)),
    Check("processes", fleet.processes, "none suspended", (GROUPS,)),
    Check("protection", fleet.protection, "instances may be scaled in", (GROUPS,)),
    Check("hooks", fleet.hooks, "none holds a launch too long", (GROUPS, HOOKS)),
    Check("extras", fleet.extras, "no warm pool, no Spot", (GROUPS,)),
    Check("journal", around.journal, "pk and sk, with point-in-time recovery", (TABLE, BACKUPS)),
    Check("permissions", around.permissions, "the caller may do all that a deployment needs"),
    Check("metrics", around.metrics, "requests are counted", (METRICS,)),
    Check("template", templates.owners, "no stack's update would bite", (TAGS, GROUPS, TEMPLATE)),
    Check("readable", around.readable, "everything could be looked at"),
)
CODES = (*(check.name for check in CHECKS), "health-check", "sources", "terraform")


def findings(facts: Facts, document: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """Every row; `document`: of Terraform."""
    service = f"{facts.settings.service.name}/{facts.settings.environment.name}"
    for check in CHECKS:
        found = tuple(check.look(facts))
        unread = [action for action in check.needs if action in facts.unread]
        if unread and not found:
            words = f"not looked at: no {', no '.join(unread)}"
            yield unknown(check.name, service, words, "")
        else:
            yield from or_ok(check.name, service, check.well, found)
    if document is not None:
        told = terraform.findings(document, facts)
        yield from or_ok("terraform", service, "no apply would bite", told)

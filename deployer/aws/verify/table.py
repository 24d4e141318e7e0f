"""All checks, in the order of the table. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from deployer.aws.verify import around, entrance, fleet, templates, terraform
from deployer.aws.verify.facts import Facts
from deployer.findings import Finding, or_ok


class Check(NamedTuple):
    """A row, or several: `look` yields what is wrong; `well` says what is so if nothing is."""

    name: str
    look: Callable[[Facts], Iterable[Finding]]
    well: str


CHECKS = (
    Check("complete", around.complete, "the settings name both slots and the journal"),
    Check("listener", entrance.listener, "load balancer and listener are there"),
    Check("rule", entrance.rule, "the deployer's rule has its place"),
    Check("other-ways", entrance.other_ways, "no way leads past the deployer's rule"),
    Check("smoke-requests", entrance.smoke, "each slot can be asked by itself"),
    Check("target-groups", entrance.target_groups, "both alike, in the load balancer's VPC"),
    Check("stickiness", entrance.stickiness, "no target group keeps clients"),
    Check("targets", entrance.targets, "everything that is registered is checked"),
    Check(
        "groups", fleet.groups, "each behind its own target group, in zones of the load balancer"
    ),
    Check("launches", fleet.launches, "each by $Default of a launch template of its own"),
    Check("boots", fleet.boots, "instances can read what to run"),
    Check("sizes", fleet.sizes, "room for what serves, and for a surge"),
    Check("health", fleet.health, "by the load balancer's checks, after a grace period"),
    Check("processes", fleet.processes, "none suspended"),
    Check("protection", fleet.protection, "instances may be scaled in"),
    Check("hooks", fleet.hooks, "none holds a launch too long"),
    Check("extras", fleet.extras, "no warm pool, no Spot"),
    Check("journal", around.journal, "pk and sk, with point-in-time recovery"),
    Check("permissions", around.permissions, "the caller may do all that a deployment needs"),
    Check("metrics", around.metrics, "requests are counted"),
    Check("template", templates.owners, "no stack's update would bite"),
    Check("readable", around.readable, "everything could be looked at"),
)
CODES = (*(check.name for check in CHECKS), "health-check", "terraform")


def findings(facts: Facts, document: Mapping[str, Any] | None = None) -> Iterator[Finding]:
    """Every row; `document`: of Terraform."""
    service = f"{facts.settings.service.name}/{facts.settings.environment.name}"
    for check in CHECKS:
        yield from or_ok(check.name, service, check.well, check.look(facts))
    if document is not None:
        told = terraform.findings(document, facts)
        yield from or_ok("terraform", service, "no apply would bite", told)

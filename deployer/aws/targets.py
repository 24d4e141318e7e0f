"""Target health, as the load balancer's own checks have found it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.aws.failures import asking
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.model import Health

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_elbv2.type_defs import TargetHealthDescriptionTypeDef

NEEDS = (Need("elasticloadbalancing:DescribeTargetHealth", Resource.ANY),)
# Of a target registered on several ports the least fit speaks for the instance.
FITNESS = (
    Health.HEALTHY,
    Health.INITIAL,
    Health.UNUSED,
    Health.UNAVAILABLE,
    Health.UNHEALTHY,
    Health.DRAINING,
)
STATES = {str(health): health for health in Health}


@dataclass(frozen=True, slots=True)
class Targets:
    """What is registered in one target group.

    health:   per instance id.
    draining: targets that still drain: also those that are no longer of any group.
    """

    health: dict[str, Health]
    draining: int


def read(aws: Aws, target_group: str) -> Sequence[TargetHealthDescriptionTypeDef]:
    """The target group's registered targets (an empty answer means none). One call.

    Raises:
        CloudUnavailable, AccessProblem, NotFound: as `failures.asking`.
    """
    with asking("elasticloadbalancing:DescribeTargetHealth", target_group):
        return aws.elbv2.describe_target_health(TargetGroupArn=target_group)[
            "TargetHealthDescriptions"
        ]


def understood(found: Iterable[TargetHealthDescriptionTypeDef]) -> Targets:
    """The answer in our words; a state that we do not know is not healthy: unavailable."""
    states = sorted(((each["Target"]["Id"], _state(each)) for each in found), key=_fitness)
    return Targets(dict(states), sum(state is Health.DRAINING for _, state in states))


def _state(each: TargetHealthDescriptionTypeDef) -> Health:
    return STATES.get(str(each.get("TargetHealth", {}).get("State")), Health.UNAVAILABLE)


def _fitness(target: tuple[str, Health]) -> int:
    return FITNESS.index(target[1])

"""A mixed instances policy, from the API's words to `Mixture` and back; refuses what it has no notion of."""

from collections.abc import Mapping
from typing import Any

from deployer.lab.actions import Refused
from deployer.lab.autoscaling import validate
from deployer.lab.autoscaling.mixture import Mixture

_SPOT = (
    "price-capacity-optimized",
    "capacity-optimized",
    "capacity-optimized-prioritized",
    "lowest-price",
)
_DISTRIBUTION = (
    "OnDemandAllocationStrategy",
    "OnDemandBaseCapacity",
    "OnDemandPercentageAboveBaseCapacity",
    "SpotAllocationStrategy",
)
_MOST_TYPES = 40


def specification(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    """The launch template that the policy names.

    Raises:
        Refused: ValidationError, there is none.
    """
    named: Mapping[str, Any] | None = (policy.get("LaunchTemplate") or {}).get(
        "LaunchTemplateSpecification"
    )
    if not named:
        raise validate.invalid("Launch template specification is required in MixedInstancesPolicy")
    return named


def mixture(policy: Mapping[str, Any], old: Mixture | None) -> Mixture:
    """What is not said of the distribution stays as it was, or is the API's default.

    Raises:
        Refused: ValidationError; NotImplemented for weights, requirements and prices.
    """
    validate.only("MixedInstancesPolicy", policy, ("LaunchTemplate", "InstancesDistribution"))
    launch = policy.get("LaunchTemplate") or {}
    validate.only("MixedInstancesPolicy", launch, ("LaunchTemplateSpecification", "Overrides"))
    shown = {**(old.shown if old else _defaults()), **_asked(policy)}
    base, percent = shown["OnDemandBaseCapacity"], shown["OnDemandPercentageAboveBaseCapacity"]
    return Mixture(
        types=_types(launch["Overrides"]) if "Overrides" in launch else old.types if old else (),
        base=validate.within("OnDemandBaseCapacity", base, 0, 2**31),
        percent=validate.within("OnDemandPercentageAboveBaseCapacity", percent, 0, 100),
        shown=shown,
    )


def _defaults() -> dict[str, Any]:
    return {
        "OnDemandAllocationStrategy": "prioritized",
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 100,
        "SpotAllocationStrategy": "lowest-price",
    }


def _asked(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    asked: Mapping[str, Any] = policy.get("InstancesDistribution") or {}
    validate.only("InstancesDistribution", asked, _DISTRIBUTION)
    order = asked.get("OnDemandAllocationStrategy", "prioritized")
    if order != "prioritized":
        raise Refused(
            "NotImplemented",
            f"the lab does not simulate OnDemandAllocationStrategy {order}: it knows no prices",
        )
    spot = asked.get("SpotAllocationStrategy", _SPOT[0])
    if spot not in _SPOT:
        raise validate.invalid(f"Invalid SpotAllocationStrategy: {spot}. Valid: {', '.join(_SPOT)}")
    return asked


def _types(overrides: list[Mapping[str, Any]]) -> tuple[str, ...]:
    for one in overrides:
        validate.only("MixedInstancesPolicy's Overrides", one, ("InstanceType",))
    types = tuple(one["InstanceType"] for one in overrides)
    validate.within("The number of overrides", len(types), 0, _MOST_TYPES)
    if len(set(types)) < len(types):
        raise validate.invalid("Instance types in Overrides must be different")
    return types


def described(one: Mixture, template: Mapping[str, str]) -> dict[str, Any]:
    """As DescribeAutoScalingGroups tells it."""
    return {
        "LaunchTemplate": {
            "LaunchTemplateSpecification": dict(template),
            "Overrides": [{"InstanceType": kind} for kind in one.types],
        },
        "InstancesDistribution": dict(one.shown),
    }

"""What the words in braces of a metric's query stand for, in one environment (settings/placeholders)."""

from collections.abc import Mapping

from deployer.aws.published import Published
from deployer.model import Slot


def facts(
    published: Published, service: str, environment: str, booted: Mapping[Slot, str]
) -> dict[Slot, dict[str, str]]:
    """By slot; without `release` where it is not known.

    booted: the release of each slot, as far as it is known.
    """
    return {
        slot: {
            "slot": slot.value,
            "target_group": published.slots[slot].target_group.rpartition(":")[2],
            "load_balancer": published.load_balancer.partition("loadbalancer/")[2],
            "group": published.slots[slot].group,
            "service": service,
            "environment": environment,
            **({"release": booted[slot]} if slot in booted else {}),
        }
        for slot in Slot
    }

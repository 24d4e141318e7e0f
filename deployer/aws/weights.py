"""Shares in per mille, and the integers 0-999 that an ALB takes. Pure.

An ALB divides by the sum of the weights, so any proportional integers will do; 999 is the largest
(aws-facts 1.1). 1..999 per mille are written as they are, everything as 999 against 0. What other
tools wrote reads back as the nearest per mille: the smallest share that an ALB can do is 1/1000,
so a slot with any traffic never reads as one without.
"""

from deployer.errors import Halted
from deployer.model import WHOLE, Slot, Weights

LARGEST = 999


def written(weights: Weights) -> dict[Slot, int]:
    """The ALB's integers for these shares."""
    return {slot: min(weights[slot], LARGEST) for slot in Slot}


def read(blue: int, green: int) -> Weights:
    """The shares that these integers amount to.

    Raises:
        Halted: both are zero: the rule answers everything with 503.
    """
    if blue + green == 0:
        raise Halted(
            "the production rule gives both slots weight 0, so nothing is served: set one of them "
            "to 1 by hand (aws elbv2 modify-rule), then run `deployer status`"
        )
    share = round(WHOLE * blue / (blue + green))
    return Weights(share, WHOLE - share)

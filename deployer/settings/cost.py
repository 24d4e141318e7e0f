"""[cost]: what an instance hour costs, for estimates."""

from typing import Annotated

from msgspec import Meta, Struct

from deployer.settings.kinds import InstanceType

Usd = Annotated[
    float, Meta(ge=0, le=1_000, description="US dollars an hour from 0 to 1000, such as 0.0104")
]


class CostSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[cost]: prices for `deployer cost` and the plans.

    price_list: `deployer cost` asks AWS's price list, if that is allowed; plans never do.
    hourly:     what an hour of an instance really costs, by type: with a discount, say.
    """

    price_list: bool = True
    hourly: dict[InstanceType, Usd] = {}

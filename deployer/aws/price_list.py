"""AWS's price list: what an hour of an instance costs in a Region, for who may ask.

The list is served from few Regions only, and is the same in each of them. Nobody is granted this by the
stacks: a deployment does not need it, and where it is refused the package's own table tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from deployer.aws.failures import asking
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import CloudUnavailable
from deployer.operations.prices import UNASKED
from deployer.operations.prospects import Costs
from deployer.settings.schema import Settings

NEEDS = (Need("pricing:GetProducts", Resource.ANY),)
SERVED_FROM = "us-east-1"


class AwsPriceList:
    """The port `PriceList`; each type is asked for once. `region`: of the instances."""

    def __init__(self, aws: Aws, region: str) -> None:
        self._aws = aws
        self._region = region
        self._known: dict[str, float | None] = {}

    def hourly(self, kind: str) -> float | None:
        """As the port says."""
        if kind not in self._known:
            with asking("pricing:GetProducts", f"the price of {kind} in {self._region}"):
                answer = self._aws.pricing(SERVED_FROM).get_products(
                    ServiceCode="AmazonEC2", Filters=filters(kind, self._region), MaxResults=100
                )
            try:
                self._known[kind] = usd_of(answer["PriceList"])
            except (ValueError, AttributeError) as error:
                raise CloudUnavailable(f"the price of {kind} cannot be read: {error}") from error
        return self._known[kind]


def costs(aws: Aws, settings: Settings) -> Costs:
    """What the settings tell of instances and their prices, and whom to ask."""
    environment = settings.environment
    return Costs(
        region=environment.region,
        kind=environment.instance_type if settings.existing is None else "",
        own={str(kind): float(usd) for kind, usd in settings.cost.hourly.items()},
        drain_s=float(environment.deregistration_delay_s),
        asked=AwsPriceList(aws, environment.region) if settings.cost.price_list else UNASKED,
    )


def filters(kind: str, region: str) -> list[dict[str, str]]:
    """What is an ordinary On-Demand Linux instance in the words of the list. Pure."""
    wanted = {
        "instanceType": kind,
        "regionCode": region,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
    }
    return [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in wanted.items()]


def usd_of(products: Iterable[str]) -> float | None:
    """The one price an hour that is among them; None: there is none, or more than one. Pure."""
    found = {usd for product in products for usd in _hourly(json.loads(product))}
    return found.pop() if len(found) == 1 else None


def _hourly(product: Mapping[str, Any]) -> Iterable[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            usd = dimension.get("pricePerUnit", {}).get("USD")
            if dimension.get("unit") == "Hrs" and usd is not None and float(usd) > 0:
                yield float(usd)

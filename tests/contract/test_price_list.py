"""AWS's price list: what is asked of it, and what its answers come to."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from deployer.aws.price_list import AwsPriceList, filters, usd_of
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.operations.prices import of_kind


def product(usd: str, unit: str = "Hrs") -> str:
    """As the list has it, but for what nobody reads."""
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}, "description": "per On Demand Linux"}
    terms = {
        "OnDemand": {"SKU.JRTCKXETXF": {"priceDimensions": {"SKU.JRTC.6YS6EN2CT7": dimension}}}
    }
    return json.dumps({"product": {"sku": "SKU"}, "terms": terms})


class Raw(BytesIO):
    def stream(self, **_options: object) -> list[bytes]:
        return [self.read()]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[AwsPriceList, list[Any]]]:
    """A price list that answers so; and what it was asked, with the address."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)

    def build(answer: dict[str, Any], status: int = 200) -> tuple[AwsPriceList, list[Any]]:
        asked: list[Any] = []
        aws = Aws("eu-central-1")

        def send(request: Any, **_event: object) -> Any:
            asked.append((request.url, json.loads(request.body)))
            headers: Any = {"Content-Type": "application/x-amz-json-1.1"}
            return AWSResponse(request.url, status, headers, Raw(json.dumps(answer).encode()))

        aws._session.events.register_last("before-send.pricing", send)
        return AwsPriceList(aws, "eu-central-1"), asked

    return build


def test_one_price_of_one_type_in_one_region(listed: Callable[..., Any]) -> None:
    prices, asked = listed({"FormatVersion": "aws_v1", "PriceList": [product("0.0120000000")]})
    assert prices.hourly("t3.micro") == 0.012
    assert prices.hourly("t3.micro") == 0.012
    ((url, body),) = asked
    assert "us-east-1" in url
    assert body["ServiceCode"] == "AmazonEC2"
    assert body["Filters"] == filters("t3.micro", "eu-central-1")
    wanted = {each["Field"]: each["Value"] for each in body["Filters"]}
    assert (wanted["instanceType"], wanted["regionCode"]) == ("t3.micro", "eu-central-1")


def test_who_may_not_ask_is_told_by_the_table(listed: Callable[..., Any]) -> None:
    refusal = {"__type": "AccessDeniedException", "message": "not authorized"}
    prices, _ = listed(refusal, 400)
    with pytest.raises(AccessProblem):
        prices.hourly("t3.micro")
    known = of_kind("t3.micro", "us-east-1", {}, prices)
    assert known is not None
    assert known.source.startswith("list price of us-east-1")


def test_an_answer_that_cannot_be_read_is_none(listed: Callable[..., Any]) -> None:
    prices, _ = listed({"PriceList": ["not json"]})
    with pytest.raises(CloudUnavailable, match=r"the price of t3\.micro cannot be read"):
        prices.hourly("t3.micro")


@pytest.mark.parametrize(
    ("products", "usd"),
    [
        ([], None),
        ([product("0.0104")], 0.0104),
        ([product("0.0104"), product("0.0104")], 0.0104),
        ([product("0.0104"), product("0.0208")], None),  # which of them it is, nobody knows
        ([product("0.0"), product("0.0104")], 0.0104),
        ([product("12", unit="Quantity")], None),
        (['{"terms": {}}'], None),
    ],
)
def test_there_is_one_price_or_none(products: list[str], usd: float | None) -> None:
    assert usd_of(products) == usd

"""Reports in S3: where they lie, what links lead there, and how many calls were made."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from deployer.aws.calls import COUNTED
from deployer.aws.pages import S3Pages, console, prefix
from deployer.aws.session import Aws
from deployer.errors import DeployError

Admin = Callable[[str], Any]


@pytest.fixture
def bucket(admin: Admin, fresh: str) -> str:
    name = f"reports-{fresh}"
    admin("s3").create_bucket(Bucket=name)
    return name


def test_a_page_lies_where_its_link_says(aws: Aws, admin: Admin, bucket: str) -> None:
    pages = S3Pages(aws, bucket, "shop")
    pages.put("prod", "d1", "<!doctype html>€")
    found = admin("s3").get_object(Bucket=bucket, Key="_reports/shop/prod/d1.html")
    assert found["Body"].read().decode() == "<!doctype html>€"
    assert found["ContentType"] == "text/html; charset=utf-8"
    endpoint = aws.s3.meta.endpoint_url  # no console there: the object itself
    assert pages.link("prod", "d1") == f"{endpoint}/{bucket}/_reports/shop/prod/d1.html"


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Clients as they are on AWS; nothing is sent."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    return Aws("ap-northeast-2")


def test_a_link_for_anybody_is_signed_and_ends(real: Aws) -> None:
    asked = parse_qs(urlsplit(S3Pages(real, "artifacts", "shop").signed("prod", "d1", 7_200)).query)
    assert asked["X-Amz-Expires"] == ["7200"]
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_on_aws_the_link_is_the_objects_page_in_the_console(real: Aws) -> None:
    assert S3Pages(real, "artifacts", "shop").link("prod", "d1") == (
        "https://ap-northeast-2.console.aws.amazon.com/s3/object/artifacts"
        "?region=ap-northeast-2&prefix=_reports%2Fshop%2Fprod%2Fd1.html"
    )


def test_other_partitions_have_consoles_of_their_own() -> None:
    assert console("cn-north-1") == "cn-north-1.console.amazonaws.cn"
    assert console("us-gov-west-1") == "us-gov-west-1.console.amazonaws-us-gov.com"


def test_no_release_lies_below_them() -> None:
    """`release.artifact` begins with the service's name, which begins with a letter."""
    assert prefix("shop", "prod") == "_reports/shop/prod/"


def test_where_there_is_no_bucket_it_is_told(aws: Aws) -> None:
    with pytest.raises(DeployError):
        S3Pages(aws, "no-such-bucket-anywhere", "shop").put("prod", "d1", "x")


def test_every_attempt_is_counted_once(aws: Aws, bucket: str) -> None:
    COUNTED.take()
    S3Pages(aws, bucket, "shop").put("prod", "d1", "x")
    assert COUNTED.take() == {"s3:PutObject": 1}
    assert COUNTED.take() == {}

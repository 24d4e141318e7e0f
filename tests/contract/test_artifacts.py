"""Releases and their artifacts in S3."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from deployer.aws.artifacts import Artifacts
from deployer.aws.session import Aws
from deployer.errors import AccessProblem, CloudUnavailable, NotFound, UsageError
from deployer.model import Release

Admin = Callable[[str], Any]


@pytest.fixture
def bucket(admin: Admin, fresh: str) -> str:
    name = f"artifacts-{fresh}"
    admin("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def artifacts(aws: Aws, bucket: str) -> Artifacts:
    return in_bucket(aws, bucket)


def in_bucket(aws: Aws, bucket: str, image: str | None = None) -> Artifacts:
    return Artifacts(aws, lambda name: f"s3://{bucket}/shop/{name}.tar.gz", image)


def put(admin: Admin, bucket: str, *names: str) -> None:
    for name in names:
        admin("s3").put_object(Bucket=bucket, Key=f"shop/{name}.tar.gz", Body=b"x")


def test_a_release_that_is_there_is_found(
    artifacts: Artifacts, aws: Aws, admin: Admin, bucket: str
) -> None:
    put(admin, bucket, "v1")
    uri = f"s3://{bucket}/shop/v1.tar.gz"
    assert artifacts.resolve("v1") == Release("v1", uri)
    baked = in_bucket(aws, bucket, "ami-12345678")
    assert baked.resolve("v1") == Release("v1", uri, "ami-12345678")


@pytest.mark.parametrize(("said", "safe"), [("true", True), ("false", False)])
def test_a_release_says_itself_whether_it_can_be_followed_by_the_one_before(
    artifacts: Artifacts, admin: Admin, bucket: str, said: str, *, safe: bool
) -> None:
    admin("s3").put_object(
        Bucket=bucket, Key="shop/v7.tar.gz", Body=b"x", Metadata={"rollback-safe": said}
    )
    assert artifacts.resolve("v7").rollback_safe is safe


def test_what_it_says_must_be_clear(artifacts: Artifacts, admin: Admin, bucket: str) -> None:
    admin("s3").put_object(
        Bucket=bucket, Key="shop/v8.tar.gz", Body=b"x", Metadata={"Rollback-Safe": "maybe"}
    )
    with pytest.raises(UsageError, match="'maybe', not true or false"):
        artifacts.resolve("v8")


def test_one_that_is_not_says_where_it_should_be_and_which_there_are(
    artifacts: Artifacts, admin: Admin, bucket: str
) -> None:
    put(admin, bucket, "v1", "v2")
    admin("s3").put_object(Bucket=bucket, Key="shop/readme.txt", Body=b"x")
    admin("s3").put_object(Bucket=bucket, Key="blog/v9.tar.gz", Body=b"x")
    with pytest.raises(NotFound) as told:
        artifacts.resolve("v3")
    message = str(told.value)
    assert f"s3://{bucket}/shop/v3.tar.gz does not exist" in message
    assert "v1" in message
    assert "v2" in message
    assert "readme" not in message
    assert "v9" not in message


def test_the_newest_come_first_and_not_too_many(aws: Aws) -> None:
    from datetime import UTC, datetime

    contents = [
        {"Key": f"shop/v{n}.tar.gz", "LastModified": datetime.fromtimestamp(n * 100, UTC)}
        for n in (3, 1, 7, 2, 6, 5, 4)
    ]
    with Stubber(aws.s3) as stub:
        stub.add_response(
            "list_objects_v2", {"Contents": contents}, {"Bucket": "b", "Prefix": "shop/"}
        )
        assert in_bucket(aws, "b").newest() == ("v7", "v6", "v5", "v4", "v3")


@pytest.mark.parametrize(("count", "hint"), [(5, "there is: v5"), (6, "the newest are: v6")])
def test_a_list_that_is_not_whole_says_so(aws: Aws, count: int, hint: str) -> None:
    from datetime import UTC, datetime

    contents = [
        {"Key": f"shop/v{n}.tar.gz", "LastModified": datetime.fromtimestamp(n * 100, UTC)}
        for n in range(1, count + 1)
    ]
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "404", http_status_code=404)
        stub.add_response("list_objects_v2", {"Contents": contents})
        with pytest.raises(NotFound, match=f"does not exist; {hint}, ") as error:
            in_bucket(aws, "b").resolve("v99")
    assert str(error.value).count("v") >= 5
    assert "v1," not in str(error.value) or count == 5


def test_an_empty_bucket_asks_for_the_first(artifacts: Artifacts) -> None:
    with pytest.raises(NotFound, match="none yet"):
        artifacts.resolve("v1")


def test_a_bucket_that_is_not_there_is_named(aws: Aws) -> None:
    with pytest.raises(NotFound, match="no-such-bucket"):
        in_bucket(aws, "no-such-bucket").resolve("v1")


def test_a_missing_permission_is_named(aws: Aws) -> None:
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "403", http_status_code=403)
        with pytest.raises(AccessProblem, match="s3:GetObject is not allowed on s3://b/shop/v1"):
            in_bucket(aws, "b").resolve("v1")


def test_an_outage_is_no_missing_release(aws: Aws) -> None:
    with Stubber(aws.s3) as stub:
        stub.add_client_error("head_object", "503", http_status_code=503)
        with pytest.raises(CloudUnavailable):
            in_bucket(aws, "b").resolve("v1")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "-v1", "v 1", "v1\n", "x" * 65, "é", ".v1"])
def test_what_is_no_name_is_never_asked_for(aws: Aws, name: str) -> None:
    with Stubber(aws.s3), pytest.raises(UsageError, match="not a release name"):
        in_bucket(aws, "b").resolve(name)


@pytest.mark.parametrize("name", ["v1", "2024.01.02_rc-1", "x" * 64, "0"])
def test_ordinary_names_are_names(
    artifacts: Artifacts, admin: Admin, bucket: str, name: str
) -> None:
    put(admin, bucket, name)
    assert artifacts.resolve(name).name == name

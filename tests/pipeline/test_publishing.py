"""An artifact becomes a release once: the same name never means other bytes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.aws.publishing import Publisher
from deployer.errors import DeployError, UsageError
from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock

BUCKET = "artifacts"


class Aws:
    """What the adapter uses of `deployer.aws.session.Aws`."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[Any]:
    server.reset()
    context = Context(
        directory=tmp_path, network=77, endpoint=f"http://localhost:{server.reserve_port()}",
        clock=ScaledClock(1_700_000_000.0, 10.0),
    )  # fmt: skip
    actions.install(context)
    client = inprocess.client(context, "s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    server.release_ports()


def publisher(s3: Any) -> Publisher:
    def uri_of(name: str) -> str:
        if not name.isalnum():
            raise UsageError("no name")
        return f"s3://{BUCKET}/shop/{name}.tar.gz"

    return Publisher(Aws(s3), uri_of)  # type: ignore[arg-type]


def kept(s3: Any, name: str) -> tuple[bytes, dict[str, str]]:
    found = s3.get_object(Bucket=BUCKET, Key=f"shop/{name}.tar.gz")
    return found["Body"].read(), found["Metadata"]


def test_it_lies_there_with_its_digest_and_what_it_says_of_itself(s3: Any) -> None:
    made = publisher(s3).publish("c1", b"one", {"rollback-safe": "false"})
    digest = hashlib.sha256(b"one").hexdigest()
    assert (made.new, made.same, made.digest) == (True, True, digest)
    assert made.uri == f"s3://{BUCKET}/shop/c1.tar.gz"
    assert kept(s3, "c1") == (b"one", {"rollback-safe": "false", "sha256": digest})


def test_said_again_nothing_changes(s3: Any) -> None:
    publisher(s3).publish("c1", b"one", {})
    again = publisher(s3).publish("c1", b"one", {})
    assert (again.new, again.same) == (False, True)


def test_other_bytes_of_one_name_leave_the_first_ones(s3: Any) -> None:
    publisher(s3).publish("c1", b"one", {})
    other = publisher(s3).publish("c1", b"two", {})
    assert (other.new, other.same) == (False, False)
    assert other.digest == hashlib.sha256(b"one").hexdigest()
    assert kept(s3, "c1")[0] == b"one"


def test_whoever_is_faster_between_the_look_and_the_put_wins(s3: Any) -> None:
    asked: list[Any] = []

    class Slow:
        """Somebody else puts it right after the look."""

        def head_object(self, **params: Any) -> Any:
            asked.append(params)
            if len(asked) == 1:
                try:
                    return s3.head_object(**params)
                finally:
                    publisher(s3).publish("c1", b"theirs", {})
            return s3.head_object(**params)

        def put_object(self, **params: Any) -> Any:
            return s3.put_object(**params)

    late = publisher(Slow())
    made = late.publish("c1", b"ours", {})
    assert (made.new, made.same) == (False, False)
    assert kept(s3, "c1")[0] == b"theirs"


def test_what_aws_refuses_is_told_and_no_name_is_refused_before(s3: Any) -> None:
    with pytest.raises(UsageError):
        publisher(s3).publish("../x", b"one", {})
    s3.delete_bucket(Bucket=BUCKET)
    with pytest.raises(DeployError, match=BUCKET):
        publisher(s3).publish("c1", b"one", {})

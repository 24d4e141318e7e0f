"""Packing and publishing releases of the example application."""

import gzip
import hashlib
import json
import runpy
import tarfile
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from deployer.errors import NotFound, NotPossibleNow, UsageError
from deployer.lab import incident, inprocess
from deployer.lab.context import Context
from deployer.lab.incident import Incident
from deployer.lab.releases import Behaviour, pack, publish, release_name

EXAMPLE = Path(__file__).parents[2] / "examples" / "app"
BUCKET = "artifacts"


@pytest.fixture
def s3(context: Context) -> Any:
    client = inprocess.client(context, "s3")
    client.create_bucket(Bucket=BUCKET)
    return client


def unpacked(body: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=BytesIO(body), mode="r:gz") as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive}
        return {name: file.read() for name, file in files.items() if file is not None}


def test_a_package_holds_the_application_and_its_behaviour() -> None:
    how = Behaviour(error_rate=0.2, boot_s=30, crash_after_s=120, cold_s=60, incident_file="/x")
    files = unpacked(pack(EXAMPLE, how.scaled(60)))
    assert files.keys() == {"app.py", "behaviour.json"}
    assert files["app.py"] == (EXAMPLE / "app.py").read_bytes()
    told = json.loads(files["behaviour.json"])
    assert told == asdict(replace(how, boot_s=0.5, crash_after_s=2.0, cold_s=1.0))
    application = runpy.run_path(str(EXAMPLE / "app.py"), run_name="app")
    assert asdict(application["Behaviour"](**told)) == told


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("b.py", "a.py"):
        (tmp_path / name).write_text(name)
    first = pack(tmp_path, Behaviour())
    (tmp_path / "a.py").unlink()
    (tmp_path / "a.py").write_text("a.py")
    for junk in (".git/config", "__pycache__/a.pyc", "README.md"):
        (tmp_path / junk).parent.mkdir(exist_ok=True)
        (tmp_path / junk).write_text(junk)
    assert pack(tmp_path, Behaviour()) == first
    assert pack(tmp_path, Behaviour(error_rate=0.1)) != first
    assert gzip.decompress(first)


def test_what_cannot_be_packed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        pack(tmp_path, Behaviour())
    (tmp_path / "app.py").symlink_to("/etc/hostname")
    with pytest.raises(UsageError, match="symbolic link"):
        pack(tmp_path, Behaviour())


@pytest.mark.parametrize(
    "wrong",
    [
        {"error_rate": 1.1},
        {"error_rate": -0.1},
        {"error_rate": float("nan")},
        {"latency_ms": -1},
        {"latency_spread": 4},
        {"boot_s": 1e6},
        {"crash_after_s": -1},
        {"cold_s": 1e6},
        {"cold_error_rate": 2},
        {"cold_latency_ms": -1},
    ],
)
def test_a_behaviour_out_of_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Behaviour(**wrong)


@pytest.mark.parametrize("name", ["", "-v1", "v 1", "a/b", "none", "unanswered", "v" * 65, "v1\n"])
def test_names_that_cannot_be_releases(name: str) -> None:
    with pytest.raises(UsageError):
        release_name(name)


def test_publishing_puts_the_package_with_its_digest(s3: Any) -> None:
    body = pack(EXAMPLE, Behaviour())
    assert publish(s3, BUCKET, "shop", "v1", body) == "s3://artifacts/shop/v1.tar.gz"
    stored = s3.get_object(Bucket=BUCKET, Key="shop/v1.tar.gz")
    assert stored["Body"].read() == body
    assert stored["Metadata"]["sha256"] == hashlib.sha256(body).hexdigest()


def test_a_release_never_changes_unless_told(s3: Any) -> None:
    good, bad = pack(EXAMPLE, Behaviour()), pack(EXAMPLE, Behaviour(error_rate=0.2))
    publish(s3, BUCKET, "shop", "v1", good)
    before = s3.head_object(Bucket=BUCKET, Key="shop/v1.tar.gz")["LastModified"]
    publish(s3, BUCKET, "shop", "v1", good)
    assert s3.head_object(Bucket=BUCKET, Key="shop/v1.tar.gz")["LastModified"] == before
    with pytest.raises(NotPossibleNow, match="other content"):
        publish(s3, BUCKET, "shop", "v1", bad)
    assert s3.get_object(Bucket=BUCKET, Key="shop/v1.tar.gz")["Body"].read() == good
    publish(s3, BUCKET, "shop", "v1", bad, replace=True)
    assert s3.get_object(Bucket=BUCKET, Key="shop/v1.tar.gz")["Body"].read() == bad


def test_an_object_of_unknown_origin_is_not_overwritten(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="shop/v1.tar.gz", Body=b"mine")
    with pytest.raises(NotPossibleNow):
        publish(s3, BUCKET, "shop", "v1", pack(EXAMPLE, Behaviour()))


def test_a_release_put_meanwhile_by_somebody_else_is_not_overwritten(s3: Any) -> None:
    """S3's own condition decides, not the look before it."""

    class Racing:
        head_bucket = staticmethod(s3.head_bucket)
        head_object = staticmethod(s3.head_object)

        @staticmethod
        def put_object(**call: Any) -> Any:
            s3.put_object(Bucket=BUCKET, Key=call["Key"], Body=b"theirs")
            return s3.put_object(**call)

    with pytest.raises(NotPossibleNow, match="somebody else"):
        publish(Racing(), BUCKET, "shop", "v1", pack(EXAMPLE, Behaviour()))
    assert s3.get_object(Bucket=BUCKET, Key="shop/v1.tar.gz")["Body"].read() == b"theirs"


def test_a_missing_bucket_is_named(s3: Any) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        publish(s3, "nowhere", "shop", "v1", b"x")


def test_an_incident_is_there_whole_until_its_end(tmp_path: Path) -> None:
    assert incident.current(tmp_path) is None
    for one in (Incident(error_rate=0.05), Incident(latency_ms=50)):
        incident.begin(tmp_path, one)
        assert incident.current(tmp_path) == one
    assert [path.name for path in tmp_path.iterdir()] == [incident.FILE]
    assert incident.end(tmp_path)
    assert not incident.end(tmp_path)
    assert incident.current(tmp_path) is None


@pytest.mark.parametrize("wrong", [{"error_rate": 1.1}, {"latency_ms": -1.0}])
def test_an_incident_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="incident"):
        Incident(**wrong)

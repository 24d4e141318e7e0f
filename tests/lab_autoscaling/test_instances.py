"""What an instance runs: its facts, its artifact, and how it is kept running. No process starts."""

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.instances import download
from deployer.lab.instances.facts import Artifact, Service, Unbootable, artifact, service
from deployer.lab.instances.unit import RESTART_S, STOP_S, Move, Phase, Unit, step
from deployer.settings.schema import ServiceSettings
from stacks.user_data import BOOTSTRAP, facts, with_facts

NOW = 1000.0
GOOD = ("SERVICE_START='python3 app.py'", "SERVICE_PORT='8080'", "SERVICE_HEALTH_PATH='/health'")


def script(*lines: str) -> str:
    return "\n".join(["#!/bin/bash", "# deployer:service", *lines, "# deployer:end", "main"])


def test_the_facts_of_the_stacks_own_script() -> None:
    found = service(BOOTSTRAP.read_text(encoding="utf-8"))
    assert found == Service("python3 app.py", 8080, "/health")


@given(
    start=st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1)
)
def test_what_the_stacks_write_the_lab_reads(start: str) -> None:
    named = facts(ServiceSettings(name="shop", port=8081, health_path="/up", start=start))
    written = with_facts("# deployer:service\n# deployer:end\n", named)
    assert service(written) == Service(start, 8081, "/up")


@pytest.mark.parametrize(
    "lines",
    [
        (*GOOD, ""),
        (*GOOD, "# a remark"),
        ("SERVICE_START=run", 'SERVICE_PORT="80"', "SERVICE_HEALTH_PATH=/"),
    ],
)
def test_plain_assignments_are_read(lines: tuple[str, ...]) -> None:
    assert service(script(*lines)).health_path in ("/health", "/")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ((), "does not set SERVICE_START, SERVICE_PORT, SERVICE_HEALTH_PATH"),
        (GOOD[:2], "does not set SERVICE_HEALTH_PATH"),
        ((*GOOD, "SERVICE_USER='x'"), "SERVICE_USER='x'"),
        ((*GOOD, "rm -rf /"), "rm -rf /"),
        ((*GOOD, "export SERVICE_PORT=1"), "export"),
        ((*GOOD, "SERVICE_START=$(date)"), "does not evaluate shell"),
        ((*GOOD, 'SERVICE_START="$HOME"'), "does not evaluate shell"),
        ((*GOOD, "SERVICE_START=a b"), "does not evaluate shell"),
        ((*GOOD[:1], "SERVICE_PORT='0'", GOOD[2]), "is not a port"),
        ((*GOOD[:1], "SERVICE_PORT='http'", GOOD[2]), "is not a port"),
    ],
)
def test_anything_else_is_refused_by_name(lines: tuple[str, ...], told: str) -> None:
    with pytest.raises(Unbootable, match=r".*") as caught:
        service(script(*lines))
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["", "# deployer:end\n# deployer:service", "# deployer:service"])
def test_user_data_without_the_block_runs_nothing(text: str) -> None:
    with pytest.raises(Unbootable, match="no block between"):
        service(text)


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ({}, "no tag deployer:release"),
        ({"deployer:release": "v1"}, "no tag deployer:artifact"),
        ({"deployer:release": "../v", "deployer:artifact": "s3://b/k"}, "not a release name"),
        ({"deployer:release": "v1", "deployer:artifact": "http://b/k"}, "not an S3 URI"),
        ({"deployer:release": "v1", "deployer:artifact": "s3://b"}, "not an S3 URI"),
    ],
)
def test_tags_that_name_nothing_to_run(tags: dict[str, str], told: str) -> None:
    with pytest.raises(Unbootable, match=told):
        artifact(tags)


def test_tags_name_the_artifact() -> None:
    tags = {"deployer:release": "v1", "deployer:artifact": "s3://b/shop/v1.tar.gz", "x": "y"}
    assert artifact(tags) == Artifact("v1", "b", "shop/v1.tar.gz")


@pytest.mark.parametrize(
    ("unit", "wanted", "alive", "after", "move"),
    [
        (Unit(), True, False, Unit(Phase.RUNNING), Move.START),
        (Unit(Phase.RUNNING), True, True, Unit(Phase.RUNNING), Move.NOTHING),
        (Unit(Phase.RUNNING), True, False, Unit(Phase.RESTING, 1, NOW + RESTART_S), Move.NOTHING),
        (
            Unit(Phase.RESTING, 1, NOW + 1),
            True,
            False,
            Unit(Phase.RESTING, 1, NOW + 1),
            Move.NOTHING,
        ),
        (Unit(Phase.RESTING, 1, NOW), True, False, Unit(Phase.RUNNING, 1, NOW), Move.START),
        (Unit(Phase.FAILED), True, False, Unit(Phase.FAILED), Move.NOTHING),
        (Unit(Phase.RUNNING), False, True, Unit(Phase.STOPPING, 0, NOW + STOP_S), Move.TERM),
        (
            Unit(Phase.STOPPING, 0, NOW + 1),
            False,
            True,
            Unit(Phase.STOPPING, 0, NOW + 1),
            Move.NOTHING,
        ),
        (
            Unit(Phase.STOPPING, 0, NOW),
            False,
            True,
            Unit(Phase.STOPPING, 0, float("inf")),
            Move.KILL,
        ),
        (Unit(Phase.STOPPING, 2, NOW), False, False, Unit(Phase.ENDED, 2, NOW), Move.NOTHING),
        (Unit(Phase.RESTING, 1, NOW), False, False, Unit(Phase.ENDED, 1, NOW), Move.NOTHING),
        (Unit(Phase.FAILED), False, False, Unit(Phase.ENDED), Move.NOTHING),
        (Unit(Phase.NEW), False, False, Unit(Phase.ENDED), Move.NOTHING),
        (Unit(Phase.STOPPING, 0, NOW), True, False, Unit(Phase.ENDED), Move.NOTHING),
        (Unit(Phase.ENDED), True, False, Unit(Phase.RUNNING), Move.START),
    ],
)
def test_a_unit_is_kept_as_systemd_would(
    unit: Unit, wanted: bool, alive: bool, after: Unit, move: Move
) -> None:
    assert step(unit, wanted=wanted, alive=alive, now=NOW) == (after, move)


def test_the_unit_is_the_one_of_the_bootstrap_script() -> None:
    written = BOOTSTRAP.read_text(encoding="utf-8")
    for line in (
        "Restart=always",
        f"RestartSec={RESTART_S:g}",
        f"TimeoutStopSec={STOP_S:g}",
        "StartLimitIntervalSec=0",
        "KillSignal=SIGTERM",
    ):
        assert line in written.splitlines()


def packed(*names: str, link: str = "") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.size = 2
            archive.addfile(entry, io.BytesIO(b"hi"))
        if link:
            entry = tarfile.TarInfo("link")
            entry.type, entry.linkname = tarfile.SYMTYPE, link
            archive.addfile(entry)
    return buffer.getvalue()


@pytest.fixture
def bucket(context: Context) -> Any:
    s3 = inprocess.client(context, "s3")
    s3.create_bucket(Bucket="arts")
    return s3


def upload(s3: Any, body: bytes, digest: str | None = None) -> Artifact:
    told = hashlib.sha256(body).hexdigest() if digest is None else digest
    s3.put_object(
        Bucket="arts", Key="v1.tar.gz", Body=body, Metadata={"sha256": told} if told else {}
    )
    return Artifact("v1", "arts", "v1.tar.gz")


def test_an_artifact_is_unpacked_whole(context: Context, bucket: Any, tmp_path: Path) -> None:
    target = tmp_path / "i-1" / "app"
    download.install(
        inprocess.client(context, "s3"), upload(bucket, packed("app.py", "sub/data")), target
    )
    assert (target / "sub" / "data").read_bytes() == b"hi"
    download.install(inprocess.client(context, "s3"), upload(bucket, packed("other.py")), target)
    assert [one.name for one in target.iterdir()] == ["other.py"]


@pytest.mark.parametrize(
    ("body", "digest", "told"),
    [
        (packed("a"), "", "no sha256"),
        (packed("a"), "0" * 64, "not what was uploaded"),
        (b"no archive", None, "cannot be unpacked"),
        (packed("a")[:40], None, "cannot be unpacked"),
        (packed("../../evil"), None, "cannot be unpacked"),
        (packed(link="/etc/passwd"), None, "cannot be unpacked"),
    ],
    ids=["no digest", "another digest", "no archive", "cut off", "outside", "link"],
)
def test_a_bad_artifact_leaves_nothing_behind(  # noqa: PLR0917  fixtures and a table
    context: Context, bucket: Any, tmp_path: Path, body: bytes, digest: str | None, told: str
) -> None:
    folder = tmp_path / "i-1"
    with pytest.raises(Unbootable, match=told):
        download.install(
            inprocess.client(context, "s3"), upload(bucket, body, digest), folder / "app"
        )
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize("place", [("arts", "nothing"), ("nowhere", "v1.tar.gz")])
def test_a_missing_artifact_is_said(
    context: Context, bucket: Any, tmp_path: Path, place: tuple[str, str]
) -> None:
    with pytest.raises(Unbootable, match="cannot be fetched: NoSuch"):
        download.install(inprocess.client(context, "s3"), Artifact("v1", *place), tmp_path / "app")

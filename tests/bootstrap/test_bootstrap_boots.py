"""bootstrap.sh, executed as it is, in throw-away roots: see tests/bootstrap/machine.py.

All stories run once, in one namespace of their own (user, mounts, network, processes): about ten
seconds. Where the kernel grants none, to a container without privileges for one, they are skipped;
tests/synth/test_bootstrap.py holds the script with stand-ins anywhere.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NAMESPACE = "unshare --user --map-root-user --mount --net --pid --fork --kill-child --mount-proc"
TOOLS = ("unshare", "ip", "mount", "curl")


def lacking() -> str | None:
    """Why no throw-away root can be made here; None: it can."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"not installed: {', '.join(missing)}"
    tried = subprocess.run(
        [*NAMESPACE.split(), "true"], capture_output=True, text=True, check=False
    )
    return tried.stderr.strip() or "refused" if tried.returncode else None


LACKING = lacking()
pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(LACKING is not None, reason=f"no namespace of our own: {LACKING}"),
]
Boots = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module", name="boots")
def _boots(tmp_path_factory: pytest.TempPathFactory) -> Boots:
    folder = tmp_path_factory.mktemp("machines")
    done = subprocess.run(
        [*NAMESPACE.split(), sys.executable, "-m", "tests.bootstrap.machine", folder],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=58,
    )
    assert done.returncode == 0, done.stderr
    told: Boots = json.loads(done.stdout)
    return told


def test_the_first_boot_installs_and_serves_the_release_of_the_tags(boots: Boots) -> None:
    first = boots["good"][0]
    assert (first["status"], first["served"], first["installed"]) == (0, "v1", ["v1"]), first[
        "said"
    ]
    assert first["downloads"] == 1
    assert first["told"] == [
        "enable --quiet deployer-bootstrap.service",
        "daemon-reload",
        "enable --quiet deployer.service",
        "restart deployer.service",
    ]
    assert "DynamicUser=yes" in first["unit"].splitlines()


def test_running_it_twice_changes_nothing(boots: Boots) -> None:
    again = boots["good"][1]
    assert (again["status"], again["served"], again["downloads"]) == (0, "v1", 1), again["said"]
    assert again["extra"] == {"same": True}
    assert again["told"][-1] == "start deployer.service"


def test_a_second_boot_serves_the_same_without_another_download(boots: Boots) -> None:
    second = boots["good"][2]
    assert (second["status"], second["served"], second["downloads"]) == (0, "v1", 1), second["said"]
    assert second["extra"]["runs"] is True


def test_nothing_asked_for_metadata_without_a_token(boots: Boots) -> None:
    assert boots["good"][2]["extra"]["refused"] == 0


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        ("wrong_checksum", "s3://artifacts/shop/v2.tar.gz is not what was uploaded"),
        ("unmarked", "s3://artifacts/shop/v3.tar.gz has no sha256 in its metadata"),
        ("missing", "s3://artifacts/shop/v4.tar.gz cannot be fetched"),
    ],
)
def test_what_is_wrong_is_neither_installed_nor_started(
    boots: Boots, story: str, reason: str
) -> None:
    outcome = boots[story][0]
    assert (outcome["status"], outcome["served"], outcome["installed"]) == (1, None, [])
    assert f"deployer: {reason}" in outcome["said"]
    assert outcome["told"] == ["enable --quiet deployer-bootstrap.service"]


def test_once_the_artifact_is_right_the_next_boot_serves_it(boots: Boots) -> None:
    mended = boots["wrong_checksum"][1]
    assert (mended["status"], mended["served"], mended["installed"]) == (0, "v2", ["v2"])

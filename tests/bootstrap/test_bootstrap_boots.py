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

from tests.bootstrap.agent import permissions

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
    pytest.mark.timeout(180),
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
        timeout=170,
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


def test_the_agent_gets_a_configuration_that_it_takes_and_needs_nothing_that_the_role_lacks(
    boots: Boots,
) -> None:
    first, again = boots["agent"]
    for boot in (first, again):  # at the second boot no package is looked for
        assert (boot["status"], boot["served"]) == (0, "v1"), boot["said"]
        assert "does not run" not in boot["said"]
        config = boot["extra"]["config"]
        assert permissions(config) == {
            *("cloudwatch:PutMetricData", "logs:CreateLogStream", "logs:PutLogEvents")
        }
        (file,) = config["logs"]["logs_collected"]["files"]["collect_list"]
        assert file == {
            "file_path": "/var/log/deployer/output.log",
            "log_group_name": "/deployer/shop/prod/output",
            "log_stream_name": "{instance_id}",
        }
        measured = config["metrics"]["metrics_collected"]
        assert {one["append_dimensions"]["Release"] for one in measured.values()} == {"v1"}


def test_what_the_application_writes_is_in_the_file_that_the_agent_ships(boots: Boots) -> None:
    extra = boots["agent"][0]["extra"]
    assert "v1 begins" in extra["output"].splitlines()
    assert extra["rotated"].startswith("/var/log/deployer/output.log {")


def test_without_the_agents_package_the_release_serves_and_the_log_says_so(boots: Boots) -> None:
    (boot,) = boots["no_agent"]
    assert (boot["status"], boot["served"]) == (0, "v1"), boot["said"]
    assert "Unable to find a match: amazon-cloudwatch-agent" in boot["said"]
    assert "deployer: the CloudWatch agent does not run" in boot["said"]

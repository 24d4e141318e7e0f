"""bootstrap.sh, run for real: below a folder of its own, with stand-ins for what only EC2 has.

`curl` answers as the metadata service and the application do, `aws` as S3 does, `systemctl` notes
what it is told. Everything else (tar, sha256sum, mv, install) is the real thing.
"""

import hashlib
import io
import os
import stat
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.settings.schema import ServiceSettings
from stacks.user_data import BOOTSTRAP, user_data

STAND_INS = {
    "curl": """
        url=${!#}
        [[ " $* " != *" --retry "* || $url == *169.254.169.254* ]] || exit 9
        case $url in
          *169.254.169.254/latest/api/token) [[ " $* " == *" PUT "* ]] && echo TOKEN ;;
          *169.254.169.254*) [[ " $* " == *"X-aws-ec2-metadata-token: TOKEN"* ]] || exit 22
            cat "$EC2/${url##*/}" 2>/dev/null || exit 22 ;;
          http://127.0.0.1:8080/health) exit 0 ;;
          *) exit 7 ;;
        esac""",
    "aws": """
        [[ "$1 $2 $3 $5 $AWS_DEFAULT_REGION" == "s3api get-object --bucket --key eu-west-1" ]] || exit 2
        echo "s3://$4/$6" >>"$EC2/fetched"
        cp "$EC2/object" "${!#}" && cat "$EC2/sha256"
        """,
    "systemctl": 'echo "$*" >>"$EC2/systemctl"',
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A folder that stands for an instance: its metadata in `ec2`, its disk in `disk`."""

    ec2: Path
    disk: Path
    tools: Path

    def boot(self, start: str = "python3 app.py") -> "subprocess.CompletedProcess[str]":
        script = user_data(ServiceSettings(name="shop", start=start))
        assert script.count("/opt/deployer") == script.count("/etc/systemd/system") == 1
        moved = script.replace("/opt/deployer", str(self.disk / "deployer")).replace(
            "/etc/systemd/system", str(self.disk)
        )
        part = self.ec2 / "part-001"  # what cloud-init makes of the user data, and runs
        part.write_text(moved)
        return subprocess.run(
            ["bash", part],
            env={"PATH": f"{self.tools}:{os.environ['PATH']}", "EC2": str(self.ec2)},
            capture_output=True,
            text=True,
            check=False,
        )

    def say(self, name: str, text: str) -> None:
        (self.ec2 / name).write_text(text)

    def upload(self, files: dict[str, str]) -> None:
        """Store an artifact with the SHA-256 of what was uploaded."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, text in files.items():
                item = tarfile.TarInfo(name)
                item.size, item.mode = len(text.encode()), 0o600
                archive.addfile(item, io.BytesIO(text.encode()))
        (self.ec2 / "object").write_bytes(packed.getvalue())
        self.say("sha256", hashlib.sha256(packed.getvalue()).hexdigest())

    @property
    def releases(self) -> list[str]:
        return sorted(path.name for path in (self.disk / "deployer/releases").glob("*"))


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "ec2", tmp_path / "disk", tmp_path / "tools")
    for folder in (machine.ec2, machine.disk, machine.tools):
        folder.mkdir()
    for name, body in STAND_INS.items():
        tool = machine.tools / name
        tool.write_text(f"#!/usr/bin/env bash\n{body}\n")
        tool.chmod(0o755)
    machine.say("deployer:release", "v7")
    machine.say("deployer:artifact", "s3://things/shop/v7.tar.gz")
    machine.say("region", "eu-west-1")
    machine.upload({"app.py": "print('hello')\n"})
    return machine


def test_the_release_of_the_tags_is_installed_and_started(machine: Machine) -> None:
    done = machine.boot()
    assert done.returncode == 0, done.stderr
    assert (machine.ec2 / "fetched").read_text() == "s3://things/shop/v7.tar.gz\n"
    assert (machine.disk / "deployer/current/app.py").read_text() == "print('hello')\n"
    assert (machine.disk / "deployer/environment").read_text() == (
        "HOST=0.0.0.0\nPORT=8080\nRELEASE=v7\n"
    )
    assert (machine.ec2 / "systemctl").read_text().splitlines() == [
        "enable --quiet deployer-bootstrap.service",
        "daemon-reload",
        "enable --quiet deployer.service",
        "restart deployer.service",
    ]


def test_every_later_boot_runs_what_the_first_one_ran(machine: Machine) -> None:
    machine.boot()
    unit = (machine.disk / "deployer-bootstrap.service").read_text().splitlines()
    assert f"ExecStart={machine.disk}/deployer/bootstrap" in unit
    kept = machine.disk / "deployer/bootstrap"
    assert kept.read_text() == (machine.ec2 / "part-001").read_text()
    assert kept.stat().st_mode & 0o111


def test_a_service_that_runs_already_is_not_restarted(machine: Machine) -> None:
    machine.boot()
    machine.boot()
    verbs = [line.split()[0] for line in (machine.ec2 / "systemctl").read_text().splitlines()]
    assert verbs == [
        *("enable", "daemon-reload", "enable", "restart"),
        *("enable", "daemon-reload", "enable", "start"),
    ]


def test_the_application_can_be_read_by_its_unprivileged_user(machine: Machine) -> None:
    machine.boot()
    everyone = (machine.disk / "deployer/releases/v7/app.py").stat().st_mode & 0o777
    assert everyone == stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH
    assert (machine.disk / "deployer/releases/v7").stat().st_mode & 0o777 == 0o755


def test_the_unit_restarts_for_ever_as_nobody_in_particular(machine: Machine) -> None:
    machine.boot()
    unit = (machine.disk / "deployer.service").read_text().splitlines()
    assert {
        f"ExecStart=/bin/bash {machine.disk}/deployer/start",
        f"EnvironmentFile={machine.disk}/deployer/environment",
        f"WorkingDirectory={machine.disk}/deployer/current",
        "DynamicUser=yes",
        "Restart=always",
        "RestartSec=2",
        "StartLimitIntervalSec=0",
        "KillSignal=SIGTERM",
        "WantedBy=multi-user.target",
    } <= set(unit)


def test_a_second_boot_fetches_nothing_and_ends_the_same(machine: Machine) -> None:
    assert [machine.boot().returncode, machine.boot().returncode] == [0, 0]
    assert (machine.ec2 / "fetched").read_text().count("\n") == 1
    assert machine.releases == ["v7"]
    assert (machine.disk / "deployer/current/app.py").exists()


def test_another_release_takes_its_place(machine: Machine) -> None:
    machine.boot()
    machine.say("deployer:release", "v8")
    machine.upload({"app.py": "print('v8')\n"})
    assert machine.boot().returncode == 0
    assert (machine.disk / "deployer/current/app.py").read_text() == "print('v8')\n"
    assert "RELEASE=v8" in (machine.disk / "deployer/environment").read_text()


@pytest.mark.parametrize("start", ['echo "it\'s $RELEASE" | tr a-z A-Z', "exit 3 || true; echo x"])
def test_the_start_command_is_run_as_written(machine: Machine, start: str) -> None:
    assert machine.boot(start).returncode == 0
    script = machine.disk / "deployer/start"
    ran, written = (
        subprocess.run(
            command, capture_output=True, check=False, env={"RELEASE": "v7", "PATH": os.defpath}
        )
        for command in (["bash", str(script)], ["bash", "-c", start])
    )
    assert (ran.stdout, ran.returncode) == (written.stdout, written.returncode)


REFUSED = [
    ("sha256", "0" * 64, "is not what was uploaded"),
    ("sha256", "None", "has no sha256 in its metadata"),
    ("object", "not a tar", "is not what was uploaded"),
    ("deployer:artifact", "https://x/y", "not an S3 URI"),
    ("deployer:release", "../v1", "not a release name"),
]


@pytest.mark.parametrize(("name", "text", "reason"), REFUSED)
def test_what_is_wrong_is_not_installed(
    machine: Machine, name: str, text: str, reason: str
) -> None:
    machine.say(name, text)
    done = machine.boot()
    assert done.returncode == 1
    assert f"deployer: {'' if reason.startswith('not') else 's3://things/'}" in done.stderr
    assert reason in done.stderr
    assert machine.releases == []
    assert "restart" not in (machine.ec2 / "systemctl").read_text()


@pytest.mark.parametrize("tag", ["deployer:release", "deployer:artifact"])
def test_without_tags_there_is_nothing_to_run(machine: Machine, tag: str) -> None:
    (machine.ec2 / tag).unlink()
    done = machine.boot()
    assert (done.returncode, done.stderr) == (1, f"deployer: no tag {tag}: nothing to run\n")


def test_after_a_failed_fetch_the_next_boot_succeeds(machine: Machine) -> None:
    good = (machine.ec2 / "sha256").read_text()
    machine.say("sha256", "0" * 64)
    assert machine.boot().returncode == 1
    machine.say("sha256", good)
    assert machine.boot().returncode == 0
    assert machine.releases == ["v7"]


def test_the_script_is_valid_bash_and_strict() -> None:
    checked = subprocess.run(["bash", "-n", BOOTSTRAP], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "\nset -euo pipefail\n" in BOOTSTRAP.read_text()


def test_shellcheck_finds_nothing() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, BOOTSTRAP], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)

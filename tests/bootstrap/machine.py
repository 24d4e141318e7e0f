"""bootstrap.sh on machines made for it: run within a namespace of its own, says what came of it.

    unshare ... python -m tests.bootstrap.machine FOLDER  # one JSON object on stdout: story -> outcome

In here 169.254.169.254 is ours, so the script's own address of the metadata service is answered; S3 is
the lab's; each story has a fresh root (`Root`) in which the script is executed by `chroot`. Nothing
of the script is replaced, and nothing outside the namespace is touched.
"""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deployer.lab import actions, inprocess, server
from deployer.lab.context import Context
from deployer.process.clock import ScaledClock
from deployer.settings.schema import ServiceSettings
from stacks.user_data import user_data
from tests.bootstrap.metadata import ADDRESS, Metadata

PROJECT = Path(__file__).parents[2]
BUCKET, PREFIX = "artifacts", "shop"
LOG_GROUP = "/deployer/shop/prod/output"
CHROOT = shutil.which("chroot") or "/usr/sbin/chroot"
SERVICE_PID = "run/systemd/deployer.service"
SCRIPT = "/var/lib/cloud/instance/scripts/part-001"  # where cloud-init puts user data
APP = (PROJECT / "examples" / "app" / "app.py").read_bytes()
SEEN = (
    os.path.realpath(sys.prefix),
    sys.base_prefix,
    str(PROJECT),
)  # what the tools in a root need of the outside


@dataclass
class Outcome:
    """What one boot came to."""

    status: int
    said: str
    served: str | None
    installed: list[str]
    told: list[str]
    downloads: int
    unit: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class Root:
    """A folder that is / for the script: the machine's /usr, and everything else empty."""

    def __init__(self, folder: Path, settings: str, environ: dict[str, str]) -> None:
        self.folder, self._environ = folder, environ
        folder.mkdir()
        for name in ("tmp", "run", "opt", "var/log", "etc/systemd/system", "etc/logrotate.d"):
            (folder / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (folder / name).symlink_to(f"usr/{name}")
        for name in ("/usr", "/proc", "/dev", *SEEN):
            self._bind(name)
        (folder / "etc/hosts").write_text("127.0.0.1 localhost\n")
        for name in ("aws", "systemctl", "dnf"):
            self._tool(name)
        script = folder / SCRIPT.lstrip("/")
        script.parent.mkdir(parents=True)
        script.write_text(settings)
        script.chmod(0o755)

    def _bind(self, name: str) -> None:
        inner = self.folder / name.lstrip("/")
        inner.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "--rbind", name, str(inner)], check=True)

    def _tool(self, name: str) -> None:
        tool = self.folder / "opt" / "tools" / name
        tool.parent.mkdir(exist_ok=True)
        tool.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.bootstrap.tools {name} "$@"\n')
        tool.chmod(0o755)

    def boot(self, script: str = SCRIPT) -> "subprocess.CompletedProcess[str]":
        """Run the script as the machine's boot does: root, a bare environment, / is the folder."""
        return subprocess.run(
            [CHROOT, str(self.folder), "/bin/bash", script],
            env={**self._environ, "PATH": "/opt/tools:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def shut_down(self) -> None:
        """End what the service manager started: the next boot starts it again."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)  # its parents are gone: it is a child of ours, the namespace's first
            (self.folder / SERVICE_PID).unlink()

    def pid(self) -> int | None:
        """Of the service."""
        file = self.folder / SERVICE_PID
        return int(file.read_text()) if file.exists() else None


@dataclass
class World:
    """The metadata service and S3 around the machines."""

    folder: Path
    metadata: Metadata
    s3: Any
    environ: dict[str, str]

    def upload(self, release: str, *, sha256: str | None = None, marked: bool = True) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            item = tarfile.TarInfo("app.py")
            item.size, item.mode = len(APP), 0o600
            archive.addfile(item, io.BytesIO(APP))
        body = packed.getvalue()
        said = {"sha256": sha256 or hashlib.sha256(body).hexdigest()} if marked else {}
        self.s3.put_object(
            Bucket=BUCKET, Key=f"{PREFIX}/{release}.tar.gz", Body=body, Metadata=said
        )

    def names(self, release: str) -> None:
        """The instance's tags name `release`."""
        self.metadata.tags = {
            "deployer:release": release,
            "deployer:artifact": f"s3://{BUCKET}/{PREFIX}/{release}.tar.gz",
        }

    def machine(self, name: str, log_group: str = "") -> Root:
        start = "echo $RELEASE begins; exec python3 app.py"
        script = user_data(ServiceSettings(name="shop", start=start), log_group)
        return Root(self.folder / name, script, self.environ)

    def outcome(self, root: Root, done: "subprocess.CompletedProcess[str]") -> Outcome:
        told = root.folder / "run/systemd/told"
        unit = root.folder / "etc/systemd/system/deployer.service"
        return Outcome(
            done.returncode,
            done.stderr + done.stdout,
            served(),
            sorted(path.name for path in (root.folder / "opt/deployer/releases").glob("*")),
            told.read_text().splitlines() if told.exists() else [],
            len(actions.calls("s3", "GetObject")),
            unit.read_text() if unit.exists() else "",
        )


def served() -> str | None:
    """The release that answers on the service's port; None: nobody does."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080/health", timeout=5) as answer:
            return str(answer.headers["X-Release"])
    except (urllib.error.URLError, ConnectionError):
        return None


def good(world: World) -> list[Outcome]:
    """A first boot; the script again while the service runs; a boot by the unit that it left."""
    world.upload("v1")
    world.names("v1")
    root = world.machine("good")
    first = world.outcome(root, root.boot())
    pid = root.pid()
    again = world.outcome(root, root.boot())
    again.extra = {"same": root.pid() == pid}
    root.shut_down()
    kept = "/opt/deployer/bootstrap"
    second = world.outcome(root, root.boot(kept))
    unit = (root.folder / "etc/systemd/system/deployer-bootstrap.service").read_text()
    second.extra = {"runs": f"ExecStart={kept}" in unit, "refused": world.metadata.refused}
    root.shut_down()
    return [first, again, second]


def wrong_checksum(world: World) -> list[Outcome]:
    """An artifact that is not what was uploaded; then the right one, and a second boot."""
    world.upload("v2", sha256="0" * 64)
    world.names("v2")
    root = world.machine("wrong_checksum")
    bad = world.outcome(root, root.boot())
    world.upload("v2")
    mended = world.outcome(root, root.boot("/opt/deployer/bootstrap"))
    root.shut_down()
    return [bad, mended]


def _refused(world: World, name: str) -> list[Outcome]:
    root = world.machine(name)
    return [world.outcome(root, root.boot())]


def unmarked(world: World) -> list[Outcome]:
    """An artifact whose uploader wrote no checksum."""
    world.upload("v3", marked=False)
    world.names("v3")
    return _refused(world, "unmarked")


def missing(world: World) -> list[Outcome]:
    """No such artifact."""
    world.names("v4")
    return _refused(world, "missing")


def agent(world: World) -> list[Outcome]:
    """With the CloudWatch agent: a first boot, and another, which has the package already."""
    world.upload("v1")
    world.names("v1")
    root = world.machine("agent", LOG_GROUP)
    boots = []
    for empty in (False, True):
        if empty:
            (root.folder / "etc/dnf").mkdir()
            (root.folder / "etc/dnf/empty").touch()
        outcome = world.outcome(root, root.boot())
        taken = root.folder / "run/systemd/agent.json"
        outcome.extra = {
            "config": json.loads(taken.read_text()),
            "output": (root.folder / "var/log/deployer/output.log").read_text(),
            "rotated": (root.folder / "etc/logrotate.d/deployer").read_text(),
        }
        taken.unlink()
        boots.append(outcome)
        root.shut_down()
    return boots


def no_agent(world: World) -> list[Outcome]:
    """The agent is wanted, and its package is nowhere."""
    root = world.machine("no_agent", LOG_GROUP)
    (root.folder / "etc/dnf").mkdir()
    (root.folder / "etc/dnf/empty").touch()
    outcome = world.outcome(root, root.boot())
    root.shut_down()
    return [outcome]


STORIES: tuple[Callable[[World], list[Outcome]], ...] = (
    good,
    wrong_checksum,
    unmarked,
    missing,
    agent,
    no_agent,
)


def world_in(folder: Path) -> World:
    """Loopback, the metadata service's address, the lab's S3."""
    for command in ("link set lo up", f"addr add {ADDRESS[0]}/32 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    server.reset()
    endpoint = f"http://localhost:{server.reserve_port()}"
    context = Context(folder, 79, endpoint, ScaledClock(time.time(), 1.0))
    actions.install(context)
    server.serve(context)
    s3 = inprocess.client(context, "s3")
    s3.create_bucket(Bucket=BUCKET)
    environ = {
        "AWS_ENDPOINT_URL": endpoint,
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return World(folder, Metadata({}), s3, environ)


def main() -> None:
    world = world_in(Path(sys.argv[1]))
    outcomes = {story.__name__: [asdict(one) for one in story(world)] for story in STORIES}
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main()

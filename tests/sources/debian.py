"""A real Prometheus: the machine's own, or Debian's package unpacked into a cache; nothing is installed.

A fresh machine downloads 19 MB once (and, without package lists, Debian's index). Where no registry is
reached, whoever asks is told why: those tests are skipped, and pytest says so at the end (`-rs`).
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LIMIT_S = 120.0
BRIEFLY = ("-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0", "-o", "Acquire::ForceIPv4=true")  # fmt: skip


class Programs(NamedTuple):
    server: Path
    tool: Path


class Unreachable(Exception):
    """There is no Prometheus here, and none to be had; says why."""


def prometheus() -> Programs:
    """The server and its tool.

    Raises:
        Unreachable: as it says.
    """
    own = shutil.which("prometheus"), shutil.which("promtool")
    if own[0] and own[1]:
        return Programs(Path(own[0]), Path(own[1]))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deployer-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / "prometheus"
    with _locked(cache / "prometheus.lock"):
        if not folder.exists():
            _unpack(folder)
    return Programs(folder / "usr/bin/prometheus", folder / "usr/bin/promtool")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Two test processes download it once."""
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _unpack(folder: Path) -> None:
    """Download and unpack; `folder` is there afterwards only if it is whole."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unreachable("neither prometheus nor apt-get is on this machine")
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        work = Path(made)
        try:
            _run(work, "apt-get", *BRIEFLY, "download", "prometheus")
        except Unreachable:  # a fresh machine knows no packages, and root alone may change that
            lists = _lists(work)
            _run(work, "apt-get", *BRIEFLY, *lists, "update")
            _run(work, "apt-get", *BRIEFLY, *lists, "download", "prometheus")
        (package,) = work.glob("prometheus_*.deb")
        _run(work, "dpkg-deb", "-x", str(package), "unpacked")
        (work / "unpacked").rename(folder)


def _lists(work: Path) -> tuple[str, ...]:
    """Options with which apt keeps its lists in `work`, and reads the machine's sources."""
    (work / "state/lists/partial").mkdir(parents=True)
    (work / "cache/archives/partial").mkdir(parents=True)
    own = {"Dir::State": work / "state", "Dir::State::lists": work / "state/lists", "Dir::Cache": work / "cache"}  # fmt: skip
    options = [f"{key}={path}" for key, path in own.items()]
    options += ["APT::Sandbox::User=", "Dir::State::status=/var/lib/dpkg/status"]
    return tuple(word for option in options for word in ("-o", option))


def _run(folder: Path, *command: str) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"{command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Unreachable(f"{command[0]} could not: {said[-1] if said else done.returncode}")

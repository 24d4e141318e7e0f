"""A real Prometheus: the machine's own, or Debian's package unpacked into a cache; nothing is installed.

A fresh machine downloads 19 MB once (and, without package lists, Debian's index).
"""

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.downloads import Unreachable, cached, run

BRIEFLY = ("-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0", "-o", "Acquire::ForceIPv4=true")  # fmt: skip


class Programs(NamedTuple):
    server: Path
    tool: Path


def prometheus() -> Programs:
    """The server and its tool.

    Raises:
        Unreachable: there is none here, and none to be had; says why.
    """
    own = shutil.which("prometheus"), shutil.which("promtool")
    if own[0] and own[1]:
        return Programs(Path(own[0]), Path(own[1]))
    folder = cached("prometheus", _unpacked)
    return Programs(folder / "usr/bin/prometheus", folder / "usr/bin/promtool")


def _unpacked(work: Path) -> Path:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unreachable("neither prometheus nor apt-get is on this machine")
    try:
        run(work, "apt-get", *BRIEFLY, "download", "prometheus")
    except Unreachable:  # a fresh machine knows no packages, and root alone may change that
        lists = _lists(work)
        run(work, "apt-get", *BRIEFLY, *lists, "update")
        run(work, "apt-get", *BRIEFLY, *lists, "download", "prometheus")
    (package,) = work.glob("prometheus_*.deb")
    run(work, "dpkg-deb", "-x", str(package), "unpacked")
    return work / "unpacked"


def _lists(work: Path) -> tuple[str, ...]:
    """Options with which apt keeps its lists in `work`, and reads the machine's sources."""
    (work / "state/lists/partial").mkdir(parents=True)
    (work / "cache/archives/partial").mkdir(parents=True)
    own = {"Dir::State": work / "state", "Dir::State::lists": work / "state/lists", "Dir::Cache": work / "cache"}  # fmt: skip
    options = [f"{key}={path}" for key, path in own.items()]
    options += ["APT::Sandbox::User=", "Dir::State::status=/var/lib/dpkg/status"]
    return tuple(word for option in options for word in ("-o", option))

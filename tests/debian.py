"""Debian's packages, unpacked into a cache; nothing is installed.

A fresh machine downloads them once (and, where there are no package lists, Debian's index).
"""

import shutil
from pathlib import Path

from tests.downloads import Unreachable, cached, run

BRIEFLY = ("-o", "Acquire::http::Timeout=10", "-o", "Acquire::Retries=0", "-o", "Acquire::ForceIPv4=true")  # fmt: skip


def unpacked(name: str, *packages: str) -> Path:
    """The folder `name` of the cache: what the root of a machine with these packages would have.

    Raises:
        Unreachable: they are not there, and not to be had; says why.
    """
    return cached(name, lambda work: _unpacked(work, packages))


def libraries(root: Path) -> str:
    """Where a program below this root looks for its libraries: its LD_LIBRARY_PATH."""
    found = [*root.glob("lib/*-linux-gnu*"), *root.glob("usr/lib/*-linux-gnu*")]
    return ":".join(map(str, sorted(found)))


def _unpacked(work: Path, packages: tuple[str, ...]) -> Path:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise Unreachable(f"neither {packages[0]} nor apt-get is on this machine")
    try:
        run(work, "apt-get", *BRIEFLY, "download", *packages)
    except Unreachable:  # a fresh machine knows no packages, and root alone may change that
        lists = _lists(work)
        run(work, "apt-get", *BRIEFLY, *lists, "update")
        run(work, "apt-get", *BRIEFLY, *lists, "download", *packages)
    for package in sorted(work.glob("*.deb")):
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

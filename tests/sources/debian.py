"""A real Prometheus: the machine's own, or Debian's package unpacked into a cache (19 MB, once)."""

import shutil
from pathlib import Path
from typing import NamedTuple

from tests.debian import unpacked


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
    folder = unpacked("prometheus", "prometheus")
    return Programs(folder / "usr/bin/prometheus", folder / "usr/bin/promtool")

"""What tests need and no wheel brings: fetched once from a package registry, unpacked into a cache.

Nothing is installed. Where no registry is reached, whoever asks is told why: those tests are skipped,
and pytest says so at the end (`-rs`).
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

LIMIT_S = 120.0


class Unreachable(Exception):
    """It is not on this machine, and not to be had; says why."""


def cached(name: str, fill: Callable[[Path], Path]) -> Path:
    """The folder `name` of the cache, which is there only if it is whole; two processes fill it once.

    fill: fetches into the empty folder that it is given; what it returns, within that, is kept.

    Raises:
        Unreachable: as `fill` says.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "deployer-tests"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / name
    with (cache / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache) as made:
                fill(Path(made)).rename(folder)
    return folder


def run(folder: Path, *command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run it in `folder`.

    Raises:
        Unreachable: it could not; the last line of what it said.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT_S,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"{command[0]}: {error}") from error
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Unreachable(f"{command[0]} could not: {said[-1] if said else done.returncode}")

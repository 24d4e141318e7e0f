"""A checkout as somebody has it who has just cloned: no environment, no caches; and a shell in it."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.documents.reading import ROOT
from tests.downloads import run

# What this process knows of its own tests, environment and cloud.
OURS = ("AWS_", "DEPLOYER_", "PYTEST_", "VIRTUAL_ENV", "PYTHONPATH")
PROBE = "jmespath==1.1.0"


@dataclass(frozen=True)
class Checkout:
    """Where it is, and what is in it."""

    folder: Path
    files: Sequence[str]

    def digests(self) -> Mapping[str, str]:
        """What each file says, as it is now."""
        return {
            name: hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
            for name in self.files
        }

    def types(self, *lines: str, limit_s: float = 600.0, **more: str) -> str:
        """What one shell says to these lines; `more`: its variables, besides those of this machine.

        It has ended when this returns, and so has what it began: also when it took too long.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        script = "\n".join(lines)
        with subprocess.Popen(
            ["bash", "-euc", script], cwd=self.folder, text=True, start_new_session=True,
            env={**kept, "PYTHON": sys.executable, **more},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as shell:  # fmt: skip
            try:
                said, _ = shell.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(shell.pid, signal.SIGTERM)
                raise
        assert shell.returncode == 0, f"{script}\n{said[-4000:]}"
        return said


def made(folder: Path) -> Checkout:
    """Copy what git would hand out, and what has not been added yet.

    Raises:
        Unreachable: no package registry answers: nothing could be installed in it.
    """
    run(folder, sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PROBE)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
        text=True, check=True, capture_output=True,
    )  # fmt: skip
    names = [each for each in listed.stdout.split("\0") if (ROOT / each).is_file()]
    home = folder / "deployer"
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, home / name, follow_symlinks=False)
    return Checkout(home, names)

"""The real AWS CLI, from PyPI into a cache (170 MB, once); nothing is installed.

It brings a botocore of its own, which is why it lives outside of the environment. Tests of every change
do with what tests/lab/awscli.py knows of it.
"""

import shlex
import sys
from pathlib import Path

from tests.downloads import cached, run

VERSION = "1.46.3"


def installed(folder: Path) -> Path:
    """Make `folder`, for the PATH, with the command `aws` in it.

    Raises:
        Unreachable: it is not to be had; says why.
    """
    kept = cached(f"awscli-{VERSION}", _fetched)
    folder.mkdir(exist_ok=True)
    command = folder / "aws"
    words = ["env", f"PYTHONPATH={kept}", sys.executable, "-m", "awscli"]
    command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
    command.chmod(0o755)
    return folder


def _fetched(work: Path) -> Path:
    target = work / "site"
    run(
        work, sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target",
        str(target), f"awscli=={VERSION}",
    )  # fmt: skip
    return target

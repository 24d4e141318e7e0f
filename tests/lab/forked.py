"""`deployer`, begun by a fork of a process that has imported it already.

Half a second of processor time per process is Python's imports. A test that kills a deployer at each
change begins dozens. Each of them is a process of its own all the same, with its own sockets,
environment and exit status; what the fork saves is the imports.
"""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from deployer.cli.group import COMMANDS
from deployer.cli.main import main

from .conftest import ROOT, Shell

for module in {entry.module for entry in COMMANDS.values() if not entry.needs}:
    import_module(f"deployer.cli.{module}")
import_module("boto3")

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class Forked(Shell):
    """A shell whose `deployer` begins at once; the lab's own commands begin as ever."""

    def run(self, *arguments: str, timeout_s: float = 120.0) -> subprocess.CompletedProcess[str]:
        if "lab" in arguments:
            return super().run(*arguments, timeout_s=timeout_s)
        with TemporaryDirectory() as name:
            told = Path(name, "stdout"), Path(name, "stderr")
            life = _CONTEXT.Process(target=live, args=(arguments, dict(self.variables), told))
            life.start()
            life.join(timeout_s)
            if life.exitcode is None:
                life.kill()
                raise subprocess.TimeoutExpired(arguments, timeout_s)
            out, err = (path.read_text() if path.exists() else "" for path in told)
            return subprocess.CompletedProcess(arguments, life.exitcode, out, err)


def live(arguments: Sequence[str], variables: Mapping[str, str], told: Sequence[Path]) -> None:
    """What the child does: be `python -m deployer.cli.main`."""
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    for number, path in enumerate(told, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["deployer", *arguments]
    main()

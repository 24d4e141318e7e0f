"""`deployer lab up` from the parent's side: Ctrl-C at any moment leaves no lab."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployer.cli.lab_process import LabOptions, await_ready, holding_back


def test_ctrl_c_while_the_lab_is_being_started_ends_it(tmp_path: Path) -> None:
    """It comes after the process is there, and before anybody waits for it."""
    before = signal.getsignal(signal.SIGINT)
    with holding_back() as heard:
        lab = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        os.kill(os.getpid(), signal.SIGINT)
    assert heard == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is before
    options = LabOptions(tmp_path / "deployer.toml", "lab", "text", tmp_path)
    with lab, pytest.raises(KeyboardInterrupt):
        await_ready(options, lab, heard=heard)
    assert lab.wait(10) == -signal.SIGTERM


def test_nothing_is_heard_where_nobody_asks() -> None:
    with holding_back() as heard:
        pass
    assert heard == []

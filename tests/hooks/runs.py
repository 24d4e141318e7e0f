"""Hooks for the tests: what a step would ask for, and a wait for its end."""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

from deployer.hooks import About, HookAction, HookPoint, HookReport, Hooks, RunHook
from deployer.model import Slot

ABOUT = About("20270115-080017-6489", "v2", "v1")
KEY = "20270115-080017-6489/before_traffic"


def hook(action: HookAction, limit_s: float = 20.0, key: str = KEY) -> RunHook:
    timely = replace(action, deadline_s=limit_s)
    return RunHook(key, HookPoint.BEFORE_TRAFFIC, timely, ABOUT, Slot.GREEN)


def python(script: str, *arguments: str) -> HookAction:
    """A command that runs `script`."""
    return HookAction(command=(sys.executable, "-I", "-S", "-c", script, *arguments))


def ended(hooks: Hooks, key: str = KEY) -> HookReport:
    """How it ended."""
    eventually(lambda: (hooks.report(key) or HookReport("running")).state != "running")
    report = hooks.report(key)
    assert report is not None
    return report


def eventually(holds: Callable[[], object]) -> None:
    """Wait for it, not for ever."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)

"""The port `Hooks`: one hook at a time, in the background of this process.

In the background, because the lease must be renewed while a hook runs. What a hook is told is
documented in docs/hooks.md and keeps its meaning.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping

from deployer.aws import hook_runs
from deployer.aws.hook_runs import CommandRun, FunctionRun, Run, UrlRun
from deployer.aws.session import Aws
from deployer.aws.tail import Tail, secrets_of
from deployer.errors import DeployError
from deployer.hooks import HookReport, RunHook

CLOSING_S = hook_runs.GRACE_S + 2.0


class BackgroundHooks:
    """Hooks of one environment.

    scale:   how many times faster than the wall's the deployer's clock runs: deadlines are its.
    environ: what a command inherits.
    """

    def __init__(
        self,
        aws: Aws,
        service: str,
        environment: str,
        scale: float = 1.0,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._aws = aws
        self._service = service
        self._environment = environment
        self._scale = scale
        self._environ = environ
        self._task: Task | None = None

    def begin(self, run: RunHook) -> None:
        if self._task is not None and self._task.key == run.key:
            return
        self.close()
        try:
            carried = self._run(run)
        except (DeployError, OSError, ValueError) as error:
            self._task = Task(run.key, HookReport("failed", f"cannot be run: {error}"))
            return
        self._task = Task(run.key)
        self._task.start(carried, Tail(secrets_of(self._environ)))

    def report(self, key: str) -> HookReport | None:
        task = self._task
        return task.report if task is not None and task.key == key else None

    def end(self) -> None:
        if self._task is not None:
            self._task.stop()

    def close(self) -> None:
        if self._task is not None:
            self._task.stop()
            self._task.wait(CLOSING_S)
        self._task = None

    def _run(self, run: RunHook) -> Run:
        facts = facts_of(run, self._service, self._environment)
        action = run.action
        limit_s = action.deadline_s / self._scale
        if action.command:
            return CommandRun(action.command, {**self._environ, **variables(facts)}, limit_s)
        if action.url:
            return UrlRun(action.url, facts, limit_s)
        return FunctionRun(self._aws.functions(limit_s), action.function, facts, limit_s)


class Task:
    """A run and how it stands; a daemon thread carries it."""

    def __init__(self, key: str, report: HookReport | None = None) -> None:
        self.key = key
        self.report = report or HookReport("running")
        self._run: Run | None = None
        self._thread: threading.Thread | None = None

    def start(self, run: Run, tail: Tail) -> None:
        """Carry `run` out in the background."""
        self._run = run
        self._thread = threading.Thread(target=self._carry, args=(run, tail), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cut it short, if it still runs."""
        if self._run is not None and self.report.state == "running":
            self._run.stop()

    def wait(self, limit_s: float) -> None:
        """For its end, `limit_s` real seconds at most."""
        if self._thread is not None:
            self._thread.join(limit_s)

    def _carry(self, run: Run, tail: Tail) -> None:
        try:
            reason = run.run(tail)
        except Exception as error:  # noqa: BLE001  nobody else hears it: a silent thread is a hang
            reason = f"{type(error).__name__}: {error}"
        self.report = HookReport("failed" if reason else "succeeded", reason or "", tail.text())


def facts_of(run: RunHook, service: str, environment: str) -> dict[str, str]:
    """What a hook is told; `previous` is empty if it is not known."""
    return {
        "service": service,
        "environment": environment,
        "deployment": run.about.deployment,
        "release": run.about.release,
        "previous": run.about.previous or "",
        "slot": run.slot.value,
        "hook": run.point.value,
        "key": run.key,
    }


def variables(facts: Mapping[str, str]) -> dict[str, str]:
    """The same as environment variables: DEPLOYER_SERVICE, ..."""
    return {f"DEPLOYER_{name.upper()}": value for name, value in facts.items()}

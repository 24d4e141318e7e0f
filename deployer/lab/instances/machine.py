"""One instance: its folder, its service, its process. Used by one thread, read by others."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from deployer.lab import leash
from deployer.lab.context import Context
from deployer.lab.instances import cpu, download, facts, profile
from deployer.lab.instances.facts import Artifact, Service, Unbootable
from deployer.lab.instances.unit import STOP_S, Move, Phase, Unit, step
from deployer.lab.instances.view import Booted

LEAST_STOP_S = 1.0  # real: however fast the clock runs, an application needs time to end
_TAIL = 4096


class Machine:
    """Runs `bash -c SERVICE_START` in the unpacked artifact, as the unit of bootstrap.sh does.

    reason: why nothing runs; empty while the bootstrap succeeded.
    """

    def __init__(self, context: Context, booted: Booted) -> None:
        self._context = context
        self._booted = booted
        self.id = booted.id
        self.address = context.instance_address(booted.private_ip)
        self.folder = context.directory / "instances" / booted.id
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "app.log"
        self.unit = Unit()
        self.reason = ""
        self.service: Service | None = None
        self.artifact: Artifact | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._past_s = self._last_s = 0.0  # CPU: of processes that have ended, of this one
        self._stop_s = max(STOP_S, LEAST_STOP_S * context.clock.scale)

    @property
    def pid(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process and self.alive else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def cpu_s(self) -> float:
        """CPU time, real seconds, of all that it has run so far."""
        if self.pid is not None:
            self._last_s = max(self._last_s, cpu.spent_s(self.pid))
        return self._past_s + self._last_s

    @property
    def ended(self) -> bool:
        return self.unit.phase is Phase.ENDED

    def look(self, *, wanted: bool, now: float) -> None:
        """Notice an exit, start, restart, stop or kill; takes no longer than a download."""
        before = self.unit
        self.unit, move = step(
            before, wanted=wanted, alive=self.alive, now=now, stop_s=self._stop_s
        )
        if self.unit.phase in (Phase.RESTING, Phase.ENDED) and before.phase is not self.unit.phase:
            self._sweep()
        if self.unit.phase is Phase.RESTING and before.phase is Phase.RUNNING:
            status = self._process.returncode if self._process else None
            self._note(f"exited with status {status}; restarting")
        match move:
            case Move.START:
                self._start()
            case Move.TERM:
                self._note("SIGTERM")
                self.signal(signal.SIGTERM)
            case Move.KILL:
                self._note(f"did not end within {self._stop_s:g} s: SIGKILL")
                self.signal(signal.SIGKILL)

    def _start(self) -> None:
        try:
            self.service = self.service or facts.service(self._booted.user_data)
            self.artifact = self.artifact or facts.artifact(self._booted.tags)
            app = self.folder / "app"
            if not app.is_dir():
                download.install(profile.s3(self._context, self._booted), self.artifact, app)
            self._process = self._spawn(self.service, self.artifact, app)
        except (Unbootable, OSError) as error:
            self.reason = str(error)
            self.unit = Unit(Phase.FAILED)
            self._note(self.reason)

    def _spawn(self, service: Service, artifact: Artifact, app: Path) -> subprocess.Popen[bytes]:
        self._past_s, self._last_s = self._past_s + self._last_s, 0.0
        here = str(Path(sys.executable).parent)
        environment = {
            "PATH": f"{here}:{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "HOST": self.address,
            "PORT": str(service.port),
            "RELEASE": artifact.release,
        }
        argv = ["bash", "-c", service.start]
        return leash.start(argv, env=environment, cwd=app, log=self.log)

    def signal(self, number: signal.Signals) -> bool:
        """Send a signal to the process and its children; whether there was one."""
        if self._process is None or self._process.poll() is not None:
            return False
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return False  # it ended since we looked
        return True

    def _sweep(self) -> None:
        """What the application has started and left behind ends with it (systemd's KillMode)."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _note(self, text: str) -> None:
        """A line in the instance's log, marked as ours."""
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"lab: {text}\n")

    def last_line(self) -> str:
        """The last line of the log."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
        return lines[-1] if lines else ""

    def clear(self) -> None:
        """Remove the unpacked artifact; the log stays."""
        shutil.rmtree(self.folder / "app", ignore_errors=True)

    def wait(self, timeout_s: float) -> bool:
        """Wait (real seconds) for the process to end, and all that it started; whether it has."""
        if self._process is None:
            return True
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self._sweep()
        return True

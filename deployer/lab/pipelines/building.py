"""What a build is: its project, its record, how it stands. Data and decisions, no effects.

Source: CodeBuild API Reference (Project, Build, BuildPhase); User Guide, "Build phase transitions",
"Environment variables in build environments".
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.pipelines.buildspec import PHASES, Buildspec

GOING, SUCCEEDED, FAILED = "IN_PROGRESS", "SUCCEEDED", "FAILED"
STOPPED, TIMED_OUT, FAULT = "STOPPED", "TIMED_OUT", "FAULT"


@dataclass(frozen=True, slots=True)
class Project:
    """A build project, as its owner made it."""

    name: str
    arn: str
    role: str
    spec: Buildspec
    settings: Mapping[str, Any]

    @property
    def timeout_s(self) -> float:
        """Virtual seconds."""
        return 60.0 * int(self.settings.get("timeoutInMinutes", 60))

    @property
    def variables(self) -> dict[str, str]:
        listed = self.settings["environment"].get("environmentVariables", ())
        return {each["name"]: each["value"] for each in listed}

    @property
    def log_group(self) -> str:
        logs = self.settings.get("logsConfig", {}).get("cloudWatchLogs", {})
        return str(logs.get("groupName") or f"/aws/codebuild/{self.name}")


@dataclass(frozen=True, slots=True)
class Place:
    """An object in S3; `revision`: of the source that it goes back to."""

    bucket: str
    key: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """What a pipeline asks for: inputs (the first is the primary one), outputs, variables."""

    initiator: str
    inputs: Mapping[str, Place]
    outputs: Mapping[str, Place]
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Build:
    """One build. Changed under the lab's lock.

    phases:  name, state and message of those that ended, in order.
    problem: why it failed, in one line.
    pid:     of the shell that carries it out; None: it does not run (yet, or any more).
    """

    id: str
    number: int
    project: Project
    job: Job
    started_at: float
    status: str = GOING
    ended_at: float | None = None
    phases: list[tuple[str, str, str]] = field(default_factory=list)
    exported: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    pid: int | None = None
    stopping: bool = False
    stream: str = ""

    @property
    def going(self) -> bool:
        return self.status == GOING


@dataclass(frozen=True, slots=True)
class Told:
    """What the shell has written down of itself.

    ended:   phase -> (state, exit status, number of the command that failed).
    unended: the phase in which it died.
    """

    ended: Mapping[str, tuple[str, int, int]]
    exported: Mapping[str, str]
    unended: str = ""


def read(text: str) -> Told:
    """The file that `buildspec.script` has written."""
    ended: dict[str, tuple[str, int, int]] = {}
    exported: dict[str, str] = {}
    begun = ""
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word == "begin":
            begun = rest
        elif word == "export":
            name, _, quoted = rest.partition(" ")
            exported[name] = "".join(shlex.split(quoted))
        elif word == "end":
            name, state, code, number = rest.split()
            ended[name] = (state, int(code), int(number))
            begun = ""
    return Told(ended, exported, begun)


def verdict(spec: Buildspec, told: Told, exit_status: int) -> tuple[str, str]:
    """(phase, message) of what failed first; ("", ""): nothing did."""
    for name in PHASES:
        state, code, number = told.ended.get(name, (SUCCEEDED, 0, 0))
        if state == FAILED:
            command = spec.phases[name].commands[number - 1]
            return name, f"Error while executing command: {command}. Reason: exit status {code}"
    if told.unended:
        return told.unended, f"The shell ended in this phase. Reason: exit status {exit_status}"
    return ("build", f"The shell could not run: {exit_status}") if exit_status else ("", "")

"""State machines and their executions, as they are kept. Under the lab's lock."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deployer.lab.wire import Refused
from deployer.lab.workflows.data import LARGEST, limited
from deployer.lab.workflows.history import MOST, Full, History, Trace
from deployer.lab.workflows.interpreter import Scope, run
from deployer.lab.workflows.language import Flow
from deployer.lab.workflows.problems import Problem
from deployer.lab.workflows.strands import Strand, Ticket

NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


@dataclass(slots=True)
class Machine:
    """One state machine; `tags` by key."""

    name: str
    arn: str
    definition: str
    flow: Flow
    role: str
    created_at: float
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Execution:
    """One execution: of the flow and under the role that its machine had when it began.

    status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
    strand: None once it has ended.
    """

    arn: str
    name: str
    machine: str
    role: str
    given: str
    started_at: float
    history: History
    deadline: float | None
    status: str = "RUNNING"
    stopped_at: float | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    strand: Strand | None = None

    def advance(self, now: float) -> None:
        """Go on as far as nothing has to be waited for; end it if it is at its end."""
        if self.strand is None:
            return
        if self.deadline is not None and now >= self.deadline:
            self.end("TIMED_OUT", now, "States.Timeout", "")
            return
        try:
            self.strand.advance(now)
        except Full:
            cause = f"The execution reached the maximum number of history events ({MOST})."
            self.end("FAILED", now, "States.Runtime", cause)
            return
        if self.strand.done:
            self._conclude(self.strand.result, now)

    def _conclude(self, result: Any, now: float) -> None:
        if isinstance(result, Problem):
            self.end("FAILED", now, result.error, result.cause)
            return
        self.output = limited(result)
        self._close("SUCCEEDED", now, "ExecutionSucceeded", {"output": self.output})

    def end(self, status: str, now: float, error: str | None, cause: str | None) -> None:
        """It fails, runs out of time, or is aborted."""
        self.error, self.cause = error, cause
        kind = {
            "FAILED": "ExecutionFailed", "TIMED_OUT": "ExecutionTimedOut",
            "ABORTED": "ExecutionAborted",
        }[status]  # fmt: skip
        told = {"error": error, "cause": cause}
        self._close(status, now, kind, {key: value for key, value in told.items() if value})

    def _close(self, status: str, now: float, kind: str, details: dict[str, Any]) -> None:
        if self.strand is not None:
            self.strand.close()
        self.strand, self.status, self.stopped_at = None, status, now
        key = f"{kind[0].lower()}{kind[1:]}EventDetails"
        self.history.add(kind, len(self.history.events), {key: details} if details else {})


@dataclass(slots=True)
class Book:
    """All of them; `where`: `REGION:ACCOUNT`, for their ARNs."""

    where: str
    now: Callable[[], float]
    machines: dict[str, Machine] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:states:{self.where}:{kind}:{name}"

    def machine(self, arn: str) -> Machine:
        """The machine of this ARN.

        Raises:
            Refused: there is none.
        """
        if arn not in self.machines:
            raise Refused("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self.machines[arn]

    def execution(self, arn: str) -> Execution:
        """The execution of this ARN.

        Raises:
            Refused: there is none.
        """
        if arn not in self.executions:
            raise Refused("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]

    def of(self, machine: Machine) -> Iterator[Execution]:
        """Its executions, the newest first."""
        return (one for one in reversed(self.executions.values()) if one.machine == machine.arn)

    def start(
        self, machine: Machine, name: str, given: str, calls: Callable[[Execution, Ticket], None]
    ) -> Execution:
        """Begin an execution, or find the running one of this name and input.

        Raises:
            Refused: the name is taken, or not one; the input is no JSON, or too large.
        """
        arn = self.arn("execution", f"{machine.name}:{name}")
        known = self.executions.get(arn)
        data = _read(name, given)
        if known is not None:
            if known.status == "RUNNING" and json.loads(known.given) == data:
                return known
            raise Refused("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        now, history = self.now(), History(self.now)
        timeout_s = machine.flow.timeout_s
        made = Execution(
            arn, name, machine.arn, machine.role, given, now, history,
            None if timeout_s is None else now + timeout_s,
        )  # fmt: skip
        details = {"input": given, "roleArn": machine.role}
        begun = history.add("ExecutionStarted", 0, {"executionStartedEventDetails": details})
        scope = Scope(
            Trace(history, begun), self.now, self.where.split(":")[0],
            _about(made, machine, data, self.now()),
        )  # fmt: skip
        made.strand = Strand(run(machine.flow, data, scope), lambda ticket: calls(made, ticket))
        self.executions[arn] = made
        return made


def _read(name: str, given: str) -> Any:
    if not NAME.fullmatch(name):
        raise Refused("InvalidName", f"Invalid Name: '{name}'")
    if len(given.encode()) > LARGEST:
        raise Refused("ValidationException", f"the input is longer than {LARGEST} bytes")
    try:
        return json.loads(given)
    except ValueError as error:
        why = f"Invalid State Machine Execution Input: '{error}'"
        raise Refused("InvalidExecutionInput", why) from error


def _about(one: Execution, machine: Machine, data: Any, now: float) -> dict[str, Any]:
    """The context object."""
    return {
        "Execution": {
            "Id": one.arn, "Name": one.name, "Input": data, "RoleArn": machine.role,
            "StartTime": moment(now).isoformat(),
        },
        "StateMachine": {"Id": machine.arn, "Name": machine.name},
    }  # fmt: skip

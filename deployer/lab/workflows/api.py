"""Step Functions' API: machines made, changed, deleted; executions begun, stopped, told.

[M:stepfunctions]
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call
from deployer.lab.wire import Refused
from deployer.lab.workflows.book import NAME, Book, Execution, Machine, moment
from deployer.lab.workflows.language import parse
from deployer.lab.workflows.problems import unsimulated
from deployer.lab.workflows.tasks import Tasks

Params = Mapping[str, Any]
Answer = dict[str, Any]
Start = Callable[[str, str, str], Execution]  # machine's ARN, name, input
_PLAIN = ("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration", "publish")
_UNTRUSTED = (
    "Neither the global service principal states.amazonaws.com, nor the regional one is authorized "
    "to assume the provided role."
)


class Api:
    """The service's actions over `book`. Under the lab's lock."""

    def __init__(self, book: Book, tasks: Tasks, start: Start) -> None:
        self.book, self._tasks, self._start = book, tasks, start

    def actions(self) -> Mapping[str, actions.Handler]:
        """By name."""
        return {
            "CreateStateMachine": self.create,
            "UpdateStateMachine": self.update,
            "DeleteStateMachine": self.delete,
            "DescribeStateMachine": self.describe,
            "ListStateMachines": self.listed,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
            "StartExecution": self.start,
            "StopExecution": self.stop,
            "DescribeExecution": self.describe_execution,
            "ListExecutions": self.list_executions,
            "GetExecutionHistory": self.history,
        }

    def create(self, call: Call, params: Params) -> Answer:
        """Raises Refused: no machine, not simulated, taken, or a role that does not trust us."""
        _require_plain(params)
        if params.get("type", "STANDARD") != "STANDARD":
            raise unsimulated(f"state machines of the type {params['type']}")
        name, definition = params["name"], params["definition"]
        if not NAME.fullmatch(name):
            raise Refused("InvalidName", f"Invalid Name: '{name}'")
        arn, flow = self.book.arn("stateMachine", name), parse(definition)
        self._require_trust(params["roleArn"], arn)
        known = self.book.machines.get(arn)
        if known is not None and known.definition != definition:
            raise Refused("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
        if known is None:
            tags = {tag["key"]: tag["value"] for tag in params.get("tags") or ()}
            now = call.context.clock.now()
            known = Machine(name, arn, definition, flow, params["roleArn"], now, tags)
            self.book.machines[arn] = known
        return {"stateMachineArn": arn, "creationDate": moment(known.created_at)}

    def _require_trust(self, role: str, machine: str) -> None:
        try:
            self._tasks.trusted(role, machine)
        except Refused as error:
            raise Refused("AccessDeniedException", _UNTRUSTED) from error

    def update(self, call: Call, params: Params) -> Answer:
        """Executions that run go on as they began. Raises Refused, as creating does."""
        _require_plain(params)
        machine = self.book.machine(params["stateMachineArn"])
        definition, role = params.get("definition"), params.get("roleArn")
        if definition is None and role is None:
            raise Refused("MissingRequiredParameter", "a definition or a roleArn is required")
        flow = parse(definition) if definition is not None else machine.flow
        self._require_trust(role or machine.role, machine.arn)
        machine.definition, machine.flow = definition or machine.definition, flow
        machine.role = role or machine.role
        return {"updateDate": moment(call.context.clock.now())}

    def delete(self, call: Call, params: Params) -> Answer:
        """Its executions end with it. No machine of that ARN is no error."""
        gone = self.book.machines.pop(params["stateMachineArn"], None)
        if gone is not None:
            for each in list(self.book.of(gone)):
                if each.status == "RUNNING":
                    each.end("ABORTED", call.context.clock.now(), None, "the machine was deleted")
        return {}

    def describe(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none."""
        found = self.book.machine(params["stateMachineArn"])
        return {
            "stateMachineArn": found.arn, "name": found.name, "status": "ACTIVE",
            "definition": found.definition, "roleArn": found.role, "type": "STANDARD",
            "creationDate": moment(found.created_at),
        }  # fmt: skip

    def listed(self, _call: Call, params: Params) -> Answer:
        """A page at a time."""
        found = [
            {
                "stateMachineArn": each.arn, "name": each.name, "type": "STANDARD",
                "creationDate": moment(each.created_at),
            }
            for each in self.book.machines.values()
        ]  # fmt: skip
        return _paged("stateMachines", found, params)

    def tag(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: no such machine."""
        machine = self.book.machine(params["resourceArn"])
        machine.tags.update({tag["key"]: tag["value"] for tag in params["tags"]})
        return {}

    def untag(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: no such machine."""
        machine = self.book.machine(params["resourceArn"])
        for key in params["tagKeys"]:
            machine.tags.pop(key, None)
        return {}

    def tags(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: no such machine."""
        tags = self.book.machine(params["resourceArn"]).tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def start(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: no such machine, a name that is taken, an input that is none."""
        made = self._start(
            params["stateMachineArn"],
            params.get("name") or str(uuid.uuid4()),
            params.get("input") or "{}",
        )
        return {"executionArn": made.arn, "startDate": moment(made.started_at)}

    def stop(self, call: Call, params: Params) -> Answer:
        """One that has ended stays as it ended. Raises Refused: there is none."""
        found, now = self.book.execution(params["executionArn"]), call.context.clock.now()
        if found.status == "RUNNING":
            found.end("ABORTED", now, params.get("error"), params.get("cause"))
        return {"stopDate": moment(found.stopped_at or now)}

    def describe_execution(self, _call: Call, params: Params) -> Answer:
        """Raises Refused: there is none."""
        found = self.book.execution(params["executionArn"])
        ended = {"output": found.output, "error": found.error, "cause": found.cause}
        return {
            **_summary(found), "input": found.given, "inputDetails": {"included": True},
            **({"outputDetails": {"included": True}} if found.output is not None else {}),
            **{key: value for key, value in ended.items() if value is not None},
        }  # fmt: skip

    def list_executions(self, _call: Call, params: Params) -> Answer:
        """The newest first; by status. Raises Refused: no such machine."""
        machine, wanted = self.book.machine(params["stateMachineArn"]), params.get("statusFilter")
        found = [_summary(each) for each in self.book.of(machine) if wanted in (None, each.status)]
        return _paged("executions", found, params)

    def history(self, _call: Call, params: Params) -> Answer:
        """Events, the oldest first unless it is asked otherwise. Raises Refused: there is none."""
        events = self.book.execution(params["executionArn"]).history.events
        ordered = events[::-1] if params.get("reverseOrder") else events
        return _paged("events", ordered, params)


def _require_plain(params: Params) -> None:
    for name in _PLAIN:
        if params.get(name):
            raise unsimulated(f"{name} of a state machine")


def _summary(one: Execution) -> Answer:
    stopped = {} if one.stopped_at is None else {"stopDate": moment(one.stopped_at)}
    return {
        "executionArn": one.arn, "stateMachineArn": one.machine, "name": one.name,
        "status": one.status, "startDate": moment(one.started_at), **stopped,
    }  # fmt: skip


def _paged(key: str, found: Sequence[Any], params: Params) -> Answer:
    """One page, with the token of the next.

    Raises:
        Refused: a token that is none.
    """
    size, token = int(params.get("maxResults") or 100), params.get("nextToken") or "0"
    if not 0 < size <= 1_000 or not token.isdigit():
        raise Refused("InvalidToken", f"Invalid Token: '{token}'")
    end = int(token) + size
    more = {"nextToken": str(end)} if end < len(found) else {}
    return {key: list(found[int(token) : end]), **more}

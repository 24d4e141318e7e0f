"""Amazon States Language: a definition read into states, or refused. Pure.

What the lab knows: Task (lambda:invoke, states:startExecution), Wait, Choice, Pass, Map (inline),
Succeed, Fail, with Retry and Catch, in the query language JSONPath. Any other type, field, operator
or path is refused by name when the machine is made, never met while it runs.
Source: https://states-language.net/spec.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.workflows.choices import Rule, rule_of
from deployer.lab.workflows.data import require_path, require_template
from deployer.lab.workflows.problems import Catcher, Retrier, undefined, unsimulated

INVOKE = "arn:aws:states:::lambda:invoke"
START = "arn:aws:states:::states:startExecution"
_PASSING = "Type Comment Next End InputPath OutputPath "
_RESULT = _PASSING + "Parameters ResultPath "
_FIELDS = {
    "Task": _RESULT + "Resource ResultSelector Retry Catch TimeoutSeconds",
    "Wait": _PASSING + "Seconds SecondsPath Timestamp TimestampPath",
    "Choice": "Type Comment InputPath OutputPath Choices Default",
    "Pass": _RESULT + "Result",
    "Map": _RESULT.replace("Parameters ", "")
    + "ItemsPath ItemSelector ItemProcessor MaxConcurrency ResultSelector Retry Catch",
    "Succeed": "Type Comment InputPath OutputPath",
    "Fail": "Type Comment Error Cause ErrorPath CausePath",
}
_TASKS = {
    INVOKE: {"FunctionName", "Payload"},
    START: {"StateMachineArn", "Input", "Name"},
}


@dataclass(frozen=True, slots=True)
class State:
    """One state: its fields as written, and those that were read.

    following: the next state's name; None: the end, or it says so itself (Choice, Succeed, Fail).
    """

    name: str
    type: str
    fields: Mapping[str, Any]
    following: str | None
    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()
    rules: tuple[Rule, ...] = ()
    inner: "Flow | None" = None

    def path(self, name: str) -> str | None:
        """A path field: `$` where nothing is said, None for a null."""
        found = self.fields.get(name, "$")
        return None if found is None else str(found)


@dataclass(frozen=True, slots=True)
class Flow:
    """States by name, and where they begin. timeout_s: of a whole execution; None: none."""

    start: str
    states: Mapping[str, State] = field(default_factory=dict)
    timeout_s: float | None = None


def parse(text: str) -> Flow:
    """A machine's definition.

    Raises:
        Refused: no state machine, or one with something that the lab does not simulate.
    """
    try:
        read = json.loads(text)
    except ValueError as error:
        raise undefined(f"INVALID_JSON_DESCRIPTION: {error}") from error
    if not isinstance(read, dict):
        raise undefined("SCHEMA_VALIDATION_FAILED: not an object")
    if read.get("QueryLanguage", "JSONPath") != "JSONPath":
        raise unsimulated(f"the query language {read['QueryLanguage']}")
    _only(read, "Comment StartAt States TimeoutSeconds Version QueryLanguage", "a state machine")
    return _flow(read)


def _only(given: Mapping[str, Any], known: str, what: str) -> None:
    unknown = sorted(given.keys() - set(known.split()))
    if unknown:
        raise unsimulated(f"{', '.join(unknown)} of {what}")


def _flow(read: Mapping[str, Any]) -> Flow:
    states = {name: _state(name, one) for name, one in (read.get("States") or {}).items()}
    flow = Flow(str(read.get("StartAt")), states, read.get("TimeoutSeconds"))
    for name in (flow.start, *(target for one in states.values() for target in _targets(one))):
        if name not in states:
            raise undefined(f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {name}")
    return flow


def _targets(state: State) -> Iterator[str]:
    yield from (state.following,) if state.following else ()
    yield from (catcher.following for catcher in state.catchers)
    yield from (rule.following for rule in state.rules)
    if state.fields.get("Default"):
        yield state.fields["Default"]


def _state(name: str, given: Mapping[str, Any]) -> State:
    kind = str(given.get("Type"))
    if kind not in _FIELDS:
        raise unsimulated(f"the type {kind} of the state {name}")
    _only(given, _FIELDS[kind], f"the {kind} state {name}")
    for field_name in ("InputPath", "OutputPath", "ResultPath", "ItemsPath", "SecondsPath"):
        if given.get(field_name) is not None:
            require_path(str(given[field_name]))
    for field_name in ("Parameters", "ResultSelector", "ItemSelector"):
        require_template(given.get(field_name))
    if "Next" in _FIELDS[kind] and ("Next" in given) is bool(given.get("End")):
        raise undefined(f"SCHEMA_VALIDATION_FAILED: {name} has either Next or End")
    _CHECKS.get(kind, _nothing)(name, given)
    return State(
        name=name, type=kind, fields=given, following=given.get("Next"),
        retriers=tuple(_retrier(each) for each in given.get("Retry", ())),
        catchers=tuple(_catcher(each) for each in given.get("Catch", ())),
        rules=tuple(rule_of(each) for each in given.get("Choices", ())),
        inner=_processor(name, given) if kind == "Map" else None,
    )  # fmt: skip


def _nothing(_name: str, _given: Mapping[str, Any]) -> None:
    """No more to be said about states of this type."""


def _check_task(name: str, given: Mapping[str, Any]) -> None:
    resource = given.get("Resource")
    if resource not in _TASKS:
        raise unsimulated(f"the resource {resource} of {name}")
    said = {key.removesuffix(".$") for key in given.get("Parameters", {})}
    if said - _TASKS[resource]:
        raise unsimulated(f"{', '.join(sorted(said - _TASKS[resource]))} in Parameters of {name}")


def _check_wait(name: str, given: Mapping[str, Any]) -> None:
    said = given.keys() & {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"}
    if len(said) != 1:
        raise undefined(f"SCHEMA_VALIDATION_FAILED: {name} waits for one thing")
    if said & {"Timestamp", "TimestampPath"}:
        raise unsimulated(f"{', '.join(said)} of {name}")


def _check_choice(name: str, given: Mapping[str, Any]) -> None:
    if not given.get("Choices"):
        raise undefined(f"SCHEMA_VALIDATION_FAILED: {name} has no Choices")


_CHECKS = {"Task": _check_task, "Wait": _check_wait, "Choice": _check_choice}


def _retrier(given: Mapping[str, Any]) -> Retrier:
    """JitterStrategy spreads waits by chance on AWS; here a wait is its longest."""
    known = (
        "ErrorEquals IntervalSeconds MaxAttempts BackoffRate MaxDelaySeconds JitterStrategy Comment"
    )
    _only(given, known, "a Retry")
    return Retrier(
        tuple(given["ErrorEquals"]), float(given.get("IntervalSeconds", 1)),
        int(given.get("MaxAttempts", 3)), float(given.get("BackoffRate", 2.0)),
        float(given.get("MaxDelaySeconds", 31_622_400)),
    )  # fmt: skip


def _catcher(given: Mapping[str, Any]) -> Catcher:
    _only(given, "ErrorEquals Next ResultPath Comment", "a Catch")
    return Catcher(tuple(given["ErrorEquals"]), given["Next"], given.get("ResultPath", "$"))


def _processor(name: str, given: Mapping[str, Any]) -> Flow:
    inner = given.get("ItemProcessor") or {}
    _only(inner, "ProcessorConfig StartAt States Comment", f"the ItemProcessor of {name}")
    config = inner.get("ProcessorConfig", {})
    _only(config, "Mode", f"the ProcessorConfig of {name}")
    if config.get("Mode", "INLINE") != "INLINE":
        raise unsimulated(f"the mode {config['Mode']} of {name}")
    return _flow(inner)

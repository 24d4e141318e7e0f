"""A state machine as a generator: it yields what it waits for and is sent what came of it.

    Until(at)             sent None when that moment has come
    Call(resource, …)     sent the result, or thrown a Problem
    Fork(branches, most)  sent the results of all, or thrown the first Problem

Pure apart from the history that it writes and the clock that it is given.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployer.lab.workflows.data import fill, follow, limited, place
from deployer.lab.workflows.history import Trace
from deployer.lab.workflows.language import Flow, State
from deployer.lab.workflows.problems import Attempts, Problem, covers, runtime


@dataclass(frozen=True, slots=True)
class Until:
    """Go on at this moment, epoch seconds."""

    at: float


@dataclass(frozen=True, slots=True)
class Call:
    """A service is to be called. deadline: epoch seconds, after which nobody waits; None: for ever."""

    resource: str
    parameters: Mapping[str, Any]
    deadline: float | None


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches that run beside each other, so many at a time.

    aborted: told of each that is given up because another one failed.
    """

    branches: tuple["Run", ...]
    most: int
    aborted: Callable[[int], None]


Wish = Until | Call | Fork
Run = Generator[Wish, Any, Any]


@dataclass(slots=True)
class Scope:
    """What a run needs to know: its history, the time, its region, and the context object (`$$`)."""

    trace: Trace
    now: Callable[[], float]
    region: str
    about: dict[str, Any]

    def log(self, kind: str, **details: Any) -> None:
        self.trace.add(kind, **details)

    def entering(self, state: State, given: Any) -> None:
        at = datetime.fromtimestamp(self.now(), UTC).isoformat()
        self.about["State"] = {"Name": state.name, "EnteredTime": at}
        details = {"name": state.name, "input": limited(given)}
        self.log(f"{state.type}StateEntered", stateEnteredEventDetails=details)

    def leaving(self, state: State, output: Any) -> Any:
        details = {"name": state.name, "output": limited(output)}
        self.log(f"{state.type}StateExited", stateExitedEventDetails=details)
        return output


def run(flow: Flow, data: Any, scope: Scope) -> Run:
    """Carry a flow out; returns its output.

    Raises:
        Problem: nobody has caught it.
    """
    name: str | None = flow.start
    while name is not None:
        state = flow.states[name]
        scope.entering(state, data)
        try:
            output, name = yield from _VISITS[state.type](state, data, scope)
        except Problem as problem:
            caught = next((c for c in state.catchers if covers(c.errors, problem)), None)
            if caught is None:
                raise
            output, name = place(caught.result_path, data, problem.told()), caught.following
        data = scope.leaving(state, output)
    return data


Visit = Generator[Wish, Any, tuple[Any, str | None]]


def _shown(name: str, state: State, data: Any, scope: Scope) -> Any:
    """`data` as InputPath or OutputPath shows it; a null shows nothing of it."""
    path = state.path(name)
    return {} if path is None else follow(path, data, scope.about)


def _passed(state: State, data: Any, result: Any, scope: Scope) -> Any:
    """What a state hands on: its result selected, placed in its input, and the output shown."""
    if state.fields.get("ResultSelector") is not None:
        result = fill(state.fields["ResultSelector"], result, scope.about)
    return _shown("OutputPath", state, place(state.path("ResultPath"), data, result), scope)


def _wait(state: State, data: Any, scope: Scope) -> Visit:
    given = _shown("InputPath", state, data, scope)
    wait_s = state.fields.get("Seconds")
    if wait_s is None:
        wait_s = follow(state.fields["SecondsPath"], given, scope.about)
    if not isinstance(wait_s, (int, float)) or isinstance(wait_s, bool) or wait_s < 0:
        raise runtime(f"{state.name} is to wait for {wait_s!r} seconds")
    yield Until(scope.now() + wait_s)
    return _shown("OutputPath", state, given, scope), state.following


def _choice(state: State, data: Any, scope: Scope) -> Visit:
    yield from ()
    given = _shown("InputPath", state, data, scope)
    fits = (rule.following for rule in state.rules if rule.test(given, scope.about))
    following = next(fits, state.fields.get("Default"))
    if following is None:
        raise Problem("States.NoChoiceMatched", f"no rule of {state.name} fits, and no Default is")
    return _shown("OutputPath", state, given, scope), following


def _pass(state: State, data: Any, scope: Scope) -> Visit:
    yield from ()
    given = _shown("InputPath", state, data, scope)
    if "Parameters" in state.fields:
        given = fill(state.fields["Parameters"], given, scope.about)
    result = state.fields.get("Result", given)
    return _passed(state, data, result, scope), state.following


def _succeed(state: State, data: Any, scope: Scope) -> Visit:
    yield from ()
    given = _shown("InputPath", state, data, scope)
    return _shown("OutputPath", state, given, scope), None


def _fail(state: State, data: Any, scope: Scope) -> Visit:
    yield from ()
    said = {
        name: follow(state.fields[f"{name}Path"], data, scope.about)
        if f"{name}Path" in state.fields
        else state.fields.get(name, "")
        for name in ("Error", "Cause")
    }
    raise Problem(said["Error"], said["Cause"])


def _retried(state: State, scope: Scope, attempt: Callable[[], Run]) -> Run:
    """What `attempt` comes to, tried again as Retry says."""
    attempts = Attempts(state.retriers)
    while True:
        try:
            return (yield from attempt())
        except Problem as problem:
            wait_s = attempts.wait_s(problem)
            if wait_s is None:
                raise
            yield Until(scope.now() + wait_s)


def _task(state: State, data: Any, scope: Scope) -> Visit:
    given = _shown("InputPath", state, data, scope)
    parameters = fill(state.fields.get("Parameters", {}), given, scope.about)
    result = yield from _retried(state, scope, lambda: _called(state, parameters, scope))
    return _passed(state, data, result, scope), state.following


def _called(state: State, parameters: Any, scope: Scope) -> Run:
    """One attempt of a task."""
    resource = str(state.fields["Resource"])
    kind, name = resource.split(":::", 1)[1].split(":", 1)
    what = {"resourceType": kind, "resource": name}
    timeout_s = state.fields.get("TimeoutSeconds")
    asked = {**what, "region": scope.region, "parameters": limited(parameters)}
    if timeout_s is not None:
        asked["timeoutInSeconds"] = timeout_s
    scope.log("TaskScheduled", taskScheduledEventDetails=asked)
    scope.log("TaskStarted", taskStartedEventDetails=what)
    try:
        result = yield Call(
            resource, parameters, None if timeout_s is None else scope.now() + timeout_s
        )
        text = limited(result)
    except Problem as problem:
        told = {**what, "error": problem.error, "cause": problem.cause}
        if problem.error == "States.Timeout":
            scope.log("TaskTimedOut", taskTimedOutEventDetails=told)
        else:
            scope.log("TaskFailed", taskFailedEventDetails=told)
        raise
    scope.log("TaskSucceeded", taskSucceededEventDetails={**what, "output": text})
    return result


def _map(state: State, data: Any, scope: Scope) -> Visit:
    given = _shown("InputPath", state, data, scope)
    items = follow(state.fields.get("ItemsPath", "$"), given, scope.about)
    if not isinstance(items, list):
        raise runtime(f"{state.name} is to go over something that is no list")
    result = yield from _retried(state, scope, lambda: _mapped(state, given, items, scope))
    return _passed(state, data, result, scope), state.following


def _mapped(state: State, given: Any, items: list[Any], scope: Scope) -> Run:
    """One attempt at all items."""
    scope.log("MapStateStarted", mapStateStartedEventDetails={"length": len(items)})

    def aborted(index: int) -> None:
        details = {"name": state.name, "index": index}
        scope.log("MapIterationAborted", mapIterationAbortedEventDetails=details)

    branches = tuple(_iteration(state, given, each, scope) for each in enumerate(items))
    try:
        result = yield Fork(branches, int(state.fields.get("MaxConcurrency", 0)) or 40, aborted)
    except Problem:
        scope.log("MapStateFailed")
        raise
    scope.log("MapStateSucceeded")
    return result


def _iteration(state: State, given: Any, item: tuple[int, Any], outer: Scope) -> Run:
    assert state.inner is not None  # noqa: S101  the language gives every Map one
    index, value = item
    about = {**outer.about, "Map": {"Item": {"Index": index, "Value": value}}}
    scope = Scope(outer.trace.branch(), outer.now, outer.region, about)
    details = {"name": state.name, "index": index}
    scope.log("MapIterationStarted", mapIterationStartedEventDetails=details)
    selector = state.fields.get("ItemSelector")
    data = value if selector is None else fill(selector, given, about)
    try:
        output = yield from run(state.inner, data, scope)
    except Problem:
        scope.log("MapIterationFailed", mapIterationFailedEventDetails=details)
        raise
    scope.log("MapIterationSucceeded", mapIterationSucceededEventDetails=details)
    return output


_VISITS: Mapping[str, Callable[[State, Any, Scope], Visit]] = {
    "Task": _task,
    "Wait": _wait,
    "Choice": _choice,
    "Pass": _pass,
    "Map": _map,
    "Succeed": _succeed,
    "Fail": _fail,
}

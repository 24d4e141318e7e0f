"""How executions go through a pipeline: queued, stage by stage, stopped, retried, rolled back. Pure.

Source: CodePipeline User Guide, "How pipeline executions work" (QUEUED mode: an execution waits
until the stage is free; a failed one frees it), "Stop a pipeline execution", "Retry a failed stage",
"Configure stage rollback".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from uuid import uuid4

from deployer.lab.pipelines.building import Place
from deployer.lab.pipelines.structure import Action, Stage, Structure
from deployer.lab.wire import Refused

GOING, DONE, BAD = "InProgress", "Succeeded", "Failed"
STOPPING, STOPPED, ABANDONED = "Stopping", "Stopped", "Abandoned"
Variables = dict[str, dict[str, str]]


@dataclass(slots=True)
class Try:
    """One try of one action.

    external: what carries it out: a build's id. token: what an approval is answered with.
    """

    action: Action
    id: str
    status: str
    began_at: float
    ended_at: float | None = None
    external: str = ""
    token: str = ""
    summary: str = ""
    error: str = ""


@dataclass(slots=True)
class Visit:
    """An execution in a stage: its tries, newest last for each action.

    waits: for the stage's window.
    """

    tries: list[Try] = field(default_factory=list)
    waits: bool = False
    status: str = GOING

    def newest(self, action: Action) -> Try | None:
        return next((t for t in reversed(self.tries) if t.action.name == action.name), None)


@dataclass(slots=True)
class Execution:
    """One execution; `at`: the stage that it is in, or waits for.

    only: it goes through this stage alone (a rollback).
    """

    id: str
    number: int
    trigger: str
    began_at: float
    at: int = 0
    status: str = GOING
    summary: str = ""
    reason: str = ""
    artifacts: dict[str, Place] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    visits: dict[int, Visit] = field(default_factory=dict)
    only: bool = False
    back_to: str = ""
    changed_at: float = 0.0

    @property
    def active(self) -> bool:
        return self.status in (GOING, STOPPING)


@dataclass(slots=True)
class Pipeline:
    """A pipeline and all that went through it, oldest first."""

    structure: Structure
    version: int = 1
    executions: list[Execution] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def execution(self, wanted: str) -> Execution:
        """Raises Refused: there is none."""
        for each in self.executions:
            if each.id == wanted:
                return each
        name = "PipelineExecutionNotFoundException"
        raise Refused(name, f"The pipeline execution {wanted} cannot be found.")

    def begin(self, trigger: str, now: float) -> Execution:
        """A new execution, at the door of the first stage."""
        made = Execution(str(uuid4()), len(self.executions) + 1, trigger, now, changed_at=now)
        made.variables["codepipeline"] = {"PipelineExecutionId": made.id}
        self.executions.append(made)
        return made


@dataclass(frozen=True, slots=True)
class Start:
    """An action is to be started."""

    execution: Execution
    visit: Visit
    stage: Stage
    action: Action


def steps(pipeline: Pipeline, now: float) -> Iterator[Start]:
    """Let every execution get as far as it can; actions that are to be started are yielded.

    The caller adds the try to the visit before it asks for the next.
    """
    for execution in [each for each in pipeline.executions if each.active]:
        while _step(pipeline, execution, now):
            pass
        visit = execution.visits.get(execution.at)
        if execution.status == GOING and visit is not None and not visit.waits:
            stage = pipeline.structure.stages[execution.at]
            for action in _due(stage, visit):
                yield Start(execution, visit, stage, action)


def _step(pipeline: Pipeline, execution: Execution, now: float) -> bool:
    """One transition; whether there was one."""
    if not execution.active:
        return False
    stage, visit = pipeline.structure.stages[execution.at], execution.visits.get(execution.at)
    if execution.status == STOPPING:
        return _stopped(execution, visit, now)
    if visit is None:
        return _entered(pipeline, execution, stage, now)
    if visit.waits:
        visit.waits = stage.window is not None and not stage.window.open_at(now)
        return False
    return _finished(pipeline, execution, stage, visit, now)


def _entered(pipeline: Pipeline, execution: Execution, stage: Stage, now: float) -> bool:
    """Through the door, if nobody is in the stage and nobody older waits for it."""
    for other in pipeline.executions:
        if other is execution or not other.active or other.at != execution.at:
            continue
        if execution.at in other.visits or other.number < execution.number:
            return False
    closed = stage.window is not None and not stage.window.open_at(now)
    execution.visits[execution.at] = Visit(waits=closed)
    return not closed


def _finished(
    pipeline: Pipeline, execution: Execution, stage: Stage, visit: Visit, now: float
) -> bool:
    newest = [visit.newest(action) for action in stage.actions]
    states = [each.status if each else "" for each in newest]
    if GOING in states:
        return False
    if BAD in states or ABANDONED in states:
        _end(execution, BAD, now)
        visit.status = BAD
        return True
    if set(states) != {DONE}:
        return False
    visit.status = DONE
    last = execution.only or execution.at + 1 == len(pipeline.structure.stages)
    if last:
        _end(execution, DONE, now)
    else:
        execution.at += 1
        execution.changed_at = now
    return not last


def _stopped(execution: Execution, visit: Visit | None, now: float) -> bool:
    """Stop and wait: what runs may end."""
    if visit is not None and any(each.status == GOING for each in visit.tries):
        return False
    if visit is not None and visit.status == GOING:
        visit.status = STOPPED
    _end(execution, STOPPED, now)
    return False


def _end(execution: Execution, status: str, now: float) -> None:
    execution.status, execution.changed_at = status, now


def _due(stage: Stage, visit: Visit) -> Sequence[Action]:
    """Those of the lowest order that has not succeeded, if none of them was tried in vain."""
    for order in sorted({action.order for action in stage.actions}):
        group = [action for action in stage.actions if action.order == order]
        tried = [visit.newest(action) for action in group]
        if all(each is not None and each.status == DONE for each in tried):
            continue
        return [action for action, each in zip(group, tried, strict=True) if each is None]
    return ()


def begun(action: Action, now: float) -> Try:
    """A try of this action that begins now."""
    return Try(action, str(uuid4()), GOING, now, token=str(uuid4()))


def stop(execution: Execution, now: float, *, abandon: bool, reason: str) -> None:
    """Stop it: after what runs has ended, or at once, leaving that alone.

    Raises:
        Refused: it does not run.
    """
    if not execution.active:
        raise Refused(
            "PipelineExecutionNotStoppableException",
            f"The pipeline execution {execution.id} is in {execution.status}",
        )
    execution.reason = reason
    if not abandon:
        execution.status = STOPPING
        return
    visit = execution.visits.get(execution.at)
    if visit is not None:
        for each in visit.tries:
            if each.status == GOING:
                each.status, each.ended_at = ABANDONED, now
        visit.status = STOPPED
    _end(execution, STOPPED, now)


def retry(pipeline: Pipeline, stage: int, execution: Execution, now: float, *, every: bool) -> None:
    """Try the stage again: what failed of it, or `every` action.

    Raises:
        Refused: it did not end there without success, or another execution has been there since.
    """
    visit = execution.visits.get(stage)
    later = [e for e in pipeline.executions if e.number > execution.number and stage in e.visits]
    if visit is None or execution.at != stage or execution.status not in (BAD, STOPPED) or later:
        raise Refused(
            "StageNotRetryableException",
            f"Stage {pipeline.structure.stages[stage].name} cannot be retried for {execution.id}",
        )
    again = Visit()
    if not every:
        again.tries = [each for each in visit.tries if each.status == DONE]
    execution.visits[stage] = again
    execution.status, execution.changed_at, execution.reason = GOING, now, ""


def rollback(pipeline: Pipeline, stage: int, target: Execution, now: float) -> Execution:
    """A new execution that goes through this stage with an earlier one's artifacts and variables.

    Raises:
        Refused: that one has not succeeded there, or the stage is one of sources.
    """
    visit = target.visits.get(stage)
    if stage == 0 or visit is None or visit.status != DONE:
        raise Refused(
            "UnableToRollbackStageException",
            f"Execution {target.id} has not succeeded in that stage, or it is the source's",
        )
    made = pipeline.begin("ManualRollback", now)
    made.at, made.only, made.back_to = stage, True, target.id
    made.artifacts = dict(target.artifacts)
    made.variables = {**target.variables, "codepipeline": {"PipelineExecutionId": made.id}}
    return made


def key_for(pipeline: str, artifact: str) -> str:
    """Where an artifact lies in the store: names cut short, and a part of its own."""
    return f"{pipeline[:20]}/{artifact[:10]}/{token_hex(4)}"

"""CodePipeline: pipelines, executions, and what a person does to them; after botocore's model."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call
from deployer.lab.pipelines import runs
from deployer.lab.pipelines.buildspec import unsupported
from deployer.lab.pipelines.engine import Engine
from deployer.lab.pipelines.runs import BAD, DONE, GOING, Execution, Pipeline, Try
from deployer.lab.pipelines.structure import MANUAL, read
from deployer.lab.wire import Refused

Params = Mapping[str, Any]
Answer = dict[str, Any]
ANSWERS = {"Approved": DONE, "Rejected": BAD}


class Api:
    """The service's actions. Under the lab's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def install(self) -> None:
        """Answer from here on."""
        actions.own("codepipeline")
        for action, handler in {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "GetPipeline": self.get,
            "DeletePipeline": self.delete,
            "ListPipelines": self.list,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
            "StartPipelineExecution": self.start,
            "StopPipelineExecution": self.stop,
            "RetryStageExecution": self.retry,
            "RollbackStage": self.rollback,
            "PutApprovalResult": self.approve,
            "GetPipelineState": self.state,
            "GetPipelineExecution": self.execution,
            "ListPipelineExecutions": self.executions,
            "ListActionExecutions": self.action_executions,
        }.items():
            actions.replace("codepipeline", action, handler)

    # -- pipelines

    def create(self, call: Call, params: Params) -> Answer:
        """A new pipeline starts at once, as on AWS. Raises Refused: taken, or not simulated."""
        name = params["pipeline"]["name"]
        if name in self._engine.pipelines:
            raise Refused("PipelineNameInUseException", f"A pipeline with the name {name} exists.")
        tags = {each["key"]: each["value"] for each in params.get("tags", ())}
        made = Pipeline(read(params["pipeline"]), tags=tags)
        self._engine.pipelines[name] = made
        made.begin("CreatePipeline", call.context.clock.now())
        return {"pipeline": _declared(made)}

    def update(self, _call: Call, params: Params) -> Answer:
        """Executions in progress go on by the new structure. Raises Refused: another shape of it."""
        known = self._pipeline(params["pipeline"]["name"])
        structure = read(params["pipeline"])
        before = [stage.name for stage in known.structure.stages]
        busy = any(each.active for each in known.executions)
        if busy and [stage.name for stage in structure.stages] != before:
            raise unsupported("other stages for a pipeline while executions go through it")
        known.structure, known.version = structure, known.version + 1
        return {"pipeline": _declared(known)}

    def get(self, _call: Call, params: Params) -> Answer:
        found = self._pipeline(params["name"])
        return {"pipeline": _declared(found), "metadata": {"pipelineArn": self._engine.arn(found)}}

    def delete(self, _call: Call, params: Params) -> Answer:
        """What its builds do goes on."""
        self._engine.pipelines.pop(params["name"], None)
        return {}

    def list(self, _call: Call, _params: Params) -> Answer:
        return {
            "pipelines": [
                {"name": name, "version": each.version}
                for name, each in sorted(self._engine.pipelines.items())
            ]
        }

    def tag(self, _call: Call, params: Params) -> Answer:
        tags = {each["key"]: each["value"] for each in params["tags"]}
        self._by_arn(params).tags.update(tags)
        return {}

    def untag(self, _call: Call, params: Params) -> Answer:
        for key in params["tagKeys"]:
            self._by_arn(params).tags.pop(key, None)
        return {}

    def tags(self, _call: Call, params: Params) -> Answer:
        found = self._by_arn(params).tags
        return {"tags": [{"key": key, "value": value} for key, value in found.items()]}

    def _by_arn(self, params: Params) -> Pipeline:
        return self._pipeline(params["resourceArn"].rsplit(":", 1)[-1])

    # -- executions

    def start(self, call: Call, params: Params) -> Answer:
        """Raises Refused: there is none, or something of it is not simulated."""
        if more := {key for key in ("variables", "sourceRevisions") if params.get(key)}:
            raise unsupported(f"{', '.join(sorted(more))} of StartPipelineExecution")
        found = self._pipeline(params["name"])
        made = found.begin("StartPipelineExecution", call.context.clock.now())
        return {"pipelineExecutionId": made.id}

    def stop(self, call: Call, params: Params) -> Answer:
        found = self._pipeline(params["pipelineName"]).execution(params["pipelineExecutionId"])
        abandon, why = bool(params.get("abandon")), params.get("reason", "")
        runs.stop(found, call.context.clock.now(), abandon=abandon, reason=why)
        return {"pipelineExecutionId": found.id}

    def retry(self, call: Call, params: Params) -> Answer:
        pipeline = self._pipeline(params["pipelineName"])
        execution = pipeline.execution(params["pipelineExecutionId"])
        stage = pipeline.structure.index(params["stageName"])
        every = params["retryMode"] == "ALL_ACTIONS"
        runs.retry(pipeline, stage, execution, call.context.clock.now(), every=every)
        return {"pipelineExecutionId": execution.id}

    def rollback(self, call: Call, params: Params) -> Answer:
        pipeline = self._pipeline(params["pipelineName"])
        target = pipeline.execution(params["targetPipelineExecutionId"])
        stage = pipeline.structure.index(params["stageName"])
        made = runs.rollback(pipeline, stage, target, call.context.clock.now())
        return {"pipelineExecutionId": made.id}

    def approve(self, call: Call, params: Params) -> Answer:
        """Raises Refused: nothing waits, or it waits for another answer."""
        pipeline = self._pipeline(params["pipelineName"])
        index = pipeline.structure.index(params["stageName"])
        for execution in pipeline.executions:
            visit = execution.visits.get(index)
            for each in visit.tries if visit else ():
                if each.token == params["token"] and each.action.provider == MANUAL:
                    return self._answer(call, each, params["result"])
        raise Refused("InvalidApprovalTokenException", "The approval token is not valid.")

    def _answer(self, call: Call, each: Try, result: Params) -> Answer:
        if each.status != GOING:
            raise Refused("ApprovalAlreadyCompletedException", "It was answered already.")
        now = call.context.clock.now()
        each.status, each.ended_at = ANSWERS[result["status"]], now
        each.summary = result["summary"]
        return {"approvedAt": _moment(now)}

    # -- looking

    def state(self, _call: Call, params: Params) -> Answer:
        """Each stage as the newest execution that was in it left it."""
        pipeline = self._pipeline(params["name"])
        stages = [self._stage_state(pipeline, n) for n in range(len(pipeline.structure.stages))]
        return {
            "pipelineName": pipeline.structure.name,
            "pipelineVersion": pipeline.version,
            "stageStates": stages,
        }

    def _stage_state(self, pipeline: Pipeline, index: int) -> Answer:
        stage = pipeline.structure.stages[index]
        there = [each for each in pipeline.executions if index in each.visits]
        waiting = [e for e in pipeline.executions if e.active and e.at == index and e not in there]
        told: Answer = {"stageName": stage.name, "actionStates": []}
        if waiting:
            told["inboundExecutions"] = [
                {"pipelineExecutionId": each.id, "status": each.status} for each in waiting
            ]
        visit = there[-1].visits[index] if there else None
        if there and visit is not None:
            told["latestExecution"] = {"pipelineExecutionId": there[-1].id, "status": visit.status}
            if stage.window is not None:
                status = GOING if visit.waits else DONE
                told["beforeEntryConditionState"] = {"latestExecution": {"status": status}}
        for action in stage.actions:
            newest = visit.newest(action) if visit is not None else None
            told["actionStates"].append(
                {
                    "actionName": action.name,
                    **({"latestExecution": _latest(newest)} if newest else {}),
                }
            )
        return told

    def execution(self, _call: Call, params: Params) -> Answer:
        pipeline = self._pipeline(params["pipelineName"])
        found = pipeline.execution(params["pipelineExecutionId"])
        told = {
            "pipelineName": pipeline.structure.name,
            "pipelineVersion": pipeline.version,
            "pipelineExecutionId": found.id,
            "status": found.status,
            "executionMode": "QUEUED",
            "executionType": "ROLLBACK" if found.only else "STANDARD",
            "trigger": {"triggerType": found.trigger},
            "artifactRevisions": _revisions(found),
        }
        if found.only:
            told["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": found.back_to}
        return {"pipelineExecution": told}

    def executions(self, _call: Call, params: Params) -> Answer:
        """Newest first."""
        pipeline = self._pipeline(params["pipelineName"])
        return {
            "pipelineExecutionSummaries": [
                {
                    "pipelineExecutionId": each.id,
                    "status": each.status,
                    "startTime": _moment(each.began_at),
                    "lastUpdateTime": _moment(each.changed_at),
                    "executionType": "ROLLBACK" if each.only else "STANDARD",
                    "trigger": {"triggerType": each.trigger},
                }
                for each in reversed(pipeline.executions)
            ]
        }

    def action_executions(self, _call: Call, params: Params) -> Answer:
        """Newest first; of one execution, or of all."""
        pipeline = self._pipeline(params["pipelineName"])
        wanted = params.get("filter", {}).get("pipelineExecutionId")
        return {
            "actionExecutionDetails": [
                {
                    "pipelineExecutionId": execution.id,
                    "actionExecutionId": each.id,
                    "stageName": pipeline.structure.stages[index].name,
                    "actionName": each.action.name,
                    "status": each.status,
                    "startTime": _moment(each.began_at),
                    "output": {
                        "executionResult": {
                            "externalExecutionId": each.external,
                            "externalExecutionSummary": each.error or each.summary,
                        }
                    },
                }
                for execution in reversed(pipeline.executions)
                if wanted in (None, execution.id)
                for index, visit in reversed(execution.visits.items())
                for each in reversed(visit.tries)
            ]
        }

    def _pipeline(self, name: str) -> Pipeline:
        if name not in self._engine.pipelines:
            why = f"Account does not have a pipeline with name '{name}'"
            raise Refused("PipelineNotFoundException", why)
        return self._engine.pipelines[name]


def _declared(pipeline: Pipeline) -> Answer:
    return {**pipeline.structure.raw, "version": pipeline.version}


def _latest(each: Try) -> Answer:
    told: Answer = {
        "actionExecutionId": each.id,
        "status": each.status,
        "lastStatusChange": _moment(each.ended_at or each.began_at),
        "externalExecutionId": each.external,
        "summary": each.summary,
    }
    if each.action.provider == MANUAL and each.status == GOING:
        told["token"] = each.token
    if each.error:
        told["errorDetails"] = {"code": "JobFailed", "message": each.error}
    return told


def _revisions(execution: Execution) -> list[Answer]:
    return [
        {"name": name, "revisionId": place.revision}
        for name, place in execution.artifacts.items()
        if place.revision
    ]


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)

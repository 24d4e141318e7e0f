"""CloudFormation's API: requests in, engine started, state told. `install` puts it in place.

Operations return at once, as on AWS; DescribeStacks and DescribeStackEvents tell how they go.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call, Refused
from deployer.lab.cloudformation import (
    aws_policies,
    change_sets,
    describe,
    document,
    drift,
    drift_api,
)
from deployer.lab.cloudformation.blueprint import Blueprint
from deployer.lab.cloudformation.engine import Engine
from deployer.lab.cloudformation.problems import NotSimulated, TemplateInvalid
from deployer.lab.cloudformation.requests import Reader, tags
from deployer.lab.cloudformation.resources.registry import KINDS
from deployer.lab.cloudformation.stack import GONE, ChangeSet, Stack, now
from deployer.lab.context import Context
from deployer.lab.iam import bucket_policies

PATIENCE_S = 5.0  # real
_UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "CREATE_FAILED",
    "UPDATE_FAILED",
}
_REFUSED = {
    "StackPolicyBody",
    "StackPolicyURL",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "RollbackConfiguration",
    "ResourcesToImport",
    "TimeoutInMinutes",
    "Express",
    "DeleteOnFailure",
    "DeletionMode",
    "RetainExceptOnCreate",
    "ResourceTypes",
}


def install(context: Context) -> Engine:
    """Answer every CloudFormation action from here on; close what is returned."""
    engine = Engine(context, KINDS)
    service = Service(context, engine)
    actions.own("cloudformation")
    aws_policies.install()
    bucket_policies.install()
    for name, handler in service.handlers().items():
        actions.replace("cloudformation", name, _guarded(handler))
    # The CLI looks again after five seconds; most operations here take less than one.
    actions.gate().patient["cloudformation", "DescribeStacks"] = lambda: engine.rest(PATIENCE_S)
    # After a failed deployment the CLI asks who did what; nobody is not an error (lab.md A19).
    actions.replace("cloudtrail", "LookupEvents", lambda _call, _params: {"Events": []})
    return engine


def _guarded(handler: Callable[[dict[str, Any]], dict[str, Any] | None]) -> actions.Handler:
    def guarded(_call: Call, params: dict[str, Any]) -> dict[str, Any] | None:
        try:
            return handler(params)
        except TemplateInvalid as error:
            raise Refused("ValidationError", str(error)) from error

    return guarded


class Service:
    """The actions; all run under the lab's lock."""

    def __init__(self, context: Context, engine: Engine) -> None:
        self._context, self._engine, self._stacks = context, engine, engine.stacks
        self._reader = Reader(context, engine.stacks)

    def handlers(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]]:
        """By action."""
        stacks = self._stacks
        return {
            "CreateStack": self.create_stack,
            "UpdateStack": self.update_stack,
            "DeleteStack": self.delete_stack,
            "ContinueUpdateRollback": self.continue_update_rollback,
            "UpdateTerminationProtection": self.update_termination_protection,
            "CreateChangeSet": self.create_change_set,
            "ExecuteChangeSet": self.execute_change_set,
            "DeleteChangeSet": self.delete_change_set,
            "DescribeChangeSet": lambda params: change_sets.describe(stacks, params),
            "ListChangeSets": lambda params: change_sets.summaries(stacks, params),
            "DescribeStacks": lambda params: describe.stacks(stacks, params),
            "ListStacks": lambda params: describe.summaries(stacks, params),
            "DescribeStackEvents": lambda params: describe.events(stacks, params),
            "DescribeEvents": lambda params: describe.operation_events(stacks, params),
            "DescribeStackResources": lambda params: describe.resources(stacks, params),
            "DescribeStackResource": lambda params: describe.resource(stacks, params),
            "ListStackResources": lambda params: describe.resource_summaries(stacks, params),
            "ListExports": lambda _params: describe.exports(stacks),
            "ListImports": lambda params: describe.imports(stacks, params),
            **drift_api.handlers(self._engine),
            "GetTemplate": lambda params: describe.template(stacks, params),
            "GetTemplateSummary": lambda params: describe.template_summary(self._document(params)),
            "ValidateTemplate": lambda params: describe.validation(self._document(params)),
        }

    def _document(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if params.get("StackName"):
            blueprint = self._stacks.get(params["StackName"]).blueprint
            if blueprint is None:
                raise TemplateInvalid(f"Stack {params['StackName']} has no template yet")
            return document.load(blueprint.text)
        return document.load(self._reader.text(params, None))

    # -- stacks

    def create_stack(self, params: dict[str, Any]) -> dict[str, Any]:
        _refuse_unsimulated(params)
        if self._stacks.find(params["StackName"]) is not None:
            raise Refused("AlreadyExistsException", f"Stack [{params['StackName']}] already exists")
        stack = self._new(params["StackName"])
        target = self._reader.blueprint(params, stack)
        _acknowledged(params, target)
        self._stacks.add(stack)
        stack.protected = bool(params.get("EnableTerminationProtection"))
        self._start(stack, target, params, "CREATE")
        return {"StackId": stack.id}

    def update_stack(self, params: dict[str, Any]) -> dict[str, Any]:
        _refuse_unsimulated(params)
        stack = self._stacks.get(params["StackName"])
        self._updatable(stack)
        target = self._reader.blueprint(params, stack)
        _acknowledged(params, target)
        wanted = _tagged(params, stack)
        if not change_sets.differs(stack, target, wanted):
            raise TemplateInvalid("No updates are to be performed.")
        self._start(stack, target, {**params, "Tags": None}, "UPDATE", wanted)
        return {"StackId": stack.id}

    def delete_stack(self, params: dict[str, Any]) -> None:
        _refuse_unsimulated({"DeletionMode": params.get("DeletionMode") == "FORCE_DELETE_STACK"})
        stack = self._stacks.find(params["StackName"])
        if stack is None or stack.status == GONE:
            return
        if stack.protected:
            raise TemplateInvalid(
                f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if stack.status.endswith("IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
            raise TemplateInvalid(f"Stack [{stack.name}] is in {stack.status} state")
        stack.token = params.get("ClientRequestToken")
        for name in stack.exports:
            users = self._stacks.importers(name)
            if users:  # the stack goes back to what it was, and says why
                reason = f"Export {name} cannot be deleted as it is in use by {' and '.join(users)}"
                stack.become(stack.status, reason)
                return
        stack.become("DELETE_IN_PROGRESS", "User Initiated")
        self._engine.delete(stack, params.get("RetainResources", ()))

    def continue_update_rollback(self, params: dict[str, Any]) -> dict[str, Any]:
        stack = self._stacks.get(params["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise TemplateInvalid(f"Stack:{stack.id} is in {stack.status} state")
        stack.become("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        self._engine.resume_rollback(stack, params.get("ResourcesToSkip", ()))
        return {}

    def update_termination_protection(self, params: dict[str, Any]) -> dict[str, Any]:
        stack = self._stacks.get(params["StackName"])
        stack.protected = params["EnableTerminationProtection"]
        return {"StackId": stack.id}

    # -- change sets

    def create_change_set(self, params: dict[str, Any]) -> dict[str, Any]:
        _refuse_unsimulated(params)
        stack, kind = self._reviewed(params)
        name = params["ChangeSetName"]
        if name in stack.change_sets:
            raise Refused("AlreadyExistsException", f"ChangeSet {name} already exists")
        target = self._reader.blueprint(params, stack)
        _acknowledged(params, target)
        wanted = _tagged(params, stack)
        arn = self._arn(f"changeSet/{name}/{uuid.uuid4()}")
        made = ChangeSet(arn, name, kind, params, "CREATE_COMPLETE", "AVAILABLE")
        made.tags = wanted
        made.live = self._live(params, stack)
        if kind == "CREATE" or made.live or change_sets.differs(stack, target, wanted):
            made.blueprint = target
            made.changes = change_sets.changes(stack, target, self._engine.kinds, made.live)
        else:
            made.status, made.execution = "FAILED", "UNAVAILABLE"
            made.reason = change_sets.NOTHING
        if self._stacks.find(stack.id) is None:
            self._stacks.add(stack)
            stack.become("REVIEW_IN_PROGRESS", "User Initiated")
        stack.change_sets[name] = made
        return {"Id": made.id, "StackId": stack.id}

    def execute_change_set(self, params: dict[str, Any]) -> dict[str, Any]:
        stack, made = change_sets.find(self._stacks, params)
        if made.blueprint is None or made.execution != "AVAILABLE":
            raise Refused(
                "InvalidChangeSetStatus",
                f"ChangeSet [{made.id}] cannot be executed in its current status of "
                f"[{made.status}]",
            )
        if made.kind == "UPDATE":
            self._updatable(stack)
        # AWS forgets a change set, and all others of the stack, once one is executed.
        stack.change_sets.clear()
        stack.change_set_id = made.id
        given = {**made.request, **params}
        self._start(stack, made.blueprint, given, made.kind, made.tags, live=made.live)
        return {}

    def delete_change_set(self, params: dict[str, Any]) -> dict[str, Any]:
        try:
            stack, made = change_sets.find(self._stacks, params)
        except Refused:
            return {}  # deleting what is not there succeeds
        del stack.change_sets[made.name]
        return {}

    # -- shared

    def _new(self, name: str) -> Stack:
        return Stack(self._arn(f"stack/{name}/{uuid.uuid4()}"), name, "REVIEW_IN_PROGRESS")

    def _arn(self, what: str) -> str:
        context = self._context
        return f"arn:aws:cloudformation:{context.region}:{context.account}:{what}"

    def _reviewed(self, params: Mapping[str, Any]) -> tuple[Stack, str]:
        """(stack, kind) that a change set is for; a new stack is not yet in the store."""
        kind = params.get("ChangeSetType", "UPDATE")
        found = self._stacks.find(params["StackName"])
        if kind == "CREATE":
            if found is not None and found.status != "REVIEW_IN_PROGRESS":
                raise TemplateInvalid(f"Stack [{found.name}] already exists")
            return found or self._new(params["StackName"]), kind
        if kind != "UPDATE":
            raise Refused("NotImplemented", f"the lab does not simulate a change set of {kind}")
        stack = found or self._stacks.get(params["StackName"])
        self._updatable(stack)
        return stack, kind

    def _live(self, params: Mapping[str, Any], stack: Stack) -> dict[str, dict[str, Any]] | None:
        """What has drifted, if the change set is to be aware of it."""
        if "DeploymentMode" not in params:
            return None
        try:
            found = drift.live(stack, self._engine.kinds, self._engine.api)
        except NotSimulated as error:
            raise Refused("NotImplemented", str(error)) from error
        return {name: drift.as_is(each) for name, each in found.items()}

    def _updatable(self, stack: Stack) -> None:
        if stack.status not in _UPDATABLE:
            raise TemplateInvalid(
                f"Stack:{stack.id} is in {stack.status} state and can not be updated."
            )

    def _start(
        self,
        stack: Stack,
        target: Blueprint,
        params: Mapping[str, Any],
        verb: str,
        wanted: dict[str, str] | None = None,
        *,
        live: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        stack.tags = tags(params.get("Tags")) if wanted is None else wanted
        stack.capabilities = list(params.get("Capabilities") or stack.capabilities)
        stack.notifications = list(params.get("NotificationARNs") or ())
        stack.role = params.get("RoleARN") or stack.role
        stack.token = params.get("ClientRequestToken")
        stack.disable_rollback = bool(params.get("DisableRollback")) or (
            params.get("OnFailure", params.get("OnStackFailure")) == "DO_NOTHING"
        )
        stack.become(f"{verb}_IN_PROGRESS", "User Initiated")
        if verb == "CREATE":
            self._engine.create(stack, target)
        else:
            stack.updated = now()
            self._engine.update(stack, target, live)


def _tagged(params: Mapping[str, Any], stack: Stack) -> dict[str, str]:
    """The tags that the stack is to have.

    Raises:
        Refused: others than it has: AWS would send every resource again that takes tags.
    """
    wanted = tags(params["Tags"]) if "Tags" in params else dict(stack.tags)
    if stack.blueprint is not None and wanted != stack.tags:
        raise Refused("NotImplemented", "the lab does not simulate a change of a stack's own tags")
    return wanted


def _acknowledged(params: Mapping[str, Any], target: Blueprint) -> None:
    """IAM resources need the caller's word for it.

    Raises:
        Refused: the capability is missing.
    """
    needed = describe.capabilities(target.template)
    given = set(params.get("Capabilities", ()))
    if needed and not given & {*needed, "CAPABILITY_NAMED_IAM"}:
        raise Refused("InsufficientCapabilitiesException", f"Requires capabilities : {needed}")


def _refuse_unsimulated(params: Mapping[str, Any]) -> None:
    """Loudly. ImportExistingResources is taken: what exists already makes its creation fail."""
    express = params.get("DeploymentConfig", {}).get("Mode") == "EXPRESS"
    on_failure = params.get("OnFailure", params.get("OnStackFailure"))
    asked = {**params, "Express": express, "DeleteOnFailure": on_failure == "DELETE"}
    refused = sorted(name for name in _REFUSED & set(asked) if asked[name])
    if refused:
        raise Refused("NotImplemented", f"the lab's CloudFormation does not simulate {refused}")

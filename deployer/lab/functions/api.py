"""Lambda's API: what stacks, the deployer's hooks and people ask of functions."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call, Refused
from deployer.lab.context import Context
from deployer.lab.functions import code, resource_policy
from deployer.lab.functions.component import Functions
from deployer.lab.functions.model import (
    RUNTIME,
    Asynchronous,
    Function,
    configured,
    invalid,
    require_destination,
    told,
    unsimulated,
)
from deployer.lab.functions.sandbox import LONGEST_TAIL
from deployer.lab.functions.session import begin
from deployer.lab.telemetry.store import Store

Params = Mapping[str, Any]
Answer = Mapping[str, Any] | None


def install(context: Context, store: Store) -> Functions:
    """Take Lambda over, in the lab that is installed."""
    functions = Functions(context, store)
    actions.own("lambda")
    desk = _Desk(functions)
    for name, handler in desk.actions().items():
        actions.replace("lambda", name, handler)
    actions.gate(context).slow.add(("lambda", "Invoke"))
    return functions


class _Desk:
    """One method for each action; all but `invoke` run under the lab's lock."""

    def __init__(self, functions: Functions) -> None:
        self._functions, self._context = functions, functions.context

    def actions(self) -> dict[str, actions.Handler]:
        """By the API's names."""
        return {
            "CreateFunction": self.create,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
            "DeleteFunction": self.delete,
            "GetFunction": self.get,
            "GetFunctionConfiguration": lambda _, params: told(self._named(params)),
            "ListFunctions": self.listed,
            "Invoke": self.invoke,
            "PutFunctionConcurrency": self.reserve,
            "DeleteFunctionConcurrency": self.unreserve,
            "GetFunctionConcurrency": self.reserved,
            "PutFunctionEventInvokeConfig": self.put_asynchronous,
            "DeleteFunctionEventInvokeConfig": self.drop_asynchronous,
            "GetFunctionEventInvokeConfig": self.get_asynchronous,
            "AddPermission": self.permit,
            "RemovePermission": self.forbid,
            "GetPolicy": self.policy,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTags": lambda _, params: {"Tags": dict(self._tagged(params).tags)},
        }

    def _named(self, params: Params) -> Function:
        name = params["FunctionName"]
        if params.get("Qualifier", "$LATEST") != "$LATEST":
            raise unsimulated("versions and aliases")
        return self._functions.find(name)

    # -- the function

    def create(self, _call: Call, params: Params) -> Answer:
        name = params["FunctionName"]
        if name in self._functions.by_name:
            raise Refused("ResourceConflictException", f"Function already exist: {name}", 409)
        if not params.get("Handler") or params.get("Runtime") != RUNTIME:
            configured(params)  # says what is wrong with the runtime
            raise invalid("Runtime and Handler are mandatory parameters for functions of zips.")
        scope = f"{self._context.region}:{self._context.account}"
        made = Function(
            name=name,
            arn=f"arn:aws:lambda:{scope}:function:{name}",
            code=code.unpacked(self._context, name, params["Code"]),
            modified_at=0.0,
            tags=dict(params.get("Tags") or {}),
            **configured(params),
        )
        self._require_role(made)
        self._functions.put(made)
        return told(self._functions.find(name))

    def _require_role(self, function: Function) -> None:
        """Lambda looks when the function is made, not only when it runs.

        Raises:
            Refused: it could not run under this role.
        """
        try:
            begin(self._context, function.role, function.name)
        except Refused as error:
            message = "The role defined for the function cannot be assumed by Lambda."
            raise invalid(message) from error

    def update_code(self, _call: Call, params: Params) -> Answer:
        function = self._named(params)
        if params.get("DryRun") or params.get("Publish"):
            raise unsimulated("DryRun and Publish")
        found = code.unpacked(self._context, function.name, params)
        self._functions.put(replace(function, code=found))
        return told(self._named(params))

    def update_configuration(self, _call: Call, params: Params) -> Answer:
        changed = replace(self._named(params), **configured(params))
        self._require_role(changed)
        self._functions.put(changed)
        return told(self._named(params))

    def delete(self, _call: Call, params: Params) -> Answer:
        del self._functions.by_name[self._named(params).name]
        return None

    def get(self, _call: Call, params: Params) -> Answer:
        function = self._named(params)
        found: dict[str, Any] = {
            "Configuration": told(function),
            "Code": {"RepositoryType": "S3", "Location": function.code.folder.as_uri()},
            "Tags": dict(function.tags),
        }
        if function.reserved is not None:
            found["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved}
        return found

    def listed(self, _call: Call, params: Params) -> Answer:
        if params.get("FunctionVersion") or params.get("MasterRegion"):
            raise unsimulated("versions")
        return {"Functions": [told(one) for one in self._functions.by_name.values()]}

    # -- invocation

    def invoke(self, _call: Call, params: Params) -> Answer:
        """Without the lock: it lasts."""
        kind = params.get("InvocationType", "RequestResponse")
        payload = bytes(params.get("Payload") or b"")
        with self._context.lock:
            function = self._named(params)
        if kind == "DryRun":
            return {"StatusCode": 204}
        if kind == "Event":
            self._functions.accept(function.name, payload)
            return {"StatusCode": 202}
        outcome = self._functions.invoke(function.name, payload)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "Payload": outcome.payload,
            "ExecutedVersion": "$LATEST",
        }
        if outcome.error:
            answer["FunctionError"] = outcome.error
        if params.get("LogType") == "Tail":
            answer["LogResult"] = base64.b64encode(outcome.log[-LONGEST_TAIL:]).decode()
        return answer

    # -- what surrounds it

    def reserve(self, _call: Call, params: Params) -> Answer:
        wanted = params["ReservedConcurrentExecutions"]
        self._keep(replace(self._named(params), reserved=wanted))
        return {"ReservedConcurrentExecutions": wanted}

    def unreserve(self, _call: Call, params: Params) -> Answer:
        self._keep(replace(self._named(params), reserved=None))
        return None

    def reserved(self, _call: Call, params: Params) -> Answer:
        wanted = self._named(params).reserved
        return {} if wanted is None else {"ReservedConcurrentExecutions": wanted}

    def put_asynchronous(self, _call: Call, params: Params) -> Answer:
        to = params.get("DestinationConfig") or {}
        if to.get("OnSuccess", {}).get("Destination"):
            raise unsimulated("OnSuccess destinations")
        on_failure = to.get("OnFailure", {}).get("Destination", "")
        require_destination(on_failure)
        usual = Asynchronous()
        wanted = Asynchronous(
            retries=params.get("MaximumRetryAttempts", usual.retries),
            oldest_s=params.get("MaximumEventAgeInSeconds", usual.oldest_s),
            on_failure=on_failure,
        )
        self._keep(replace(self._named(params), asynchronous=wanted))
        return self.get_asynchronous(_call, params)

    def drop_asynchronous(self, _call: Call, params: Params) -> Answer:
        self._keep(replace(self._named(params), asynchronous=Asynchronous()))
        return None

    def get_asynchronous(self, _call: Call, params: Params) -> Answer:
        function = self._named(params)
        policy = function.asynchronous
        to = {"OnFailure": {"Destination": policy.on_failure}} if policy.on_failure else {}
        return {
            "FunctionArn": f"{function.arn}:$LATEST",
            "MaximumRetryAttempts": policy.retries,
            "MaximumEventAgeInSeconds": policy.oldest_s,
            "DestinationConfig": to,
        }

    def permit(self, _call: Call, params: Params) -> Answer:
        function = self._named(params)
        if params["StatementId"] in function.policy:
            what = f"The statement id ({params['StatementId']}) provided already exists."
            raise Refused("ResourceConflictException", what, 409)
        statement = resource_policy.statement(function, params)
        self._keep(replace(function, policy={**function.policy, params["StatementId"]: statement}))
        return {"Statement": resource_policy.text(statement)}

    def forbid(self, _call: Call, params: Params) -> Answer:
        function = self._named(params)
        kept = {sid: one for sid, one in function.policy.items() if sid != params["StatementId"]}
        if len(kept) == len(function.policy):
            raise Refused("ResourceNotFoundException", "No policy is found for this statement", 404)
        self._keep(replace(function, policy=kept))
        return None

    def policy(self, _call: Call, params: Params) -> Answer:
        function = self._named(params)
        if not function.policy:
            what = "The resource you requested does not exist."
            raise Refused("ResourceNotFoundException", what, 404)
        return {"Policy": resource_policy.document(function), "RevisionId": "1"}

    def tag(self, _call: Call, params: Params) -> Answer:
        function = self._tagged(params)
        self._keep(replace(function, tags={**function.tags, **params["Tags"]}))
        return None

    def untag(self, _call: Call, params: Params) -> Answer:
        function = self._tagged(params)
        kept = {key: value for key, value in function.tags.items() if key not in params["TagKeys"]}
        self._keep(replace(function, tags=kept))
        return None

    def _tagged(self, params: Params) -> Function:
        return self._functions.find(params["Resource"])

    def _keep(self, function: Function) -> None:
        """As it is now; processes stay, since neither code nor configuration has changed."""
        self._functions.by_name[function.name] = function

"""What CloudFormation tells: stacks, events, resources, exports, templates. Reads only."""

import json
from collections.abc import Mapping
from typing import Any

from deployer.lab.actions import Refused
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.stack import GONE, Event, Resource, Stack, Stacks

_IAM = (
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::InstanceProfile",
)
_IAM_NAMES = ("RoleName", "ManagedPolicyName", "InstanceProfileName")
PAGE = 100


def _present(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}


def stacks(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeStacks: one by name or id, or all that are not deleted."""
    if params.get("StackName"):
        return {"Stacks": [_stack(store.get(params["StackName"]))]}
    return {"Stacks": [_stack(stack) for stack in store if stack.status != GONE]}


def _stack(stack: Stack) -> dict[str, Any]:
    blueprint = stack.blueprint
    settled = blueprint.parameters if blueprint else None
    told = settled.inputs if settled else {}
    fetched = settled.fetched if settled else {}
    return _present(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "ChangeSetId": stack.change_set_id,
            "Description": blueprint.template.get("Description") if blueprint else None,
            "Parameters": [
                _present(
                    {
                        "ParameterKey": name,
                        "ParameterValue": value,
                        "ResolvedValue": fetched.get(name),
                    }
                )
                for name, value in told.items()
            ],
            "CreationTime": stack.created,
            "LastUpdatedTime": stack.updated,
            "DeletionTime": stack.deleted,
            "StackStatus": stack.status,
            "StackStatusReason": stack.reason,
            "DisableRollback": stack.disable_rollback,
            "NotificationARNs": stack.notifications,
            "Capabilities": stack.capabilities,
            "Outputs": stack.outputs,
            "RoleARN": stack.role,
            "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
            "EnableTerminationProtection": stack.protected,
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
    )


def summaries(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """ListStacks."""
    wanted = set(params.get("StackStatusFilter", ()))
    return {
        "StackSummaries": [
            _present(
                {
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "CreationTime": stack.created,
                    "LastUpdatedTime": stack.updated,
                    "DeletionTime": stack.deleted,
                    "StackStatus": stack.status,
                    "StackStatusReason": stack.reason,
                }
            )
            for stack in store
            if not wanted or stack.status in wanted
        ]
    }


def events(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeStackEvents: newest first, in pages."""
    stack = store.get(params["StackName"])
    newest_first = list(reversed(stack.events))
    start = int(params.get("NextToken") or 0)
    page = newest_first[start : start + PAGE]
    more = {"NextToken": str(start + PAGE)} if start + PAGE < len(newest_first) else {}
    return {"StackEvents": [_event(stack, event) for event in page], **more}


def operation_events(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeEvents: as DescribeStackEvents, without paging, failed ones alone if asked."""
    if not params.get("StackName"):  # of a change set: validations, of which the lab has none
        return {"OperationEvents": []}
    stack = store.get(params["StackName"])
    only_failed = params.get("Filters", {}).get("FailedEvents", False)
    return {
        "OperationEvents": [
            _present(
                {
                    "EventId": event.id,
                    "StackId": stack.id,
                    "EventType": "STACK_EVENT",
                    "LogicalResourceId": event.logical_id,
                    "PhysicalResourceId": event.physical_id,
                    "ResourceType": event.type,
                    "Timestamp": event.at,
                    "ResourceStatus": event.status,
                    "ResourceStatusReason": event.reason,
                    "ClientRequestToken": event.token,
                }
            )
            for event in reversed(stack.events)
            if not only_failed or event.status.endswith("_FAILED")
        ]
    }


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    properties = None if event.properties is None else json.dumps(event.properties, default=str)
    return _present(
        {
            "StackId": stack.id,
            "StackName": stack.name,
            "EventId": event.id,
            "LogicalResourceId": event.logical_id,
            "PhysicalResourceId": event.physical_id,
            "ResourceType": event.type,
            "Timestamp": event.at,
            "ResourceStatus": event.status,
            "ResourceStatusReason": event.reason,
            "ResourceProperties": properties,
            "ClientRequestToken": event.token,
        }
    )


def _resource(one: Resource) -> dict[str, Any]:
    return _present(
        {
            "LogicalResourceId": one.logical_id,
            "PhysicalResourceId": one.physical_id,
            "ResourceType": one.type,
            "ResourceStatus": one.status,
            "ResourceStatusReason": one.reason,
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    )


def resources(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeStackResources: of a stack, or of the stack that has a physical id."""
    physical = params.get("PhysicalResourceId")
    logical = params.get("LogicalResourceId")
    name = params.get("StackName")
    stack = store.get(name) if name else _owner(store, physical)
    return {
        "StackResources": [
            _resource(one)
            | {"StackId": stack.id, "StackName": stack.name, "Timestamp": one.changed}
            for one in list(stack.resources.values())
            if logical in (None, one.logical_id)
        ]
    }


def _owner(store: Stacks, physical_id: str | None) -> Stack:
    for stack in store:
        if any(one.physical_id == physical_id for one in list(stack.resources.values())):
            return stack
    raise TemplateInvalid(f"Stack for {physical_id} does not exist")


def resource(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeStackResource."""
    stack = store.get(params["StackName"])
    one = stack.resources.get(params["LogicalResourceId"])
    if one is None:
        raise TemplateInvalid(
            f"Resource {params['LogicalResourceId']} does not exist for stack {stack.name}"
        )
    metadata = one.definition.get("Metadata")
    return {
        "StackResourceDetail": _resource(one)
        | {"StackId": stack.id, "StackName": stack.name, "LastUpdatedTimestamp": one.changed}
        | ({"Metadata": json.dumps(metadata)} if metadata else {})
    }


def resource_summaries(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """ListStackResources."""
    stack = store.get(params["StackName"])
    return {
        "StackResourceSummaries": [
            _resource(one) | {"LastUpdatedTimestamp": one.changed}
            for one in list(stack.resources.values())
        ]
    }


def exports(store: Stacks) -> dict[str, Any]:
    """ListExports."""
    return {
        "Exports": [
            {"ExportingStackId": stack.id, "Name": name, "Value": value}
            for stack in store
            for name, value in stack.exports.items()
        ]
    }


def imports(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """ListImports."""
    users = store.importers(params["ExportName"])
    if not users:
        raise TemplateInvalid(f"Export '{params['ExportName']}' is not imported by any stack.")
    return {"Imports": users}


def template(store: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """GetTemplate: the text as it was sent; of a change set if one is named."""
    stack = store.get(params["StackName"])
    blueprint = stack.blueprint
    if params.get("ChangeSetName"):
        made = stack.change_sets.get(params["ChangeSetName"])
        if made is None:
            raise Refused("ChangeSetNotFound", f"no change set {params['ChangeSetName']}", 404)
        blueprint = made.blueprint
    if blueprint is None:
        raise TemplateInvalid(f"Stack {stack.name} has no template yet")
    return {"TemplateBody": blueprint.text, "StagesAvailable": ["Original", "Processed"]}


def validation(document: Mapping[str, Any]) -> dict[str, Any]:
    """ValidateTemplate."""
    needed = capabilities(document)
    return _present(
        {
            "Description": document.get("Description"),
            "Parameters": [
                _present(
                    {
                        "ParameterKey": name,
                        "DefaultValue": _text(rule.get("Default")),
                        "NoEcho": str(rule.get("NoEcho", False)).lower() == "true",
                        "Description": rule.get("Description"),
                    }
                )
                for name, rule in document.get("Parameters", {}).items()
            ],
            "Capabilities": needed,
        }
    )


def template_summary(document: Mapping[str, Any]) -> dict[str, Any]:
    """GetTemplateSummary, without what only imports need."""
    types = sorted({one["Type"] for one in document["Resources"].values()})
    return _present(
        {
            "Description": document.get("Description"),
            "Parameters": [
                _present(
                    {
                        "ParameterKey": name,
                        "DefaultValue": _text(rule.get("Default")),
                        "ParameterType": rule.get("Type"),
                        "NoEcho": str(rule.get("NoEcho", False)).lower() == "true",
                        "Description": rule.get("Description"),
                        "ParameterConstraints": {
                            "AllowedValues": [_text(v) for v in rule.get("AllowedValues", ())]
                        },
                    }
                )
                for name, rule in document.get("Parameters", {}).items()
            ],
            "Capabilities": capabilities(document),
            "ResourceTypes": types,
            "Version": document.get("AWSTemplateFormatVersion"),
            "Metadata": json.dumps(document["Metadata"]) if "Metadata" in document else None,
        }
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def capabilities(document: Mapping[str, Any]) -> list[str]:
    """What the caller must acknowledge."""
    iam = [one for one in document["Resources"].values() if one["Type"] in _IAM]
    named = any(name in one.get("Properties", {}) for one in iam for name in _IAM_NAMES)
    if not iam:
        return []
    return ["CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"]

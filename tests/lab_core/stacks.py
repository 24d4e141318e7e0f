"""Stacks in tests: templates as data, operations that wait, what is left told in one word."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deployer.lab import inprocess
from deployer.lab.cloudformation.engine import Engine
from deployer.lab.context import Context

PATIENCE_S = 20.0


def template(resources: Mapping[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


def topic(name: str = "", **extra: Any) -> dict[str, Any]:
    properties = {"DisplayName": name} if name else {}
    return {"Type": "AWS::SNS::Topic", "Properties": properties, **extra}


def parameter(name: str, value: Any, **extra: Any) -> dict[str, Any]:
    properties = {"Type": "String", "Name": name, "Value": value}
    return {"Type": "AWS::SSM::Parameter", "Properties": properties, **extra}


def log_group(name: str, **extra: Any) -> dict[str, Any]:
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}, **extra}


@dataclass(frozen=True)
class Cloud:
    """The lab as a test sees it, in process."""

    context: Context
    engine: Engine

    def client(self, service: str) -> Any:
        return inprocess.client(self.context, service)

    @property
    def api(self) -> Any:
        return self.client("cloudformation")

    def create(self, name: str, body: str, **params: Any) -> dict[str, Any]:
        stack_id = self.api.create_stack(StackName=name, TemplateBody=body, **params)["StackId"]
        return self.settled(stack_id)

    def update(self, name: str, body: str, **params: Any) -> dict[str, Any]:
        stack_id = self.api.update_stack(StackName=name, TemplateBody=body, **params)["StackId"]
        return self.settled(stack_id)

    def delete(self, name: str, **params: Any) -> dict[str, Any]:
        stack_id = self.stack(name)["StackId"]
        self.api.delete_stack(StackName=name, **params)
        return self.settled(stack_id)

    def settled(self, name: str) -> dict[str, Any]:
        assert self.engine.rest(PATIENCE_S), "the operation did not end"
        return self.stack(name)

    def stack(self, name: str) -> dict[str, Any]:
        described: dict[str, Any] = self.api.describe_stacks(StackName=name)["Stacks"][0]
        return described

    def status(self, name: str) -> str:
        return str(self.stack(name)["StackStatus"])

    def outputs(self, name: str) -> dict[str, str]:
        told = self.stack(name).get("Outputs", [])
        return {one["OutputKey"]: one["OutputValue"] for one in told}

    def events(self, name: str) -> list[tuple[str, str]]:
        """(logical id, status), oldest first."""
        pages = self.api.get_paginator("describe_stack_events").paginate(StackName=name)
        newest_first = [event for page in pages for event in page["StackEvents"]]
        return [
            (event["LogicalResourceId"], event["ResourceStatus"])
            for event in reversed(newest_first)
        ]

    def since(self, name: str, already: Iterable[Any]) -> list[tuple[str, str]]:
        return self.events(name)[len(list(already)) :]

    def reasons(self, name: str) -> dict[str, str]:
        """Why each resource failed."""
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return {
            event["LogicalResourceId"]: event["ResourceStatusReason"]
            for event in reversed(events)
            if event["ResourceStatus"].endswith("_FAILED")
        }

    def physical_ids(self, name: str) -> dict[str, str]:
        told = self.api.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in told}

    def topics(self) -> set[str]:
        """Display names."""
        sns = self.client("sns")
        return {
            sns.get_topic_attributes(TopicArn=one["TopicArn"])["Attributes"]["DisplayName"]
            for one in sns.list_topics()["Topics"]
        }

    def parameters(self) -> dict[str, str]:
        ssm = self.client("ssm")
        names = [one["Name"] for one in ssm.describe_parameters()["Parameters"]]
        return {name: ssm.get_parameter(Name=name)["Parameter"]["Value"] for name in names}

    def log_groups(self) -> set[str]:
        return {
            one["logGroupName"] for one in self.client("logs").describe_log_groups()["logGroups"]
        }

"""EventBridge rules that hear of new objects in S3, and start pipelines.

A bucket tells EventBridge when it was asked to; the event reaches the rules of the default bus, and a
rule's target is called under the target's role. Source: S3 User Guide, "Using EventBridge" and
"EventBridge event message structure"; EventBridge User Guide, "Amazon EventBridge rules".
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab import actions
from deployer.lab.actions import Call
from deployer.lab.context import Context
from deployer.lab.iam.acting import Acting
from deployer.lab.pipelines import patterns
from deployer.lab.wire import Refused, Target

SERVICE = "events.amazonaws.com"
WRITES = {
    "PutObject": "PutObject",
    "CompleteMultipartUpload": "CompleteMultipartUpload",
    "CopyObject": "CopyObject",
}
Params = Mapping[str, Any]
_log = logging.getLogger("deployer.lab")


@dataclass(slots=True)
class Rule:
    """targets: by id, as PutTargets has them."""

    name: str
    arn: str
    pattern: Mapping[str, Any]
    description: str
    enabled: bool
    tags: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Params] = field(default_factory=dict)


class Events:
    """Rules, the buckets that tell, what was told and not delivered yet. Under the lab's lock."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.rules: dict[str, Rule] = {}
        self.telling: set[str] = set()
        self._acting = Acting(context, SERVICE)
        self._waiting: list[tuple[Rule, Params]] = []

    def install(self) -> None:
        """Answer, and listen, from here on."""
        for action, handler in {
            "PutRule": self.put_rule,
            "DescribeRule": self.describe_rule,
            "DeleteRule": self.delete_rule,
            "ListRules": self.list_rules,
            "PutTargets": self.put_targets,
            "RemoveTargets": self.remove_targets,
            "ListTargetsByRule": self.list_targets,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }.items():
            actions.replace("events", action, handler)
        actions.own("events")
        actions.replace("s3", "PutBucketNotificationConfiguration", self.put_notification)
        actions.replace("s3", "GetBucketNotificationConfiguration", self.get_notification)
        gate = actions.gate(self._context)
        for action in WRITES:
            gate.heard["s3", action] = self.written

    # -- buckets

    def put_notification(self, _call: Call, params: Params) -> None:
        """Raises Refused: another listener than EventBridge."""
        wanted = {key: each for key, each in params["NotificationConfiguration"].items() if each}
        told = params["NotificationConfiguration"].get("EventBridgeConfiguration") is not None
        if set(wanted) - {"EventBridgeConfiguration"}:
            raise Refused("NotImplemented", "the lab's buckets tell EventBridge and nobody else")
        (self.telling.add if told else self.telling.discard)(params["Bucket"])

    def get_notification(self, _call: Call, params: Params) -> dict[str, Any]:
        return {"EventBridgeConfiguration": {}} if params["Bucket"] in self.telling else {}

    def written(self, target: Target, params: Params) -> None:
        """An object was put."""
        if params["Bucket"] not in self.telling:
            return
        event = {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "account": self._context.account,
            "region": self._context.region,
            "detail": {
                "bucket": {"name": params["Bucket"]},
                "object": {"key": params["Key"]},
                "reason": WRITES[target.action],
            },
        }
        for rule in self.rules.values():
            if rule.enabled and patterns.matches(rule.pattern, event):
                self._waiting += [(rule, each) for each in rule.targets.values()]

    def poll(self, _now: float) -> None:
        """Deliver, without the lock."""
        with self._context.lock:
            waiting, self._waiting = self._waiting, []
        for rule, target in waiting:
            try:
                client = self._acting.client(target["RoleArn"], rule.arn, "codepipeline")
                client.start_pipeline_execution(name=target["Arn"].rsplit(":", 1)[-1])
            except (Refused, ClientError) as error:
                # On AWS: a metric (FailedInvocations), and nothing else without a dead-letter queue.
                _log.error("the rule %s could not start %s: %s", rule.name, target["Arn"], error)

    # -- rules

    def put_rule(self, call: Call, params: Params) -> dict[str, Any]:
        """Raises Refused: it is not simulated."""
        if params.get("ScheduleExpression") or params.get("EventBusName", "default") != "default":
            raise Refused("NotImplemented", "rules here have an event pattern, on the default bus")
        pattern = json.loads(params["EventPattern"])
        patterns.require_known(pattern)
        name = params["Name"]
        known = self.rules.get(name)
        arn = f"arn:aws:events:{call.region}:{call.account}:rule/{name}"
        enabled = params.get("State", "ENABLED") == "ENABLED"
        targets, tags = (known.targets, known.tags) if known else ({}, {})
        tags |= {each["Key"]: each["Value"] for each in params.get("Tags", ())}
        told = params.get("Description", "")
        self.rules[name] = Rule(name, arn, pattern, told, enabled, tags, targets)
        return {"RuleArn": arn}

    def describe_rule(self, _call: Call, params: Params) -> dict[str, Any]:
        return _shown(self._rule(params["Name"]))

    def list_rules(self, _call: Call, params: Params) -> dict[str, Any]:
        prefix = params.get("NamePrefix", "")
        return {"Rules": [_shown(r) for r in self.rules.values() if r.name.startswith(prefix)]}

    def delete_rule(self, _call: Call, params: Params) -> None:
        """Raises Refused: it has targets."""
        found = self.rules.get(params["Name"])
        if found is not None and found.targets:
            raise Refused("ValidationException", "Rule can't be deleted since it has targets.")
        self.rules.pop(params["Name"], None)

    def put_targets(self, _call: Call, params: Params) -> dict[str, Any]:
        """Raises Refused: something else than a pipeline, or without a role."""
        rule = self._rule(params["Rule"])
        for each in params["Targets"]:
            if set(each) - {"Id", "Arn", "RoleArn"} or ":codepipeline:" not in each["Arn"]:
                raise Refused(
                    "NotImplemented", "a rule's targets here are pipelines, by their role"
                )
            if "RoleArn" not in each:
                raise Refused("ValidationException", "RoleArn is required for target Pipeline.")
            rule.targets[each["Id"]] = each
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def remove_targets(self, _call: Call, params: Params) -> dict[str, Any]:
        rule = self._rule(params["Rule"])
        for each in params["Ids"]:
            rule.targets.pop(each, None)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    def list_targets(self, _call: Call, params: Params) -> dict[str, Any]:
        return {"Targets": list(self._rule(params["Rule"]).targets.values())}

    def untag(self, _call: Call, params: Params) -> dict[str, Any]:
        for key in params["TagKeys"]:
            self._rule(params["ResourceARN"].rsplit("/", 1)[-1]).tags.pop(key, None)
        return {}

    def list_tags(self, _call: Call, params: Params) -> dict[str, Any]:
        tags = self._rule(params["ResourceARN"].rsplit("/", 1)[-1]).tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _rule(self, name: str) -> Rule:
        if name not in self.rules:
            raise Refused(
                "ResourceNotFoundException", f"Rule {name} does not exist on EventBus default."
            )
        return self.rules[name]


def _shown(rule: Rule) -> dict[str, Any]:
    return {
        "Name": rule.name,
        "Arn": rule.arn,
        "EventPattern": json.dumps(rule.pattern),
        "State": "ENABLED" if rule.enabled else "DISABLED",
        "Description": rule.description,
    }

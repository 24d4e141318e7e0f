"""Drift detection as the API has it: asked for, looked up, told resource by resource.

What a detection found is kept with its id until the next one of the stack; it is complete at once.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deployer.lab.actions import Refused
from deployer.lab.cloudformation import drift
from deployer.lab.cloudformation.drift import Difference, Drift
from deployer.lab.cloudformation.engine import Engine
from deployer.lab.cloudformation.stack import Stack, now

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Detection:
    """One look at a stack."""

    id: str
    stack: str
    found: tuple[Drift, ...]
    at: datetime = field(default_factory=now)

    @property
    def status(self) -> str:
        """DRIFTED if anything is, else UNKNOWN if anything could not be read."""
        seen = {each.status for each in self.found}
        if seen & {"MODIFIED", "DELETED"}:
            return "DRIFTED"
        return "UNKNOWN" if "UNKNOWN" in seen else "IN_SYNC"


def handlers(engine: Engine) -> dict[str, Callable[[Json], Json]]:
    """The three actions, by name."""
    desk = _Desk(engine)
    return {
        "DetectStackDrift": desk.detect,
        "DescribeStackDriftDetectionStatus": desk.status,
        "DescribeStackResourceDrifts": desk.drifts,
    }


class _Desk:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._last: dict[str, Detection] = {}

    def detect(self, params: Json) -> Json:
        if params.get("LogicalResourceIds"):
            raise Refused("NotImplemented", "the lab detects the drift of whole stacks only")
        stack = self._engine.stacks.get(params["StackName"])
        found = tuple(drift.of_stack(stack, self._engine.kinds, self._engine.api))
        made = self._last[stack.id] = Detection(str(uuid.uuid4()), stack.id, found)
        return {"StackDriftDetectionId": made.id}

    def status(self, params: Json) -> Json:
        wanted = params["StackDriftDetectionId"]
        made = next((each for each in self._last.values() if each.id == wanted), None)
        if made is None:
            raise Refused("ValidationError", f"Drift detection {wanted} does not exist")
        drifted = [each for each in made.found if each.status in ("MODIFIED", "DELETED")]
        reasons = sorted({each.reason for each in made.found if each.reason})
        return {
            "StackId": made.stack,
            "StackDriftDetectionId": made.id,
            "StackDriftStatus": made.status,
            "DetectionStatus": "DETECTION_COMPLETE",
            "DriftedStackResourceCount": len(drifted),
            "Timestamp": made.at,
            **({"DetectionStatusReason": "; ".join(reasons)} if reasons else {}),
        }

    def drifts(self, params: Json) -> Json:
        stack = self._engine.stacks.get(params["StackName"])
        made = self._last.get(stack.id)
        if made is None:
            return {"StackResourceDrifts": []}
        wanted = params.get("StackResourceDriftStatusFilters")
        rows = [
            _row(stack, each, made.at) for each in made.found if not wanted or each.status in wanted
        ]
        return {"StackResourceDrifts": rows}


def _row(stack: Stack, one: Drift, at: datetime) -> Json:
    resource = one.resource
    row: Json = {
        "StackId": stack.id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "StackResourceDriftStatus": one.status,
        "PropertyDifferences": [_difference(each) for each in one.differences],
        "Timestamp": at,
    }
    if one.reason:
        row["DriftStatusReason"] = one.reason
    if one.status in ("MODIFIED", "IN_SYNC"):
        expected = {name: resource.properties[name] for name in one.actual}
        row |= {"ExpectedProperties": _text(expected), "ActualProperties": _text(one.actual)}
    return row


def _difference(one: Difference) -> Json:
    return {
        "PropertyPath": one.path,
        "ExpectedValue": _text(one.expected),
        "ActualValue": _text(one.actual),
        "DifferenceType": "REMOVE" if one.actual is None else "NOT_EQUAL",
    }


def _text(value: Any) -> str:
    if isinstance(value, (Mapping, list)):
        return json.dumps(value, default=str)
    return str(value)

"""Dashboards: kept, told and checked for what CloudWatch would refuse. Nothing is drawn.

Source: API reference, PutDashboard; user guide, Dashboard body structure and syntax.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployer.lab.telemetry.requests import moment
from deployer.lab.wire import Refused

Params = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
WIDGETS = ("metric", "text", "log", "alarm", "explorer", "custom")
MOST_WIDGETS = 500
WIDEST = 24


@dataclass(slots=True)
class Dashboard:
    arn: str
    body: str
    changed_at: float
    tags: dict[str, str]


@dataclass(slots=True)
class Dashboards:
    """All of them, by name."""

    kept: dict[str, Dashboard] = field(default_factory=dict)

    def put(self, params: Params, arn: str, now: float) -> dict[str, Any]:
        """Make or replace one; its tags stay when it is replaced (API, PutDashboard).

        Raises:
            Refused: a name or a body that CloudWatch does not take.
        """
        name, body = str(params["DashboardName"]), str(params["DashboardBody"])
        if not _NAME.fullmatch(name):
            raise _invalid(f"{name!r} is not a dashboard name: 1 to 255 of A-Z a-z 0-9 - and _")
        _check(body)
        before = self.kept.get(name)
        given = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
        self.kept[name] = Dashboard(arn, body, now, before.tags if before else given)
        return {"DashboardValidationMessages": []}

    def get(self, params: Params) -> dict[str, Any]:
        """Raises Refused: there is none of this name."""
        name = str(params["DashboardName"])
        if name not in self.kept:
            raise _absent(name)
        one = self.kept[name]
        return {"DashboardArn": one.arn, "DashboardBody": one.body, "DashboardName": name}

    def listed(self, params: Params) -> dict[str, Any]:
        """Those whose names begin with the prefix."""
        prefix = params.get("DashboardNamePrefix") or ""
        return {
            "DashboardEntries": [
                {
                    "DashboardName": name,
                    "DashboardArn": one.arn,
                    "LastModified": moment(one.changed_at),
                    "Size": len(one.body),
                }
                for name, one in sorted(self.kept.items())
                if name.startswith(prefix)
            ]
        }

    def delete(self, params: Params) -> None:
        """All or none.

        Raises:
            Refused: one of them does not exist.
        """
        names = [str(name) for name in params["DashboardNames"]]
        for name in names:
            if name not in self.kept:
                raise _absent(name)
        for name in names:
            self.kept.pop(name, None)

    def by_arn(self, arn: str) -> Dashboard | None:
        """For the tag actions; None: the ARN of something else."""
        return next((one for one in self.kept.values() if one.arn == arn), None)


def _check(body: str) -> None:
    """What would be an error on AWS: no JSON, no list of widgets, a widget that is none.

    Raises:
        Refused: says what and where.
    """
    try:
        document = json.loads(body)
    except ValueError as error:
        raise _invalid(f"The body is not JSON: {error}") from error
    widgets = document.get("widgets") if isinstance(document, dict) else None
    if not isinstance(widgets, list) or len(widgets) > MOST_WIDGETS:
        raise _invalid(f"The body needs `widgets`, a list of up to {MOST_WIDGETS}")
    for at, widget in enumerate(widgets):
        kind = widget.get("type") if isinstance(widget, dict) else None
        if kind not in WIDGETS:
            raise _invalid(f"/widgets/{at}/type is {kind!r}, not one of {', '.join(WIDGETS)}")
        if not isinstance(widget.get("properties"), dict):
            raise _invalid(f"/widgets/{at}/properties is missing")
        if not 1 <= widget.get("width", 6) <= WIDEST:
            raise _invalid(f"/widgets/{at}/width must be 1 to {WIDEST}")


def _invalid(message: str) -> Refused:
    return Refused("InvalidParameterInput", message)


def _absent(name: str) -> Refused:
    return Refused("ResourceNotFound", f"Dashboard {name} does not exist", 404)

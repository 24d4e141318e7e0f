"""Every event that `--output json` says, with its type, and which command says which.

tests/cli/test_json.py holds the commands to both tables: each event has a recorded sample, each command
says what is written here and nothing else.
"""

from collections.abc import Mapping

from msgspec import Struct

from deployer.render import (
    schema,
    schema_advising,
    schema_fleets,
    schema_setting_up,
    schema_watching,
)

STEPS = (
    "waiting", "change", "step_done", "unavailable", "unshown", "unkept", "unpublished", "unsent",
    "retreat", "blame", "halted", "restored", "asked", "refused", "freeze",
)  # fmt: skip
"""Events of a deployment, all with the same keys."""
OF_FLEETS = tuple(
    f"fleet_{kind}"
    for kind in ("started", "wave", "bake", "asked", "refused", "failed", "ended", "member")
)
"""Events of a fleet, all with the same keys but the last, which tells of one environment."""

EVENTS: Mapping[str, type[Struct]] = {
    "plan": schema.Plan, "objection": schema.Objection, **dict.fromkeys(STEPS, schema.Happened),
    "status": schema.Status, "unseen": schema.Unseen, "deployment": schema.Record,
    "windows": schema_watching.Windows, "visit": schema_watching.Visit,
    "settle": schema_watching.Settle, "sweep": schema_watching.Sweep,
    "deletion": schema_watching.Deletion, "stack": schema_watching.Stack,
    "finding": schema_setting_up.Finding, "settings": schema_setting_up.Written,
    "fleet_plan": schema_fleets.FleetPlan, "fleet": schema_fleets.Fleet,
    **dict.fromkeys(OF_FLEETS, schema_fleets.FleetEvent),
    "fleet_member": schema_fleets.FleetMember,
    "published": schema_setting_up.Published, "replay": schema_advising.Replay,
    "advice": schema_advising.Advice, "script": schema_setting_up.Script,
    "dashboard": schema_setting_up.Dashboard, "cost": schema_advising.Cost,
    "result": schema.Result,
}  # fmt: skip
"""Every event, in the order of the page."""

_SHIPS = ("plan", "objection", *STEPS)
SAYS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("canary", "blue-green", "rolling", "deploy", "rollback"), _SHIPS),
    "fleet": ("fleet_plan", *OF_FLEETS),
    "status": ("status", "unseen", "fleet", *OF_FLEETS),
    "history": ("deployment", "unseen", "fleet"),
    "show": ("deployment", "fleet", *OF_FLEETS),
    "report": ("deployment",),
    "dashboard": ("dashboard",),
    "replay": ("replay",),
    "windows": ("windows",),
    "publish": ("published",),
    **dict.fromkeys(("pause", "approve", "extend"), ()),
    **dict.fromkeys(("resume", "promote", "abort", "wake"), _SHIPS),
    "supervise": ("visit", *STEPS),
    "teardown": (*_SHIPS, "sweep", "deletion", "stack"),
    "settle": ("settle",),
    "init": ("settings",),
    "cost": ("cost",),
    "verify": ("finding",),
    "recommend": ("advice",),
    "completion": ("script",),
}
"""Which events a command may say before its `result`. `lab` and `demo` say one object without an event."""

"""Change sets: what an update would do, and whether it would do anything."""

from collections.abc import Mapping
from typing import Any

from deployer.lab.actions import Refused
from deployer.lab.cloudformation.blueprint import Blueprint
from deployer.lab.cloudformation.kinds import Kind
from deployer.lab.cloudformation.problems import TemplateInvalid
from deployer.lab.cloudformation.stack import ChangeSet, Stack, Stacks
from deployer.lab.cloudformation.template import Known

NOTHING = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)
LATER = "{{changeSet:KNOWN_AFTER_APPLY}}"


def differs(stack: Stack, target: Blueprint, tags: Mapping[str, str]) -> bool:
    """Whether an update would change anything: resources, parameters, outputs or tags."""
    before = stack.blueprint
    if before is None or stack.status in ("CREATE_FAILED", "UPDATE_FAILED"):
        return True
    return (
        before.resources != target.resources
        or before.parameters.values != target.parameters.values
        or before.template.get("Outputs") != target.template.get("Outputs")
        or before.template.get("Conditions") != target.template.get("Conditions")
        or before.template.get("Mappings") != target.template.get("Mappings")
        or dict(stack.tags) != dict(tags)
    )


class _Later(Mapping[str, Any]):
    """Attributes of a resource that is not there yet: every one is known only after apply."""

    def __getitem__(self, name: str) -> Any:
        return LATER

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def changes(
    stack: Stack,
    target: Blueprint,
    kinds: Mapping[str, Kind],
    live: Mapping[str, dict[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """The `Changes` of DescribeChangeSet: Add, Modify (with Replacement), Remove.

    live: of a drift-aware one, as `ChangeSet` has it: what is compared with the template.
    """
    known = dict(stack.known)
    found: list[dict[str, Any]] = []
    for logical_id in target.order:
        kind = target.resources[logical_id]["Type"]
        one = stack.resources.get(logical_id)
        if one is None:
            known[logical_id] = Known(LATER, _Later())
            found.append(_change("Add", logical_id, None, kind))
            continue
        before = (live or {}).get(logical_id, one.properties)
        altered = _altered(before, target, logical_id, known)
        if not altered:
            continue
        fixed = kinds[kind].fixed if kind in kinds else frozenset[str]()
        anew = kind not in kinds or not kinds[kind].in_place(altered)
        if anew:
            known[logical_id] = Known(LATER, _Later())
        details = [
            _detail(name, anew=anew and name in (fixed or altered)) for name in sorted(altered)
        ]
        found.append(
            _change("Modify", logical_id, one.physical_id, kind)
            | {"Replacement": str(anew), "Scope": ["Properties"], "Details": details}
            | _drifted(live, logical_id)
        )
    gone = [name for name in stack.resources if name not in target.resources]
    for name in gone:
        one = stack.resources[name]
        found.append(_change("Remove", name, one.physical_id, one.type))
    return [{"Type": "Resource", "ResourceChange": change} for change in found]


def _drifted(live: Mapping[str, Any] | None, logical_id: str) -> dict[str, str]:
    if live is None:
        return {}
    return {"ResourceDriftStatus": "MODIFIED" if logical_id in live else "IN_SYNC"}


def _altered(
    before: Mapping[str, Any], target: Blueprint, logical_id: str, known: Mapping[str, Known]
) -> set[str]:
    try:
        after = target.properties(logical_id, known)
    except (TemplateInvalid, ValueError):  # arithmetic on what is known only after apply
        after = dict(target.resources[logical_id].get("Properties", {}))
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def _change(action: str, logical_id: str, physical_id: str | None, kind: str) -> dict[str, Any]:
    change = {"Action": action, "LogicalResourceId": logical_id, "ResourceType": kind}
    return change | ({"PhysicalResourceId": physical_id} if physical_id else {})


def _detail(name: str, *, anew: bool) -> dict[str, Any]:
    return {
        "Target": {
            "Attribute": "Properties",
            "Name": name,
            "RequiresRecreation": "Always" if anew else "Never",
        },
        "Evaluation": "Static",
        "ChangeSource": "DirectModification",
    }


def find(stacks: Stacks, params: Mapping[str, Any]) -> tuple[Stack, ChangeSet]:
    """A change set by ARN, or by its name within its stack.

    Raises:
        Refused: there is none.
    """
    wanted = params["ChangeSetName"]
    name = params.get("StackName")
    candidates = [stacks.find(name)] if name else list(stacks)
    for stack in candidates:
        for made in stack.change_sets.values() if stack is not None else ():
            if wanted in (made.id, made.name):
                return stack, made  # type: ignore[return-value]
    raise Refused("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", 404)


def describe(stacks: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeChangeSet."""
    stack, made = find(stacks, params)
    sent = made.request.get("Parameters", ())
    return _head(stack, made) | {
        "Parameters": [
            {key: one[key] for key in ("ParameterKey", "ParameterValue") if key in one}
            for one in sent
        ],
        "Capabilities": list(made.request.get("Capabilities", ())),
        "Tags": [{"Key": key, "Value": value} for key, value in made.tags.items()],
        "Changes": made.changes,
        **_mode(made),
    }


def _mode(made: ChangeSet) -> dict[str, str]:
    if made.live is None:
        return {}
    return {
        "DeploymentMode": "REVERT_DRIFT",
        "StackDriftStatus": "DRIFTED" if made.live else "IN_SYNC",
    }


def summaries(stacks: Stacks, params: Mapping[str, Any]) -> dict[str, Any]:
    """ListChangeSets."""
    stack = stacks.get(params["StackName"])
    return {"Summaries": [_head(stack, made) for made in stack.change_sets.values()]}


def _head(stack: Stack, made: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetId": made.id,
        "ChangeSetName": made.name,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": made.request.get("Description"),
        "CreationTime": made.created,
        "Status": made.status,
        "StatusReason": made.reason,
        "ExecutionStatus": made.execution,
        "IncludeNestedStacks": False,
    }

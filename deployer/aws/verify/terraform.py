"""What the owner's Terraform would do to a deployment at its next apply. Pure.

Reads `terraform show -json` of a state, or of a plan, which also says what would change. A state does
not tell `lifecycle.ignore_changes`: what must be ignored is said as a warning.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from deployer.aws.verify.facts import Facts
from deployer.errors import NotFound, SettingsInvalid
from deployer.findings import Bite, Finding, Level, warning
from deployer.model import Slot

IGNORED = {
    "aws_autoscaling_group": ("desired_capacity", "min_size", "suspended_processes"),
    "aws_launch_template": ("default_version",),
}


def load(path: Path) -> dict[str, Any]:
    """The document.

    Raises:
        NotFound: no such file. SettingsInvalid: it is not what `terraform show -json` writes.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NotFound(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsInvalid(
            f"{path}: is not JSON ({error}): terraform show -json > FILE"
        ) from None
    if not isinstance(document, dict) or "format_version" not in document:
        raise SettingsInvalid(
            f"{path}: is not what `terraform show -json` writes (a raw terraform.tfstate is not)"
        )
    return document


def findings(document: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    """Everything that the state, or the plan, says about the environment's resources."""
    found = False
    for resource in resources(document):
        if is_ours(resource, facts):
            found = True
            yield from _of(resource, facts)
    for change in document.get("resource_changes", ()):
        yield from planned(change, facts)
    if not found:
        yield warning(
            "terraform", "state", "nothing of the environment is in it",
            "other state files may hold it", "show the state that makes the groups",
        )  # fmt: skip


def resources(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All resources, of child modules too."""
    state = document.get("values") or document.get("prior_state", {}).get("values", {})
    modules = [state.get("root_module", {})]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", ())
        yield from module.get("resources", ())


def is_ours(resource: Mapping[str, Any], facts: Facts) -> bool:
    """Whether it is one of the environment's, by name, id or ARN."""
    return _values_ours(str(resource.get("type")), resource.get("values", {}), facts)


def _values_ours(kind: str, values: Mapping[str, Any], facts: Facts) -> bool:
    names = [facts.names.slots[slot] for slot in Slot]
    match kind:
        case "aws_autoscaling_group":
            return values.get("name") in [each.group for each in names]
        case "aws_launch_template":
            return values.get("id") in [each.launch_template for each in names]
        case "aws_lb_listener" | "aws_alb_listener":
            return values.get("arn") == facts.names.listener
        case "aws_lb_listener_rule" | "aws_alb_listener_rule":
            return values.get("listener_arn") == facts.names.listener
    return False


def _bites(where: str, what: str, why: str, todo: str, *bites: Bite) -> Finding:
    return Finding("terraform", Level.PROBLEM, where, what, why, (todo,), bites)


def _of(resource: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    where, values = str(resource.get("address")), resource.get("values", {})
    kind = str(resource.get("type"))
    if kind in IGNORED:
        keys = ", ".join(IGNORED[kind])
        yield Finding(
            "terraform", Level.WARNING, where, f"a state does not tell whether {keys} are ignored",
            "if they are written in the configuration, every apply writes them again",
            (f"lifecycle {{ ignore_changes = [{keys}] }}",),
            (Bite.UNRELATED, Bite.TWICE),
        )  # fmt: skip
    if kind == "aws_autoscaling_group":
        yield from _group(where, values)
    elif kind == "aws_launch_template":
        yield from _launch_template(where, values)
    else:
        yield from _entrance(where, values, facts)


def _group(where: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    mixed = [
        spec
        for policy in values.get("mixed_instances_policy") or ()
        for launch in policy.get("launch_template") or ()
        for spec in launch.get("launch_template_specification") or ()
    ]
    for launch in [*(values.get("launch_template") or ()), *mixed]:
        if launch.get("version") != "$Default":
            yield _bites(
                where, f"launch_template.version is {launch.get('version')}",
                "every apply pins the group to that version: releases do not boot, or the newest "
                "version does, unvetted",
                'version = "$Default"', Bite.TEMPLATE, Bite.UNRELATED, Bite.TWICE,
            )  # fmt: skip
    if values.get("launch_configuration"):
        yield _bites(
            where, "it launches from a launch configuration",
            "nothing can say which release boots", "use aws_launch_template", Bite.TEMPLATE,
        )  # fmt: skip
    if values.get("instance_refresh"):
        yield _bites(
            where, "it has an instance_refresh block",
            "an apply replaces the instances beneath a deployment",
            "take it out: the deployer replaces instances", Bite.TEMPLATE,
        )  # fmt: skip


def _launch_template(where: str, values: Mapping[str, Any]) -> Iterator[Finding]:
    if values.get("update_default_version"):
        yield _bites(
            where, "update_default_version is true",
            "an apply that changes the template makes its version the default one: without any "
            "release, and at the next scale-out",
            "take it out: new versions wait for the next release", Bite.TEMPLATE,
        )  # fmt: skip
    if str(values.get("image_id", "")).startswith("resolve:ssm:"):
        yield _bites(
            where, f"image_id is {values['image_id']}", "a new image boots without any release",
            "name an AMI by its id", Bite.UNRELATED,
        )  # fmt: skip


def _entrance(where: str, values: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    place = facts.names.front
    if place and str(values.get("priority")) == str(place.priority):
        yield _bites(
            where, f"it is the rule of priority {place.priority}, the deployer's own",
            "an apply writes its weights again: traffic moves in the middle of a canary",
            f"terraform state rm {where}, and take it out of the configuration",
            Bite.LISTENER, Bite.UNRELATED, Bite.TWICE, Bite.DRIFT,
        )  # fmt: skip
        return
    actions = [*(values.get("default_action") or ()), *(values.get("action") or ())]
    shared = [
        forward
        for action in actions
        for forward in action.get("forward") or ()
        if len(forward.get("target_group") or ()) > 1
    ]
    if shared:
        yield Finding(
            "terraform", Level.WARNING, where, "it has weights",
            "an apply writes them again; as long as the deployer's rule stands in front they move "
            "nobody",
            ("forward to one target group there, and leave the weights to the deployer",),
            (Bite.LISTENER,),
        )  # fmt: skip


def planned(change: Mapping[str, Any], facts: Facts) -> Iterator[Finding]:
    """What a plan would do to something of ours at once."""
    kind, what = str(change.get("type")), change.get("change", {})
    before, after = what.get("before") or {}, what.get("after") or {}
    if not _values_ours(kind, before, facts) or set(what.get("actions", ())) <= {"no-op", "read"}:
        return
    where = str(change.get("address"))
    if "delete" in what.get("actions", ()):
        yield _bites(
            where, "this plan deletes or replaces it", "what serves would be gone",
            "do not apply it", Bite.UNRELATED,
        )  # fmt: skip
    keys = ("desired_capacity", "min_size", "max_size", "default_version", "launch_template",
            "default_action", "action", "condition", "priority")  # fmt: skip
    for key in keys:
        if after and key in after and before.get(key) != after[key]:
            yield _bites(
                where, f"this plan sets {key} from {json.dumps(before.get(key))} to {json.dumps(after[key])}",
                "that is the deployer's, or moves what it relies on",
                f"lifecycle {{ ignore_changes = [{key}] }}", Bite.UNRELATED, Bite.TWICE,
            )  # fmt: skip

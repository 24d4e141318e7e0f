"""Tags of groups; those with PropagateAtLaunch reach instances that are launched from then on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.lab.autoscaling import paging, present, validate
from deployer.lab.autoscaling.api.desk import Answer, Desk, Params
from deployer.lab.autoscaling.model import Group, Tag

_FILTERS = ("auto-scaling-group", "key", "value", "propagate-at-launch")


def create_or_update(desk: Desk, params: Params) -> Answer:
    for one in params["Tags"]:
        group = _group(desk, one)
        kept = tuple(tag for tag in group.tags if tag.key != one["Key"])
        desk.store.put(replace(group, tags=(*kept, *validate.tags([one]))))
    return {}


def delete(desk: Desk, params: Params) -> Answer:
    """A tag is deleted by key; if a value is given, only when it is that value."""
    for one in params["Tags"]:
        group = _group(desk, one)
        kept = tuple(tag for tag in group.tags if not _meant(tag, one))
        desk.store.put(replace(group, tags=kept))
    return {}


def _meant(tag: Tag, asked: Mapping[str, Any]) -> bool:
    return tag.key == asked["Key"] and asked.get("Value") in (None, tag.value)


def _group(desk: Desk, asked: Mapping[str, Any]) -> Group:
    if asked.get("ResourceType", "auto-scaling-group") != "auto-scaling-group":
        raise validate.invalid(f"Resource type {asked['ResourceType']} is not auto-scaling-group")
    return desk.group(asked.get("ResourceId") or "")


def describe(desk: Desk, params: Params) -> Answer:
    """DescribeTags, with the filters auto-scaling-group, key, value, propagate-at-launch."""
    filters = params.get("Filters") or ()
    for one in filters:
        if one["Name"] not in _FILTERS:
            raise validate.invalid(f"Filter {one['Name']} is not valid: use {', '.join(_FILTERS)}")
    shown = [
        present.tag(group.name, tag)
        for group in desk.store.groups.values()
        for tag in group.tags
        if all(_passes(group, tag, one) for one in filters)
    ]
    return paging.page(shown, params, "Tags", default=50, most=100)


def _passes(group: Group, tag: Tag, asked: Mapping[str, Any]) -> bool:
    facts = {
        "auto-scaling-group": group.name,
        "key": tag.key,
        "value": tag.value,
        "propagate-at-launch": str(tag.propagate).lower(),
    }
    return facts[asked["Name"]] in (asked.get("Values") or ())

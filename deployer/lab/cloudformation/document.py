"""Template text to data: JSON or YAML, long or short intrinsics; and its outline is checked."""

import json
from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]

from deployer.lab.cloudformation.problems import TemplateInvalid

SECTIONS = {
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
}
# Of a resource, besides its properties. CreationPolicy and UpdatePolicy are judged by the type.
ATTRIBUTES = {
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "UpdatePolicy",
    "CreationPolicy",
}
POLICIES = {"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """CloudFormation's YAML: dates stay text, `!Ref x` is `{Ref: x}`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith("timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short)


def load(text: str) -> dict[str, Any]:
    """A checked template (JSON is YAML too).

    Raises:
        TemplateInvalid: not a document, no resources, or something that is not simulated.
    """
    try:
        template = _parsed(text)
    except yaml.YAMLError as error:
        raise TemplateInvalid(f"Template format error: {error}") from error
    if not isinstance(template, dict):
        raise TemplateInvalid("Template format error: unsupported structure.")
    if "Transform" in template:
        raise TemplateInvalid(f"the lab simulates no transform: {template['Transform']}")
    _only(template, SECTIONS, "Invalid template property or properties")
    resources = template.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise TemplateInvalid(
            "Template format error: At least one Resources member must be defined."
        )
    for logical_id, resource in resources.items():
        _check_resource(logical_id, resource)
    return template


def _parsed(text: str) -> Any:
    """JSON as JSON: it is YAML too, and a hundred times as slow to read as that."""
    try:
        return json.loads(text)
    except ValueError:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  it is a safe loader


def _check_resource(logical_id: str, resource: Any) -> None:
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise TemplateInvalid(f"Template format error: [/Resources/{logical_id}] needs a Type")
    if any(key.startswith("Fn::ForEach") for key in (logical_id, *resource)):
        raise TemplateInvalid("the lab simulates no transform: AWS::LanguageExtensions")
    _only(resource, ATTRIBUTES, f"Invalid attribute of resource {logical_id}")
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(policy, "Delete") not in POLICIES:
            raise TemplateInvalid(f"Unrecognized {policy} {resource[policy]} of {logical_id}")


def _only(value: Mapping[str, Any], allowed: set[str], complaint: str) -> None:
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise TemplateInvalid(f"{complaint} {unknown}")

"""Findings of cdk-nag that we accept: each beside the resource it is about, with the reason."""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept the findings (rule id -> reason) on `construct` and below it."""
    Validations.of(construct).acknowledge(
        *(Acknowledgment(id=rule, reason=reason) for rule, reason in reasons.items())
    )


def spelled(resolved: Any) -> str:
    """A resolved property as cdk-nag names it in a finding: `<Bucket.Arn>/shop/*`."""
    match resolved:
        case str():
            return resolved
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::ImportValue": str(name)}:
            return name
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(spelled(part) for part in parts)
        case _:
            return json.dumps(resolved, separators=(",", ":"))

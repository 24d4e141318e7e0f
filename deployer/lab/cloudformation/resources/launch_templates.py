"""AWS::EC2::LaunchTemplate: an update adds a version and never moves the default (aws-facts 5.1)."""

from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind
from deployer.lab.cloudformation.resources.ec2 import delete


def _tags(work: Work) -> list[dict[str, Any]]:
    """The template's own tags, not those of what it launches; the stack's too."""
    tags = _own(work.get("TagSpecifications", []))
    own = {tag["Key"] for tag in tags}
    return tags + [tag for tag in work.all_tags("-") if tag["Key"] not in own]


def _own(specifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    mine = [one for one in specifications if one["ResourceType"] == "launch-template"]
    return [tag for one in mine for tag in one["Tags"]]


def _create(work: Work) -> None:
    tags = _tags(work)
    made = work.api(
        "ec2",
        "create_launch_template",
        LaunchTemplateName=work.get("LaunchTemplateName") or work.name(128),
        VersionDescription=work.get("VersionDescription"),
        LaunchTemplateData=work.need("LaunchTemplateData"),
        TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags}] if tags else None,
    )
    work.physical_id = made["LaunchTemplate"]["LaunchTemplateId"]


def _update(work: Work) -> None:
    if work.changed("TagSpecifications"):
        _retag(work)
    if work.changed("LaunchTemplateData", "VersionDescription"):
        work.api(
            "ec2",
            "create_launch_template_version",
            LaunchTemplateId=work.id,
            VersionDescription=work.get("VersionDescription"),
            LaunchTemplateData=work.need("LaunchTemplateData"),
        )


def _retag(work: Work) -> None:
    kept = _tags(work)
    if kept:
        work.api("ec2", "create_tags", Resources=[work.id], Tags=kept)
    keys = {tag["Key"] for tag in kept}
    gone = [tag for tag in _own(work.before.get("TagSpecifications", [])) if tag["Key"] not in keys]
    if gone:
        names = [{"Key": tag["Key"]} for tag in gone]
        work.api("ec2", "delete_tags", Resources=[work.id], Tags=names)


def _read(work: Work) -> dict[str, Any]:
    found = work.api("ec2", "describe_launch_templates", LaunchTemplateIds=[work.id])
    one = found["LaunchTemplates"][0]
    return {
        "LaunchTemplateId": work.id,
        "LatestVersionNumber": str(one["LatestVersionNumber"]),
        "DefaultVersionNumber": str(one["DefaultVersionNumber"]),
    }


KINDS: list[Kind] = [
    kind(
        "AWS::EC2::LaunchTemplate",
        "LaunchTemplateData VersionDescription TagSpecifications",
        fixed="LaunchTemplateName",
        create=_create,
        update=_update,
        delete=delete("delete_launch_template", "LaunchTemplateId"),
        read=_read,
    )
]

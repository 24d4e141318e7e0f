"""AWS::EC2::LaunchTemplate: an update adds a version and never moves the default (aws-facts 5.1)."""

from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind
from deployer.lab.cloudformation.resources.ec2 import delete


def _create(work: Work) -> None:
    specifications = [
        one for one in work.get("TagSpecifications", []) if one["ResourceType"] == "launch-template"
    ]
    tags = [tag for one in specifications for tag in one["Tags"]]
    own = {tag["Key"] for tag in tags}
    tags += [tag for tag in work.all_tags("-") if tag["Key"] not in own]
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
        raise work.refuse("an update of TagSpecifications")
    if work.changed("LaunchTemplateData", "VersionDescription"):
        work.api(
            "ec2",
            "create_launch_template_version",
            LaunchTemplateId=work.id,
            VersionDescription=work.get("VersionDescription"),
            LaunchTemplateData=work.need("LaunchTemplateData"),
        )


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

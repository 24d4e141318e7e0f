"""Single types of small services: SSM, Logs, ECR, KMS; and CDK's own metadata."""

import json
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind, nothing

# -- SSM parameter


def _create_parameter(work: Work) -> None:
    name = work.get("Name") or work.name()
    tags = work.tags | work.get("Tags", {})
    work.api(
        "ssm",
        "put_parameter",
        Name=name,
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()] or None,
        **work.pick("Type", "Value", "Description", "Tier", "AllowedPattern", "DataType"),
    )
    work.physical_id = name


def _update_parameter(work: Work) -> None:
    work.api(
        "ssm",
        "put_parameter",
        Name=work.id,
        Overwrite=True,
        **work.pick("Type", "Value", "Description", "Tier", "AllowedPattern", "DataType"),
    )
    tags = work.tags | work.get("Tags", {})
    where = {"ResourceType": "Parameter", "ResourceId": work.id}
    if tags:
        wanted = [{"Key": key, "Value": value} for key, value in tags.items()]
        work.api("ssm", "add_tags_to_resource", **where, Tags=wanted)
    gone = [key for key in work.before.get("Tags", {}) if key not in tags]
    if gone:
        work.api("ssm", "remove_tags_from_resource", **where, TagKeys=gone)


def _delete_parameter(work: Work) -> None:
    work.api("ssm", "delete_parameter", Name=work.id)


# -- log group


def _create_log_group(work: Work) -> None:
    name = work.get("LogGroupName") or work.name()
    tags = {tag["Key"]: tag["Value"] for tag in work.all_tags()}
    work.api(
        "logs",
        "create_log_group",
        logGroupName=name,
        kmsKeyId=work.get("KmsKeyId"),
        tags=tags or None,
    )
    work.physical_id = name
    _update_log_group(work)


def _update_log_group(work: Work) -> None:
    if "RetentionInDays" in work.properties:
        work.api(
            "logs",
            "put_retention_policy",
            logGroupName=work.id,
            retentionInDays=work.get("RetentionInDays"),
        )
    elif work.before.get("RetentionInDays"):
        work.api("logs", "delete_retention_policy", logGroupName=work.id)
    if work.before and work.changed("Tags"):
        tags = {tag["Key"]: tag["Value"] for tag in work.all_tags()}
        work.api("logs", "tag_log_group", logGroupName=work.id, tags=tags)
        if work.removed_tags():
            work.api("logs", "untag_log_group", logGroupName=work.id, tags=work.removed_tags())


def _delete_log_group(work: Work) -> None:
    work.api("logs", "delete_log_group", logGroupName=work.id)


def _read_log_group(work: Work) -> dict[str, Any]:
    context = work.api.context
    return {"Arn": f"arn:aws:logs:{context.region}:{context.account}:log-group:{work.id}:*"}


# -- repository


def _create_repository(work: Work) -> None:
    made = work.api(
        "ecr",
        "create_repository",
        repositoryName=work.get("RepositoryName") or work.name().lower(),
        imageTagMutability=work.get("ImageTagMutability"),
        tags=work.all_tags() or None,
    )
    work.physical_id = made["repository"]["repositoryName"]
    _set_repository(work)


def _set_repository(work: Work) -> None:
    if work.before and work.changed("ImageTagMutability"):
        work.api(
            "ecr",
            "put_image_tag_mutability",
            repositoryName=work.id,
            imageTagMutability=work.get("ImageTagMutability", "MUTABLE"),
        )
    lifecycle = work.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
    if lifecycle:
        work.api(
            "ecr", "put_lifecycle_policy", repositoryName=work.id, lifecyclePolicyText=lifecycle
        )
    policy = work.get("RepositoryPolicyText")
    if policy:
        work.api(
            "ecr", "set_repository_policy", repositoryName=work.id, policyText=json.dumps(policy)
        )


def _delete_repository(work: Work) -> None:
    force = work.get("EmptyOnDelete", False)
    work.api("ecr", "delete_repository", repositoryName=work.id, force=force)


def _read_repository(work: Work) -> dict[str, Any]:
    found = work.api("ecr", "describe_repositories", repositoryNames=[work.id])["repositories"][0]
    return {"Arn": found["repositoryArn"], "RepositoryUri": found["repositoryUri"]}


# -- key


def _create_key(work: Work) -> None:
    made = work.api(
        "kms",
        "create_key",
        Policy=json.dumps(work.need("KeyPolicy")),
        Description=work.get("Description"),
        Tags=[{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in work.all_tags()] or None,
    )
    work.physical_id = made["KeyMetadata"]["KeyId"]
    if work.get("EnableKeyRotation") in (True, "true"):
        work.api("kms", "enable_key_rotation", KeyId=work.id)


def _update_key(work: Work) -> None:
    if work.changed("Description", "EnableKeyRotation", "Tags"):
        raise work.refuse("an update of anything but KeyPolicy")
    policy = json.dumps(work.need("KeyPolicy"))
    work.api("kms", "put_key_policy", KeyId=work.id, PolicyName="default", Policy=policy)


def _delete_key(work: Work) -> None:
    days = work.get("PendingWindowInDays", 30)
    work.api("kms", "schedule_key_deletion", KeyId=work.id, PendingWindowInDays=days)


def _read_key(work: Work) -> dict[str, Any]:
    return {"Arn": work.api("kms", "describe_key", KeyId=work.id)["KeyMetadata"]["Arn"]}


def _create_alias(work: Work) -> None:
    work.api("kms", "create_alias", **work.pick("AliasName", "TargetKeyId"))
    work.physical_id = work.need("AliasName")


def _update_alias(work: Work) -> None:
    work.api("kms", "update_alias", **work.pick("AliasName", "TargetKeyId"))


def _delete_alias(work: Work) -> None:
    work.api("kms", "delete_alias", AliasName=work.id)


def _create_metadata(work: Work) -> None:
    """AWS::CDK::Metadata says which constructs were used; it makes nothing, on AWS too."""
    work.physical_id = work.name()


KINDS: list[Kind] = [
    kind(
        "AWS::SSM::Parameter",
        "Type Value Description Tags Tier AllowedPattern DataType",
        fixed="Name",
        create=_create_parameter,
        update=_update_parameter,
        delete=_delete_parameter,
        read=lambda work: {"Type": work.get("Type"), "Value": work.get("Value")},
    ),
    kind(
        "AWS::Logs::LogGroup",
        "RetentionInDays Tags",
        fixed="LogGroupName",
        frozen="KmsKeyId",
        create=_create_log_group,
        update=_update_log_group,
        delete=_delete_log_group,
        read=_read_log_group,
    ),
    kind(
        "AWS::ECR::Repository",
        "ImageTagMutability LifecyclePolicy RepositoryPolicyText EmptyOnDelete Tags",
        fixed="RepositoryName",
        create=_create_repository,
        update=_set_repository,
        delete=_delete_repository,
        read=_read_repository,
    ),
    kind(
        "AWS::KMS::Key",
        "KeyPolicy Description EnableKeyRotation PendingWindowInDays Tags",
        create=_create_key,
        update=_update_key,
        delete=_delete_key,
        read=_read_key,
    ),
    kind(
        "AWS::KMS::Alias",
        "TargetKeyId",
        fixed="AliasName",
        create=_create_alias,
        update=_update_alias,
        delete=_delete_alias,
    ),
    kind(
        "AWS::CDK::Metadata",
        "Analytics",
        create=_create_metadata,
        update=nothing,
        delete=nothing,
    ),
]

"""AWS::S3::Bucket and BucketPolicy. Policies: deployer/lab/iam."""

import json
from collections.abc import Mapping
from typing import Any

from deployer.lab.cloudformation.kinds import Kind, Work, kind

# Lifecycle rules: CloudFormation's name -> (the API's name, the key inside it, or None if same).
_LIFECYCLE = {
    "Id": ("ID", None),
    "Status": ("Status", None),
    "NoncurrentVersionExpiration": ("NoncurrentVersionExpiration", None),
    "AbortIncompleteMultipartUpload": ("AbortIncompleteMultipartUpload", None),
    "NoncurrentVersionExpirationInDays": ("NoncurrentVersionExpiration", "NoncurrentDays"),
    "ExpirationInDays": ("Expiration", "Days"),
    "ExpiredObjectDeleteMarker": ("Expiration", "ExpiredObjectDeleteMarker"),
    "Prefix": ("Filter", "Prefix"),
}


def _create(work: Work) -> None:
    name = work.get("BucketName") or work.name(63).lower()
    if work.get("AccessControl", "Private") != "Private":
        raise work.refuse(f"AccessControl {work.get('AccessControl')}")
    work.api("s3", "create_bucket", Bucket=name)
    work.physical_id = name
    _update(work)


def _update(work: Work) -> None:
    _set_encryption(work)
    _set_public_access(work)
    if work.changed("VersioningConfiguration"):
        work.api(
            "s3",
            "put_bucket_versioning",
            Bucket=work.id,
            VersioningConfiguration=work.get("VersioningConfiguration", {"Status": "Suspended"}),
        )
    _set_lifecycle(work)
    if work.changed("OwnershipControls") and "OwnershipControls" in work.properties:
        work.api(
            "s3",
            "put_bucket_ownership_controls",
            Bucket=work.id,
            OwnershipControls=work.get("OwnershipControls"),
        )
    _set_notification(work)
    tags = work.all_tags()
    if tags:
        work.api("s3", "put_bucket_tagging", Bucket=work.id, Tagging={"TagSet": tags})
    elif work.before.get("Tags"):
        work.api("s3", "delete_bucket_tagging", Bucket=work.id)


def _set_notification(work: Work) -> None:
    """Whether EventBridge hears of its objects; other listeners are refused."""
    if not work.changed("NotificationConfiguration"):
        return
    wanted = work.get("NotificationConfiguration", {})
    if set(wanted) - {"EventBridgeConfiguration"}:
        raise work.refuse("a NotificationConfiguration but EventBridge's")
    told = wanted.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled", True)
    enabled = bool(wanted) and told in (True, "true")
    work.api(
        "s3",
        "put_bucket_notification_configuration",
        Bucket=work.id,
        NotificationConfiguration={"EventBridgeConfiguration": {}} if enabled else {},
    )


def _set_encryption(work: Work) -> None:
    if not work.changed("BucketEncryption"):
        return
    if "BucketEncryption" not in work.properties:
        work.api("s3", "delete_bucket_encryption", Bucket=work.id)
        return
    rules = [
        {
            {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}.get(
                key, key
            ): value
            for key, value in rule.items()
        }
        for rule in work.get("BucketEncryption")["ServerSideEncryptionConfiguration"]
    ]
    work.api(
        "s3",
        "put_bucket_encryption",
        Bucket=work.id,
        ServerSideEncryptionConfiguration={"Rules": rules},
    )


def _set_public_access(work: Work) -> None:
    if not work.changed("PublicAccessBlockConfiguration"):
        return
    if "PublicAccessBlockConfiguration" not in work.properties:
        work.api("s3", "delete_public_access_block", Bucket=work.id)
        return
    work.api(
        "s3",
        "put_public_access_block",
        Bucket=work.id,
        PublicAccessBlockConfiguration=work.get("PublicAccessBlockConfiguration"),
    )


def _set_lifecycle(work: Work) -> None:
    if not work.changed("LifecycleConfiguration"):
        return
    if "LifecycleConfiguration" not in work.properties:
        work.api("s3", "delete_bucket_lifecycle", Bucket=work.id)
        return
    rules = [_lifecycle(work, rule) for rule in work.get("LifecycleConfiguration")["Rules"]]
    work.api(
        "s3",
        "put_bucket_lifecycle_configuration",
        Bucket=work.id,
        LifecycleConfiguration={"Rules": rules},
    )


def _lifecycle(work: Work, rule: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Filter": {"Prefix": ""}}
    for key, value in rule.items():
        if key not in _LIFECYCLE:
            raise work.refuse(f"{key} in a lifecycle rule")
        name, inner = _LIFECYCLE[key]
        if inner is None:
            made[name] = value
        else:
            made.setdefault(name, {})[inner] = value
    return made


def _delete(work: Work) -> None:
    work.api("s3", "delete_bucket", Bucket=work.id)


def _read(work: Work) -> dict[str, Any]:
    region = work.api.context.region
    return {
        "Arn": f"arn:aws:s3:::{work.id}",
        "DomainName": f"{work.id}.s3.amazonaws.com",
        "RegionalDomainName": f"{work.id}.s3.{region}.amazonaws.com",
        "DualStackDomainName": f"{work.id}.s3.dualstack.{region}.amazonaws.com",
        "WebsiteURL": f"http://{work.id}.s3-website-{region}.amazonaws.com",
    }


def _put_policy(work: Work) -> None:
    work.api(
        "s3",
        "put_bucket_policy",
        Bucket=work.need("Bucket"),
        Policy=json.dumps(work.need("PolicyDocument")),
    )
    work.physical_id = work.need("Bucket")


def _delete_policy(work: Work) -> None:
    work.api("s3", "delete_bucket_policy", Bucket=work.need("Bucket"))


KINDS: list[Kind] = [
    kind(
        "AWS::S3::Bucket",
        "BucketEncryption PublicAccessBlockConfiguration VersioningConfiguration "
        "LifecycleConfiguration NotificationConfiguration OwnershipControls AccessControl Tags",
        fixed="BucketName",
        create=_create,
        update=_update,
        delete=_delete,
        read=_read,
    ),
    kind(
        "AWS::S3::BucketPolicy",
        "PolicyDocument",
        fixed="Bucket",
        create=_put_policy,
        update=_put_policy,
        delete=_delete_policy,
    ),
]

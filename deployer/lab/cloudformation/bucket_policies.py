"""S3 bucket policies are kept and returned, not enforced.

moto would judge them without knowing their conditions: CDK's "deny unless over TLS" would deny
everything (lab.md A18).
"""

from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call, Refused


def install() -> None:
    """Answer the three actions from here on."""
    policies: dict[str, str] = {}

    def put(_call: Call, params: dict[str, Any]) -> None:
        body = params["Policy"]
        policies[params["Bucket"]] = body.decode() if isinstance(body, bytes) else body

    def get(_call: Call, params: dict[str, Any]) -> dict[str, Any]:
        if params["Bucket"] not in policies:
            raise Refused("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
        return {"Policy": policies[params["Bucket"]]}

    def delete(_call: Call, params: dict[str, Any]) -> None:
        policies.pop(params["Bucket"], None)

    def delete_bucket(call: Call, params: dict[str, Any]) -> dict[str, Any]:
        done = call.moto()
        policies.pop(params["Bucket"], None)
        return done

    for action, handler in {
        "PutBucketPolicy": put,
        "GetBucketPolicy": get,
        "DeleteBucketPolicy": delete,
        "DeleteBucket": delete_bucket,
    }.items():
        actions.replace("s3", action, handler)

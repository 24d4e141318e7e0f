"""S3's bucket policies: kept, returned, and judged by the guard (`guard.py`), never by moto.

moto would judge them without knowing their conditions: CDK's "deny unless over TLS" would deny
everything (lab.md A18).
"""

from typing import Any

from deployer.lab import actions
from deployer.lab.actions import Call, Refused

# Of the lab that is installed: moto's own state is one per process too.
_policies: dict[str, str] = {}


def of(bucket: str) -> str | None:
    """The bucket's policy, as JSON; None: it has none."""
    return _policies.get(bucket)


def install() -> None:
    """Answer the three actions from here on; no bucket has a policy yet."""
    policies = _policies
    policies.clear()

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

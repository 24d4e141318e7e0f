"""A release's artifact, put where releases lie: with its SHA-256, once and for ever."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from deployer.aws.artifacts import split
from deployer.aws.failures import asking, changing, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError

# What a role needs that publishes, and does nothing else: not the deployer's.
NEEDS = (
    Need("s3:PutObject", Resource.ARTIFACTS),
    Need("s3:GetObject", Resource.ARTIFACTS),
    # Without it S3 answers 403 for a missing object instead of 404.
    Need("s3:ListBucket", Resource.BUCKET),
    Need("ssm:GetParameter", Resource.TOPOLOGY),
)
CHECKSUM = "sha256"  # S3 object metadata, which every instance compares before it boots


@dataclass(frozen=True, slots=True)
class Published:
    """digest: SHA-256 of what lies there, in hex; new: put just now; same: it is what was given."""

    uri: str
    digest: str
    new: bool
    same: bool


@dataclass(frozen=True, slots=True)
class Publisher:
    """uri_of: the artifact's S3 URI for a release's name (the settings' template)."""

    aws: Aws
    uri_of: Callable[[str], str]

    def publish(self, release: str, body: bytes, metadata: dict[str, str]) -> Published:
        """Put `body` as this release, unless there is one of that name: a release never changes.

        metadata: more of the object's, `rollback-safe` for instance.

        Raises:
            UsageError: no name for a release.
            NotFound: no such bucket.
            CloudUnavailable, AccessProblem: as `failures.changing`.
        """
        uri, digest = self.uri_of(release), hashlib.sha256(body).hexdigest()
        there = self._digest(uri)
        if there is not None:
            return Published(uri, there, new=False, same=there == digest)
        bucket, key = split(uri)
        told = {**metadata, CHECKSUM: digest}
        try:
            with changing("s3:PutObject", uri):
                # S3 itself refuses if somebody else has put it meanwhile.
                self.aws.s3.put_object(
                    Bucket=bucket, Key=key, Body=body, Metadata=told, IfNoneMatch="*"
                )
        except DeployError as error:
            if code_of(error) not in ("PreconditionFailed", "412", "ConditionalRequestConflict"):
                raise
            there = self._digest(uri) or ""
            return Published(uri, there, new=False, same=there == digest)
        return Published(uri, digest, new=True, same=True)

    def _digest(self, uri: str) -> str | None:
        """SHA-256 of what lies there, "" if its maker noted none; None: nothing does."""
        bucket, key = split(uri)
        try:
            with asking("s3:GetObject", uri):
                found = self.aws.s3.head_object(Bucket=bucket, Key=key)
        except DeployError as error:
            if code_of(error) not in ("404", "NoSuchKey", "NotFound"):
                raise
            return None
        return found.get("Metadata", {}).get(CHECKSUM, "")

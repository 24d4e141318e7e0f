"""From a release's name to what it stands for: an artifact that exists, and perhaps an AMI."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.aws.failures import asking, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.errors import DeployError, NotFound, UsageError
from deployer.model import Release

NEEDS = (
    Need("s3:GetObject", Resource.ARTIFACTS),
    # Without it S3 answers 403 for a missing object instead of 404.
    Need("s3:ListBucket", Resource.BUCKET),
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
SUGGESTED = 5
ROLLBACK_SAFE = "rollback-safe"  # S3 object metadata: x-amz-meta-rollback-safe


@dataclass(frozen=True, slots=True)
class Artifacts:
    """Releases of one service.

    uri_of: the artifact's S3 URI for a release's name (the settings' template).
    image:  AMI id that releases boot instead of the stack's, if the settings name one.
    """

    aws: Aws
    uri_of: Callable[[str], str]
    image: str | None = None

    def resolve(self, name: str) -> Release:
        """The release called `name`. One call.

        Raises:
            UsageError: not a name, or its artifact's metadata is wrong.
            NotFound: no such artifact; says where it should be and which releases there are.
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is not a release name: up to 64 letters, digits, '.', '_' and '-', "
                "beginning with a letter or a digit"
            )
        uri = self.uri_of(name)
        bucket, key = split(uri)
        try:
            with asking("s3:GetObject", uri):
                found = self.aws.s3.head_object(Bucket=bucket, Key=key)
        except DeployError as error:
            if code_of(error) not in ("404", "NoSuchKey", "NoSuchBucket", "NotFound"):
                raise
            raise NotFound(f"no release {name}: {uri} does not exist; {self._known()}") from error
        return Release(name, uri, self.image, rollback_safe=safe(found.get("Metadata", {}), uri))

    def newest(self, limit: int = SUGGESTED) -> tuple[str, ...]:
        """The newest releases among the first thousand objects, newest first. One call.

        Raises:
            NotFound: no such bucket.
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        bucket, key = split(self.uri_of("NAME-OF-RELEASE"))
        before, _, after = key.partition("NAME-OF-RELEASE")
        with asking("s3:ListBucket", bucket):
            page = self.aws.s3.list_objects_v2(Bucket=bucket, Prefix=before)
        found = sorted(
            (each["LastModified"], each["Key"][len(before) : len(each["Key"]) - len(after)])
            for each in page.get("Contents", ())
            if each["Key"].endswith(after)
        )
        return tuple(name for _, name in reversed(found) if NAME.fullmatch(name))[:limit]

    def _known(self) -> str:
        """A hint beside an error: where it cannot be had, the error says enough."""
        try:
            known = self.newest(SUGGESTED + 1)
        except DeployError as error:
            return f"nor can others be listed ({error})"
        if not known:
            return "there is none yet: upload one there"
        which = "the newest are" if len(known) > SUGGESTED else "there is"
        return f"{which}: {', '.join(known[:SUGGESTED])}"


def safe(metadata: Mapping[str, str], uri: str) -> bool:
    """Whether the release before can follow this one, as the artifact's S3 metadata say.

    Raises:
        UsageError: neither true nor false: a guess would be dangerous.
    """
    said = metadata.get(ROLLBACK_SAFE, "true")
    if said not in ("true", "false"):
        raise UsageError(f"{uri}: its metadata says {ROLLBACK_SAFE}: {said!r}, not true or false")
    return said == "true"


def split(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key

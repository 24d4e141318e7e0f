"""Where a release's artifact lies: the template of `[release] artifact`, and its parts. Pure."""

import re
from typing import NamedTuple

from deployer.errors import UsageError
from deployer.settings.schema import Settings

FIELDS = ("bucket", "service", "release")
_FIELD = re.compile(r"\{([^{}]*)\}")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def objection(template: str) -> str | None:
    """What a wrong template must be instead; None if nothing is wrong with it."""
    fields = _FIELD.findall(template)
    unknown = [name for name in fields if name not in FIELDS]
    if unknown or re.search(r"[{}]", _FIELD.sub("", template)):
        return "a template with the fields {bucket}, {service} and {release} and no other braces"
    if not re.fullmatch(r"s3://[^/\s]+/\S+", template):
        return "an S3 URI: s3://BUCKET/KEY"
    bucket, _, key = template.removeprefix("s3://").partition("/")
    if key.count("{release}") != 1 or "{release}" in bucket:
        return "a template with {release} once, in the key"
    if "{bucket}" in key or ("{bucket}" in bucket and bucket != "{bucket}"):
        return "a template with {bucket} only as the whole name of the bucket"
    return None


def resolve(settings: Settings, release: str, bucket: str) -> str:
    """The S3 URI of `release`'s artifact; `bucket` is the service's own (topology).

    Raises:
        UsageError: not a release's name: it becomes part of keys and of paths on instances.
    """
    if not _RELEASE.fullmatch(release):
        raise UsageError(
            f"{release!r} is not a release name: up to 64 letters, digits, '.', '_' and '-', "
            "beginning with a letter or a digit"
        )
    values = {"bucket": bucket, "service": settings.service.name, "release": release}
    return _FIELD.sub(lambda found: values[found[1]], settings.release.artifact)


class Location(NamedTuple):
    """Where all artifacts lie: `bucket` is None for the service's own bucket."""

    bucket: str | None
    prefix: str


def location(settings: Settings) -> Location:
    """Bucket and key prefix that every release of the service shares: what instances may read."""
    service = settings.service.name
    bucket, _, key = settings.release.artifact.removeprefix("s3://").partition("/")
    shared = key.replace("{service}", service).split("{")[0]
    return Location(None if bucket == "{bucket}" else bucket.replace("{service}", service), shared)

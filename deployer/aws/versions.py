"""What a launch-template version says about releases, and the version a release needs. Pure.

The deployer's versions say `deployer:RELEASE from NUMBER`: the number of the stack-made version
that they inherit from. All others are the stack's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from deployer.model import Release
from deployer.topology import ARTIFACT_TAG, RELEASE_TAG, VERSION_MARK

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import (
        LaunchTemplateTagSpecificationRequestTypeDef,
        LaunchTemplateTagSpecificationTypeDef,
        LaunchTemplateVersionTypeDef,
        RequestLaunchTemplateDataTypeDef,
    )


class TagKeys(NamedTuple):
    """The instance tags that say what to run, as the boot script reads them."""

    release: str = RELEASE_TAG
    artifact: str = ARTIFACT_TAG


TAG_KEYS = TagKeys()
# What an instance is made of, that is to carry its release.
TAGGED = ("instance", "volume")


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable version.

    source:  the stack-made version that it inherits from; None: the stack made it.
    release: what its instances run; None: the stack made it.
    image:   AMI id.
    tags:    its TagSpecifications, by resource type.
    """

    number: int
    source: int | None
    release: Release | None
    image: str | None
    tags: dict[str, dict[str, str]]

    @property
    def by_stack(self) -> bool:
        return self.source is None


def understood(found: LaunchTemplateVersionTypeDef, keys: TagKeys = TAG_KEYS) -> Version:
    """A version as EC2 describes it."""
    data = found.get("LaunchTemplateData", {})
    tags = _tags(data.get("TagSpecifications", ()))
    number, image = found["VersionNumber"], data.get("ImageId")
    description = found.get("VersionDescription", "")
    if not description.startswith(VERSION_MARK):
        return Version(number, None, None, image, tags)
    own = tags.get("instance", {})
    name, _, source = description.removeprefix(VERSION_MARK).rpartition(" from ")
    release = Release(own.get(keys.release, name), own.get(keys.artifact), image)
    # A description that someone else wrote names no source: older than anything the stack made.
    return Version(number, int(source) if source.isdecimal() else 0, release, image, tags)


def described(release: Release, source: Version) -> str:
    """The VersionDescription of `release` on top of `source`."""
    return f"{VERSION_MARK}{release.name} from {source.number}"


def carries(version: Version, release: Release, source: Version, keys: TagKeys = TAG_KEYS) -> bool:
    """Whether `version` is what `needed` would make, so that it need not be made again."""
    return (
        version.source == source.number
        and version.image == (release.image or source.image)
        and version.tags == wanted_tags(release, source, keys)
    )


def wanted_tags(
    release: Release, source: Version, keys: TagKeys = TAG_KEYS
) -> dict[str, dict[str, str]]:
    """The source's tags, and the release's on instances and volumes.

    All of them: a list of TagSpecifications replaces the source's, it does not add to it.
    """
    own = {keys.release: release.name}
    if release.artifact is not None:
        own[keys.artifact] = release.artifact
    added = {kind: {**source.tags.get(kind, {}), **own} for kind in TAGGED}
    return {**source.tags, **added}


def needed(
    release: Release, source: Version, keys: TagKeys = TAG_KEYS
) -> RequestLaunchTemplateDataTypeDef:
    """The data of the version to make; everything else is inherited from `source`."""
    specifications: list[LaunchTemplateTagSpecificationRequestTypeDef] = [
        {
            "ResourceType": kind,  # type: ignore[typeddict-item]  # a Literal of all types
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        for kind, tags in wanted_tags(release, source, keys).items()
    ]
    if release.image is None:
        return {"TagSpecifications": specifications}
    return {"TagSpecifications": specifications, "ImageId": release.image}


def token(template: str, release: Release, source: Version) -> str:
    """ClientToken (at most 128 ASCII characters): the same request twice makes one version."""
    said = [template, str(source.number), release.name, release.artifact, release.image]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def newest_by_stack(versions: Iterable[Version]) -> Version | None:
    """The newest version that the stack made."""
    return max((v for v in versions if v.by_stack), key=lambda v: v.number, default=None)


def _tags(found: Sequence[LaunchTemplateTagSpecificationTypeDef]) -> dict[str, dict[str, str]]:
    return {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each.get("Tags", ())}
        for each in found
        if "ResourceType" in each
    }

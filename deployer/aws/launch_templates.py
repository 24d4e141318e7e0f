"""What each slot boots: read from its launch template, and pinned by moving its default version.

The group is pinned to `$Default` for ever, so the default version decides what launches next.
Versions are immutable and never renumbered (aws-facts 3.3): each is read once and remembered.

Old versions are kept: instances and the way back refer to them by number, and EC2 allows 10,000 of
them, which is ten releases a day for more than five years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer.aws import versions
from deployer.aws.failures import asking, changing, code_of
from deployer.aws.needs import Need, Resource
from deployer.aws.session import Aws
from deployer.aws.versions import TAG_KEYS, TagKeys, Version
from deployer.errors import ChangeRefused, CloudUnavailable, NotFound
from deployer.model import Release
from deployer.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import CreateLaunchTemplateVersionResultTypeDef

NEEDS = (
    Need("ec2:DescribeLaunchTemplates", Resource.ANY),
    Need("ec2:DescribeLaunchTemplateVersions", Resource.ANY),
    Need("ec2:CreateLaunchTemplateVersion", Resource.TEMPLATE),
    Need("ec2:ModifyLaunchTemplate", Resource.TEMPLATE),
)
PAGE = 200  # the most that one call returns
# A version made just now may not be found for a while (aws-facts 3.3). What outlasts this is
# left to the next look, so that the lease is not outlived.
SETTLE_TRIES = 5
SETTLE_S = 2.0


@dataclass(frozen=True, slots=True)
class Boots:
    """What a template's default version would launch.

    release:     None: the stack's own version, which carries none.
    stale:       the stack has made a newer version than the one that the default is, or is from.
    version:     number of the default version.
    stack_image: AMI of the newest version that the stack made.
    """

    release: Release | None
    stale: bool
    version: int = field(default=0, compare=False)
    stack_image: str | None = None


@dataclass(slots=True)
class _Known:
    """What has been read of one template; nothing newer than `scanned_to` was asked for."""

    versions: dict[int, Version] = field(default_factory=dict)
    scanned_to: int = 0

    @property
    def stack(self) -> Version | None:
        return versions.newest_by_stack(self.versions.values())


class LaunchTemplates:
    """The slots' launch templates; remembers versions for its own life."""

    def __init__(self, aws: Aws, clock: Clock, keys: TagKeys = TAG_KEYS) -> None:
        self._aws = aws
        self._clock = clock
        self._keys = keys
        self._known: dict[str, _Known] = {}

    def boots(self, templates: Iterable[str]) -> dict[str, Boots]:
        """What each template boots, by id: one call, and one more per template with new versions.

        Raises:
            NotFound: a template does not exist.
            CloudUnavailable, AccessProblem: as `failures.asking`.
        """
        return {
            template: self._boots(template, default)
            for template, default in self._defaults(tuple(templates)).items()
        }

    def release(self, template: str, number: int) -> str | None:
        """Name of the release that a version carries; None as `carried`."""
        release = self.carried(template, number)
        return release.name if release else None

    def carried(self, template: str, number: int) -> Release | None:
        """The release that a version carries; None: the stack's, or a version that is gone."""
        version = self._version(template, number)
        return version.release if version else None

    def pin(self, template: str, release: Release) -> None:
        """Make the template boot `release` on top of the newest stack-made version.

        A version that says exactly this is used again.

        Raises:
            ChangeRefused: EC2 finds the version faulty, or refuses it; the default is as it was.
            CloudUnavailable: no answer, or the new version cannot be found yet.
            NotFound, AccessProblem: as above.
        """
        default = self._defaults((template,))[template]
        source = self._known[template].stack
        if source is None:
            raise ChangeRefused(
                f"{template} has no version made by the stack left: deploy the service stack again"
            )
        version = self._existing(template, release, source) or self._make(template, release, source)
        if version.number != default:
            self._move_default(template, version.number)

    def _defaults(self, templates: tuple[str, ...]) -> dict[str, int]:
        """Default version per template; what is new in them has been read."""
        with asking("ec2:DescribeLaunchTemplates", ", ".join(templates)):
            found = self._aws.ec2.describe_launch_templates(LaunchTemplateIds=templates)
        rows = {row["LaunchTemplateId"]: row for row in found["LaunchTemplates"]}
        for template in templates:
            if template not in rows:
                raise NotFound(f"launch template {template} is gone: deploy the service stack")
            self._scan(template, rows[template]["LatestVersionNumber"])
        return {template: rows[template]["DefaultVersionNumber"] for template in templates}

    def _scan(self, template: str, latest: int) -> None:
        """Read what is new; at first, backwards until a version of the stack's turns up."""
        known = self._known.setdefault(template, _Known())
        done, high, top = known.scanned_to, latest, known.scanned_to
        while high > done:
            low = max(done, high - PAGE + 1) + 1
            found = {v.number: v for v in self._read(template, low, high)}
            known.versions |= found
            top, high = max(top, *found, 0), low - 1
            if not done and known.stack is not None:
                break
        # Not `latest`: a version that cannot be seen yet is looked for again.
        known.scanned_to = top

    def _boots(self, template: str, default: int) -> Boots:
        version, stack = self._version(template, default), self._known[template].stack
        if version is None:
            return Boots(None, stale=False, version=default)
        made_from = version.number if version.source is None else version.source
        return Boots(
            version.release,
            stale=stack is not None and stack.number > made_from,
            version=default,
            stack_image=stack.image if stack else None,
        )

    def _version(self, template: str, number: int) -> Version | None:
        known = self._known.setdefault(template, _Known()).versions
        if number not in known:
            known |= {v.number: v for v in self._read(template, number, number)}
        return known.get(number)

    def _read(self, template: str, low: int, high: int) -> Iterator[Version]:
        """Versions `low` to `high` that exist; gaps are none.

        EC2 documents MinVersion as the number *after* which it describes: ask for one more.
        """
        span: dict[str, Any] = {"MinVersion": str(low - 1)} if low > 1 else {}
        with asking("ec2:DescribeLaunchTemplateVersions", template):
            pages = self._aws.ec2.get_paginator("describe_launch_template_versions").paginate(
                LaunchTemplateId=template,
                MaxVersion=str(high),
                PaginationConfig={"PageSize": PAGE},
                **span,
            )
            for page in pages:
                for found in page["LaunchTemplateVersions"]:
                    yield versions.understood(found, self._keys)

    def _existing(self, template: str, release: Release, source: Version) -> Version | None:
        known = self._known[template].versions.values()
        return next((v for v in known if self._carries(v, release, source)), None)

    def _carries(self, version: Version, release: Release, source: Version) -> bool:
        return versions.carries(version, release, source, self._keys)

    def _make(self, template: str, release: Release, source: Version) -> Version:
        with changing("ec2:CreateLaunchTemplateVersion", template):
            made = self._aws.ec2.create_launch_template_version(
                LaunchTemplateId=template,
                SourceVersion=str(source.number),
                VersionDescription=versions.described(release, source),
                LaunchTemplateData=versions.needed(release, source, self._keys),
                ClientToken=versions.token(template, release, source),
            )
        _require_sound(made, template, release)
        version = versions.understood(made["LaunchTemplateVersion"], self._keys)
        self._known[template].versions[version.number] = version
        return version

    def _move_default(self, template: str, number: int) -> None:
        for left in reversed(range(SETTLE_TRIES)):
            try:
                with changing("ec2:ModifyLaunchTemplate", template):
                    self._aws.ec2.modify_launch_template(
                        LaunchTemplateId=template, DefaultVersion=str(number)
                    )
            except ChangeRefused as error:
                if "NotFound" not in code_of(error):
                    raise
                if not left:
                    raise CloudUnavailable(
                        f"version {number} of {template} was made and cannot be found yet"
                    ) from error
                self._clock.sleep(SETTLE_S)
            else:
                return


def _require_sound(
    made: CreateLaunchTemplateVersionResultTypeDef, template: str, release: Release
) -> None:
    """EC2 makes faulty versions, and says so beside them: nothing would launch from one."""
    complaints = [
        f"{fault.get('Code')}: {fault.get('Message')}"
        for fault in made.get("Warning", {}).get("Errors", ())
    ]
    if complaints:
        raise ChangeRefused(
            f"EC2 finds fault with the version of {template} for {release.name}: "
            + "; ".join(complaints)
        )

"""What an instance is to run, read from its user data and its tags as bootstrap.sh reads them. Pure.

The facts stand in the user data as shell assignments between two marker lines. bash executes them
on EC2; here they are read, so only assignments that mean the same to both are accepted.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deployer.topology import ARTIFACT_TAG, RELEASE_TAG

BEGIN: Final = "# deployer:service"
END: Final = "# deployer:end"
KNOWN: Final = ("SERVICE_START", "SERVICE_PORT", "SERVICE_HEALTH_PATH")

# One word in which bash expands nothing: single quotes, plain double quotes, or neither.
_WORD = re.compile(r"""(?:'[^']*'|"[^"$`\\]*"|[\w./:=,@%+-])*""")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ARTIFACT = re.compile(r"s3://([^/]+)/(.+)")


class Unbootable(Exception):
    """The bootstrap script would fail: the instance runs, and nothing answers on it."""


@dataclass(frozen=True, slots=True)
class Service:
    """How the service is started; the same for all its releases."""

    start: str
    port: int
    health_path: str


@dataclass(frozen=True, slots=True)
class Artifact:
    release: str
    bucket: str
    key: str


def service(user_data: str) -> Service:
    """The facts at the top of the user data.

    Raises:
        Unbootable: no such block, or something in it that is not one of KNOWN, once each.
    """
    lines = [line.strip() for line in user_data.splitlines()]
    if lines.count(BEGIN) != 1 or lines.count(END) != 1 or lines.index(BEGIN) > lines.index(END):
        raise Unbootable(f"the user data has no block between {BEGIN!r} and {END!r}")
    block = lines[lines.index(BEGIN) + 1 : lines.index(END)]
    found = dict(_assignment(line) for line in block if line and not line.startswith("#"))
    if missing := [name for name in KNOWN if name not in found]:
        raise Unbootable(f"the user data does not set {', '.join(missing)}")
    port = found["SERVICE_PORT"]
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Unbootable(f"SERVICE_PORT={port!r} is not a port")
    return Service(found["SERVICE_START"], int(port), found["SERVICE_HEALTH_PATH"])


def _assignment(line: str) -> tuple[str, str]:
    match = _ASSIGNMENT.fullmatch(line)
    if match is None or match[1] not in KNOWN:
        raise Unbootable(f"the user data has {line!r} where only {', '.join(KNOWN)} may be set")
    if not _WORD.fullmatch(match[2]):
        raise Unbootable(f"the lab does not evaluate shell: {line!r} is not a plain assignment")
    return match[1], "".join(shlex.split(match[2]))


def artifact(tags: Mapping[str, str]) -> Artifact:
    """The release that the instance's tags name.

    Raises:
        Unbootable: a tag is missing or malformed, in bootstrap.sh's words.
    """
    for name in (RELEASE_TAG, ARTIFACT_TAG):
        if not tags.get(name):
            raise Unbootable(f"no tag {name}: nothing to run")
    release, uri = tags[RELEASE_TAG], tags[ARTIFACT_TAG]
    if not _RELEASE.fullmatch(release):
        raise Unbootable(f"not a release name: {release}")
    place = _ARTIFACT.fullmatch(uri)
    if place is None:
        raise Unbootable(f"not an S3 URI: {uri}")
    return Artifact(release, place[1], place[2])

"""Releases of the example application: packed with the behaviour they are to show, put into S3.

body = pack(Path("examples/app"), Behaviour(error_rate=0.2, boot_s=2).scaled(60))
uri = publish(s3, bucket, "shop", "v3", body)      # s3://bucket/shop/v3.tar.gz
"""

import gzip
import hashlib
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployer.errors import NotFound, NotPossibleNow, UsageError

BEHAVIOUR_FILE = "behaviour.json"
LONGEST_MS, DAY_S = 60_000.0, 86_400.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# The load report's words for answers that no release has given.
_TAKEN = frozenset({"none", "unanswered"})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a release misbehaves; `examples/app/README.md` says what each number does.

    *_rate: 0..1. *_ms: real milliseconds. boot_s, crash_after_s, cold_s: virtual seconds here,
    real ones once `scaled`. incident_file: where an incident of all releases is written; "": none.

    Raises:
        UsageError: a number outside its range.
    """

    error_rate: float = 0.0
    latency_ms: float = 0.0
    latency_spread: float = 0.0
    boot_s: float = 0.0
    crash_after_s: float = 0.0
    cold_s: float = 0.0
    cold_error_rate: float = 0.0
    cold_latency_ms: float = 0.0
    incident_file: str = ""

    def __post_init__(self) -> None:
        within(
            "release",
            {
                "error rate": (self.error_rate, 1.0),
                "latency (ms)": (self.latency_ms, LONGEST_MS),
                "latency spread": (self.latency_spread, 3.0),
                "boot (s)": (self.boot_s, DAY_S),
                "crash after (s)": (self.crash_after_s, DAY_S),
                "cold (s)": (self.cold_s, DAY_S),
                "cold error rate": (self.cold_error_rate, 1.0),
                "cold latency (ms)": (self.cold_latency_ms, LONGEST_MS),
            },
        )

    def scaled(self, scale: float) -> "Behaviour":
        """As the application is told: it knows no clock but the wall's.

        Latency stays real, as does all that flows through the load balancer.
        """
        return replace(
            self,
            boot_s=self.boot_s / scale,
            crash_after_s=self.crash_after_s / scale,
            cold_s=self.cold_s / scale,
        )


def within(what: str, numbers: Mapping[str, tuple[float, float]]) -> None:
    """Each of `what`'s numbers, by its name, is 0 or more and at most what stands beside it.

    Raises:
        UsageError: one is not.
    """
    for name, (value, most) in numbers.items():
        if not 0 <= value <= most:  # NaN too
            raise UsageError(f"{what}: {name} must be within 0..{most:g}, not {value:g}")


def release_name(name: str) -> str:
    """`name`, if a release can be called that.

    Raises:
        UsageError: it cannot.
    """
    if not _NAME.fullmatch(name) or name in _TAKEN:
        raise UsageError(
            f"{name!r} is no name for a release: up to 64 letters, digits, '.', '_', '-', "
            "the first a letter or digit; not 'none' or 'unanswered'"
        )
    return name


def pack(directory: Path, behaviour: Behaviour) -> bytes:
    """A tar.gz of the application's files with `behaviour.json`; same input, same bytes.

    Left out: README.md, hidden files, caches. Names are relative to `directory`.

    Raises:
        NotFound: `directory` holds no file.
        UsageError: it holds a symbolic link, which would not mean the same on an instance.
    """
    files = {name: path.read_bytes() for name, path in _files(directory).items()}
    if not files:
        raise NotFound(f"{directory} holds no application")
    files[BEHAVIOUR_FILE] = json.dumps(asdict(behaviour), sort_keys=True).encode() + b"\n"
    tarred = BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, BytesIO(content))
    return gzip.compress(tarred.getvalue(), mtime=0)


def _files(directory: Path) -> dict[str, Path]:
    found = {}
    for path in directory.rglob("*"):
        name = path.relative_to(directory)
        hidden = any(part.startswith((".", "__pycache__")) for part in name.parts)
        if hidden or name.parts == ("README.md",) or path.is_dir():
            continue
        if path.is_symlink():
            raise UsageError(f"{path} is a symbolic link: a release is made of plain files")
        found[name.as_posix()] = path
    return found


def publish(
    s3: Any, bucket: str, service: str, release: str, body: bytes, *, replace: bool = False
) -> str:
    """Put `body` at `{service}/{release}.tar.gz`; its SHA-256 (hex) is in the object's metadata.

    The same content again changes nothing.

    Returns:
        `s3://bucket/key`.

    Raises:
        NotPossibleNow: the release exists with other content, and `replace` was not said.
        NotFound: the bucket does not exist.
        UsageError: no name for a release.
    """
    key = f"{service}/{release_name(release)}.tar.gz"
    uri = f"s3://{bucket}/{key}"
    digest = hashlib.sha256(body).hexdigest()
    present = _published_digest(s3, bucket, key)
    if present == digest:
        return uri
    if present is not None and not replace:
        raise NotPossibleNow(
            f"{uri} exists with other content; a release never changes: choose another name, "
            "or say --replace"
        )
    # S3 itself refuses if somebody else has put the release meanwhile.
    condition = {} if replace else {"IfNoneMatch": "*"}
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, Metadata={"sha256": digest}, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] == "PreconditionFailed":
            raise NotPossibleNow(f"{uri} was put by somebody else just now") from error
        raise
    return uri


def _published_digest(s3: Any, bucket: str, key: str) -> str | None:
    """SHA-256 of what is there (`""` if its maker noted none); None if nothing is."""
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        raise NotFound(f"bucket {bucket} does not exist; are the stacks deployed?") from error
    try:
        metadata = s3.head_object(Bucket=bucket, Key=key)["Metadata"]
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None
        raise
    return str(metadata.get("sha256", ""))

"""Fetches an artifact from the lab's S3, checks it as bootstrap.sh does, and unpacks it safely."""

import hashlib
import io
import re
import shutil
import tarfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab.instances.facts import Artifact, Unbootable

_SHA256 = re.compile(r"[0-9a-f]{64}")


def install(s3: Any, wanted: Artifact, target: Path) -> None:
    """Unpack the artifact into `target`, which exists whole afterwards or not at all.

    s3: a client with the instance's own credentials.

    Raises:
        Unbootable: it is not there, is not what was uploaded, or is no safe tar.gz.
    """
    content = _fetch(s3, wanted)
    beside = target.with_name(f"{target.name}.unpack")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            archive.extractall(beside, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise Unbootable(f"{_uri(wanted)} cannot be unpacked: {error}") from error
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)


def _fetch(s3: Any, wanted: Artifact) -> bytes:
    try:
        answer = s3.get_object(Bucket=wanted.bucket, Key=wanted.key)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise Unbootable(f"{_uri(wanted)} cannot be fetched: {code}") from error
    content = bytes(answer["Body"].read())
    told = answer["Metadata"].get("sha256", "")
    if not _SHA256.fullmatch(told):
        raise Unbootable(f"{_uri(wanted)} has no sha256 in its metadata: it is not installed")
    if hashlib.sha256(content).hexdigest() != told:
        raise Unbootable(f"{_uri(wanted)} is not what was uploaded")
    return content


def _uri(wanted: Artifact) -> str:
    return f"s3://{wanted.bucket}/{wanted.key}"

"""A function's code on disk, and the runtime that Lambda brings along: boto3 and what it needs."""

import base64
import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deployer.lab import inprocess
from deployer.lab.context import Context
from deployer.lab.functions.model import Code, invalid, unsimulated
from deployer.lab.wire import Refused

# What a function finds without bringing it (Developer Guide, "Runtime-included SDK versions").
INCLUDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
LARGEST_UNPACKED = 250 * 1024 * 1024


def unpacked(context: Context, name: str, params: Mapping[str, Any]) -> Code:
    """The zip that these parameters hold or point at, unpacked in a folder of its own.

    Raises:
        Refused: there is no such object, or it is no zip.
    """
    data = fetched(context, params)
    digest = hashlib.sha256(data).digest()
    folder = context.directory / "functions" / name / f"code-{digest.hex()[:16]}"
    if not folder.is_dir():
        draft = folder.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        extract(data, draft)
        draft.rename(folder)
    return Code(folder, base64.b64encode(digest).decode(), len(data))


def fetched(context: Context, params: Mapping[str, Any]) -> bytes:
    """The zip itself."""
    if params.get("ImageUri") or params.get("SourceKMSKeyArn"):
        raise unsimulated("this kind of code")
    if params.get("ZipFile"):
        return bytes(params["ZipFile"])
    where = {"Bucket": params.get("S3Bucket"), "Key": params.get("S3Key")}
    if not all(where.values()):
        raise invalid("Please provide a source for function code.")
    if params.get("S3ObjectVersion"):
        where["VersionId"] = params["S3ObjectVersion"]
    try:
        found = inprocess.client(context, "s3").get_object(**where)
    except ClientError as error:
        told = error.response["Error"]
        raise invalid(
            f"Error occurred while GetObject. S3 Error Code: {told['Code']}. "
            f"S3 Error Message: {told['Message']} ({where['Bucket']}/{where['Key']})"
        ) from error
    return bytes(found["Body"].read())


def extract(data: bytes, folder: Path) -> None:
    """Unpack; nothing outside of the folder.

    Raises:
        Refused: it is no zip, too large, or a path leads elsewhere.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(one.file_size for one in archive.infolist()) > LARGEST_UNPACKED:
                raise invalid(f"Unzipped size must be smaller than {LARGEST_UNPACKED} bytes")
            archive.extractall(folder)  # zipfile takes `..` and roots out of the names
    except zipfile.BadZipFile as error:
        raise Refused(
            "InvalidParameterValueException",
            "Could not unzip uploaded file. Please check your file",
        ) from error


def runtime(context: Context) -> Path:
    """A folder that holds what Lambda's Python has beside the standard library, and nothing else."""
    folder = context.directory / "functions" / ".runtime"
    folder.mkdir(parents=True, exist_ok=True)
    for name in INCLUDED:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise Refused("LabDefect", f"{name} is not installed beside the lab")
        source = Path(spec.origin)
        source = source.parent if source.name == "__init__.py" else source
        link = folder / source.name
        if not link.is_symlink():
            link.symlink_to(source)
    return folder

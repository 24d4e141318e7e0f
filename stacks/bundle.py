"""The code of the functions in the cloud: the deployer itself, what it needs, and the settings in use.

A zip with the same bytes for the same content, so that a function changes only when its code or its
settings do. `stacks.libraries` says what it needs.
"""

import io
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from aws_cdk import aws_lambda

from stacks.libraries import PYTHON, ROOT, libraries, machine

SETTINGS = "deployer.toml"  # in the zip
LEFT_OUT = (
    "lab",
    "cli",
    "dashboard",
)  # of the deployer: for machines with a person in front of them
PAGES = (".js", ".css", ".LICENSE")  # what a report is made of, besides code
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every file in the zip
RUNTIME = aws_lambda.Runtime(f"python{PYTHON}", aws_lambda.RuntimeFamily.PYTHON)


class Bundle:
    """`code`, `runtime` and `architecture` of one stack's functions.

    Their handlers are in `deployer.functions`; `settings` is the deployer.toml that they read.
    """

    def __init__(self, settings: Path) -> None:
        self.code = aws_lambda.Code.from_asset(str(file_of(settings.read_bytes())))
        self.runtime = RUNTIME
        self.architecture = (
            aws_lambda.Architecture.ARM_64
            if machine() == "aarch64"
            else aws_lambda.Architecture.X86_64
        )


@lru_cache(maxsize=8)
def file_of(settings: bytes) -> Path:
    """The zip as a file, for as long as this process lives: the CDK copies it into its assembly."""
    file = Path(_folder().name) / f"{sha256(settings).hexdigest()}.zip"
    file.write_bytes(zipped(settings))
    return file


@cache
def _folder() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="deployer-bundle-")


def zipped(settings: bytes) -> bytes:
    """The zip, with these settings in it.

    Raises:
        NotPossibleNow: as `libraries`.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in (*contents(), *libraries(settings), (SETTINGS, settings)):
            one = zipfile.ZipInfo(name, MOMENT)
            one.external_attr = 0o644 << 16
            one.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(one, data)
    return made.getvalue()


def contents() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of the deployer's own, in a fixed order."""
    for path in sorted((ROOT / "deployer").rglob("*.py")):
        inside = path.relative_to(ROOT)
        if inside.parts[1] not in LEFT_OUT:
            yield inside.as_posix(), path.read_bytes()
    for path in sorted((ROOT / "deployer" / "web").glob("*.*")):
        if path.suffix in PAGES:
            yield path.relative_to(ROOT).as_posix(), path.read_bytes()

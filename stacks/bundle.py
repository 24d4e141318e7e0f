"""The code of the functions in the cloud: the deployer itself, what it needs, and the settings in use.

A zip with the same bytes for the same content, so that a function changes only when its code or its
settings do. boto3 is not in it: Lambda's Python brings its own, and dateutil. msgspec is compiled, so it is taken for
Lambda's Linux: from this environment where that is one, else from the package index, by pip.
"""

import io
import platform
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import Distribution, distribution
from pathlib import Path

from aws_cdk import aws_lambda

from deployer.errors import NotPossibleNow

ROOT = Path(__file__).parents[1]
SETTINGS = "deployer.toml"  # in the zip
LEFT_OUT = (
    "lab",
    "cli",
    "dashboard",
)  # of the deployer: for machines with a person in front of them
PAGES = (".js", ".css", ".LICENSE")  # what a report is made of, besides code
COMPILED = "msgspec"
CRON, HOLIDAYS = "cronsim", "holidays"  # Python alone; holidays where [windows] names a place
MOMENT = (1980, 1, 1, 0, 0, 0)  # of every file in the zip
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
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
        NotPossibleNow: there is no msgspec for Lambda's Linux.
    """
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, data in (*contents(), *calendars(settings), (SETTINGS, settings)):
            one = zipfile.ZipInfo(name, MOMENT)
            one.external_attr = 0o644 << 16
            one.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(one, data)
    return made.getvalue()


def contents() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file but the settings, in a fixed order."""
    for path in sorted((ROOT / "deployer").rglob("*.py")):
        inside = path.relative_to(ROOT)
        if inside.parts[1] not in LEFT_OUT:
            yield inside.as_posix(), path.read_bytes()
    for path in sorted((ROOT / "deployer" / "web").glob("*.*")):
        if path.suffix in PAGES:
            yield path.relative_to(ROOT).as_posix(), path.read_bytes()
    base = compiled()
    for path in sorted((base / COMPILED).rglob("*")):
        if path.suffix in (".py", ".so"):
            yield path.relative_to(base).as_posix(), path.read_bytes()


def calendars(settings: bytes) -> Iterator[tuple[str, bytes]]:
    """The same of what reads the times of [windows], as far as these settings need it."""
    document = tomllib.loads(settings.decode("utf-8-sig"))
    tables = (document, *document.get("environments", {}).values())
    places = any(table.get("windows", {}).get("holidays") for table in tables)
    for name in (CRON, HOLIDAYS) if places else (CRON,):
        base = Path(str(distribution(name).locate_file("")))
        for path in sorted((base / name).rglob("*.py")):
            yield path.relative_to(base).as_posix(), path.read_bytes()


@cache
def compiled() -> Path:
    """Where msgspec is, for Lambda's Linux and this Python.

    Raises:
        NotPossibleNow: it could not be fetched.
    """
    found = distribution(COMPILED)
    if is_lambdas(tags(found)):
        return Path(str(found.locate_file("")))
    folder = ROOT / ".bundle" / f"{COMPILED}-{found.version}-{PYTHON}-{machine()}"
    if not folder.is_dir():
        fetch(found.version, folder)
    return folder


def tags(found: Distribution) -> Sequence[str]:
    """The wheel's platform tags: `cp311-cp311-manylinux_2_17_x86_64`."""
    lines = (found.read_text("WHEEL") or "").splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]


def is_lambdas(wheels: Iterable[str]) -> bool:
    """Whether Lambda's Amazon Linux can load it: built for glibc."""
    return any("-manylinux" in tag and tag.endswith(machine()) for tag in wheels)


def machine() -> str:
    """The processor that the functions get: this machine's, so that they run in the lab too."""
    return "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def fetch(version: str, folder: Path) -> None:
    """Fetch it for Lambda's Linux, on a machine that is none; the folder is there when it is whole.

    Raises:
        NotPossibleNow: pip could not; carries its last line.
    """
    wanted = f"{COMPILED}=={version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as begun:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", wanted, "--no-deps", "--quiet"),
                *("--target", str(Path(begun) / "whole"), "--only-binary", ":all:"),
                *("--platform", f"manylinux2014_{machine()}", "--python-version", PYTHON),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NotPossibleNow(
                f"the functions in the cloud need {wanted} for Linux, and this machine is "
                f"{sysconfig.get_platform()}: {why}"
            )
        (Path(begun) / "whole").rename(folder)

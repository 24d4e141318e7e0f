"""Which Python libraries go with the functions in the cloud, and their files, built for Lambda's Linux.

boto3 is not among them: Lambda's Python brings its own. What a setting asks for comes only where it is set,
so that the others start as quickly as before. Versions are those of this environment. What is Python alone is
taken from it; what is compiled too, if Lambda can load it, else it is fetched from the package index by pip.
"""

import platform
import re
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from deployer.errors import NotPossibleNow

ROOT = Path(__file__).parents[1]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Of Amazon Linux 2, where Lambda's Python 3.11 runs, and of 2023, where later ones do:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
GLIBC = (2, 26) if sys.version_info < (3, 12) else (2, 34)
OLD_NAMES = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}  # of platforms: PEP 600
KEPT = (".py", ".so", ".pem")

ALWAYS = ("msgspec", "cronsim")
HOLIDAYS = ("holidays",)
OTEL = (  # the extra `otel`, with all that it needs: a test compares
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-sdk",
    "opentelemetry-api",
    "opentelemetry-exporter-http-transport",
    "opentelemetry-exporter-otlp-common",
    "opentelemetry-exporter-otlp-proto-common",
    "opentelemetry-proto",
    "opentelemetry-semantic-conventions",
    "googleapis-common-protos",
    "protobuf",
    "requests",
    "certifi",
    "charset-normalizer",
    "idna",
    "urllib3",
    "typing_extensions",
)
PROMETHEUS = ("prometheus_client",)
ASKED = (  # section, key, what it needs, the extra that has it
    ("windows", "holidays", HOLIDAYS, "holidays"),
    ("telemetry", "otlp", OTEL, "otel"),
    ("telemetry", "pushgateway", PROMETHEUS, "prometheus"),
)


def libraries(settings: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of those that these settings need, in a fixed order.

    Raises:
        NotPossibleNow: one is not installed here, or could not be fetched for Lambda's Linux.
    """
    for name in ALWAYS:
        yield from files(name)
    document = tomllib.loads(settings.decode("utf-8-sig"))
    for section, key, names, extra in ASKED:
        if not asks(document, section, key):
            continue
        for name in names:
            try:
                yield from files(name)
            except PackageNotFoundError:
                raise NotPossibleNow(
                    f"[{section}] {key} is set, and the functions in the cloud need {name} for it: "
                    f"pip install 'deployer[{extra}]'"
                ) from None


def asks(document: dict[str, Any], section: str, key: str) -> bool:
    """Whether the file says something there, for all environments or for one."""
    tables = (document, *document.get("environments", {}).values())
    return any(table.get(section, {}).get(key) for table in tables)


def files(name: str) -> Iterator[tuple[str, bytes]]:
    """A library's code, and its entry points, by which OpenTelemetry's parts find each other.

    Raises:
        PackageNotFoundError: it is not installed.
        NotPossibleNow: it could not be fetched.
    """
    found = built(name)
    for path in sorted(found.files or (), key=str):
        if path.suffix in KEPT and ".." not in path.parts:
            yield path.as_posix(), Path(str(found.locate_file(path))).read_bytes()
    entries = found.read_text("entry_points.txt")
    if entries:
        folder = f"{found.name.replace('-', '_')}-{found.version}.dist-info"
        yield f"{folder}/METADATA", f"Name: {found.name}\nVersion: {found.version}\n".encode()
        yield f"{folder}/entry_points.txt", entries.encode()


@cache
def built(name: str) -> Distribution:
    """The library as Lambda's Linux and this Python can load it.

    Raises:
        PackageNotFoundError, NotPossibleNow: as `files`.
    """
    found = distribution(name)
    wheels = tags(found)
    if is_pure(wheels) or is_lambdas(wheels):
        return found
    folder = ROOT / ".bundle" / f"{name}-{found.version}-{PYTHON}-{machine()}"
    if not folder.is_dir():
        fetch(f"{name}=={found.version}", folder)
    return next(iter(Distribution.discover(name=name, path=[str(folder)])))


def tags(found: Distribution) -> Sequence[str]:
    """The wheel's platform tags: `cp311-cp311-manylinux_2_17_x86_64`."""
    lines = (found.read_text("WHEEL") or "").splitlines()
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]


def is_pure(wheels: Iterable[str]) -> bool:
    """Python alone: the same everywhere."""
    return any(tag.endswith("-none-any") for tag in wheels)


def is_lambdas(wheels: Iterable[str]) -> bool:
    """Whether Lambda's Amazon Linux can load it: built for a glibc that is no newer."""
    return any(
        found["machine"] == machine() and _glibc(found["glibc"]) <= GLIBC
        for tag in wheels
        if (found := re.search(r"-manylinux_?(?P<glibc>\d+(_\d+)?)_(?P<machine>\w+)$", tag))
    )


def _glibc(named: str) -> tuple[int, ...]:
    """`2_17` or `2014` as a version."""
    return OLD_NAMES.get(named) or tuple(map(int, named.split("_")))


def machine() -> str:
    """The processor that the functions get: this machine's, so that they run in the lab too."""
    return "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def fetch(wanted: str, folder: Path) -> None:
    """Fetch it for Lambda's Linux, on a machine that is none; the folder is there when it is whole.

    wanted: `NAME==VERSION`.

    Raises:
        NotPossibleNow: pip could not; carries its last line.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    fits = [f"manylinux{kind}_{machine()}" for kind in ("_2_17", "2014")]
    with tempfile.TemporaryDirectory(dir=folder.parent) as begun:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", wanted, "--no-deps", "--quiet"),
                *("--target", str(Path(begun) / "whole"), "--only-binary", ":all:"),
                *(word for each in fits for word in ("--platform", each)),
                *("--python-version", PYTHON),
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

"""What a shell offers where a value is typed: environments, releases, deployments.

Environments are in the settings, releases and deployments in the journal. Somebody waits with a finger on
the key: so what was read is remembered for a minute, and a process of its own reads, for which a second and
a half is waited: if it takes longer, the next press of the key finds what it read. Whatever goes wrong,
nothing is offered and nothing is said.
"""

import hashlib
import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from click.shell_completion import CompletionItem

from deployer.cli.group import COMPLETING

if TYPE_CHECKING:
    import click

NEWEST = 30  # records that are offered
FRESH_S = 60.0
PATIENCE_S = 1.5
LOOK_S = 0.01
READER = "deployer.cli.offering"
LONGEST_S = 20  # that the process reads
FOLDER = "deployer-completion"


class Past(NamedTuple):
    """Deployments, newest first, and what to say of each."""

    deployments: Mapping[str, str]
    releases: Mapping[str, str]


def environments(
    ctx: "click.Context", _: "click.Parameter", incomplete: str
) -> list[CompletionItem[str]]:
    """Names of the sections [environments.NAME]."""
    config, _given = place(ctx)
    return offered(dict.fromkeys(named(config), ""), incomplete)


def releases(
    ctx: "click.Context", _: "click.Parameter", incomplete: str
) -> list[CompletionItem[str]]:
    """Releases that were deployed here; a new one is for its maker to know."""
    return offered(past(ctx).releases, incomplete)


def deployments(
    ctx: "click.Context", _: "click.Parameter", incomplete: str
) -> list[CompletionItem[str]]:
    """Ids of the newest deployments; of fleets there are none."""
    if ctx.params.get("fleet"):
        return []
    return offered(past(ctx).deployments, incomplete)


def recordings(
    ctx: "click.Context", parameter: "click.Parameter", incomplete: str
) -> list[CompletionItem[str]]:
    """The same, or a file."""
    return [*deployments(ctx, parameter, incomplete), CompletionItem(incomplete, type="file")]


def offered(told: Mapping[str, str], incomplete: str) -> list[CompletionItem[str]]:
    """Those that begin so."""
    return [
        CompletionItem(name, help=words or None)
        for name, words in told.items()
        if name.startswith(incomplete)
    ]


def place(ctx: "click.Context") -> tuple[Path, str | None]:
    """The settings and the environment that the command line so far names."""
    options = ctx.find_root().params
    config = options.get("config") or os.environ.get("DEPLOYER_CONFIG") or "deployer.toml"
    return Path(config), options.get("env") or os.environ.get("DEPLOYER_ENV") or None


def named(config: Path) -> Sequence[str]:
    """The file's environments; none where it cannot be read."""
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8-sig"))
        return tuple(document["environments"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def past(ctx: "click.Context") -> Past:
    """What the journal tells, or told a moment ago; nothing where nobody answers in time."""
    config, environment = place(ctx)
    names = named(config)
    if environment is None and len(names) == 1:
        environment = names[0]
    if environment is None or environment not in names:
        return Past({}, {})
    kept = memory(config, environment)
    known, at = recalled(kept)
    if time.time() - at < FRESH_S:
        return known
    connect = ctx.find_root().obj
    if connect is None:
        read_aside(config, environment, kept)
    else:
        remember(config, environment, kept, connect)
    return recalled(kept)[0]


def read_aside(config: Path, environment: str, kept: Path) -> None:
    """Have it read by another process, and wait for that a little: it goes on when nobody waits any more."""
    quiet = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in range(3)]
    environ = {name: value for name, value in os.environ.items() if name != COMPLETING}
    command = [sys.executable, "-m", READER, str(config), environment, str(kept)]
    # Not subprocess: that complains of who is left behind, and this one is meant to be.
    reader = os.posix_spawn(sys.executable, command, environ, file_actions=quiet)
    until = time.monotonic() + PATIENCE_S
    while not os.waitpid(reader, os.WNOHANG)[0] and time.monotonic() < until:
        time.sleep(LOOK_S)


def remember(config: Path, environment: str, kept: Path, connect: Any = None) -> None:
    """Read and keep; whoever presses a key is not told of credentials."""
    with suppress(Exception):
        keep(kept, read(config, environment, connect))


def read(config: Path, environment: str, connect: Any) -> Past:
    """The newest records.

    connect: as tests give it; None: over AWS.
    """
    from deployer.plan import Deployment  # noqa: PLC0415  as below
    from deployer.render.words import date_and_time, one_line  # noqa: PLC0415  no need of it if it is known
    from deployer.settings import reading  # noqa: PLC0415
    from deployer.wiring.services import connect as over_aws  # noqa: PLC0415

    services = (connect or over_aws)(reading.load(config, environment))
    told: dict[str, str] = {}
    shipped: dict[str, str] = {}
    for record in services.journal.records(environment, NEWEST):
        if not isinstance(record, Deployment):
            continue
        release, status = one_line(record.first_plan.release.name), record.status.replace("_", " ")
        when = date_and_time(record.started_at)
        told[record.id] = f"{release} {status}, {when}"
        shipped.setdefault(release, f"{status} {when}")
    return Past(told, shipped)


def memory(config: Path, environment: str) -> Path:
    """Where the answer for this environment, with these credentials, is kept."""
    whose = [
        str(config.absolute()), environment,
        *(os.environ.get(name, "") for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL")),
    ]  # fmt: skip
    name = hashlib.sha256("\0".join(whose).encode()).hexdigest()[:24]
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / FOLDER / f"{name}.json"


def recalled(kept: Path) -> tuple[Past, float]:
    """What was kept, and when, epoch seconds by the wall; 0: nothing was."""
    try:
        found = json.loads(kept.read_bytes())
        told = Past(*({str(k): str(v) for k, v in found[part].items()} for part in Past._fields))
        return told, min(kept.stat().st_mtime, time.time())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Past({}, {}), 0.0


def keep(kept: Path, found: Past) -> None:
    """For a minute; where nothing can be written it is read again next time."""
    try:
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps(found._asdict()), encoding="utf-8")
        fresh.replace(kept)
    except OSError:
        return


if __name__ == "__main__":
    signal.alarm(LONGEST_S)  # no answer by then: it ends, by the signal
    remember(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

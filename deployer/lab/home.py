"""The lab's folder: which lab runs here, how to reach it, and what is exported to use it.

One lab a folder: its process holds a lock on `lock` for as long as it lives, so a lab that was
killed leaves nothing that could be mistaken for a running one.
"""

import fcntl
import os
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from deployer.errors import NotFound, NotPossibleNow
from deployer.process.clock import VARIABLE, ScaledClock

FOLDER_VARIABLE = "DEPLOYER_LAB"
AUTHORITY = "authority.pem"  # who signs the lab's certificates (deployer.lab.authority)
GUARD_PORT = 20127  # bound on 127.N.255.254 while network N is in use
NETWORKS = range(80, 200)  # each lab has one: 127.N.0.0/16
_LEFTOVERS = (
    "state.json",
    "incident.json",
    "audit*.jsonl",
    "balancer/?ds/*.json",
    "balancer/*.log",
    "instances/i-*",
    "builds",
    "functions",
)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What `lab up` prints and the other lab commands read.

    endpoint:      of the AWS API; url, test_url: of the two listeners ("" before the stacks exist).
    origin, scale: the virtual clock.
    """

    endpoint: str
    url: str
    test_url: str
    account: str
    region: str
    pid: int
    origin: float
    scale: float
    config: str
    environment: str


def folder(config: Path, environ: Mapping[str, str]) -> Path:
    """Where the lab of this configuration lives: $DEPLOYER_LAB, or `.lab` beside the file."""
    named = environ.get(FOLDER_VARIABLE)
    return Path(named).absolute() if named else config.absolute().parent / ".lab"


def take(directory: Path) -> IO[str]:
    """Make this process the folder's lab, for as long as the returned file is open.

    Raises:
        NotPossibleNow: a lab runs there already.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = (directory / "lock").open("a+")
    if not _locked(file):
        file.close()
        raise NotPossibleNow(
            f"a lab runs in {directory} already: use it (`deployer lab env`) or end it "
            "(`deployer lab down`)"
        )
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    _clear(directory)
    return file


def _locked(file: IO[str]) -> bool:
    """Lock it for this process; somebody who only looks (`running`) holds it for a moment."""
    for _ in range(20):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def _clear(directory: Path) -> None:
    """Remove what the last lab of this folder left, and nothing else that may be in it."""
    for pattern in _LEFTOVERS:
        for path in directory.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def running(directory: Path) -> bool:
    """Whether a lab lives in this folder.

    Looks with a shared lock: two who look at once must not take each other for a lab, and then
    end the process that once was one.
    """
    try:
        with (directory / "lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (FileNotFoundError, NotADirectoryError):
        return False
    return False


def publish(directory: Path, state: State) -> None:
    """Tell the other commands, all at once."""
    draft = directory / "state.json.new"
    draft.write_bytes(msgspec.json.encode(state))
    draft.replace(directory / "state.json")


def standing(directory: Path) -> bool:
    """Whether the folder of a lab that was published is still there."""
    return (directory / "state.json").exists()


def published(directory: Path) -> State | None:
    """What the folder's last lab told, which may have been killed since; None if none did."""
    try:
        return msgspec.json.decode((directory / "state.json").read_bytes(), type=State)
    except (FileNotFoundError, NotADirectoryError):
        return None


def find(directory: Path) -> State:
    """The lab that lives in this folder.

    Raises:
        NotFound: none does.
    """
    state = published(directory)
    if state is None or not running(directory):
        raise NotFound(f"no lab runs in {directory}: start one with `deployer lab up --detach`")
    return state


# The administrator's: any access key that is not a session's (deployer.lab.iam).
ADMIN = {"AWS_ACCESS_KEY_ID": "lab", "AWS_SECRET_ACCESS_KEY": "lab"}


def environment(state: State, credentials: Mapping[str, str] = ADMIN) -> dict[str, str]:
    """What a program needs in its environment to use this lab instead of AWS."""
    return {
        "AWS_ENDPOINT_URL": state.endpoint,
        "AWS_ENDPOINT_URL_S3": state.endpoint,
        **credentials,
        "AWS_REGION": state.region,
        "AWS_DEFAULT_REGION": state.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        VARIABLE: str(ScaledClock(state.origin, state.scale)),
        "DEPLOYER_CONFIG": state.config,
        "DEPLOYER_ENV": state.environment,
    }


def authority(directory: Path) -> Path | None:
    """Whom to trust with the certificates of this folder's labs; None before the first one."""
    file = directory / AUTHORITY
    return file if file.exists() else None


def trust(directory: Path) -> dict[str, str]:
    """The same as a variable: Python, curl and OpenSSL read it."""
    file = authority(directory)
    return {} if file is None else {"SSL_CERT_FILE": str(file)}


# Left alone, these would win over what the lab exports.
SHADOWING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_DYNAMODB")


def exports(values: Mapping[str, str], directory: Path) -> str:
    """The same as shell lines for `eval`."""
    values = {**values, FOLDER_VARIABLE: str(directory)}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([f"unset {' '.join(SHADOWING)}", *lines])


def stop(directory: Path, patience_s: float = 15.0) -> bool:
    """End the folder's lab and wait until it has gone; False if none was running."""
    if not running(directory):
        return False
    pid = int((directory / "lock").read_text())
    _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while running(directory) or alive(pid):
        if time.monotonic() > deadline:
            _signal(pid, signal.SIGKILL)  # its children die with it (leash)
            deadline += patience_s
        time.sleep(0.05)
    (directory / "state.json").unlink(missing_ok=True)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    """Send a signal; the process may just have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):  # the second: it ended while we read
        return False
    return fields[0] != "Z"


def claim_network(wanted: int | None = None) -> tuple[int, socket.socket]:
    """A loopback network 127.N.0.0/16 that no other lab uses, held while the socket is open.

    wanted: this one and no other.

    Raises:
        NotPossibleNow: all are taken, or this system has no loopback beyond 127.0.0.1 (macOS).
    """
    for network in NETWORKS if wanted is None else (wanted,):
        guard = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            guard.bind((f"127.{network}.255.254", GUARD_PORT))
        except OSError:
            guard.close()
            continue
        return network, guard
    if wanted is not None:
        raise NotPossibleNow(
            f"another lab has the loopback network 127.{wanted}.0.0/16 that [balancer] domain is "
            "of: name another, or end that lab with `deployer lab down`"
        )
    raise NotPossibleNow(
        "no free loopback network 127.80-199.0.0/16: end other labs with `deployer lab down` "
        "(on macOS only 127.0.0.1 exists: run the lab in a Linux container or machine)"
    )

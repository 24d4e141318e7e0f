"""Which process on this machine has made a call: found by its connection, as the kernel lists it.

For faults that strike the caller and not its call. Linux only, as the lab is (home.claim_network).
"""

import os
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from deployer.lab.wire import Refused

CONNECTIONS = Path("/proc/net/tcp")
PROCESSES = Path("/proc")
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def strike(environ: Mapping[str, Any], number: signal.Signals) -> int:
    """Send a signal to the process behind a WSGI request; its id.

    Raises:
        Refused: no such process to be found, or it is the lab's own.
    """
    address, port = str(environ.get("REMOTE_ADDR", "")), int(environ.get("REMOTE_PORT") or 0)
    served = int(environ.get("SERVER_PORT") or 0)
    inode = inode_of(CONNECTIONS.read_text(), address, port, served) if address and port else None
    pid = holder(inode, processes()) if inode else None
    if pid is None:
        raise Refused("LabDefect", f"no process on this machine is behind {address}:{port}")
    os.kill(pid, number)
    return pid


def inode_of(table: str, address: str, port: int, served: int) -> str | None:
    """The socket connected from this address and port to our port `served`, out of /proc/net/tcp.

    Both ends tell it: the kernel gives a port to several connections at once, if they lead elsewhere.
    """
    raw = int.from_bytes(IPv4Address(address).packed, "little")
    ours, theirs = f"{raw:08X}:{port:04X}", f":{served:04X}"
    rows = (line.split() for line in table.splitlines()[1:])
    ends = ((row[9], row[1] == ours and row[2].endswith(theirs)) for row in rows)
    return next((inode for inode, same in ends if same and inode != "0"), None)


def holder(inode: str, candidates: Iterable[tuple[int, Iterable[str]]]) -> int | None:
    """The process among `candidates` (id, what its descriptors are) that holds the socket."""
    for pid, descriptors in candidates:
        if any(inode in _SOCKET.findall(name) for name in descriptors):
            return pid
    return None


def processes() -> Iterator[tuple[int, list[str]]]:
    """Every process but this one whose descriptors may be read, with what they are."""
    for folder in PROCESSES.iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            with suppress(OSError):  # another user's, or it ended while we look
                yield int(folder.name), list(_descriptors(folder / "fd"))


def _descriptors(folder: Path) -> Iterator[str]:
    for each in folder.iterdir():
        with suppress(OSError):
            yield str(each.readlink())

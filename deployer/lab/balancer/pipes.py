"""Lines that Envoy writes to a named pipe, read without waiting and without a file that grows."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

CAPACITY = 1 << 20  # Linux' limit for everyone; a full pipe only makes Envoy's log thread wait


class Lines:
    """The reading end of a named pipe, made here; lives through restarts of the writer."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        # Read-write: opening waits for no writer, and the last writer's end is no end of file.
        self._fd = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.fcntl(self._fd, fcntl.F_SETPIPE_SZ, CAPACITY)
        self._rest = b""

    def read(self) -> Iterator[str]:
        """The whole lines that have come since."""
        while True:
            try:
                chunk = os.read(self._fd, CAPACITY)
            except BlockingIOError:
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            yield from (line.decode() for line in lines)

    def forget(self) -> None:
        """The writer is gone: what it left unfinished is no line."""
        self._rest = b""

    def close(self) -> None:
        os.close(self._fd)

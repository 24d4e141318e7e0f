"""An HTTP/1.1 response, read piece by piece from a keep-alive connection. Pure."""

from dataclasses import dataclass

from deployer.topology import RELEASE_HEADER

MAX_HEAD = 65_536
_RELEASE = RELEASE_HEADER.lower().encode()


class NotHttp(Exception):
    """The bytes are no HTTP/1.1 response that this reader knows."""


@dataclass(slots=True)
class Head:
    """Status, who answered (None without X-Release), and how the body ends.

    length: bytes of the body; None if it is chunked, or lasts until the connection ends.
    """

    status: int
    release: str | None
    length: int | None
    chunked: bool
    close: bool


def parse_head(raw: bytes) -> Head:
    """Status line and headers, without the empty line.

    Raises:
        NotHttp: malformed.
    """
    first, *lines = raw.split(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        raise NotHttp(repr(first[:80]))
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon:
            raise NotHttp(repr(line[:80]))
        headers[name.lower()] = value.strip()
    status = int(words[1])
    length = headers.get(b"content-length")
    chunked = headers.get(b"transfer-encoding", b"").lower() == b"chunked"
    if (length and not length.isdigit()) or (b"transfer-encoding" in headers and not chunked):
        raise NotHttp("no way to know where the body ends")
    bodiless = status in (204, 304)
    release = headers.get(_RELEASE)
    return Head(
        status=status,
        release=release.decode("latin-1") if release else None,
        length=0 if bodiless else int(length) if length and not chunked else None,
        chunked=chunked and not bodiless,
        close=headers.get(b"connection", b"").lower() == b"close" or words[0] == b"HTTP/1.0",
    )


class Reader:
    """Feed it bytes; `head` is set once known, `done` once the response is complete."""

    __slots__ = ("_buffer", "_left", "done", "head", "started")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self.head: Head | None = None
        self.done = False
        self.started = False

    def feed(self, data: bytes) -> None:
        """Raises NotHttp: malformed, or bytes after the end (nothing else was asked for)."""
        self.started = True
        self._buffer += data
        while self.head is None and self._take_head():
            pass
        if self.head is not None:
            self._take_body(self.head)
        if self.done and self._buffer:
            raise NotHttp("bytes after the response")

    def end(self) -> None:
        """The connection ended: completes a body that only this ends."""
        if self.head and self.head.length is None and not self.head.chunked:
            self.done = True

    def _take_head(self) -> bool:
        """Whether to look for another head: after an interim (1xx) response."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise NotHttp("endless head")
            return False
        head = parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        if 100 <= head.status < 200:
            return True
        self.head = head
        self._left = head.length or 0
        self.done = head.length == 0
        return False

    def _take_body(self, head: Head) -> None:
        if head.chunked:
            while not self.done and self._take_chunk():
                pass
        elif head.length is None:
            self._buffer.clear()
        elif not self.done:
            taken = min(self._left, len(self._buffer))
            del self._buffer[:taken]
            self._left -= taken
            self.done = self._left == 0

    def _take_chunk(self) -> bool:
        """Whether another chunk may follow in the buffer."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return False
        try:
            size = int(bytes(self._buffer[:end]).partition(b";")[0], 16)
        except ValueError as error:
            raise NotHttp("chunk without a size") from error
        if size == 0:
            # Trailers are not sent by anything in the lab: the empty line must follow at once.
            if len(self._buffer) < end + 4:
                return False
            if self._buffer[end : end + 4] != b"\r\n\r\n":
                raise NotHttp("trailers are not understood")
            del self._buffer[: end + 4]
            self.done = True
            return False
        if len(self._buffer) < end + 2 + size + 2:
            return False
        del self._buffer[: end + 2 + size + 2]
        return True

"""Reading HTTP responses: the same result however the bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.lab.load.response import MAX_HEAD, NotHttp, Reader

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Release: v1\r\n\r\nhello"
EMPTY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN
NO_BODY = b"HTTP/1.1 204 No Content\r\nx-release: v2\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "status", "release"),
    [
        (PLAIN, 200, "v1"),
        (EMPTY, 503, None),
        (CHUNKED, 500, None),
        (INTERIM, 200, "v1"),
        (NO_BODY, 204, "v2"),
    ],
)
@given(data=st.data())
def test_any_cut_gives_the_same_response(
    raw: bytes, status: int, release: str | None, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(raw) - 1), max_size=8)))
    reader = Reader()
    done = []
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        reader.feed(raw[begin:end])
        done.append(reader.done)
    assert done == [False] * len(cuts) + [True]
    assert reader.head is not None
    assert (reader.head.status, reader.head.release) == (status, release)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = Reader()
    done = []
    for part in (b"HTTP/1.0 200 OK\r\n\r\nsome", b" more"):
        reader.feed(part)
        done.append(reader.done)
    reader.end()
    assert [*done, reader.done] == [False, False, True]
    assert reader.head is not None
    assert reader.head.close


@pytest.mark.parametrize("cut", [10, len(PLAIN) - 1])
def test_an_end_in_the_middle_is_not_the_end_of_the_response(cut: int) -> None:
    reader = Reader()
    reader.feed(PLAIN[:cut])
    reader.end()
    assert not reader.done


@pytest.mark.parametrize(
    "raw",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
        PLAIN + b"HTTP/1.1 200 OK\r\n",
        b"x" * (MAX_HEAD + 1),
    ],
)
def test_what_is_no_response_is_refused(raw: bytes) -> None:
    with pytest.raises(NotHttp):
        Reader().feed(raw)

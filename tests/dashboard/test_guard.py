"""Who may read and who may act: every row of the guard's table, and what no request can be."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.dashboard.guard import HEADERS, Asked, Guard, is_loopback, name_of

GUARD = Guard(frozenset({"127.0.0.1", "localhost", "[::1]"}), frozenset({"/", "/page.css"}))
HOST = "127.0.0.1:8000"
PAGE = Asked("GET", "/", HOST, site="none")
EVENTS = Asked("GET", "/events", HOST, site="same-origin", cookie=GUARD.cookie)
ASK = Asked("POST", "/ask", HOST, f"http://{HOST}", "same-origin", GUARD.cookie, GUARD.key)
SESSION = Asked("POST", "/session", HOST, f"http://{HOST}", "same-origin")


@pytest.mark.parametrize("asked", [PAGE, EVENTS, ASK, SESSION, replace(PAGE, site="cross-site")])
def test_what_the_page_does_is_answered(asked: Asked) -> None:
    assert GUARD.refusal(asked) is None


@pytest.mark.parametrize("name", ["localhost:1", "LOCALHOST:65535", "[::1]:80", "[::1]", "127.0.0.1"])  # fmt: skip
def test_by_any_of_its_names(name: str) -> None:
    assert GUARD.refusal(replace(ASK, host=name, origin=f"http://{name}")) is None


REFUSED = {
    "a name that points here": (replace(PAGE, host="evil.example:8000"), 421),
    "a name that begins alike": (replace(PAGE, host="127.0.0.1.evil.example"), 421),
    "a name that ends in a dot": (replace(PAGE, host="localhost.:8000"), 421),
    "no name": (replace(PAGE, host=""), 421),
    "reading without a cookie": (replace(EVENTS, cookie=""), 401),
    "reading with another's": (replace(EVENTS, cookie="x" * 43), 401),
    "reading from another site": (replace(EVENTS, site="cross-site"), 403),
    "reading from another port": (replace(EVENTS, site="same-site"), 403),
    "reading by a script of another port": (replace(EVENTS, origin="http://127.0.0.1:9"), 403),
    "acting without an origin": (replace(ASK, origin=""), 403),
    "acting from another origin": (replace(ASK, origin="http://evil.example"), 403),
    "acting from no origin": (replace(ASK, origin="null"), 403),
    "acting from another port": (replace(ASK, origin="http://127.0.0.1:9", site="same-site"), 403),
    "acting with the cookie alone": (replace(ASK, key=""), 403),
    "acting with another's key": (replace(ASK, key="é"), 403),
    "acting with the key alone": (replace(ASK, cookie=""), 401),
    "another method": (replace(ASK, method="PUT", key=""), 403),
    "a session from another page": (replace(SESSION, origin="http://evil.example"), 403),
    "a frame of another site": (replace(PAGE, path="/page.css", site="cross-site"), 403),
}


@pytest.mark.parametrize(("asked", "status"), REFUSED.values(), ids=list(REFUSED))
def test_what_is_not_the_page_is_refused(asked: Asked, status: int) -> None:
    refusal = GUARD.refusal(asked)
    assert refusal is not None
    assert refusal.status == status
    assert refusal.why


words = st.text(max_size=60)
methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE"])


requests = st.builds(Asked, methods, words, words, words, words, words, words)


@given(requests)
def test_without_the_secrets_nothing_is_read_and_nothing_is_asked(asked: Asked) -> None:
    assert GUARD.refusal(asked) is not None or asked.path in GUARD.public | {"/session"}
    known = replace(asked, host=HOST, origin=f"http://{HOST}", site="same-origin", path="/ask")
    assert GUARD.refusal(known) is not None


@given(st.binary(max_size=100))
def test_only_the_token_opens_a_session(body: bytes) -> None:
    assert not GUARD.admits(body)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"token": 1}', b'{"token": null}', b"{}", b'"x"', b'{"token": "\\ud800"}', b"[" * 4000, b'{"a": ' * 600])  # fmt: skip
def test_nothing_else_opens_one(body: bytes) -> None:
    assert not GUARD.admits(body)
    assert GUARD.admits(f'{{"token": "{GUARD.token}"}}'.encode())


def test_the_secrets_are_long_and_differ() -> None:
    other = Guard(GUARD.names, GUARD.public)
    secrets = {GUARD.token, GUARD.cookie, GUARD.key, other.token, other.cookie, other.key}
    assert len(secrets) == 6
    assert all(len(each) >= 43 for each in secrets)


def test_the_page_can_load_nothing_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


@pytest.mark.parametrize(
    ("address", "own"),
    [("127.0.0.1", True), ("127.0.0.2", True), ("::1", True), ("[::1]", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("localhost.evil", False), ("", False)],
)  # fmt: skip
def test_loopback(address: str, *, own: bool) -> None:
    assert is_loopback(address) is own


@pytest.mark.parametrize(
    ("host", "name"),
    [("a:1", "a"), ("A", "a"), ("[::1]:1", "[::1]"), ("[::1]", "[::1]"), ("a:b", "a:b"), ("", "")],
)
def test_a_host_without_its_port(host: str, name: str) -> None:
    assert name_of(host) == name

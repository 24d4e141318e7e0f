"""A webhook: what is asked, what is taken for an answer, and what never shows in what is said of it."""

import json
import ssl
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.errors import CloudUnavailable, NotFound
from deployer.lab import authority, home
from deployer.model import Slot
from deployer.operations.counting import Counted
from deployer.settings.kinds import Seconds
from deployer.settings.metrics import WebhookMetric
from deployer.sources.asking import LARGEST, ask, shown, token_of
from deployer.sources.webhook import Webhook, minutes_of
from tests.sources.serving import Answer, saying, serving

STARTS = range(1_700_000_040, 1_700_000_220, 60)
FACTS = {slot: {"slot": slot.value, "release": "v2", "service": "a b&c"} for slot in Slot}
GOOD = json.dumps({"minutes": [{"start": at, "bad": 1, "total": 4} for at in STARTS]})


def asked(
    url: str, answer: Answer, *, timeout_s: float = 5, token_from: str = "", environ: dict[str, str] | None = None
) -> tuple[Counted, list[bytes]]:  # fmt: skip
    with serving(answer) as served:
        metric = WebhookMetric(
            name="m", url=served.url + url, timeout_s=Seconds(timeout_s), token_from=token_from
        )
        return Webhook(metric, environ or {}).counts(STARTS, FACTS), served.requests


def refused(answer: Answer, url: str = "/", **more: float) -> str:
    with pytest.raises(CloudUnavailable) as failed:
        asked(url, answer, **more)  # type: ignore[arg-type]
    return str(failed.value)


def test_both_slots_are_asked_and_their_counts_come_back() -> None:
    url = "/m?s={slot}&r={release}&n={service}&from={since}&to={until}"
    found, requests = asked(url, saying(GOOD))
    assert found == Counted({slot: dict.fromkeys(STARTS, (1.0, 4.0)) for slot in Slot})
    head, *headers = requests[0].decode().split("\r\n")
    assert head == "GET /m?s=blue&r=v2&n=a%20b%26c&from=1700000040&to=1700000220 HTTP/1.1"
    assert "Accept: application/json" in headers
    assert any(line.startswith("User-Agent: deployer/") for line in headers)
    assert not any(line.startswith("Authorization") for line in headers)
    assert b"s=green" in requests[1]


def test_a_minute_that_is_not_there_had_nothing_to_count() -> None:
    found, _ = asked("/", saying('{"minutes": [], "version": 3}'))
    assert found == Counted({slot: {} for slot in Slot})


def test_a_token_comes_from_the_environment_and_goes_nowhere_else() -> None:
    environ = {"TOKEN": " s3cret\n"}
    _, requests = asked("/m?key=k", saying(GOOD), token_from="TOKEN", environ=environ)
    assert b"\r\nAuthorization: Bearer s3cret\r\n" in requests[0]
    with pytest.raises(CloudUnavailable) as failed:
        asked("/m?key=k", saying("s3cret k", 403), token_from="TOKEN", environ=environ)
    assert str(failed.value).endswith("/m answered 403")
    assert shown("https://user:pass@host:8/p?key=1#x") == "https://host:8/p"


@pytest.mark.parametrize("environ", [{}, {"TOKEN": " "}, {"TOKEN": "two\nlines"}, {"TOKEN": "é"}])
def test_without_the_token_nothing_is_asked(environ: dict[str, str]) -> None:
    with pytest.raises(CloudUnavailable, match="variable TOKEN") as failed:
        token_of("TOKEN", environ)
    assert "lines" not in str(failed.value)


def test_no_release_is_no_question() -> None:
    metric = WebhookMetric(name="m", url="http://127.0.0.1:1/{release}")
    with pytest.raises(NotFound, match=r"\{release\}"):
        Webhook(metric, {}).counts(STARTS, {slot: {"slot": slot.value} for slot in Slot})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "no JSON"),
        ("<html>", "no JSON"),
        ('{"minutes": [], "x": ' + "[" * 5000, "no JSON"),
        ("[]", "otherwise than documented"),
        ("{}", "otherwise than documented: Object missing required field `minutes`"),
        ('{"minutes": [{"start": 0, "bad": 1}]}', "missing required field `total`"),
        ('{"minutes": [{"start": 0, "bad": null, "total": 1}]}', "Expected `float`, got `null`"),
        ('{"minutes": [{"start": 0, "bad": "1", "total": 1}]}', "Expected `float`, got `str`"),
        ('{"minutes": [{"start": 61, "bad": 0, "total": 1}]}', "not whole, or come twice"),
        ('{"minutes": [{"start": 0, "bad": 0, "total": 1}, {"start": 0, "bad": 0, "total": 1}]}', "twice"),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_like_the_schema_is_none(body: str, said: str) -> None:
    with pytest.raises(CloudUnavailable) as failed:
        minutes_of(body.encode(), "https://m.example.com/x")
    assert said in str(failed.value)
    assert "https://m.example.com/x" in str(failed.value)


@given(st.binary(max_size=60) | st.recursive(st.none() | st.floats() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.sampled_from(["minutes", "start", "bad", "total"]), each), max_leaves=6).map(lambda x: json.dumps(x).encode()))  # fmt: skip
def test_any_answer_is_counts_or_an_error(body: bytes) -> None:
    try:
        found = minutes_of(body, "x")
    except CloudUnavailable:
        return
    assert all(at % 60 == 0 for at in found)


@pytest.mark.alone
def test_what_a_server_does_wrong_is_told_in_a_few_words() -> None:
    assert refused(saying("", 500), "/m?key=1").endswith("/m answered 500")
    assert refused(saying("", 302, "Location: /elsewhere\r\n")).endswith("answered 302")
    assert refused(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{").endswith("lost")
    assert refused(lambda _: b"SSH-2.0-x\r\n").endswith("not HTTP")
    less = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc"
    assert refused(lambda _: less).endswith("not HTTP")
    large = b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (LARGEST + 1)
    assert refused(lambda _: large).endswith("an answer of more than 4 MB")
    metric = WebhookMetric(name="m", url="http://127.0.0.1:1/x")
    with pytest.raises(CloudUnavailable, match="refused"):
        Webhook(metric, {}).counts(STARTS, FACTS)


@pytest.mark.alone
def test_whoever_does_not_answer_is_not_waited_for() -> None:
    over = threading.Event()

    def wait(_request: bytes) -> bytes:
        over.wait(5)
        return b""

    began = time.monotonic()
    with serving(wait) as served:
        metric = WebhookMetric(name="m", url=served.url, timeout_s=Seconds(0.2))
        with pytest.raises(CloudUnavailable, match="timeout"):
            Webhook(metric, {}).counts(STARTS, FACTS)
        over.set()
    assert time.monotonic() - began < 4  # not until it answers
    with pytest.raises(CloudUnavailable, match="timeout"):
        ask("http://127.0.0.1:1/", until=time.monotonic() - 1)


@pytest.mark.alone
def test_a_certificate_must_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem, key = authority.issue(tmp_path, "127.0.0.1")
    (tmp_path / "chain.pem").write_bytes(pem + key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "chain.pem")
    with serving(saying(GOOD), tls) as served:
        metric = WebhookMetric(name="m", url=served.url + "/x?key=1")
        with pytest.raises(
            CloudUnavailable, match=r"/x: TLS: unable to get local issuer certificate"
        ):
            Webhook(metric, {}).counts(STARTS, FACTS)
        monkeypatch.setenv("SSL_CERT_FILE", str(home.authority(tmp_path)))
        assert Webhook(metric, {}).counts(STARTS, FACTS).known[Slot.BLUE][STARTS[0]] == (1.0, 4.0)

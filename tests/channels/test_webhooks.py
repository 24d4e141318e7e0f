"""Notices over HTTP, to servers on this machine: taken, refused, slow, broken; and no secret in any word."""

import base64
import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from deployer.channels import messages
from deployer.channels.channel import Undelivered
from deployer.channels.webhooks import Body, Webhook, signature
from deployer.news import Kind
from deployer.operations.notice_document import document
from deployer.operations.notices import Command, Notice, Place
from tests.sources.serving import Served, serving

NOTICE = Notice(
    "20260101-120000-ab12.halt.77",
    (Kind.HALT, Kind.VERDICT),
    1_700_000_000.0,
    Place("shop", "prod"),
    "shop/prod: v2 halted",
    "It has halted.\n\nWhy: 3 < 5 & worse",
    (Command("Look", "deployer --env prod status"),),
    "https://reports/1",
    {"verdict": "fail"},
)
KEY = "T0Bf/hunter2"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def taken(_request: bytes) -> bytes:
    return OK


def answering(status: str) -> Callable[[bytes], bytes]:
    return lambda _: f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()


def webhook(url: str, secret: str = "", body: Body = document) -> Webhook:
    known = {"env:URL": url, "env:KEY": secret}
    return Webhook(
        body, known.__getitem__, "env:URL", "env:KEY" if secret else "", lambda: 1_614_265_330.4
    )


def parts(served: Served) -> tuple[str, Mapping[str, str], bytes]:
    """Request line, headers and body of the only request."""
    (request,) = served.requests
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return first, {name.lower(): value for name, value in headers.items()}, body


def test_an_address_gets_the_documented_json_signed() -> None:
    with serving(taken) as served:
        webhook(f"{served.url}/{KEY}?a=b", "s3cret")(NOTICE)
        first, headers, body = parts(served)
    assert first == f"POST /{KEY}?a=b HTTP/1.1"
    assert headers["content-type"] == "application/json"
    assert msgspec.json.decode(body) == msgspec.to_builtins(document(NOTICE))
    assert headers["webhook-id"] == NOTICE.id
    assert headers["webhook-timestamp"] == "1614265330"
    signed = f"{NOTICE.id}.1614265330.".encode() + body
    expected = base64.b64encode(hmac.digest(b"s3cret", signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_without_a_secret_there_is_no_signature() -> None:
    with serving(taken) as served:
        webhook(served.url)(NOTICE)
        _, headers, _ = parts(served)
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == NOTICE.id


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of its specification's reference implementations."""
    assert signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    ) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="  # fmt: skip


def test_a_secret_that_is_no_base64_is_not_shown() -> None:
    with pytest.raises(Undelivered, match="no base64") as error:
        signature("whsec_hunter2!", "id", "1", b"")
    assert "hunter2" not in str(error.value)
    assert error.value.lasting


@pytest.mark.parametrize(
    ("status", "lasting", "reached"),
    [
        ("404 Not Found", True, False),
        ("403 Forbidden", True, False),
        ("302 Found", True, False),
        ("429 Too Many Requests", False, False),
        ("500 Error", False, True),
        ("504 Gateway Time-out", False, True),
        ("503 Busy", False, False),
    ],
)
def test_an_answer_that_is_no_yes_says_whether_another_try_helps_and_whether_it_may_be_there(
    status: str, lasting: bool, reached: bool
) -> None:
    with serving(answering(status)) as served:
        with pytest.raises(Undelivered) as error:
            webhook(f"{served.url}/{KEY}")(NOTICE)
        assert len(served.requests) == 1
    assert str(error.value) == f"{served.url} answered {status[:3]}"
    assert (error.value.lasting, error.value.reached) == (lasting, reached)


def test_202_is_what_teams_answers() -> None:
    with serving(answering("202 Accepted")) as served:
        webhook(served.url, body=messages.teams)(NOTICE)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 20", b"nonsense\r\n\r\n"])
def test_an_answer_that_breaks_off_may_have_been_a_yes(answer: bytes) -> None:
    with serving(lambda _: answer) as served, pytest.raises(Undelivered) as error:
        webhook(f"{served.url}/{KEY}")(NOTICE)
    assert error.value.reached
    assert KEY not in str(error.value)


def test_nobody_there_has_heard_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with pytest.raises(Undelivered, match=f"http://127.0.0.1:{port}: refused") as error:
        webhook(f"http://127.0.0.1:{port}/{KEY}")(NOTICE)
    assert not error.value.reached
    assert not error.value.lasting


def test_a_slow_one_is_given_up() -> None:

    def slow(_request: bytes) -> bytes:
        threading.Event().wait(0.6)
        return OK

    with serving(slow) as served, pytest.raises(Undelivered, match="timeout") as error:
        replace(webhook(f"{served.url}/{KEY}"), timeout_s=0.2)(NOTICE)
    assert error.value.reached


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.example.com/{KEY}",
        f"ftp://hooks.example.com/{KEY}",
        KEY,
        f"https://[{KEY}",
        f"https://user:{KEY}@h/x",
    ],
)
def test_what_is_no_address_or_would_be_read_on_the_way_is_not_asked(url: str) -> None:
    with pytest.raises(Undelivered, match="env:URL") as error:
        webhook(url)(NOTICE)
    assert KEY not in str(error.value)
    assert error.value.lasting


def test_slack_gets_blocks_in_which_nothing_is_markup() -> None:
    body = messages.slack(NOTICE)
    assert body["text"] == "🛑 shop/prod: v2 halted"
    text = msgspec.json.encode(body).decode()
    assert "3 &lt; 5 &amp; worse" in text
    assert "Look: `deployer --env prod status`" in text
    assert "<https://reports/1|Report>" in text
    kinds = [block["type"] for block in body["blocks"]]  # type: ignore[attr-defined]
    assert kinds == ["header", "section", "section", "section", "context"]


def test_teams_gets_a_card_with_the_commands_and_a_button() -> None:
    body: dict[str, Any] = dict(messages.teams(NOTICE))
    card = body["attachments"][0]["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [part["type"] for part in card["body"]] == [
        "RichTextBlock", "RichTextBlock", "RichTextBlock", "FactSet", "TextBlock",
    ]  # fmt: skip
    (title,) = card["body"][0]["inlines"]
    assert (title["type"], title["color"]) == ("TextRun", "Attention")
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Report", "url": "https://reports/1"}
    ]


def test_what_is_too_long_is_cut_where_slack_would_refuse_it() -> None:
    long = replace(NOTICE, title="t" * 500, words="w" * 5_000)
    blocks = messages.slack(long)["blocks"]
    header, words = blocks[0]["text"]["text"], blocks[1]["text"]["text"]  # type: ignore[index]
    assert len(header) == 150
    assert len(words) <= 3_000
    assert words.endswith("…")


@pytest.mark.parametrize("words", ["<" * 2_000, "a&" * 2_000, "&" * 580, "w" * 2_900, ""])
def test_what_grows_as_it_is_escaped_still_fits_and_no_sign_is_cut_in_two(words: str) -> None:
    blocks = messages.slack(replace(NOTICE, words=words))["blocks"]
    text = blocks[1]["text"]["text"]  # type: ignore[index]
    assert len(text) <= messages.LONGEST_TEXT
    bare = text.replace("&amp;", "+").replace("&lt;", "+").replace("&gt;", "+")
    assert "&" not in bare
    assert bare.endswith("…") or len(bare) == len(words)


def test_what_a_release_or_a_hook_says_is_no_link_in_teams() -> None:
    """A TextBlock is Markdown: nothing that others have said stands in one."""
    link = "[sign in](https://evil.example)"
    body: dict[str, Any] = dict(messages.teams(replace(NOTICE, title=link, words=f"Why: {link}")))
    parts = body["attachments"][0]["content"]["body"]
    assert [part["type"] for part in parts if link in msgspec.json.encode(part).decode()] == [
        "RichTextBlock",
        "RichTextBlock",
    ]

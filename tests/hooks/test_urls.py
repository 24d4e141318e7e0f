"""POSTs to a real server."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from deployer.aws.hooks import BackgroundHooks
from deployer.aws.tail import KEPT
from deployer.hooks import HookAction, HookReport
from tests.hooks.runs import KEY, ended, eventually, hook

pytestmark = pytest.mark.alone

Answer = Callable[[BaseHTTPRequestHandler], None]


class Receiver(ThreadingHTTPServer):
    """A server that answers as it is told, and remembers what it was asked."""

    daemon_threads = True
    answer: Answer

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.over = threading.Event()

    def url(self, path: str = "/") -> HookAction:
        return HookAction(url=f"http://127.0.0.1:{self.server_address[1]}{path}")


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers.items()), json.loads(body)))
        self.server.answer(self)

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {}, "GET"))

    def log_message(self, *_: object) -> None:
        """Quiet."""


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(body)), **named}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    server.answer = answering(200)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_answer_2xx_is_success(hooks: BackgroundHooks, receiver: Receiver) -> None:
    receiver.answer = answering(202, b"queued")
    hooks.begin(hook(receiver.url("/released?token=t")))
    assert ended(hooks) == HookReport("succeeded", "", "queued")
    ((path, headers, body),) = receiver.asked
    assert path == "/released?token=t"
    assert headers["Idempotency-Key"] == KEY
    assert headers["Content-Type"] == "application/json"
    assert body == {
        "service": "shop",
        "environment": "prod",
        "deployment": "20270115-080017-6489",
        "release": "v2",
        "previous": "v1",
        "slot": "green",
        "hook": "before_traffic",
        "key": KEY,
    }


@pytest.mark.parametrize("status", [302, 400, 500, 503])
def test_any_other_answer_is_a_failure(
    hooks: BackgroundHooks, receiver: Receiver, status: int
) -> None:
    receiver.answer = answering(status, b"why", Location="/elsewhere")
    hooks.begin(hook(receiver.url()))
    assert ended(hooks) == HookReport("failed", f"answered {status}", "why")
    assert len(receiver.asked) == 1


def test_no_answer_is_a_failure_at_the_deadline(hooks: BackgroundHooks, receiver: Receiver) -> None:
    receiver.answer = lambda _: (receiver.over.wait(), None)[1]
    hooks.begin(hook(receiver.url(), limit_s=0.5))
    assert ended(hooks) == HookReport("failed", "killed at its deadline")


def test_an_answer_that_drips_is_a_failure_at_the_deadline(
    hooks: BackgroundHooks, receiver: Receiver
) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not receiver.over.wait(0.05):
            handler.wfile.write(b".")

    receiver.answer = drip
    hooks.begin(hook(receiver.url(), limit_s=0.5))
    assert ended(hooks).reason == "killed at its deadline"
    receiver.over.set()


def test_an_answer_that_breaks_off_is_a_failure(hooks: BackgroundHooks, receiver: Receiver) -> None:
    receiver.answer = answering(200, b"half", Content_Length="400")
    hooks.begin(hook(receiver.url()))
    assert ended(hooks).reason == "connection lost"


def test_of_a_big_answer_the_end_is_kept(hooks: BackgroundHooks, receiver: Receiver) -> None:
    receiver.answer = answering(200, b"a" * 3_000_000 + b"the end")
    hooks.begin(hook(receiver.url()))
    assert ended(hooks).output == "..." + "a" * (KEPT - 7) + "the end"


def test_nobody_there(hooks: BackgroundHooks, receiver: Receiver) -> None:
    gone = Receiver()
    action = gone.url()
    gone.server_close()
    hooks.begin(hook(action))
    assert ended(hooks) == HookReport("failed", "refused")


def test_closing_hangs_up(hooks: BackgroundHooks, receiver: Receiver) -> None:
    receiver.answer = lambda _: (receiver.over.wait(), None)[1]
    hooks.begin(hook(receiver.url(), limit_s=600.0))
    eventually(lambda: receiver.asked)
    hooks.end()
    assert ended(hooks) == HookReport("failed", "ended before it had finished")


def test_half_an_answer_is_none_when_it_is_ended(
    hooks: BackgroundHooks, receiver: Receiver
) -> None:
    """Without a length, where we hang up looks like the end of it."""
    begun = threading.Event()

    def half(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"half")
        begun.set()
        receiver.over.wait()

    receiver.answer = half
    hooks.begin(hook(receiver.url(), limit_s=600.0))
    begun.wait()
    hooks.end()
    assert ended(hooks).reason == "ended before it had finished"


def test_a_url_with_an_impossible_port(hooks: BackgroundHooks) -> None:
    hooks.begin(hook(HookAction(url="http://127.0.0.1:99999/")))
    assert ended(hooks).reason.startswith("cannot be run: Port")

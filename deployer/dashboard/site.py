"""The dashboard's addresses. Reading is a stream of server-sent events; acting is one POST.

GET  /             the page; public, since it holds nothing: the token is in its link's fragment
GET  /NAME         its scripts and styles; public
POST /session      {"token"} -> a cookie to read with, and {"key"} to act with
GET  /events       the newest state of each environment, then each newer one; id: is TAG:NUMBER
GET  /figures?of=  {"figures", "unknown"}: the charts of one environment's deployment
POST /ask          {"of", "ask", "id", "step", "why"} -> {"words"}, or {"why"} with 409
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployer.dashboard.feed import Feed
from deployer.dashboard.guard import HEADERS, KEY_HEADER, LARGEST, Asked, Guard
from deployer.errors import DeployError
from deployer.render.figures import Figure
from deployer.web import asset

PAGE: Final = "dashboard.html"
FILES: Final[Mapping[str, str]] = {
    "uplot.css": "text/css", "page.css": "text/css", "dashboard.css": "text/css",
    "uplot.js": "text/javascript", "charts.js": "text/javascript", "dashboard.js": "text/javascript",
}  # fmt: skip
OWN: Final = ("dashboard.html", "dashboard.css", "dashboard.js")
PUBLIC: Final = frozenset({"/", *(f"/{name}" for name in FILES)})
KEEP_ALIVE_S: Final = 15.0
RETRY_MS: Final = 2000
MOST_STREAMS: Final = 40


class Wish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody asks, and of what he saw.

    of:   an environment's name, or `fleet`'s key in the feed.
    id:   of the deployment, or fleet, that the page showed; `step`: where that stood.
    why:  in spite of a freeze.
    """

    of: str
    ask: str
    id: str
    step: int
    why: str = ""


class Drawn(NamedTuple):
    """Charts; `unknown`: why what was served is not among them, empty if it is."""

    figures: Sequence[Figure] = ()
    unknown: str = ""


class Site(NamedTuple):
    """What the addresses need.

    act:    carries a wish out, in a thread of its own; words for people.
            Raises DeployError: it was refused, or nobody answered.
    draw:   the charts of what is called so in the feed; in a thread, and raising, likewise.
    cookie: its name; different for each port, since browsers keep one for all of them.
    """

    feed: Feed
    guard: Guard
    act: Callable[[Wish], str]
    draw: Callable[[str], Drawn]
    cookie: str

    def application(self) -> ASGIApp:
        """Everything, guarded."""
        routes = [
            Route("/", _page, methods=["GET"]),
            Route("/session", self._session, methods=["POST"]),
            Route("/events", self._events, methods=["GET"]),
            Route("/figures", self._figures, methods=["GET"]),
            Route("/ask", self._ask, methods=["POST"]),
            Route("/{name}", _file, methods=["GET"]),
        ]
        return Guarded(Starlette(routes=routes), self.guard, self.cookie)

    async def _session(self, request: Request) -> Response:
        if not self.guard.admits(await _body(request)):
            return _refused(403, "this link is of another dashboard: open the newest one")
        answer = JSONResponse({"key": self.guard.key})
        answer.set_cookie(self.cookie, self.guard.cookie, httponly=True, samesite="strict")
        return answer

    async def _events(self, request: Request) -> Response:
        if self.feed.listeners >= MOST_STREAMS:
            return _refused(503, "too many pages are open: close some")
        last = self.feed.number_of(request.headers.get("last-event-id", ""))
        return StreamingResponse(_stream(self.feed, last), media_type="text/event-stream")

    async def _figures(self, request: Request) -> Response:
        try:
            drawn = await run_in_threadpool(self.draw, request.query_params.get("of", ""))
        except DeployError as error:
            return _refused(409, str(error))
        return Response(msgspec.json.encode(drawn._asdict()), media_type="application/json")

    async def _ask(self, request: Request) -> Response:
        try:
            wish = msgspec.json.decode(await _body(request), type=Wish)
        except msgspec.DecodeError as error:
            return _refused(400, f"not understood: {error}")
        try:
            return JSONResponse({"words": await run_in_threadpool(self.act, wish)})
        except DeployError as error:
            return _refused(409, str(error))


class Guarded:
    """The application behind its guard; every answer has the security headers."""

    def __init__(self, application: ASGIApp, guard: Guard, cookie: str) -> None:
        self._application, self._guard, self._cookie = application, guard, cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            return

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        refusal = self._guard.refusal(self._asked(Request(scope)))
        answer: Callable[..., Awaitable[None]] = (
            self._application if refusal is None else _refused(*refusal)
        )
        await answer(scope, receive, sealed)

    def _asked(self, request: Request) -> Asked:
        told = request.headers
        return Asked(
            method=request.method,
            path=request.url.path,
            host=told.get("host", ""),
            origin=told.get("origin", ""),
            site=told.get("sec-fetch-site", ""),
            # Read as browsers write them: other programs of this machine leave cookies here, of any form.
            cookie=request.cookies.get(self._cookie, ""),
            key=told.get(KEY_HEADER, ""),
        )


@cache
def text_of(name: str) -> str:
    """A file of the page: the dashboard's own, or one that the report shares."""
    if name in OWN:
        return files("deployer.dashboard").joinpath(name).read_text(encoding="utf-8")
    return asset(name)


async def _page(_: Request) -> Response:
    return Response(text_of(PAGE), media_type="text/html")


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        return _refused(404, "there is nothing of that name")
    return Response(text_of(name), media_type=FILES[name])


async def _body(request: Request) -> bytes:
    """What was sent; nothing, if it is more than anything that is asked here."""
    read = b""
    async for part in request.stream():
        read += part
        if len(read) > LARGEST:
            return b""
    return read


async def _stream(feed: Feed, last: int) -> AsyncIterator[str]:
    news, loop = asyncio.Event(), asyncio.get_running_loop()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop has ended: so has this browser's stream
            loop.call_soon_threadsafe(news.set)

    with feed.listening(wake):
        yield f"retry: {RETRY_MS}\n\n"
        while not feed.closed:
            news.clear()
            for number, kind, body in feed.after(last):
                yield f"id: {feed.tag}:{number}\nevent: {kind}\ndata: {body}\n\n"
                last = number
            try:
                await asyncio.wait_for(news.wait(), KEEP_ALIVE_S)
            except TimeoutError:
                yield ": nothing new\n\n"


def _refused(status: int, why: str) -> Response:
    return Response(json.dumps({"why": why}), status, media_type="application/json")

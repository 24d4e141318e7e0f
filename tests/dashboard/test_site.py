"""The real server, by hand: what is refused, what is never said, and what a client that returns gets."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deployer.cli.dashboard import Open
from deployer.dashboard.guard import HEADERS
from deployer.dashboard.site import FILES
from tests.dashboard.house import House, house, under_way

pytestmark = pytest.mark.alone


class Caller:
    """Somebody who knows the link, or not; `headers` go with every request."""

    def __init__(self, link: str) -> None:
        self.parts = urlsplit(link)
        self.origin = f"http://{self.parts.netloc}"
        self.token = self.parts.fragment.removeprefix("token=")
        self.headers = dict[str, str]()

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, str]:
        with self.line(method, path, body, **headers) as answer:
            return answer, answer.read().decode()

    @contextmanager
    def line(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> Iterator[http.client.HTTPResponse]:
        own = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        with closing(http.client.HTTPConnection(self.parts.netloc, timeout=10)) as line:
            named = {**self.headers, "Origin": self.origin, **own}
            line.request(method, path, sent if method == "POST" else None, named)
            with line.getresponse() as answer:
                yield answer

    def enter(self) -> "Caller":
        answer, body = self.ask("POST", "/session", {"token": self.token})
        assert answer.status == 200, body
        crumb = answer.headers["Set-Cookie"]
        assert "HttpOnly" in crumb
        assert "SameSite=strict" in crumb
        self.headers = {"Cookie": crumb.partition(";")[0], "X-Deployer-Key": json.loads(body)["key"]}  # fmt: skip
        return self


@pytest.fixture
def home(tmp_path: Path) -> House:
    return house(tmp_path, "dev", "prod")


@pytest.fixture
def dash(home: House) -> Iterator[Open]:
    under_way(home.stages["prod"])
    with home.open() as opened:
        yield opened


def once_read(dash: Open) -> Caller:
    """Somebody who may act, after everything was read."""
    known, left = Caller(dash.link).enter(), {"environment/dev", "environment/prod"}
    with known.line("GET", "/events") as stream:
        while left:
            body = json.loads(events(stream, 1)[0]["data"])
            left -= {body["name"]} if body["read_at"] else set()
    return known


def wish(home: House, **other: object) -> dict[str, object]:
    """Pause what runs in prod."""
    record = home.stages["prod"].records[0]
    return {"of": "environment/prod", "ask": "pause", "id": record.id, "step": record.cursor, **other}  # fmt: skip


def events(answer: http.client.HTTPResponse, many: int) -> list[dict[str, str]]:
    """The next ones of a stream."""
    found, fields = list[dict[str, str]](), dict[str, str]()
    while len(found) < many:
        line = answer.readline().decode().rstrip("\n")
        if not line:
            found += [fields] if "data" in fields else []
            fields = {}
        name, _, value = line.partition(": ")
        fields[name] = value
    return found


def test_the_page_is_all_that_a_stranger_gets(home: House, dash: Open) -> None:
    stranger = Caller(dash.link)
    for path in ("/", *(f"/{name}" for name in FILES)):
        answer, body = stranger.ask("GET", path)
        assert answer.status == 200
        assert stranger.token not in body
        assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    for method, path in (("GET", "/events"), ("POST", "/ask"), ("GET", "/other"), ("GET", "/../x")):
        answer, body = stranger.ask(method, path, wish(home))
        assert answer.status == 401, path
        assert "prod" not in body
        assert answer.headers["Content-Security-Policy"]
    assert stranger.ask("POST", "/session", {"token": "x" * 43})[0].status == 403
    assert home.stages["prod"].journal.requests == {}
    # The canary's own, and the first environment's at the start: nobody looked.
    assert home.stages["prod"].commands == 1
    assert home.stages["dev"].commands <= 1


def test_a_name_that_points_here_and_a_page_elsewhere_get_nothing(home: House, dash: Open) -> None:
    known = Caller(dash.link).enter()
    foreign = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert known.ask("GET", "/events", **foreign)[0].status == 421
    assert known.ask("POST", "/ask", wish(home), **foreign)[0].status == 421
    assert known.ask("POST", "/ask", wish(home), Origin="http://evil.example")[0].status == 403
    assert known.ask("POST", "/ask", wish(home), Sec_Fetch_Site="cross-site")[0].status == 403
    assert known.ask("POST", "/ask", wish(home), X_Deployer_Key="")[0].status == 403
    assert home.stages["prod"].journal.requests == {}


def test_a_wish_reaches_the_journal_with_who_and_where_from(home: House, dash: Open) -> None:
    known = once_read(dash)
    answer, body = known.ask("POST", "/ask", wish(home))
    assert (answer.status, "to pause" in body) == (200, True)
    (request,) = home.stages["prod"].journal.requests.values()
    assert (request.ask, request.by) == ("pause", "alice@laptop, dashboard")


REFUSED = {
    "another deployment": ({"id": "20200101-000000-0000"}, 409, "is not in progress any more"),
    "another step": ({"ask": "promote", "step": 2}, 409, "has gone on to"),
    "makes no sense": ({"ask": "approve"}, 409, "is not possible now"),
    "resume": ({"ask": "resume"}, 409, "is for a terminal here"),
    "no such ask": ({"ask": "explode"}, 409, "nothing is called"),
    "nothing runs there": ({"of": "environment/dev"}, 409, "is not in progress any more"),
    "not shown": ({"of": "environment/none"}, 409, "does not show"),
    "a key too many": ({"and": 1}, 400, "not understood"),
    "no number": ({"step": "1"}, 400, "not understood"),
}


@pytest.mark.parametrize(("other", "status", "why"), REFUSED.values(), ids=list(REFUSED))
def test_what_was_not_meant_so_is_refused(
    home: House, dash: Open, other: dict[str, object], status: int, why: str
) -> None:
    answer, body = once_read(dash).ask("POST", "/ask", wish(home, **other))
    assert (answer.status, why in json.loads(body)["why"]) == (status, True), body
    assert home.stages["prod"].journal.requests == {}


def test_what_was_never_read_is_not_asked(home: House, dash: Open) -> None:
    answer, body = Caller(dash.link).enter().ask("POST", "/ask", wish(home))
    assert (answer.status, "has not been read yet" in body) == (409, True)


@pytest.mark.parametrize("other", ['theme={"dark": 1}', "a@b=1", "flag", 'x="y; z', "naïve=1"])
def test_cookies_of_other_programs_of_this_machine_are_in_nobodys_way(
    dash: Open, other: str
) -> None:
    known = Caller(dash.link).enter()
    with known.line("GET", "/events", Cookie=f"{other}; {known.headers['Cookie']}") as answer:
        assert answer.status == 200
    assert known.ask("GET", "/events", Cookie=other)[0].status == 401


@pytest.mark.parametrize("body", [b"", b"x" * 10_000, b"\xff", b"[]", b'"x"'])
def test_nonsense_is_refused(dash: Open, body: bytes) -> None:
    assert Caller(dash.link).enter().ask("POST", "/ask", body)[0].status == 400


def test_whoever_returns_gets_what_is_newer(dash: Open) -> None:
    known = Caller(dash.link).enter()
    read = dict[str, dict[str, str]]()
    with known.line("GET", "/events") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        while len(read) < 2:
            (event,) = events(stream, 1)
            body = json.loads(event["data"])
            assert re.fullmatch(r"[0-9a-f]{8}:\d+", event["id"])
            if body["read_at"]:
                read[body["name"]] = event
    last = max(read.values(), key=lambda event: int(event["id"].partition(":")[2]))
    dash.feed.publish("environment/dev", "environment", '{"name": "environment/dev", "newer": 1}')
    with known.line("GET", "/events", Last_Event_ID=last["id"]) as again:
        (newer,) = events(again, 1)
    assert json.loads(newer["data"])["newer"] == 1
    with known.line("GET", "/events", Last_Event_ID=f"of-another-process:{10**9}") as other:
        names = {json.loads(each["data"])["name"] for each in events(other, 2)}
    assert names == {"environment/dev", "environment/prod"}


def test_a_page_too_many_is_told_so(dash: Open) -> None:
    known = Caller(dash.link).enter()
    with ExitStack() as pages:
        for _ in range(40):
            assert pages.enter_context(known.line("GET", "/events")).status == 200
        assert known.ask("GET", "/events")[0].status == 503

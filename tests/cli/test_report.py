"""The report: a page that is whole, lets nothing in, and is uploaded by whoever writes down the end."""

import html
import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from deployer import web
from deployer.analysis.replay.recording import Recorded
from deployer.engine.audit import did
from deployer.errors import AccessProblem
from deployer.journal import Ask, Request
from deployer.model import Minute
from deployer.operations.pages import UNPUBLISHED, Publishing, linked
from deployer.operations.story import Story
from deployer.plan import Deployment, Event, Status
from deployer.record.acts import Actor
from deployer.render.came import came_rows
from deployer.render.figures import Figure
from deployer.render.report import charts
from deployer.render.report.page import START, WITHOUT_SCRIPT, page
from deployer.render.report.sections import cause
from tests.cli import anything
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.sim.fleet import Behaviour
from tests.sim.pages import SimPages

NEVER_CLOSED = {"meta", "br", "img", "link", "input", "hr"}


class Outline(HTMLParser):
    """Headings and text of a page; refuses one whose elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[str] = []
        self.text: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in NEVER_CLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def figures(text: str) -> dict[str, Figure]:
    found = re.findall(r'<script type="application/json" class="data">(.*?)</script>', text)
    read = [msgspec.json.decode(each, type=Figure) for each in found]
    return {each.name: each for each in read}


def reported(shop: Stage, *arguments: str) -> str:
    path = shop.folder / "report.html"
    done = shop.run("report", *arguments, "--html", str(path))
    assert (done.exit_code, "report.html is written.\n" in done.stderr) == (0, True)
    return path.read_text()


def test_a_shipped_canary_is_told_from_its_first_minute_to_its_last(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    text = reported(shop)
    outline = Outline(text)
    assert outline.headings[:3] == [
        "canary v2 in shop/sim",
        "What became of it",
        "In the course of time",
    ]
    assert {"Verdict", "Events", "Who did what", "Plan", "Minute by minute"} <= {*outline.headings}
    drawn = figures(text)
    assert {"weights", "requests", "failures", "against", "for", "healthy"} <= drawn.keys()
    candidate, stable = drawn["weights"].curves
    assert [*candidate.values] == [0, 5, 50, 100, 100]
    assert [*stable.values] == [100, 95, 50, 0, 0]
    assert drawn["healthy"].curves[0].values[0] == 0
    assert max(value or 0 for value in drawn["healthy"].curves[0].values) == 2
    assert len({(each.since, each.until) for each in drawn.values()}) == 1


def test_a_release_that_was_sent_back_has_its_verdict_and_its_way_back(staged: Staged) -> None:
    shop = staged(behaviours={"v3": Behaviour(errors=500)})
    assert shop.run("canary", "v3").exit_code == 3
    text = reported(shop)
    assert "rolled back" in " ".join(Outline(text).text)
    assert "The way back" in Outline(text).headings
    assert "retreat" in text


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
def test_every_strategy_has_a_page(staged: Staged, strategy: str) -> None:
    shop = staged()
    assert shop.run(strategy, "v2").exit_code == 0
    text = reported(shop)
    Outline(text)
    assert {"requests", "healthy"} <= figures(text).keys()
    assert ("weights" in figures(text)) == (strategy != "rolling")


def test_the_first_release_of_all_has_a_page(staged: Staged) -> None:
    shop = staged(weights=None)
    assert shop.run("canary", "v2").exit_code == 0
    Outline(reported(shop))


def test_the_page_asks_nobody_for_anything_and_runs_no_other_code(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    text = reported(shop)
    (policy,) = [
        v
        for t, n, v in Outline(text).attributes
        if (t, n) == ("meta", "content") and "default-src" in v
    ]
    assert policy.startswith("default-src 'none';")
    for script in (*map(web.asset, web.SCRIPTS), START):
        assert f"<script>{script}</script>" in text
        assert web.digest(script) in policy
    for style in (*map(web.asset, web.STYLES), WITHOUT_SCRIPT):
        assert f"<style>{style}</style>" in text
        assert web.digest(style) in policy
    assert len(re.findall(r"<script(?! type=\"application/json\")", text)) == len(web.SCRIPTS) + 1
    addresses = [v for _, name, v in Outline(text).attributes if name in ("src", "href", "action")]
    assert all(each.startswith("#") for each in addresses)
    assert not [
        name for _, name, _ in Outline(text).attributes if name.startswith("on") or name == "style"
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(anything.deployments(), anything.moments, anything.words, anything.words)
def test_whatever_the_record_says_the_page_is_whole(
    record: Deployment, now: float, service: str, why: str
) -> None:
    record = did(record, Actor(why, service, why), "promote", now, note=why)
    text = page(Story(service, record, now, unknown=why, owes=why))
    outline = Outline(text)
    assert text.encode()
    assert [each for each in outline.attributes if each[0] == "img"] == []
    assert "summary" in [v for t, n, v in outline.attributes if (t, n) == ("section", "id")]


def test_what_looks_like_markup_stays_text(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    evil = "</script><img src=x onerror=alert(1)>"
    record = msgspec.structs.replace(shop.records[0], reason=evil, by=evil, status=Status.HALTED)
    record = record.noting(Event(record.started_at, "halted", evil))
    text = page(Story("shop", record, record.started_at))
    assert "<img" not in text
    assert evil in "".join(Outline(text).text)


def test_a_point_of_a_long_deployment_is_several_minutes(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    record, count = shop.records[0], charts.MOST * 2 + 1
    start = record.started_at // 60 * 60 + 60
    served = tuple(
        Recorded(start + 60 * n, None, Minute(start + 60 * n, 10, 1), Minute(start + 60 * n, 90))
        for n in range(count)
    )
    drawn = {each.name: each for each in charts.figures(Story("shop", record, start, served))}
    assert len(drawn["requests"].times) == -(-count // 3)
    assert {*drawn["requests"].curves[0].values} == {10.0}
    assert {*drawn["failures"].curves[0].values} == {10.0}


def test_before_it_began_the_candidates_slot_ran_something_else(staged: Staged) -> None:
    shop = staged()
    assert [shop.run("canary", each).exit_code for each in ("v2", "v3")] == [0, 0]
    drawn = figures(reported(shop))["requests"]
    began = shop.records[0].started_at
    before = [
        v for at, v in zip(drawn.times, drawn.curves[0].values, strict=True) if at < began - 60
    ]
    assert before
    assert set(before) == {None}


@pytest.mark.parametrize(
    ("event", "who"),
    [
        (Event(1.0, "asked", "promote by bob@laptop"), "bob@laptop"),
        (
            Event(1.0, "asked", "promote by bob@laptop in a freeze, because: it: burns"),
            "bob@laptop",
        ),
        (
            Event(1.0, "refused", "promote by arn:aws:sts::1:assumed-role/ops/bob: too late"),
            "arn:aws:sts::1:assumed-role/ops/bob",
        ),
        (Event(1.0, "change", "send blue 95 % by hand"), "alice@laptop"),
    ],
)
def test_an_event_has_somebody_who_caused_it(staged: Staged, event: Event, who: str) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    assert cause(msgspec.structs.replace(shop.records[0], audit=(), actors=()), event) == who


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (Event(1.0, "asked", "promote by arn: of bob in a freeze, because: it burns"), "promote"),
        (Event(1.0, "refused", "promote by arn: of bob: too late"), "refused"),
        (Event(1.0, "retreat", "aborted by arn: of bob"), "abort"),
    ],
)
def test_the_audit_says_whose_it_was(staged: Staged, event: Event, what: str) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    record = did(shop.records[0], Actor("arn: of bob"), what, 1.0)
    assert cause(record, event) == "arn: of bob"
    assert cause(record, msgspec.structs.replace(event, kind="change")) == "alice@laptop"


def test_whoever_aborts_is_named_where_it_went_back(staged: Staged) -> None:
    shop = staged()

    def abort() -> None:
        wish = Request(Ask.ABORT, "bob: the cautious", "1", Actor("bob: the cautious"))
        shop.journal.ask("sim", wish)

    shop.at(300, abort)
    assert shop.run("canary", "v2").exit_code == 3
    record = shop.records[0]
    (turned,) = [each for each in record.log if each.kind == "retreat"]
    assert cause(record, turned) == "bob: the cautious"


# -- what it came to: as `show` has it


def facts_of(text: str) -> dict[str, list[str]]:
    """The rows of the section on cost."""
    (part,) = re.findall(r'<section id="cost".*?</section>', text, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", part, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    return {first: rest for first, *rest in cells}


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
@pytest.mark.parametrize("errors", [0, 500])
def test_the_page_says_of_time_and_money_what_show_says(
    staged: Staged, strategy: str, errors: int
) -> None:
    shop = staged(behaviours={"v2": Behaviour(errors=errors)})
    assert shop.run(strategy, "v2").exit_code == (3 if errors else 0)
    told = facts_of(reported(shop))
    for row in came_rows(shop.records[0]):
        assert told[row.label.strip()] == [html.escape(cell) for cell in row.cells]


def test_who_is_counted_among_those_that_a_bad_release_reached(staged: Staged) -> None:
    words = "requests that reached the bad release, by its metrics"
    good = staged()
    assert good.run("canary", "v2").exit_code == 0
    assert words not in facts_of(reported(good))
    bad = staged(behaviours={"v2": Behaviour(errors=45)})
    assert bad.run("canary", "v2").exit_code == 3
    count, bound = facts_of(reported(bad))[words][1], bad.play.cloud.ledger.minutes
    candidate = bad.records[0].first_plan.candidate
    reached = sum(one.requests for (slot, _), one in bound.items() if slot is candidate)
    assert 0 < int(count.replace(",", "")) <= reached
    in_place = staged(behaviours={"v2": Behaviour(errors=45)})
    assert in_place.run("rolling", "v2").exit_code == 3
    assert words not in facts_of(reported(in_place))  # the slot's requests are not the release's


# -- uploaded at the end


def test_a_report_is_uploaded_once_it_has_ended(staged: Staged) -> None:
    shop = staged()
    shop.pages = kept = SimPages()
    assert shop.run("canary", "v2").exit_code == 0
    (name,) = kept.there
    assert name == f"sim/{shop.records[0].id}"
    assert figures(kept.there[name]).keys() >= {"weights", "requests", "healthy"}
    Outline(kept.there[name])


def test_what_cannot_be_uploaded_is_told_once_and_stops_nothing(staged: Staged) -> None:
    shop = staged()
    shop.pages = SimPages(broken=True)
    documents, status = shop.json("canary", "v2")
    assert status == 0
    told = [each["note"] for each in documents if each["event"] == "unpublished"]
    assert told == ["its report is not uploaded: S3 does not answer"]
    assert shop.records[0].status is Status.SHIPPED


def test_a_page_that_cannot_be_drawn_stops_nothing(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    services = shop.connect(shop.connections[0])
    told: list[Event] = []

    def broken(story: Story) -> str:
        raise ZeroDivisionError(story.service)

    tell = Publishing(
        services.archive, SimPages(), broken, lambda _d, event, _s: told.append(event)
    )
    for _ in range(2):
        tell(shop.records[0], Event(shop.records[0].started_at, "step_done", "done"), None)
    assert [each.kind for each in told] == ["step_done", "unpublished", "step_done"]
    assert told[1].note == "its report is not uploaded: ZeroDivisionError: shop"


def test_show_and_report_say_where_it_is(staged: Staged) -> None:
    shop = staged()
    shop.pages = SimPages()
    assert shop.run("canary", "v2").exit_code == 0
    link = f"https://console.example/sim/{shop.records[0].id}.html"
    assert link in shop.run("report").stdout
    assert link in shop.run("show", shop.records[0].id).stdout
    assert [
        shop.json(*words)[0][0]["link"] for words in (("report",), ("show", shop.records[0].id))
    ] == [link, link]
    assert f"{link}?for=7200" in shop.run("report", "--link", "2h").stdout


def test_it_is_made_anew_when_asked_for(staged: Staged) -> None:
    shop = staged()
    shop.pages = kept = SimPages()
    assert shop.run("canary", "v2").exit_code == 0
    (first,) = kept.there.values()
    shop.play.clock.sleep(600)
    assert shop.run("report", "--upload").exit_code == 0
    (second,) = kept.there.values()
    assert len(figures(second)["requests"].times) > len(figures(first)["requests"].times)


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--upload",), 1, "reports are not uploaded here"),
        (("--link", "1h"), 1, "reports are not uploaded here"),
    ],
)
def test_nowhere_to_upload_to_is_said(
    staged: Staged, words: tuple[str, ...], status: int, says: str
) -> None:
    done = staged().run("report", *words)
    assert says in " ".join(done.stderr.split())
    assert done.exit_code != 0


def test_a_link_lasts_a_week_at_most(staged: Staged) -> None:
    shop = staged()
    shop.pages = SimPages()
    done = shop.run("report", "--link", "8d")
    assert (done.exit_code, "from 1s to 7d" in done.stderr) == (2, True)


def test_whoever_is_told_of_an_end_is_told_where_the_report_is(staged: Staged) -> None:
    shop = staged()
    shop.pages = pages = SimPages()
    assert shop.run("canary", "v2").exit_code == 0
    ended = shop.records[0]
    place = shop.connect(shop.connections[0]).place
    assert place.report(ended) == pages.link("sim", ended.id)
    running = msgspec.structs.replace(ended, status=Status.RUNNING)
    assert place.report(running) == ""
    assert linked(UNPUBLISHED, ended) == ""


def test_a_link_that_nobody_can_tell_is_left_out(staged: Staged) -> None:
    class Lost(SimPages):
        def link(self, environment: str, deployment_id: str) -> str:
            raise AccessProblem(f"no credentials for {environment}/{deployment_id}")

    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    assert linked(Lost(), shop.records[0]) == ""


def test_a_folder_that_was_not_there_is_made_and_told_of(staged: Staged) -> None:
    """It may be a slip of the hand."""
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    path = shop.folder / "reprots" / "one.json"
    for words in ("one.json is written, in a new folder.", "one.json is written."):
        done = shop.run("report", "--json", str(path))
        assert (done.exit_code, words in done.stderr) == (0, True)
    assert path.exists()

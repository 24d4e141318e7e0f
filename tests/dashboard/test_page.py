"""The page in a real browser: what is seen, what is said aloud, what a click and a key do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from deployer.cli.dashboard import Open
from deployer.errors import CloudUnavailable
from tests.browser.chromium import axe
from tests.dashboard.house import House, house, under_way

expect.set_options(timeout=15_000)  # a busy machine is no reason to fail
pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """Read by a clock that is fast; dev has shipped v2, staging waits for approval, prod bakes, and eu does not answer."""
    monkeypatch.setenv("DEPLOYER_CLOCK", "0@20")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    home = house(tmp_path, "dev", "staging", "prod", "eu")
    assert home.stages["dev"].run("canary", "v2").exit_code == 0
    under_way(home.stages["staging"], 250, "--approve", "5")
    under_way(home.stages["prod"], 150)
    home.dark.add("eu")
    return home


@pytest.fixture
def dash(home: House) -> Iterator[Open]:
    with home.open() as opened:
        yield opened


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Nothing may go wrong in the page that nobody sees."""
    wrong = list[str]()
    made = browser.new_context(locale="en-GB", timezone_id="UTC")
    made.set_default_timeout(15_000)
    made.on("weberror", lambda error: wrong.append(str(error.error)))
    made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield made
    made.close()
    assert [each for each in wrong if "Failed to load resource" not in each] == []


@pytest.fixture
def page(context: BrowserContext, dash: Open) -> Page:
    page = context.new_page()
    page.goto(dash.link)
    expect(page.locator("#line")).to_have_text("Live", timeout=30_000)
    return page


def state(page: Page, environment: str) -> str:
    card = page.get_by_role("article", name=environment, exact=True)
    return card.locator(".state").inner_text()


def test_all_environments_at_a_glance(page: Page) -> None:
    expect(page.get_by_role("article")).to_have_count(4)
    expect(page.get_by_text("4 environments, 1 in progress, 2 to look at")).to_be_visible()
    names = [card.get_attribute("aria-label") for card in page.get_by_role("article").all()]
    assert names == ["dev", "staging", "prod", "eu"]
    assert state(page, "dev") == "canary v2: shipped"
    assert state(page, "staging") == "canary v2: step 5/11, waits for approval"
    assert state(page, "prod") == "canary v2: step 4/10"
    eu = page.get_by_role("article", name="eu", exact=True)
    expect(eu).to_contain_text("Cannot be read now: eu: no answer")
    expect(eu.get_by_role("button")).to_have_count(0)
    dev = page.get_by_role("article", name="dev", exact=True)
    expect(dev.get_by_role("row", name="green v2 100 % 2/2 healthy")).to_be_visible()
    staging = page.get_by_role("article", name="staging", exact=True)
    expect(staging.locator("code").first).to_have_text("deployer --env staging approve")


def test_the_token_is_nowhere_but_in_the_link(page: Page, dash: Open) -> None:
    token = dash.link.partition("#token=")[2]
    assert token not in page.url
    assert token not in page.content()
    assert token not in json.dumps(page.evaluate("({...localStorage})"))
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert cookie["value"] != token
    page.reload()
    expect(page.locator("#line")).to_have_text("Live")


def test_whoever_has_only_the_address_sees_nothing(context: BrowserContext, dash: Open) -> None:
    page = context.new_page()
    page.goto(dash.link.partition("#")[0])
    expect(page.locator("#line")).to_contain_text(
        "open the link that the newest deployer dashboard"
    )
    page.goto(dash.link.partition("#")[0] + "#token=wrong")
    expect(page.locator("#line")).to_contain_text("this link is of another dashboard")
    expect(page.get_by_role("article")).to_have_count(0)


def test_a_click_asks_and_says_so(page: Page, home: House) -> None:
    prod = home.stages["prod"]
    card = page.get_by_role("article", name="prod", exact=True)
    card.get_by_role("button", name="Pause prod").click()
    expect(card.locator(".answer")).to_contain_text("asked canary v2")
    expect(page.locator("#said")).to_contain_text("prod: asked canary v2")
    assert [each.ask for each in prod.journal.requests.values()] == ["pause"]
    assert [each.by for each in prod.journal.requests.values()] == ["alice@laptop, dashboard"]


def test_what_cannot_be_taken_back_is_confirmed(page: Page, home: House) -> None:
    asked = home.stages["prod"].journal.requests
    card = page.get_by_role("article", name="prod", exact=True)
    dialog = page.get_by_role("dialog", name="Abort: canary v2 in prod?")
    card.get_by_role("button", name="Abort prod").click()
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(card.get_by_role("button", name="Abort prod")).to_be_focused()
    assert asked == {}
    card.get_by_role("button", name="Promote to 100 % prod").click()
    dialog = page.get_by_role("dialog", name="Promote to 100 %: canary v2 in prod?")
    expect(dialog.get_by_role("button", name="Promote")).to_be_disabled()
    dialog.get_by_label("Type prod to go on").fill("staging")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Type prod to go on").fill("prod")
    page.keyboard.press("Enter")
    expect(card.locator(".answer")).to_contain_text("straight to all of the traffic")
    assert [each.ask for each in asked.values()] == ["promote --full"]


def test_in_a_freeze_it_asks_why(tmp_path: Path, context: BrowserContext) -> None:
    home = house(tmp_path, "prod")
    prod = under_way(home.stages["prod"], 150)
    # The stage's noon is Fri 2027-01-15 08:00:17 UTC.
    home.config.write_text(
        home.config.read_text() + '[windows]\nforbidden = ["the sale: fri 06:00-10:00"]\n'
    )
    with home.open() as dash:
        page = context.new_page()
        page.goto(dash.link)
        card = page.get_by_role("article", name="prod")
        expect(card).to_contain_text("Frozen: the sale")
        card.get_by_role("button", name="Promote prod").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("A freeze is on: the sale")
        expect(dialog.get_by_role("button", name="Promote")).to_be_disabled()
        expect(dialog.get_by_label("Why all the same?")).to_be_focused()
        page.keyboard.type("the shop is down")
        page.keyboard.press("Enter")
        expect(card.locator(".answer")).to_contain_text("asked canary v2")
    assert [(each.ask, each.why) for each in prod.journal.requests.values()] == [
        ("promote", "the shop is down")
    ]


def test_a_step_that_is_over_is_not_promoted_twice(page: Page, home: House) -> None:
    """What was seen when the dialog opened is what is asked about."""
    prod = home.stages["prod"]
    card = page.get_by_role("article", name="prod", exact=True)
    card.get_by_role("button", name="Promote prod").click()
    page.get_by_role("dialog").wait_for()
    prod.play.clock.sleep(61)
    prod.at(100, lambda: prod.run("pause"))
    prod.at(200, lambda: (_ for _ in ()).throw(MemoryError("killed")))
    assert prod.run("resume").exit_code == 1
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(card.locator(".answer.bad")).to_contain_text("has gone on to")
    assert [each.ask for each in prod.journal.requests.values()] == ["pause"]


def test_it_is_live_and_says_aloud_what_changes(page: Page, home: House) -> None:
    prod = home.stages["prod"]
    expect(page.get_by_role("article", name="prod", exact=True)).to_contain_text("step 4/10")
    prod.play.clock.sleep(61)
    assert prod.run("abort").exit_code == 0
    card = page.get_by_role("article", name="prod", exact=True)
    expect(card.locator(".state")).to_have_text("canary v2: rolled back", timeout=20_000)
    expect(page.locator("#said")).to_have_text("prod: canary v2: rolled back")
    expect(card).to_contain_text("serves v1 100 %")
    expect(card.get_by_role("button")).to_have_count(0)


def test_one_deployment_in_depth_by_keyboard_alone(page: Page) -> None:
    expect(page.get_by_role("article")).to_have_count(4)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "prod":
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Plan")).to_be_visible()
    assert page.title() == "prod: canary v2: step 4/10 – deployer"
    assert page.url.endswith("#/environment/prod")
    expect(page.get_by_text("the whole is expected to end at")).to_be_visible()
    steps = page.get_by_role("listitem").filter(has_text=re.compile(r"^▶"))
    expect(steps).to_contain_text("bake green for 2m under analysis")
    expect(page.get_by_text("✓ route blue 95 % / green 5 %")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("article")).to_have_count(4)
    page.go_back()
    expect(page.get_by_role("heading", name="Plan")).to_be_visible()


def test_what_is_focused_stays_when_news_come(page: Page, dash: Open) -> None:
    button = page.get_by_role("button", name="Abort prod")
    button.focus()
    before = page.evaluate("document.activeElement.dataset.ask")
    for _ in range(3):
        dash.feed.publish(
            "environment/new", "environment", '{"name": "environment/new", "order": 0}'
        )
    expect(page.get_by_role("article", name="new")).to_be_visible()
    assert page.evaluate("document.activeElement.dataset.ask") == before == "abort"


def test_it_comes_back_after_the_line_was_cut(page: Page, dash: Open) -> None:
    expect(page.get_by_role("article", name="dev", exact=True)).to_contain_text("shipped")
    dash.feed.close()
    expect(page.locator("#line")).to_contain_text("Connection lost at")
    dash.feed.publish("environment/new", "environment", '{"name": "environment/new", "order": 9}')
    dash.feed.closed = False
    expect(page.locator("#line")).to_have_text("Live", timeout=15_000)
    expect(page.get_by_role("article", name="new")).to_be_visible()


HIDE = "Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => %r})"


def test_a_page_that_nobody_sees_asks_for_nothing(page: Page, dash: Open) -> None:
    """And so does AWS's bill; it is up to date again when somebody looks."""
    page.clock.install()
    page.evaluate(HIDE % "hidden" + "; document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.fast_forward(31_000)
    page.wait_for_timeout(500)
    for _ in range(100):
        if dash.feed.listeners == 0:
            break
        page.wait_for_timeout(100)
    assert dash.feed.listeners == 0
    dash.feed.publish("environment/new", "environment", '{"name": "environment/new", "order": 9}')
    page.evaluate(HIDE % "visible" + "; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_role("article", name="new")).to_be_visible()
    assert dash.feed.listeners == 1


def test_the_charts_of_the_report_grow_here(page: Page) -> None:
    page.get_by_role("link", name="staging").click()
    weights = page.get_by_role("figure", name="Weights")
    expect(weights.get_by_role("slider")).to_have_attribute("aria-valuetext", re.compile(r"5 %"))
    expect(weights.locator("canvas")).to_be_visible()
    many = page.locator("figure.chart").count()
    assert many >= 3
    page.keyboard.press("Escape")
    page.get_by_role("link", name="prod").click()
    expect(page.get_by_role("figure", name="Weights")).to_have_count(1)
    page.get_by_role("figure", name="Weights").get_by_role("slider").focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("figure", name="Weights").locator(".at")).to_contain_text("at 2027")


def test_charts_that_cannot_be_read_are_said_to_be_missing(page: Page, home: House) -> None:
    def away() -> None:
        raise CloudUnavailable("cloudwatch: <b>no answer</b>")

    home.stages["dev"].play.gate.hooks["metrics.traffic"] = away
    page.get_by_role("link", name="dev", exact=True).click()
    expect(page.get_by_role("figure", name="Weights")).to_be_visible()
    expect(page.get_by_role("figure", name="Requests")).to_have_count(0)
    expect(page.locator(".missing")).to_have_text(
        "What both slots served is not shown: cloudwatch: <b>no answer</b>"
    )


def test_markup_from_the_cloud_is_text(page: Page, dash: Open) -> None:
    evil = {"name": "environment/evil", "order": 9, "state": "<img src=x onerror=alert(1)>", "notes": ["`<b>x</b>`"], "next": "<script>alert(1)</script>"}  # fmt: skip
    dash.feed.publish("environment/evil", "environment", json.dumps(evil))
    card = page.get_by_role("article", name="evil")
    expect(card).to_contain_text("<script>alert(1)</script>")
    expect(card.locator("img, script, b:not(:text('Next'))")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(page: Page, scheme: str) -> None:
    """axe-core: names, roles, contrast, order of headings; and nothing is cut off at 400 pixels."""
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    page.set_viewport_size({"width": 400, "height": 800})
    expect(page.get_by_role("article", name="prod", exact=True)).to_contain_text("step 4/10")
    wrong = list[str]()

    def look() -> None:
        page.evaluate(axe())
        found = page.evaluate(
            "axe.run().then(done => done.violations.map(v => `${v.id}: ${v.nodes[0].html}`))"
        )
        wrong.extend(found)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400

    look()
    page.get_by_role("link", name="prod").click()
    page.get_by_role("heading", name="Plan").wait_for()
    look()
    page.get_by_role("button", name="Promote to 100 %").click()
    look()
    assert wrong == []


def test_without_scripts_it_says_what_else_there_is(browser: Browser, dash: Open) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(dash.link)
    expect(page.get_by_text("This page needs JavaScript.")).to_be_visible()
    context.close()

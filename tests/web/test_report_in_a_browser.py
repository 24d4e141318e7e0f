"""The report in a real browser: charts under its own policy, by keyboard, in light and dark, and on paper."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import axe

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]
COLOUR = "getComputedStyle(document.body).backgroundColor"
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
FOUND = """axe.run().then(done => done.violations.map(
  one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 90)).join(' | ')}`))"""
PAINTED = """canvas => { const c = canvas.getContext('2d'), d = c.getImageData(0, 0, canvas.width, canvas.height).data;
  let painted = 0; for (let i = 3; i < d.length; i += 4) painted += d[i] > 0; return painted; }"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    from tests.cli.stage import stage

    shop = stage(folder)
    assert shop.run("canary", "v2").exit_code == 0
    assert shop.run("report", "--html", str(folder / "report.html")).exit_code == 0
    return folder / "report.html"


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    made = browser.new_page(
        viewport={"width": 1400, "height": 900}, timezone_id="Asia/Seoul", locale="en-US"
    )
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    made.goto(report.as_uri())
    yield made
    made.close()
    assert wrong == []


def test_its_charts_are_drawn_under_its_own_policy(page: Page) -> None:
    drawn = page.locator("figure.chart canvas")
    assert drawn.count() == page.locator("figure.chart script.data").count() >= 6
    assert all(each.evaluate(PAINTED) > 500 for each in drawn.all())


COLOURED = """async values => {
  const box = document.createElement('figure'), times = values.map((_, n) => 60 * (n + 1));
  document.querySelector('.charts').append(box);
  Charts.plot(box, {name: 'new', title: 'New', unit: '', summary: '', times, since: 0, until: 60 * (values.length + 1), marks: [],
    log: false, whole: false, top: null, curves: [{name: 'v2', role: 'candidate', values, dashed: false, stepped: false}]});
  await new Promise(requestAnimationFrame);
  const canvas = box.querySelector('canvas'), d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let found = 0;
  for (let i = 0; i < d.length; i += 4) found += d[i] === 0xc2 && d[i + 1] === 0x50 && d[i + 2] === 0x0a && d[i + 3] === 255;
  box.remove();
  return found;
}"""


def test_a_value_between_gaps_is_seen(page: Page) -> None:
    nothing, alone, line = (
        page.evaluate(COLOURED, values)
        for values in ([None] * 9, [None] * 4 + [5] + [None] * 4, [5] * 9)
    )
    assert nothing == 0
    assert 4 <= alone < line


CUT = """async top => {
  const write = CanvasRenderingContext2D.prototype.fillText, cut = [], beside = [];
  CanvasRenderingContext2D.prototype.fillText = function (words, x, y) {
    if (this.textAlign === 'right') {
      beside.push(words);
      if (x < this.measureText(words).width) cut.push(words);
    }
    return write.apply(this, arguments);
  };
  const box = document.createElement('figure');
  document.querySelector('.charts').append(box);
  Charts.plot(box, {name: 'new', title: 'New', unit: '', summary: '', times: [60, 120], since: 0, until: 180, marks: [],
    log: false, whole: false, top: null, curves: [{name: 'v2', role: 'candidate', values: [0, top], dashed: false, stepped: false}]});
  await new Promise(requestAnimationFrame);
  CanvasRenderingContext2D.prototype.fillText = write;
  box.remove();
  return [beside.length, cut];
}"""


@pytest.mark.parametrize("top", [0.01234, 99_999, 654_321, 8_765_432, 1.2e9])
def test_no_number_beside_an_axis_is_cut_off(page: Page, top: float) -> None:
    told, cut = page.evaluate(CUT, top)
    assert told > 2
    assert cut == []


def test_a_chart_is_read_by_keyboard(page: Page) -> None:
    chart = page.get_by_role("slider", name="Weights")
    chart.focus()
    page.keyboard.press("Home")
    first = chart.get_attribute("aria-valuetext") or ""
    page.keyboard.press("ArrowRight")
    second = chart.get_attribute("aria-valuetext") or ""
    assert "v2 (candidate, green) 0 %" in first
    assert "v2 (candidate, green) 5 %" in second
    assert "5 %" in page.locator("#figure-weights .legend").inner_text()
    page.keyboard.press("End")
    assert chart.get_attribute("aria-valuenow") == chart.get_attribute("aria-valuemax")


def test_every_part_is_reached_by_the_tab_key(page: Page) -> None:
    seen = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.closest('section, nav, footer')?.id ?? ''"))
    assert {"charts", "events", "plan"} <= seen


def test_a_screen_reader_has_an_outline(page: Page) -> None:
    outline = page.locator("body").aria_snapshot()
    for words in ('heading "canary v2 in shop/sim" [level=1]', 'heading "Verdict" [level=2]', 'navigation "Contents"', "main"):  # fmt: skip
        assert words in outline
    assert 'slider "Weights' in outline


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(browser: Browser, report: Path, scheme: str) -> None:
    """axe-core finds nothing, and nothing is wider than the window, however wide that is."""
    page = browser.new_page(
        viewport={"width": 400, "height": 900}, bypass_csp=True, locale="en-US",
        color_scheme="dark" if scheme == "dark" else "light",
    )  # fmt: skip
    page.goto(report.as_uri())
    page.add_script_tag(content=axe())
    assert page.evaluate(FOUND) == []
    for width in (400, 800, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"!({WIDER})", timeout=5_000)  # charts follow a frame later
    assert page.evaluate(FOUND) == []
    assert (page.evaluate(COLOUR) == "rgb(255, 255, 255)") == (scheme == "light")
    page.close()


def test_times_are_the_readers_own(page: Page, browser: Browser, report: Path) -> None:
    stamp = page.locator("#summary time").first
    assert stamp.get_attribute("datetime") == "2027-01-15T08:00:17.000Z"
    assert stamp.inner_text() == "2027-01-15 17:00:17"
    without = browser.new_page(java_script_enabled=False)
    without.goto(report.as_uri())
    assert without.locator("#summary time").first.inner_text() == "2027-01-15 08:00:17 UTC"
    assert not without.locator(".plot").first.is_visible()
    without.locator("#figure-weights summary").click()
    assert "50" in without.locator("#figure-weights table").inner_text()
    without.close()


def test_it_goes_onto_paper(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(COLOUR)
    assert page.pdf()[:4] == b"%PDF"
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(COLOUR) == "rgb(255, 255, 255)" != dark
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(COLOUR) == dark


def test_where_the_library_fails_the_numbers_are_shown(browser: Browser, report: Path) -> None:
    page = browser.new_page(locale="en-US")
    page.add_init_script("Object.defineProperty(window, 'ResizeObserver', {value: undefined})")
    page.goto(report.as_uri())
    assert "50" in page.locator("#figure-weights table").inner_text()
    assert page.locator("#figure-healthy table").is_visible()
    assert not page.locator("#figure-weights .plot").is_visible()
    page.close()

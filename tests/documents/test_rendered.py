"""The pictures and diagrams of the pages, drawn by a real browser."""

import pytest
from playwright.sync_api import Browser

from docs.generate.pictures import PICTURES
from tests.browser.chromium import mermaid
from tests.documents.reading import NAMES, ROOT, Block, page
from tests.downloads import Unreachable

pytestmark = [pytest.mark.alone, pytest.mark.long, pytest.mark.timeout(300)]
DIAGRAMS = [b for name in NAMES for b in page(name).blocks if b.language == "mermaid"]
DRAW = """text => mermaid.render("it", text).then(done => {
  document.body.innerHTML = done.svg;
  const box = document.querySelector("svg").getBoundingClientRect();
  return [box.width, box.height, document.body.innerText];
})"""


@pytest.mark.parametrize("block", DIAGRAMS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_diagram_is_drawn(browser: Browser, block: Block) -> None:
    try:
        script = mermaid()
    except Unreachable as error:
        pytest.skip(f"no mermaid: {error}")
    tab = browser.new_page()
    tab.set_content("<!DOCTYPE html><body></body>")
    tab.add_script_tag(content=script)
    width, height, text = tab.evaluate(DRAW, block.text)
    tab.close()
    assert min(width, height) > 50
    assert "Syntax error" not in text


def test_what_is_no_diagram_is_found(browser: Browser) -> None:
    try:
        script = mermaid()
    except Unreachable as error:
        pytest.skip(f"no mermaid: {error}")
    tab = browser.new_page()
    tab.set_content("<!DOCTYPE html><body></body>")
    tab.add_script_tag(content=script)
    with pytest.raises(Exception, match=r"Parse error|Lexical error|No diagram type"):
        tab.evaluate(DRAW, "flowchart TD\n  A -->|no end")
    tab.close()


@pytest.mark.parametrize("path", PICTURES)
def test_every_picture_is_drawn_whole(browser: Browser, path: str) -> None:
    tab = browser.new_page()
    tab.set_content((ROOT / path).read_text(encoding="utf-8"))
    texts = tab.locator("svg text").all_text_contents()
    box = tab.locator("svg").first.bounding_box()
    tab.close()
    assert box is not None
    assert min(box["width"], box["height"]) > 100
    assert {"v1, old", "v2, new"} <= {each.strip() for each in texts}

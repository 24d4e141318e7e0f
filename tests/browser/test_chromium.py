"""The browser that other tests rely on: it renders, it clicks, its contexts know nothing of each other."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import downloads
from tests.browser.chromium import axe
from tests.downloads import Unreachable

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]
PAGE = "data:text/html,<html lang=en><title>t</title><main><h1>Hello</h1><button onclick='this.textContent=1+1'>Add</button><img src=x></main>"


def test_it_runs_scripts_and_shows_text(browser: Browser) -> None:
    page = browser.new_page()
    page.goto(PAGE)
    page.get_by_role("button", name="Add").click()
    assert page.get_by_role("button").inner_text() == "2"
    assert page.locator("h1").bounding_box() is not None
    page.close()


def test_axe_finds_what_is_wrong(browser: Browser) -> None:
    page = browser.new_page()
    page.goto(PAGE)
    page.add_script_tag(content=axe())
    found = page.evaluate("axe.run().then(done => done.violations.map(each => each.id))")
    assert "image-alt" in found
    page.close()


def test_a_folder_of_the_cache_is_there_only_if_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def broken(work: Path) -> Path:
        (work / "half").mkdir()
        raise Unreachable("the line broke")

    def whole(work: Path) -> Path:
        (work / "half").mkdir()
        return work / "half"

    def again(work: Path) -> Path:
        raise AssertionError("it is there already")

    with pytest.raises(Unreachable):
        downloads.cached("it", broken)
    assert downloads.cached("it", whole) == downloads.cached("it", again)
    assert downloads.cached("it", again).is_dir()


def test_what_a_command_says_last_is_why(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="sh could not: no such thing"):
        downloads.run(tmp_path, "sh", "-c", "echo first >&2; echo no such thing >&2; exit 3")
    with pytest.raises(Unreachable, match="nothing-of-that-name"):
        downloads.run(tmp_path, "nothing-of-that-name")

"""A fleet in the dashboard: its waves, and what is asked of it, over a simulated book."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from deployer.cli.app import App
from deployer.cli.dashboard import opened
from deployer.cli.text import TextOutput
from deployer.cli.watched import FLEET, Fleets, watched
from deployer.dashboard.site import Wish
from deployer.errors import NotFound, NotPossibleNow
from deployer.journal import Ask
from tests.fleet.test_command import Shell
from tests.fleet.world import sites, world

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A fleet is under way, and nobody has visited it yet."""
    shell = Shell(tmp_path, world(sites()), carries=False)
    assert shell.run("fleet", "v42").exit_code == 0
    return shell


def app(shell: Shell, environment: str | None = None) -> App:
    return App(shell.folder / "deployer.toml", environment, TextOutput(), shell, shell.fleets)


def wish(shell: Shell, ask: str, **other: object) -> Wish:
    told = {"of": FLEET, "ask": ask, "id": shell.now().id, "step": shell.now().cursor, **other}
    return Wish(**told)


def fleets(shell: Shell) -> Fleets:
    found = watched(app(shell)).places[FLEET]
    assert isinstance(found, Fleets)
    return found


def test_what_is_asked_is_in_the_book(shell: Shell) -> None:
    assert "to begin nothing more" in fleets(shell).ask(wish(shell, "pause"))
    request = shell.sim.requested(shell.now())
    assert request is not None
    assert (request.ask, request.by) == (Ask.PAUSE, "alice@laptop, dashboard")


@pytest.mark.parametrize(
    ("ask", "other", "why"),
    [
        ("pause", {"id": "20200101-000000-0000"}, "is not under way any more"),
        ("promote", {"step": 2}, "is at another wave by now"),
        ("promote", {}, "is not possible now"),
        ("explode", {}, "nothing is called"),
    ],
)
def test_what_was_not_meant_so_is_refused(
    shell: Shell, ask: str, other: dict[str, object], why: str
) -> None:
    with pytest.raises(NotPossibleNow, match=why):
        fleets(shell).ask(wish(shell, ask, **other))
    assert shell.sim.requested(shell.now()) is None


def test_with_one_environment_there_is_no_fleet(shell: Shell) -> None:
    shown = watched(app(shell, "eu"))
    assert set(shown.places) == {"environment/eu"}
    with pytest.raises(NotFound, match="does not show fleet"):
        shown.ask(wish(shell, "pause"))
    with pytest.raises(NotFound, match="does not show fleet"):
        shown.draw(FLEET)


def test_its_waves_are_shown_and_it_can_be_paused(shell: Shell, browser: Browser) -> None:
    with opened(watched(app(shell)), "127.0.0.1", 0, None) as dash:
        page = browser.new_page()
        page.goto(dash.link)
        card = page.get_by_role("article", name="fleet")
        expect(card.locator(".state")).to_have_text("fleet of v42: wave 1 of 3 gets the release")
        expect(card.get_by_role("link", name="ap", exact=True)).to_be_visible()
        # What nobody can read here is told of its own card, and takes nothing from the fleet's.
        eu = page.get_by_role("article", name="eu", exact=True)
        expect(eu).to_contain_text("unexpected AssertionError", timeout=15_000)
        card.get_by_role("button", name="Pause fleet").click()
        expect(card.locator(".answer")).to_contain_text("to begin nothing more")
        assert shell.sim.requested(shell.now()) is not None
        page.close()

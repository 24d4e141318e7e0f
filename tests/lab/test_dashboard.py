"""The dashboard over a lab: a canary is watched, paused and sent back in a real browser."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from .conftest import ROOT, Shell

pytestmark = [pytest.mark.lab, pytest.mark.long, pytest.mark.timeout(300)]
PATIENCE_MS = 90_000  # the machine may be busy


@contextmanager
def begun(shell: Shell, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs meanwhile; ended as by Ctrl-C."""
    command = shell.command("--output", "json", *arguments)
    with subprocess.Popen(
        command, env=dict(shell.variables), cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


def test_watched_paused_and_sent_back(inside: Shell, browser: Browser) -> None:
    for release in ("v1", "v2"):
        inside.json("lab", "release", release)
    assert inside.json("canary", "v1")["status"] == "shipped"
    with begun(inside, "dashboard") as dashboard:
        assert dashboard.stdout is not None
        link = json.loads(dashboard.stdout.readline())["url"]
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(link)
        card = page.get_by_role("article", name="lab")
        expect(card.locator(".state")).to_have_text("first v1: shipped")
        expect(card).to_contain_text("serves v1 100 %")
        with begun(inside, "canary", "v2", "--weights", "50", "--bake", "1h") as canary:
            expect(card).to_contain_text("50 %")
            expect(card.locator(".state")).to_contain_text("canary v2: step")
            card.get_by_role("button", name="Pause lab").click()
            expect(card.locator(".state")).to_contain_text("paused")
            card.get_by_role("link", name="lab").click()
            expect(page.get_by_text("asked: pause by")).to_be_visible()
            page.get_by_role("button", name="Abort lab").click()
            page.get_by_role("dialog").get_by_role("button", name="Abort").click()
            expect(card.locator(".state")).to_contain_text("canary v2: rolled back")
            expect(page.get_by_role("heading", name="The way back")).to_be_visible()
            assert canary.wait(60) == 3
        expect(card).to_contain_text("serves v1 100 %")
        page.close()
        dashboard.send_signal(signal.SIGINT)
        assert dashboard.wait(30) == 0
    record = inside.json("history", "--limit", "1", status=0)
    assert record["status"] == "ok"
    shown = inside.events("show", inside.events("history", "--limit", "1")[0]["deployment"])[0]
    asked = [e["note"] for e in shown["log"] if e["event"] == "asked"]
    assert asked
    assert all(note.endswith(", dashboard") for note in asked)
    assert ", dashboard" in shown["reason"]

"""Freezes on the command line: what is refused, what is not, and what a reason does."""

from functools import partial

import pytest

from deployer.operations.freezing import OVERRIDE
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.stage import Stage

# The stage's noon is Fri 2027-01-15 08:00:17 UTC.
NOW = 'forbidden = ["the sale: fri 06:00-10:00"]'
SOON = 'forbidden = ["the sale: fri 08:04-10:00"]'  # in the middle of a canary
WHY = (OVERRIDE, "the shop is down")


def frozen(shop: Stage, what: str = NOW) -> Stage:
    shop.config.write_text(f"{shop.config.read_text()}\n[windows]\n{what}\n")
    return shop


def acts(shop: Stage) -> list[tuple[str, str | None]]:
    documents, _ = shop.json("show", shop.records[0].id)
    return [(act["what"], act["note"]) for act in documents[0]["audit"]]


@pytest.mark.parametrize("strategy", ["canary", "blue-green", "rolling", "deploy"])
def test_nothing_begins_in_a_freeze(staged: Staged, strategy: str) -> None:
    shop = frozen(staged())
    done = shop.run(strategy, "v2")
    assert done.exit_code == 2
    assert "frozen: a freeze is on: the sale (fri 06:00-10:00), until Fri 2027-01-15 10:00 UTC" in (
        " ".join(done.stderr.split())
    )
    assert shop.records == []


def test_with_a_reason_it_begins_and_the_record_keeps_why(staged: Staged) -> None:
    shop = frozen(staged())
    done = shop.run("canary", "v2", *WHY)
    assert done.exit_code == 0, done.stderr
    assert "all the same, because: the shop is down" in " ".join(done.stderr.split())
    record = shop.records[0]
    assert record.plan.override == "the shop is down"
    assert ("override-freeze", "the shop is down") in acts(shop)
    assert not [event for event in record.log if event.kind == "freeze"], "it is no news"
    shown = " ".join(shop.run("show", record.id).stdout.split())
    assert "alice@laptop overrode the freeze: the shop is down" in shown


def test_a_reason_that_was_not_needed_is_not_kept(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2", *WHY).exit_code == 0
    assert shop.records[0].plan.override == ""
    assert "override-freeze" not in [what for what, _ in acts(shop)]


@pytest.mark.parametrize("why", ["", "   ", "x" * 301, "a\x1b[31m"])
def test_a_reason_is_a_sentence(staged: Staged, why: str) -> None:
    shop = frozen(staged())
    assert shop.run("canary", "v2", OVERRIDE, why).exit_code == 2
    assert shop.records == []


def test_a_dry_run_says_so_and_shows_the_plan(staged: Staged) -> None:
    shop = frozen(staged())
    done = shop.run("canary", "v2", "--dry-run")
    assert done.exit_code == 0
    assert "Warning: frozen: a freeze is on" in " ".join(done.stderr.split())


def test_going_back_is_always_possible(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    assert frozen(shop).run("rollback").exit_code == 0
    assert shop.records[0].plan.release.name == "v1"


def test_what_would_run_into_a_freeze_says_so_goes_on_and_its_record_tells(staged: Staged) -> None:
    shop = frozen(staged(), SOON)
    seen: list[str] = []
    shop.at(300, lambda: seen.append(shop.run("status").stdout))
    done = shop.run("canary", "v2")
    assert done.exit_code == 0
    told = " ".join(done.stderr.split())
    assert "CAREFUL: it would run into a freeze: the sale (fri 08:04-10:00) begins Fri" in told
    assert "and it is expected to last until Fri 2027-01-15 08:" in told, "as it was simulated"
    assert told.count("CAREFUL") == 1
    said = [event.note for event in shop.records[0].log if event.kind == "freeze"]
    assert said == [
        "a freeze is on: the sale (fri 08:04-10:00), until Fri 2027-01-15 10:00 UTC; what runs goes on"
    ]
    assert "Frozen: the sale (fri 08:04-10:00), until Fri 2027-01-15 10:00 UTC" in seen[0]
    assert "nothing begins, what runs goes on" in seen[0]


@pytest.mark.parametrize(
    ("ship", "at_s", "ask"),
    [
        (("canary", "v2", "--approve", "5"), 300, "approve"),
        (("canary", "v2", "--bake", "10m"), 400, "promote"),
        (("canary", "v2", "--bake", "10m"), 400, "promote --full"),
    ],
)
def test_a_persons_word_forward_takes_a_reason(
    staged: Staged, ship: tuple[str, ...], at_s: float, ask: str
) -> None:
    shop = frozen(staged(), SOON)
    refused, asked = [], []
    shop.at(at_s, lambda: refused.append(shop.run(*ask.split())))
    shop.at(at_s + 1, lambda: asked.append(shop.run(*ask.split(), *WHY)))
    assert shop.run(*ship).exit_code == 0
    assert refused[0].exit_code == 2
    assert f"`deployer {ask}` is refused in a freeze: the sale" in refused[0].stderr
    assert asked[0].exit_code == 0, asked[0].stderr
    kept = acts(shop)
    (at, step) = next((n, note) for n, (what, note) in enumerate(kept) if what == ask)
    assert step, "it names the step that it ended"
    assert kept[at + 1] == ("override-freeze", "the shop is down")


@pytest.mark.parametrize("asks", [("pause", "resume"), ("abort",)])
def test_to_hold_to_let_go_on_and_to_go_back_take_none(
    staged: Staged, asks: tuple[str, ...]
) -> None:
    shop = frozen(staged(), SOON)
    done: list[int] = []

    def said(ask: str) -> None:
        done.append(shop.run(ask).exit_code)

    for n, ask in enumerate(asks):
        shop.at(300 + 30 * n, partial(said, ask))
    shop.run("canary", "v2", "--bake", "10m")
    assert done == [0] * len(asks)
    ended = Status.ROLLED_BACK if "abort" in asks else Status.SHIPPED
    assert shop.records[0].status is ended
    assert set(asks) <= {what for what, _ in acts(shop)}


def test_windows_shows_what_is_allowed_now_and_what_comes(staged: Staged) -> None:
    shop = frozen(staged(), 'time_zone = "Asia/Seoul"\nallowed = ["mon-fri 09:00-17:00"]')
    done = shop.run("windows", "--at", "2027-01-15T08:30Z", "--next", "2")
    assert done.stdout.splitlines() == [
        "shop/sim  Asia/Seoul",
        "  frozen: outside mon-fri 09:00-17:00, until Mon 2027-01-18 09:00 KST",
        "    Mon 2027-01-18 09:00 KST  opens",
        "    Mon 2027-01-18 17:00 KST  freeze: outside mon-fri 09:00-17:00",
    ]
    documents, status = shop.json("windows", "--at", "2027-01-15T07:30:00Z", "--next", "1")
    assert status == 0
    assert documents[0]["freeze"] is None
    assert documents[0]["changes"] == [
        {"at": "2027-01-15T08:00:00.000Z", "frozen": True, "why": "outside mon-fri 09:00-17:00"}
    ]
    assert shop.connections == [], "nobody was asked but the settings"


def test_windows_of_an_environment_without_any(staged: Staged) -> None:
    assert "something may begin at any time" in staged().run("windows").stdout


def test_a_moment_needs_its_distance_from_utc(staged: Staged) -> None:
    done = staged().run("windows", "--at", "2027-01-15 08:00")
    assert done.exit_code == 2
    assert "write a moment such as 2026-12-24T18:00Z" in " ".join(done.stderr.split())

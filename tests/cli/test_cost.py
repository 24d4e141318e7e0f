"""`deployer cost`, and what plans, `show` and `history --cost` say of time and money."""

import re

import pytest
from msgspec.structs import replace

from deployer.journal import encode
from deployer.model import Slot
from deployer.operations.came_to import came_to
from deployer.record.outlook import Assumed, Outlook, Reduced
from deployer.render.comparison import Choice, comparison_text
from deployer.render.cost import PLENTY, money, number, outlook_document, outlook_lines
from tests.cli.conftest import Staged
from tests.sim.fleet import Behaviour


def test_strategies_stand_side_by_side_and_nothing_is_changed(staged: Staged) -> None:
    shop = staged()
    done = shop.run("cost", "v2")
    assert done.exit_code == 0
    head = done.stdout.splitlines()[:2]
    assert head[0].startswith("shop/sim: how many requests come is not known; an instance is ready")
    assert head[1].split() == ["canary", "blue-green", "rolling"]
    row = next(line for line in done.stdout.splitlines() if line.startswith("all of the traffic"))
    assert len(row.removeprefix("all of the traffic after").split("  ")) > 3
    assert "?" not in row
    assert "An hour of t3.micro is $0.0104: list price of us-east-1" in done.stdout
    assert (shop.records, shop.journal.locks, shop.play.cloud.changes) == ([], {}, [])


def test_while_a_deployment_runs_it_says_so_instead_of_a_table_of_question_marks(
    staged: Staged,
) -> None:
    shop, seen = staged(), []
    shop.at(300, lambda: seen.append(shop.run("cost", "v3")))
    shop.run("canary", "v2")
    assert (seen[0].exit_code, seen[0].stdout) == (5, "")
    assert "shop/sim is taken by canary v2 (2027" in seen[0].stderr
    assert "left half-way" not in seen[0].stderr


def test_one_strategy_for_programs(staged: Staged) -> None:
    shop = staged()
    (told, result), status = shop.json("cost", "--strategy", "blue-green")
    assert (status, result["event"]) == (0, "result")
    assert (told["event"], told["strategy"], told["refused"]) == ("cost", "blue-green", None)
    assert told["release"] == "the-next-release"
    ahead = told["outlook"]
    assert 0 < ahead["full_s"] < ahead["end_s"]
    assert ahead["usd"] == pytest.approx(ahead["extra_instance_hours"] * 0.0104)
    assert ahead["assumed"]["boot_measured"] is False


def test_what_earlier_deployments_took_is_used_and_load_is_read(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    (told, *_), _ = shop.json("cost", "v3", "--strategy", "canary")
    assumed = told["outlook"]["assumed"]
    assert assumed["boot_measured"] is True
    assert assumed["requests_per_min"] == pytest.approx(3000, rel=0.05)
    assert told["outlook"]["exposed"] > told["outlook"]["failed"] > 0


@pytest.mark.parametrize("strategy", ["rolling", "blue-green", "canary"])
def test_where_nobody_knows_how_many_requests_come_the_plan_says_what_it_takes(
    staged: Staged, strategy: str
) -> None:
    quiet, busy = staged(), staged()
    assert PLENTY in quiet.run(strategy, "v2", "--dry-run").output
    busy.run("canary", "v2")
    assert PLENTY not in busy.run(strategy, "v3", "--dry-run").output
    assert PLENTY not in busy.run("rollback", "--dry-run").output


def test_what_is_known_for_one_strategy_alone_is_not_said_of_all(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    known = Outlook(assumed=Assumed(boot_s=60.0, requests_per_min=170.0), end_s=60.0, full_s=60.0)
    unknown = replace(known, assumed=Assumed(boot_s=60.0))
    plan = shop.records[0].plan
    sides = [
        Choice("canary", replace(plan, outlook=known)),
        Choice("rolling", replace(plan, outlook=unknown)),
    ]
    head = comparison_text(sides, "shop/sim").plain.splitlines()[0]
    assert "170 requests a minute where that is known" in head
    assert "where that is known" not in comparison_text(sides[:1], "shop/sim").plain


def test_no_such_release_is_an_error(staged: Staged) -> None:
    assert staged().run("cost", "v9").exit_code == 2


def test_a_strategy_that_makes_no_plan_says_why_beside_the_others(staged: Staged) -> None:
    shop = staged()
    shop.play.cloud.groups[Slot.GREEN].max_size = 1
    done = shop.run("cost", "v2")
    assert done.exit_code == 0
    assert re.search(r"^canary: .*green.*", done.stdout, re.MULTILINE)
    row = next(line for line in done.stdout.splitlines() if line.startswith("everything done"))
    assert row.split()[-3:-1] == ["?", "?"]
    assert row.split()[-1] != "?"


def test_every_plan_says_what_it_takes_and_the_record_keeps_it(staged: Staged) -> None:
    shop = staged()
    planned = shop.run("canary", "v2", "--dry-run")
    assert "Expected: full traffic after" in planned.output
    assert "instance hours beyond what runs now" in planned.output
    assert "A release that fails 5 % of its requests is found out" in planned.output
    assert "Going back after its end:" in planned.output
    shop.run("canary", "v2")
    (record,) = shop.records
    assert record.plan.outlook is not None
    assert record.plan.outlook.end_s == pytest.approx(came_to(record).end_s, rel=0.2)


def test_a_way_back_says_so_too(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    planned = shop.run("rollback", "--dry-run")
    assert "Expected: full traffic after" in planned.output
    assert "A bad release" not in planned.output


def test_show_and_history_put_what_was_beside_what_was_expected(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    (record,) = shop.records
    shown = shop.run("show", record.id).stdout
    assert re.search(r"^ +expected +actual$", shown, re.MULTILINE)
    assert re.search(r"^extra instance hours +\d\.\d\d +\d\.\d\d$", shown, re.MULTILINE)
    table = shop.run("history", "--cost").stdout.splitlines()
    assert table[0].split()[:5] == ["deployment", "strategy", "release", "result", "took"]
    assert table[1].split()[:4] == [record.id, "canary", "v2", "shipped"]
    (told, *_), _ = shop.json("show", record.id)
    assert told["cost"]["expected"] == outlook_document(record.plan.outlook)
    assert told["cost"]["actual"]["end_s"] == came_to(record).end_s
    (listed, *_), _ = shop.json("history")
    assert listed["cost"] == told["cost"]


def test_a_bad_release_tells_how_many_it_reached(staged: Staged) -> None:
    shop = staged(behaviours={"v2": Behaviour(errors=40)})
    shop.run("canary", "v2", "--weights", "5")
    shown = shop.run("show", shop.records[0].id).stdout
    assert came_to(shop.records[0]).exposed, shop.records[0].reason
    assert re.search(r"requests that reach it +\S+ +[\d,]+ judged$", shown, re.MULTILINE)
    assert "judged" in shop.run("history", "--cost").stdout


REHEARSED = {
    "Rehearsed as 1 to 31: the fleet is too large to be simulated whole.": Reduced(one_to=31.4),
    "Rehearsed as 1 to 1.8: the fleet is too large to be simulated whole.": Reduced(one_to=1.76),
    "Rehearsed as 1 to 380, with 13 of 5,000 batches: the others are reckoned from these.": (
        Reduced(one_to=384.6, batches=13, of_batches=5_000)
    ),
}


@pytest.mark.parametrize(("words", "reduced"), REHEARSED.items())
def test_an_outlook_of_a_smaller_fleet_says_so_wherever_it_is_shown(
    staged: Staged, words: str, reduced: Reduced
) -> None:
    shop = staged()
    shop.run("canary", "v2")
    (record,) = shop.records
    assert record.plan.outlook is not None
    assert "Rehearsed" not in shop.run("show", record.id).stdout
    plan = replace(record.plan, outlook=replace(record.plan.outlook, reduced=reduced))
    assert words in outlook_lines(plan)
    compared = comparison_text([Choice("canary", plan)], "shop/sim").plain
    assert f"canary: r{words[1:]}" in compared.splitlines()
    shop.journal.stored[record.id] = encode(replace(record, plan=plan))
    assert words in " ".join(shop.run("show", record.id).stdout.split())
    (told, *_), _ = shop.json("show", record.id)
    assert told["cost"]["expected"]["reduced"] == {
        "one_to": reduced.one_to, "batches": reduced.batches, "of_batches": reduced.of_batches,
    }  # fmt: skip


def test_a_record_from_before_is_shown_without(staged: Staged) -> None:
    shop = staged()
    shop.run("canary", "v2")
    (record,) = shop.records
    old = replace(record, spent=None, plan=replace(record.plan, outlook=None))
    shop.journal.stored[record.id] = encode(old)
    assert "expected" not in shop.run("show", record.id).stdout
    row = shop.run("history", "--cost").stdout.splitlines()[1]
    assert row.split()[-5:] == ["?", "?", "?", "–", "?"]


@pytest.mark.parametrize(
    ("usd", "said"),
    [(0.0, "$0.00"), (0.004, "less than $0.01"), (0.25, "$0.25"), (1234.5, "$1,234.50")],
)
def test_money_is_said_in_cents(usd: float, said: str) -> None:
    assert money(usd) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.2, "0"), (12.4, "12"), (237.5, "240"), (3750.0, "3,800"), (275_000.0, "280,000")],
)
def test_requests_are_said_with_two_digits(value: float, said: str) -> None:
    assert number(value) == said

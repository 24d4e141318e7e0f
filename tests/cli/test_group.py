"""`deployer canary --group`: what people type, what they are told, and what is there afterwards."""

import json

import pytest

from deployer.changes import SetCohort
from deployer.cohort import Cohort
from deployer.model import Admitted, Blocked, Slot, Weights
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.stage import Stage

BETA = ("canary", "v2", "--group", "header:X-Beta=yes", "--group-bake", "2m")
OURS = Admitted(Cohort.parse("header:X-Beta=yes"), Slot.GREEN)


def test_the_plan_says_who_goes_first_and_nothing_happens(staged: Staged) -> None:
    shop = staged()
    said = shop.run(*BETA, "--approve", "group,5", "--dry-run")
    assert said.exit_code == 0, said.stderr
    plan = said.stdout + said.stderr
    order = ["probe green", "admit the users header:X-Beta=yes to green", "bake green for 2m",
             "wait for approval", "route blue 95 %", "route blue 0 %", "dismiss the user group",
             "linger: keep blue"]  # fmt: skip
    places = [plan.index(words) for words in order]
    assert places == sorted(places)
    assert "go to green first, all others stay on blue" in plan
    assert "any client can send it" in plan
    assert "it goes back (analysis.inconclusive)" in plan
    assert shop.play.cloud.changes == []


def test_the_group_comes_first_keeps_its_release_and_goes_with_all_others(staged: Staged) -> None:
    shop = staged()
    shop.play.cloud.group = 100
    events, status = shop.json(*BETA)
    assert (events[-1]["status"], status) == ("shipped", 0)
    moves = [c for _, c in shop.play.cloud.changes if isinstance(c, SetCohort)]
    assert moves == [SetCohort(OURS, None), SetCohort(None, OURS)]
    assert events[0]["group"] == "header:X-Beta=yes"
    groups = [e["group"] for e in events if "group" in e and e["event"] != "plan"]
    assert {"users": "header:X-Beta=yes", "slot": "green"} in groups
    assert shop.play.cloud.ledger.outages == []
    assert shop.play.oracle.violations == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--group", "X-Beta=yes"), "is no user group: write header:X-Beta=yes"),
        (("--group", "cookie:beta=*"), "nor a wildcard"),
        (("--group", "source:0.0.0.0/0"), "every address is no group"),
        (("--approve", "group"), 'must be without "group", as long as canary.group names none'),
        (("--group", "none", "--approve", "group"), "names none"),
        (("--group", "query:a=1", "--approve", "group,7"), "must be among canary.weights"),
    ],
)
def test_mistakes_are_told_in_a_line(
    staged: Staged, arguments: tuple[str, ...], words: str
) -> None:
    shop = staged()
    said = shop.run("canary", "v2", *arguments)
    assert said.exit_code == 2
    assert words in " ".join(said.stderr.replace("│", " ").split())
    assert shop.play.cloud.changes == []


def test_the_settings_name_a_group_and_a_flag_leaves_it_out(staged: Staged) -> None:
    shop = staged()
    text = shop.config.read_text().replace(
        "[canary]", '[canary]\ngroup = "cookie:beta=1"\napprove = ["group", 50]'
    )
    shop.config.write_text(text)
    assert "admit the users cookie:beta=1" in shop.run("deploy", "v2", "--dry-run").stdout
    none = shop.run("canary", "v2", "--group", "none", "--approve", "none", "--dry-run")
    assert "admit" not in none.stdout
    assert none.exit_code == 0


def test_status_shows_the_group_where_it_is(staged: Staged) -> None:
    shop = staged()
    seen: list[str] = []
    document: list[object] = []
    shop.at(120, lambda: seen.append(shop.run("status").stdout))
    shop.at(121, lambda: document.append(shop.json("status")[0][0]["group"]))
    shop.run(*BETA)
    assert "serves v1 100 %, header:X-Beta=yes v2" in seen[0]
    assert "+ users header:X-Beta=yes" in seen[0]
    assert document == [{"users": "header:X-Beta=yes", "slot": "green"}]


def test_somebody_elses_rule_is_refused_before_the_start(staged: Staged) -> None:
    shop = staged()
    shop.play.cloud.cohort = Blocked("the rule at priority 48000 is not ours: move arn:r")
    said = shop.run(*BETA)
    assert said.exit_code == 2
    assert "no user group can go first: the rule at priority 48000 is not ours" in said.stderr
    assert shop.play.cloud.changes == []
    assert shop.run("canary", "v2").exit_code == 0  # without a group it does not matter


def test_what_an_earlier_life_left_is_refused_or_cleared_first(staged: Staged) -> None:
    shop = staged()
    shop.play.cloud.cohort = shop.play.cloud.diverted = Admitted(OURS.cohort, Slot.BLUE)
    refused = shop.run("canary", "v2")
    assert refused.exit_code == 2
    assert "group-left: a rule of its own still sends the users header:X-Beta=yes to blue" in (
        refused.stderr
    )
    assert shop.play.cloud.changes == []
    assert shop.run("canary", "v2", "--accept-weights").exit_code == 0
    first = shop.play.cloud.changes[0][1]
    assert first == SetCohort(None, Admitted(OURS.cohort, Slot.BLUE))
    assert shop.play.state[1] is None
    assert shop.play.oracle.violations == []


def halted(shop: Stage) -> None:
    """Somebody deletes the group's rule in the middle of its bake."""
    shop.play.divert_at(150.0, None)
    said = shop.run(*BETA)
    assert said.exit_code == 4
    assert "the rule of a user group sends nobody: it is gone" in said.stderr


def test_somebody_elses_change_of_the_group_halts(staged: Staged) -> None:
    shop = staged()
    halted(shop)
    assert shop.records[0].status is Status.HALTED


def test_rollback_brings_back_a_group_that_a_halted_deployment_left(staged: Staged) -> None:
    """Weights moved by hand and back again: all others are where they were, the group is not."""
    shop = staged()
    shop.play.move_weights_at(150.0, Weights(900, 100))
    assert shop.run(*BETA).exit_code == 4
    shop.play.cloud.move(Weights(1000, 0))
    shop.play.clock.sleep(30.0)
    assert shop.play.cloud.cohort == OURS
    assert "deployer rollback" in shop.run("status").stdout
    plan = shop.run("rollback", "--dry-run")
    assert plan.stdout.index("dismiss the user group") < plan.stdout.index("retire green")
    said = shop.run("rollback")
    assert said.exit_code == 0, said.stderr
    assert shop.play.state[1] is None
    assert (shop.play.cloud.groups[Slot.GREEN].desired, shop.play.oracle.violations) == (0, [])


def test_history_and_show_know_of_it(staged: Staged) -> None:
    shop = staged()
    shop.run(*BETA)
    shown = shop.run("show", shop.records[0].id).stdout
    assert "admit the users header:X-Beta=yes to green" in shown
    document = json.loads(
        shop.run("--output", "json", "show", shop.records[0].id).stdout.splitlines()[0]
    )
    assert document["plan"]["group"] == "header:X-Beta=yes"

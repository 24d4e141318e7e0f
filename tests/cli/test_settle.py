"""`deployer settle`, and where else people and programs read what is owed."""

from tests.cli.conftest import Staged
from tests.cli.stage import Stage

HOUR_S = 3600


def sticky(staged: Staged, sticky_s: int = HOUR_S) -> Stage:
    """Its production rule sticks."""
    shop = staged()
    shop.play.stick_at(0.0, sticky_s)
    shop.play.clock.sleep(600.0)
    return shop


def test_the_end_status_show_and_settle_say_what_is_owed_and_from_when(staged: Staged) -> None:
    shop = sticky(staged)
    done = shop.run("canary", "v2")
    assert done.exit_code == 0
    (owed,) = [line for line in done.stdout.splitlines() if line.startswith("Owed: ")]
    assert "the production rule's stickiness of 1h, off since " in owed
    assert "(in 5" in owed, "minutes, counted from the end"
    assert owed.endswith("`deployer settle` gives it back then, or the next deployment")
    assert owed.split(": due")[0] in shop.run("status").stdout
    assert owed.split(": due")[0] in shop.run("show", shop.records[0].id).stdout
    (page, _), _ = shop.json("status")
    unstuck = shop.records[0].unstuck
    assert unstuck is not None
    assert page["owed"]["sticky_s"] == HOUR_S
    assert page["owed"]["due"] is False
    assert page["last"]["owed"] == page["owed"]

    early = shop.run("settle")
    assert early.exit_code == 0
    assert early.stdout.startswith("Not yet: the production rule's stickiness of 1h, off since ")
    shop.play.clock.sleep(HOUR_S)
    assert "due now; `deployer settle` gives it back, or" in shop.run("status").stdout
    assert shop.json("status")[0][0]["next_command"] == "`deployer settle` gives back what is owed"
    given = shop.run("settle")
    assert (given.exit_code, given.stdout) == (
        0, "The production rule sticks again: nothing is owed any more.\n",
    )  # fmt: skip
    assert shop.play.cloud.sticky_s == HOUR_S
    assert shop.run("settle").stdout == "Nothing is owed.\n"
    assert "Owed" not in shop.run("status").stdout
    (page, _), _ = shop.json("status")
    assert (page["owed"], page["last"]["owed"]) == (None, None)
    assert page["last"]["status"] == "shipped"
    assert shop.play.oracle.violations == []


def test_programs_read_what_a_visit_came_to(staged: Staged) -> None:
    shop = sticky(staged)
    shop.run("canary", "v2")
    (early, result), status = shop.json("settle")
    assert (early["event"], early["outcome"], status) == ("settle", "early", 0)
    assert early["deployment"] == shop.records[0].id
    assert early["owed"]["what"] == "stickiness"
    assert result["status"] == "ok"
    shop.play.clock.sleep(HOUR_S)
    shop.play.cloud.move(None)
    (gone, _), status = shop.json("settle")
    assert (gone["outcome"], gone["owed"], status) == ("given", None, 0)
    assert gone["note"].startswith("there is no production rule any more")


def test_while_a_deployment_runs_settle_leaves_it_to_that(staged: Staged) -> None:
    shop = sticky(staged)
    shop.run("canary", "v2")
    said: list[str] = []
    shop.at(200, lambda: said.append(shop.run("settle").stdout))
    assert shop.run("canary", "v3").exit_code == 0
    assert f"{shop.records[0].id} holds the environment, and sees to what is owed" in said[0]
    older = shop.run("show", shop.records[1].id).stdout
    assert f"later deployments have taken that over ({shop.records[0].id})" in older


def test_what_somebody_moved_is_told_and_left(staged: Staged) -> None:
    shop = sticky(staged)
    shop.run("canary", "v2")
    shop.play.clock.sleep(HOUR_S)
    shop.play.cloud.move(shop.play.cloud.rule.toward(shop.records[0].plan.candidate, 900))  # type: ignore[union-attr]
    said = shop.run("settle")
    assert said.exit_code == 0
    assert "somebody else moved traffic; put the traffic back, or let the next" in said.stdout


def waiting(shop: Stage) -> None:
    """A deployment has ended and waits for cookies: two hours are allowed."""
    config = shop.config.read_text()
    shop.config.write_text(
        config.replace('region = "us-east-1"', 'region = "us-east-1"\nstickiness_wait = "2h"')
    )


def test_a_rollback_does_not_wait_for_cookies(staged: Staged) -> None:
    """It ends the waiting, and what is owed is the way back's."""
    shop = sticky(staged)
    waiting(shop)
    seen: list[str] = []
    back: list[int] = []
    shop.at(2000, lambda: seen.append(shop.run("status").stdout))
    shop.at(2010, lambda: seen.append(shop.run("canary", "v3").stderr))
    shop.at(2020, lambda: seen.append(shop.run("promote").stdout))
    assert shop.run("canary", "v2").exit_code == 0
    page, refused, asked = seen
    assert "canary v2 shipped  gives back the production rule's stickiness of 1h" in page
    assert "possible now: `deployer promote`" in page
    assert "it has shipped and puts back what it held, `deployer promote` ends that" in refused
    assert "to wait no longer for cookies" in asked
    ended = shop.records[0]
    assert ended.unstuck is not None

    shop.at(2000, lambda: back.append(shop.run("rollback").exit_code))
    shipped = shop.run("canary", "v3")
    assert shipped.exit_code == 0
    assert back == [0]
    assert shop.records[0].first_plan.strategy == "rollback"
    assert shop.play.cloud.sticky_s == HOUR_S, "the way back waited for it, as the settings say"
    assert shop.play.oracle.violations == []
    assert shop.play.cloud.ledger.outages == []

"""`deployer supervise`: visits from a machine that stays on."""

import signal
import socket
import urllib.request
from itertools import pairwise

import pytest
from click.testing import Result

from deployer.model import Weights
from deployer.news import Kind
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.cli.test_stopping import interrupt
from tests.sim.faults import Fault
from tests.sim.fleet import Behaviour
from tests.sim.outbox import SimOutbox

POLICY = '\n[journal]\ntakeover = "rollback"\n'


def abandoned(shop: Stage, after_s: float = 100.0) -> None:
    """A canary whose process was killed; its lease is out."""

    def die() -> None:
        raise MemoryError("killed")

    shop.at(after_s, die)
    shop.journal.forgetful = True
    assert shop.run("canary", "v2").exit_code == 1
    shop.journal.forgetful = False
    shop.play.clock.sleep(61.0)


def until_free(shop: Stage, *options: str) -> str:
    """A schedule calls every minute, a process each; what the last visit said."""
    for _ in range(60):
        done = shop.run("supervise", "--once", *options)
        assert done.exit_code == 0, done.output
        if shop.journal.peek("sim") is None:
            return done.output
        shop.play.clock.sleep(60.0)
    raise AssertionError("sixty visits were not enough")


def test_an_idle_environment_is_left_alone(staged: Staged) -> None:
    done = staged().run("supervise", "--once")
    assert (done.exit_code, done.stdout) == (0, "shop/sim: nothing is being deployed\n")


def test_what_a_killed_runner_left_is_carried_to_its_end(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    said = until_free(shop)
    assert "canary v2" in said
    assert "has ended: shipped" in said
    assert shop.records[0].status is Status.SHIPPED
    assert shop.play.cloud.rule == Weights(0, 1000)
    # The stage's cloud hears the process, the lease names the visit: tests/crash judges I6.
    assert [v for v in shop.play.oracle.violations if not v.startswith("I6")] == []


def test_visits_that_find_the_same_say_it_once(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    shop.at(shop.play.clock.now() + 1500.0, lambda: signal.raise_signal(signal.SIGTERM))
    lines = shop.run("supervise", "--every", "15s").stderr.splitlines()
    said = [line.partition("  ")[2] for line in lines if "  " in line]
    assert len(said) > 5
    assert not [one for one, other in pairwise(said) if one == other]


def test_the_settings_can_say_that_it_goes_back(staged: Staged) -> None:
    shop = staged()
    shop.config.write_text(shop.config.read_text() + POLICY)
    abandoned(shop)
    assert "has ended: rolled back" in until_free(shop)
    assert shop.records[0].reason == "aborted by supervisor (alice@laptop)"
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_bad_release_that_was_left_goes_back(staged: Staged) -> None:
    shop = staged(behaviours={"v2": Behaviour(errors=30)})
    abandoned(shop)
    assert "has ended: rolled back" in until_free(shop)
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_living_runner_is_left_alone_and_people_are_told(staged: Staged) -> None:
    shop = staged()
    said: list[str] = []
    shop.at(100.0, lambda: said.append(shop.run("supervise", "--once").output))
    assert shop.run("canary", "v2").exit_code == 0
    assert said[0].startswith("shop/sim: canary v2 (")
    assert said[0].endswith(" has its runner\n")


def test_while_it_comes_and_goes_others_see_it_at_work(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    shop.run("supervise", "--once")
    (status, *_), _ = shop.json("status")
    assert status["active"]["lease_owner"] == "supervisor"
    assert status["active"]["lease_alive"] is True
    assert shop.run("pause").exit_code == 0
    shop.play.clock.sleep(60.0)
    said = shop.run("supervise", "--once")
    assert "paused at step" in said.output
    assert shop.run("resume").exit_code == 0
    assert "has ended: shipped" in until_free(shop)


def test_one_that_halts_in_the_visit_is_not_a_quiet_end(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    shop.play.move_weights_at(1.0, Weights(300, 700))
    shop.play.clock.sleep(2.0)
    for _ in range(10):
        documents, exit_code = shop.json("supervise", "--once")
        if exit_code:
            break
        shop.play.clock.sleep(60.0)
    assert exit_code == 4
    assert documents[-1]["status"] == "halted"
    assert documents[-2]["event"] == "visit"
    assert documents[-2]["state"] == "ended"


def halted(shop: Stage) -> SimOutbox:
    """Somebody moves traffic; the deployment that was left halts in a later visit."""
    book = SimOutbox()
    shop.outbox = book
    abandoned(shop)
    shop.play.move_weights_at(1.0, Weights(300, 700))
    shop.play.clock.sleep(2.0)
    return book


def visits(shop: Stage) -> list[Result]:
    """Ten, a minute apart."""
    came: list[Result] = []
    for _ in range(10):
        came.append(shop.run("supervise", "--once"))
        shop.play.clock.sleep(60.0)
    return came


def test_people_are_told_once_of_one_that_halted(staged: Staged) -> None:
    shop = staged()
    book = halted(shop)
    said = [visit.stderr for visit in visits(shop)]
    (told,) = [notice for notice in book.told if Kind.HALT in notice.kinds]
    assert told.title == "shop/sim: v2 halted"
    assert "deployer --env sim rollback" in [each.line for each in told.commands]
    assert " ".join(said).count("Told sim: shop/sim: v2 halted") == 1


def test_a_channel_that_hears_nobody_spoils_no_visit(staged: Staged) -> None:
    shop = staged()
    halted(shop).broken = "the channel ops was not told: no"
    came = visits(shop)
    assert shop.records[0].status is Status.HALTED
    assert {visit.exit_code for visit in came} == {0, 4}
    assert "the channel ops was not told: no" in " ".join(came[-1].stderr.split())


def test_a_visit_without_an_answer_says_so_and_the_next_one_goes_on(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    shop.play.gate.faults = {len(shop.play.gate.names): Fault.THROTTLED}
    documents, exit_code = shop.json("supervise", "--once")
    assert exit_code == 1
    assert documents[0]["state"] == "stuck"
    assert "Rate exceeded" in documents[0]["problem"]
    assert "has ended: shipped" in until_free(shop)


def test_the_lease_outlasts_a_pause_that_is_late_once(staged: Staged) -> None:
    """Had it run out, the deadline of the step would begin anew at every visit."""
    shop = staged()
    abandoned(shop)
    shop.run("supervise", "--once", "--every", "5m")
    shop.play.clock.sleep(600.0)
    (status, *_), _ = shop.json("status")
    assert status["active"]["lease_alive"] is True


def test_a_visit_that_comes_after_its_lease_says_what_that_does(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    assert "begins anew" not in shop.run("supervise", "--once").output
    shop.play.clock.sleep(165.0 + 75.0)
    said = shop.run("supervise", "--once").output
    assert "came 1m15s after its lease had run out, so the step's deadline begins anew" in said
    assert "--every" in said


HOOK = '\n[hooks]\nbefore_traffic = {command = ["true"], deadline = "10m"}\n'


def left_before_its_hook(staged: Staged) -> Stage:
    """A canary whose runner was killed before the hook, which takes five minutes, had begun."""
    shop = staged()
    shop.config.write_text(shop.config.read_text() + HOOK)
    shop.play.hooks.lasts_s = 300.0
    abandoned(shop, 10.0)
    assert not shop.play.hooks.began
    return shop


def test_a_visit_stays_for_a_hook_however_long(staged: Staged) -> None:
    shop = left_before_its_hook(staged)
    others: list[str] = []
    shop.at(180.0, lambda: others.append(shop.run("supervise", "--once").output))
    assert "has ended: shipped" in until_free(shop)
    assert len(shop.play.hooks.began) == 1
    assert others[0].endswith(" has its runner\n")


def test_a_signal_ends_the_wait_for_a_hook_and_leaves_it_to_whoever_comes(staged: Staged) -> None:
    shop = left_before_its_hook(staged)
    interrupt(shop, 180.0, signal.SIGTERM)
    done = shop.run("supervise")
    assert done.exit_code == 143
    assert len(shop.play.hooks.began) == 1
    assert shop.run("resume").exit_code == 0
    assert shop.records[0].status is Status.SHIPPED
    assert len(shop.play.hooks.began) == 2


def test_without_once_it_keeps_coming_until_a_signal(staged: Staged) -> None:
    shop = staged()
    abandoned(shop)
    interrupt(shop, 3_600.0, signal.SIGINT)
    done = shop.run("supervise")
    assert done.exit_code == 0, done.output
    assert shop.records[0].status is Status.SHIPPED
    assert done.stdout.splitlines()[-1] == "shop/sim: nothing is being deployed"


@pytest.mark.parametrize("every", ["soon", "5"])
def test_a_bad_pause_is_a_usage_error(staged: Staged, every: str) -> None:
    done = staged().run("supervise", "--every", every)
    assert done.exit_code == 2
    assert f"'{every}' is not a duration" in done.output


def test_an_idle_slot_is_emptied_and_people_are_told_why(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    sole = shop.play.cloud.rule.sole if shop.play.cloud.rule else None
    assert sole is not None
    shop.play.cloud.groups[sole.twin].desired = 2
    shop.play.clock.sleep(3 * 3600.0)
    shop.play.clock.sleep(900.0 - shop.play.clock.now() % 900.0)
    done = shop.run("supervise", "--once")
    assert "emptying the idle slot, which nobody can want any more" in done.stdout
    assert until_free(shop)
    assert shop.play.cloud.groups[sole.twin].desired == 0
    assert shop.records[0].plan.strategy == "retire"


def test_an_idle_slot_stays_where_the_settings_say_so(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    sole = shop.play.cloud.rule.sole if shop.play.cloud.rule else None
    assert sole is not None
    shop.play.cloud.groups[sole.twin].desired = 2
    shop.config.write_text(shop.config.read_text() + "\n[runner]\nexpire_idle = false\n")
    shop.play.clock.sleep(3 * 3600.0)
    shop.play.clock.sleep(900.0 - shop.play.clock.now() % 900.0)
    assert shop.run("supervise", "--once").stdout == "shop/sim: nothing is being deployed\n"
    assert shop.play.cloud.groups[sole.twin].desired == 2


def test_it_is_scraped_while_it_runs(staged: Staged) -> None:
    """The gauges are of the newest deployment, whoever carries it out."""
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    heard: list[str] = []

    def scrape() -> None:
        url = f"http://127.0.0.1:{port}/metrics"
        heard.append(urllib.request.urlopen(url, timeout=30).read().decode())

    shop.at(90.0, scrape)
    interrupt(shop, 100.0, signal.SIGINT)
    done = shop.run("supervise", "--metrics", f"127.0.0.1:{port}")
    assert done.exit_code == 0, done.output
    (said,) = heard
    assert (
        'deployer_deployment_status{environment="sim",service="shop",status="shipped"} 1.0' in said
    )


@pytest.mark.parametrize("wrong", ["9464", "localhost:", "localhost:99999", ":1"])
def test_an_address_to_be_scraped_at_is_a_host_and_a_port(staged: Staged, wrong: str) -> None:
    done = staged().run("supervise", "--once", "--metrics", wrong)
    assert done.exit_code == 2
    assert "write 127.0.0.1:9464" in done.stderr

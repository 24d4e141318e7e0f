"""Ctrl-C and its like: the change in hand finishes, the lease is given back, `resume` goes on."""

import os
import signal
import sys

import pytest
from click.testing import Result

from deployer.changes import Change, SetWeights
from deployer.errors import AccessProblem, CloudUnavailable
from deployer.journal import Request
from deployer.model import Weights
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.stage import Stage


def interrupt(shop: Stage, after_s: float, number: signal.Signals) -> None:
    shop.at(after_s, lambda: os.kill(os.getpid(), number))


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_a_signal_stops_between_two_changes(
    staged: Staged, number: signal.Signals, status: int
) -> None:
    shop = staged()
    interrupt(shop, 150, number)
    done = shop.run("canary", "v2")
    assert done.exit_code == status
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "stopped by a signal at step 4/10 (bake green for 2m under analysis), traffic stays "
        "at blue 95 % / green 5 %: `deployer resume` goes on, `deployer abort` goes back"
    )


def test_the_next_process_need_not_wait_for_the_lease(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 150, signal.SIGINT)
    assert shop.run("canary", "v2").exit_code == 130
    assert [record.status for record in shop.records] == [Status.RUNNING]
    assert "its runner is gone" in shop.run("status").stdout
    assert shop.run("resume").exit_code == 0
    assert [record.status for record in shop.records] == [Status.SHIPPED]
    acts = [
        (act["what"], act["by"], act["note"])
        for act in shop.json("show", shop.records[0].id)[0][0]["audit"]
    ]
    assert [act for act in acts if act[0] in ("pause", "resume")] == [
        ("pause", "alice@laptop", "Ctrl-C"), ("resume", "alice@laptop", None),
    ]  # fmt: skip
    assert shop.play.oracle.violations == []


def no_runner(done: Result) -> str:
    """What it tells a person to do."""
    (line,) = [x for x in done.output.splitlines() if "resume`" in x and "possible now" not in x]
    return line


def test_a_way_back_can_be_interrupted_too(staged: Staged) -> None:
    shop = staged()
    shop.at(200, lambda: shop.run("abort"))
    interrupt(shop, 250, signal.SIGINT)
    done = shop.run("canary", "v2")
    assert done.exit_code == 130
    assert shop.records[0].status is Status.RETREATING
    said = (
        done.stderr.splitlines()[-1],
        *map(no_runner, (shop.run("status"), shop.run("canary", "v3"))),
    )
    for line in said:
        assert "`deployer resume`" in line
        assert "abort`" not in line, "it goes back already"
    assert shop.run("resume").exit_code == 3


def test_handlers_are_put_back(staged: Staged) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    assert staged().run("canary", "v2").exit_code == 0
    assert {n: signal.getsignal(n) for n in before} == before


def test_json_says_interrupted(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 150, signal.SIGTERM)
    documents, status = shop.json("canary", "v2")
    assert status == documents[-1]["exit_code"] == 143
    assert documents[-1]["status"] == "interrupted"


def test_watching_a_status_ends_with_ctrl_c_and_is_no_failure(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 35, signal.SIGINT)
    documents, status = shop.json("status", "--watch")
    assert status == 0
    assert [each["event"] for each in documents] == ["status"] * 4 + ["result"]


def test_whoever_stops_watching_does_not_stop_the_deployment(staged: Staged) -> None:
    """`rollback` asks, watches, and is interrupted before the runner has looked once."""
    shop = staged()
    seen = []

    def impatient() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    def ask() -> None:
        shop.play.gate.hooks["journal.load"] = impatient
        seen.append(shop.run("rollback"))
        shop.play.gate.hooks.clear()

    shop.at(200, ask)
    done = shop.run("canary", "v2")
    assert seen[0].exit_code == 130
    assert "which goes on: `deployer status`" in seen[0].stderr
    assert done.exit_code == 3


def test_the_second_signal_does_not_wait(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 150, signal.SIGTERM)
    interrupt(shop, 150, signal.SIGINT)
    done = shop.run("canary", "v2")
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1].startswith("interrupted: `deployer status`")
    assert shop.run("resume").exit_code == 0


def test_a_signal_while_the_environment_is_taken_stops_before_the_first_change(
    staged: Staged,
) -> None:
    shop = staged()
    shop.play.gate.hooks["journal.begin"] = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert shop.run("canary", "v2").exit_code == 130
    shop.play.gate.hooks.clear()
    assert shop.play.cloud.changes == []
    assert shop.run("resume").exit_code == 0


def test_a_signal_during_any_call_before_the_beginning_ends_the_command(staged: Staged) -> None:
    """Also during one of a stretch in which signals are only noted."""
    undisturbed = staged()
    assert undisturbed.run("canary", "v2").exit_code == 0
    calls = undisturbed.play.gate.names.index("journal.begin")
    assert calls >= 3
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for call in range(calls):
            shop = staged()
            names = shop.play.gate.names
            skipped = len(names)

            def strike(call: int = call + skipped + 1, names: list[str] = names) -> None:
                if len(names) == call:
                    os.kill(os.getpid(), signal.SIGINT)

            shop.play.gate.hooks |= dict.fromkeys(undisturbed.play.gate.names, strike)
            done = shop.run("canary", "v2")
            assert done.exit_code == 130, (call, names, done.stderr)
            assert shop.records == []
            assert shop.play.cloud.changes == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_watched_status_survives_an_outage_of_the_api(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 35, signal.SIGINT)

    def fail() -> None:
        shop.play.gate.hooks.clear()
        raise CloudUnavailable("Rate exceeded")

    shop.at(15, lambda: shop.play.gate.hooks.update({"cloud.observe": fail}))
    done = shop.run("status", "--watch")
    assert done.exit_code == 0
    assert done.stderr == "Trying again: Rate exceeded\n"
    assert done.stdout.count("shop/sim  serves v1") == 3


def turning(staged: Staged) -> Stage:
    """An environment whose settings say: a signal brings everything back."""
    shop = staged()
    shop.config.write_text(shop.config.read_text() + '\n[journal]\non_interrupt = "rollback"\n')
    return shop


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")],
)
def test_a_signal_may_mean_the_way_back(staged: Staged, number: signal.Signals, name: str) -> None:
    shop = turning(staged)
    interrupt(shop, 150, number)
    done = shop.run("canary", "v2")
    assert done.exit_code == 3, done.output
    assert f"{name}: going back (journal.on_interrupt); a second signal stops at once." in (
        done.stderr
    )
    assert f"aborted by alice@laptop ({name}); v1 serves" in done.stdout
    assert shop.play.cloud.rule == Weights(1000, 0)
    retreat = next(e for e in shop.records[0].log if e.kind == "retreat")
    assert retreat.at - shop.records[0].started_at <= 160
    assert shop.play.oracle.violations == []


def test_a_second_signal_on_the_way_back_stops_at_once(staged: Staged) -> None:
    shop = turning(staged)
    interrupt(shop, 150, signal.SIGTERM)
    interrupt(shop, 250, signal.SIGINT)
    done = shop.run("canary", "v2")
    assert done.exit_code == 130
    assert shop.records[0].status is Status.RETREATING
    assert shop.run("resume").exit_code == 3


def test_a_signal_before_the_first_change_goes_back_to_nothing(staged: Staged) -> None:
    shop = turning(staged)
    shop.play.gate.hooks["journal.begin"] = lambda: os.kill(os.getpid(), signal.SIGINT)
    assert shop.run("canary", "v2").exit_code == 3
    assert shop.play.cloud.changes == []


@pytest.mark.parametrize("command", [("rollback",), ("rollback", "v3", "--force")])
def test_a_signal_does_not_turn_a_way_back_around(staged: Staged, command: tuple[str, ...]) -> None:
    shop = turning(staged)
    assert shop.run("canary", "v2").exit_code == 0
    interrupt(shop, 100, signal.SIGTERM)
    done = shop.run(*command)
    assert done.exit_code == 0, done.output
    assert (
        "SIGTERM: this is the way back, to its end; a second signal stops at once." in done.stderr
    )
    assert shop.journal.requests == {}


def test_a_signal_while_it_goes_back_lets_it(staged: Staged) -> None:
    shop = turning(staged)
    shop.at(150, lambda: shop.run("abort"))
    interrupt(shop, 250, signal.SIGINT)
    done = shop.run("canary", "v2")
    assert done.exit_code == 3
    assert "this is the way back, to its end" in done.stderr


def test_the_way_back_is_asked_for_until_the_journal_answers(staged: Staged) -> None:
    shop = turning(staged)
    ask = shop.journal.ask
    refusals: list[Request] = []

    def silent(environment: str, request: Request) -> str:
        if len(refusals) < 2:
            refusals.append(request)
            raise CloudUnavailable("Rate exceeded")
        return ask(environment, request)

    shop.journal.ask = silent  # type: ignore[method-assign]
    interrupt(shop, 150, signal.SIGINT)
    done = shop.run("canary", "v2")
    assert done.exit_code == 3
    assert done.stderr.count("Ctrl-C: to go back is asked for again: Rate exceeded") == 2


def test_a_paused_deployment_goes_back_on_a_signal(staged: Staged) -> None:
    shop = turning(staged)
    shop.at(100, lambda: shop.run("pause"))
    interrupt(shop, 500, signal.SIGTERM)
    assert shop.run("canary", "v2").exit_code == 3


def test_waiting_for_the_lock_ends_with_ctrl_c(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 150, signal.SIGINT)
    assert shop.run("canary", "v2").exit_code == 130
    interrupt(shop, 60, signal.SIGINT)
    done = shop.run("canary", "v3", "--wait-for-lock", "1h")
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1] == "no longer waiting; nothing was begun"
    assert len(shop.records) == 1


def test_credentials_that_run_out_half_way_are_no_refusal(staged: Staged) -> None:
    """Exit 2 would say that nothing was changed: here the release already has users."""
    shop = staged()

    def expired() -> None:
        raise AccessProblem("the AWS credentials have expired: renew them")

    shop.at(150, lambda: shop.play.gate.hooks.update({"cloud.observe": expired}))
    done = shop.run("canary", "v2")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == (
        "Error: the AWS credentials have expired: renew them; stopped at step 4/10 (bake green for "
        "2m under analysis), traffic stays at blue 95 % / green 5 %: `deployer resume` goes on, "
        "`deployer abort` goes back"
    )
    shop.play.gate.hooks.clear()
    assert shop.run("resume").exit_code == 0


def test_a_mistake_of_ours_half_way_says_where_things_stand(staged: Staged) -> None:
    shop = staged()

    def broken() -> None:
        raise ZeroDivisionError

    shop.at(150, lambda: shop.play.gate.hooks.update({"cloud.observe": broken}))
    done = shop.run("canary", "v2")
    assert done.exit_code == 1
    assert "Stopped at step 4/10 (bake green for 2m under analysis)" in done.stderr
    assert "unexpected ZeroDivisionError" in done.stderr


def test_a_signal_right_after_a_change_names_both_weights_that_may_be_live(staged: Staged) -> None:
    shop = staged()
    oracle = shop.play.oracle
    seen = oracle.before

    def interrupting(change: Change, owner: str) -> None:
        seen(change, owner)
        if isinstance(change, SetWeights):
            os.kill(os.getpid(), signal.SIGINT)

    oracle.before = interrupting  # type: ignore[method-assign]  # the call that precedes a change
    done = shop.run("canary", "v2")
    assert done.exit_code == 130
    assert "traffic stays at blue 100 % / green 0 % or blue 95 % / green 5 %: " in done.stderr


def test_a_signal_pauses_what_cannot_go_back_safely(staged: Staged) -> None:
    shop = turning(staged)
    interrupt(shop, 150, signal.SIGTERM)
    done = shop.run("canary", "u1", "--irreversible")
    assert done.exit_code == 143
    assert "SIGTERM: u1 is marked rollback-safe: false and users reach it, so it does not" in (
        done.stderr
    )
    assert "`deployer resume` goes on, `deployer abort --force` goes back" in done.stderr
    assert shop.run("resume").exit_code == 0


# -- beside a supervisor


def carried_on(shop: Stage, visits: int = 30) -> None:
    """A schedule calls every minute, until nothing is left to do, or for half an hour."""
    for _ in range(visits):
        assert shop.run("supervise", "--once").exit_code == 0
        if shop.journal.peek("sim") is None:
            return
        shop.play.clock.sleep(60.0)


def test_what_a_person_stopped_with_ctrl_c_waits_for_the_person(staged: Staged) -> None:
    shop = staged()
    interrupt(shop, 150, signal.SIGINT)
    done = shop.run("canary", "v2")
    assert "Ctrl-C: paused. A supervisor judges it, and carries nothing on." in done.stderr
    where = shop.play.cloud.rule
    carried_on(shop)
    assert shop.play.cloud.rule == where
    assert shop.records[0].paused_at is not None
    assert "paused" in shop.run("status").stdout
    shop.play.clock.sleep(400.0)  # the lease that the last visit left behind
    assert shop.run("resume").exit_code == 0
    assert shop.play.cloud.rule == Weights(0, 1000)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_no_person_stopped_is_carried_on(staged: Staged, number: signal.Signals) -> None:
    shop = staged()
    interrupt(shop, 150, number)
    shop.run("canary", "v2")
    assert shop.records[0].paused_at is None
    carried_on(shop)
    assert shop.records[0].status is Status.SHIPPED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_deployment_is_handed_over_at_once_where_the_settings_say_so(
    staged: Staged, number: signal.Signals
) -> None:
    shop = staged()
    shop.config.write_text(shop.config.read_text() + '\n[journal]\non_interrupt = "hand-over"\n')
    interrupt(shop, 150, number)
    done = shop.run("canary", "v2")
    assert done.exit_code in (130, 143, 129)
    assert "left to the supervisor (journal.on_interrupt)." in done.stderr
    assert shop.records[0].paused_at is None
    first = shop.run("supervise", "--once")  # at once: no lease is waited for
    assert "carrying on canary v2" in first.stdout
    carried_on(shop)
    assert shop.records[0].status is Status.SHIPPED


def test_ctrl_c_on_the_way_back_holds_nothing(staged: Staged) -> None:
    """Users are being brought to safety: whoever comes next sees that through."""
    shop = staged()
    shop.at(200, lambda: shop.run("abort"))
    interrupt(shop, 250, signal.SIGINT)
    shop.run("canary", "v2")
    carried_on(shop)
    assert shop.records[0].status is Status.ROLLED_BACK


def test_what_cannot_be_paused_is_said_to_be_free(staged: Staged) -> None:
    shop = staged()

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        shop.play.gate.hooks["journal.save"] = silent

    def silent() -> None:
        raise CloudUnavailable("Rate exceeded")

    shop.at(150, stop)
    done = shop.run("canary", "v2")
    assert done.exit_code == 130
    assert "it could not be paused, so a supervisor may carry it on: Rate exceeded" in done.stderr
    assert shop.records[0].paused_at is None


class StoppedImporting:
    """A finder at whose first module of the model somebody presses Ctrl-C."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "deployer.cli.ending":
            raise KeyboardInterrupt


def test_ctrl_c_before_anything_is_loaded_is_no_abort(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = staged()
    with monkeypatch.context() as early:
        early.delitem(sys.modules, "deployer.cli.ending")
        early.setattr(sys, "meta_path", [StoppedImporting(), *sys.meta_path])
        done = shop.run("canary", "v2")
    assert (done.exit_code, done.stderr) == (130, "interrupted before anything began\n")
    assert shop.records == []

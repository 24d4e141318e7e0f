"""What a command shows on the dashboard from its beginning to its end, whoever runs it."""

import os
import signal

from deployer.model import Slot
from deployer.topology import Mark
from tests.cli.conftest import Staged
from tests.sim.fleet import Behaviour


def test_a_canary_shows_every_weight_and_both_ends(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    (record,) = shop.records
    assert shop.board.marks == [
        (Mark.BEGUN, record.started_at),
        (Mark.PROMOTED, record.finished_at),
    ]
    values = [value for _, value in shop.board.weights(Slot.GREEN)]
    assert list(dict.fromkeys(values)) == [0.0, 5.0, 50.0, 100.0]
    minutes = (shop.board.weights(Slot.GREEN)[-1][0] - record.started_at) / 60
    assert len(values) <= minutes + 4
    assert shop.board.closed == 1


def test_a_bad_one_is_seen_to_go_back(staged: Staged) -> None:
    shop = staged(behaviours={"v2": Behaviour(errors=30)})
    assert shop.run("canary", "v2").exit_code == 3
    assert [mark for mark, _ in shop.board.marks] == [Mark.BEGUN, Mark.ROLLED_BACK]
    assert shop.board.weights(Slot.GREEN)[-1][1] == 0.0


def test_a_runner_that_takes_over_makes_no_second_beginning(staged: Staged) -> None:
    """The same mark in the same minute: its maximum is what the dashboard draws."""
    shop = staged()
    shop.at(100, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert shop.run("canary", "v2").exit_code == 143
    assert shop.run("resume").exit_code == 0
    begun = {at for mark, at in shop.board.marks if mark is Mark.BEGUN}
    assert begun == {shop.records[0].started_at}
    assert [mark for mark, _ in shop.board.marks].count(Mark.PROMOTED) == 1


def test_a_dashboard_that_does_not_answer_changes_nothing(staged: Staged) -> None:
    shop = staged()
    shop.board.broken = "cloudwatch:PutMetricData is not allowed"
    done = shop.run("canary", "v2")
    assert done.exit_code == 0
    assert "PutMetricData is not allowed" in done.stderr
    assert shop.board.readings == []

"""`--detach`: begun at a terminal, carried out by the state machine, steered from any terminal."""

from dataclasses import dataclass, field

import pytest

from deployer.errors import CloudUnavailable, NotPossibleNow
from deployer.journal import Lease
from deployer.model import Weights
from deployer.operations.detached import FIRST_S, LATE_S, NAME, Mandate
from deployer.plan import Status
from tests.cli.conftest import Staged
from tests.cli.stage import Stage
from tests.crash.test_detached import StateMachine

HOOKED = '\n[hooks]\nbefore_retire = {command = ["./migrate"]}\n'


@dataclass
class SimMachine:
    """Remembers what it was to begin."""

    begun: list[Mandate] = field(default_factory=list)
    missing: bool = False
    deaf: bool = False

    def require(self) -> None:
        if self.missing:
            raise NotPossibleNow("shop/sim has no state machine: deploy its runner stack")

    def start(self, mandate: Mandate) -> None:
        if self.deaf:
            raise CloudUnavailable("states:StartExecution got no answer")
        self.begun.append(mandate)


def handed(shop: Stage, *arguments: str) -> tuple[Stage, SimMachine]:
    machine = SimMachine()
    shop.machine = machine
    done = shop.run(*(arguments or ("canary", "v2", "--detach")))
    assert done.exit_code == 0, done.output
    assert "is carried out by the state machine" in done.output
    return shop, machine


def ticking(shop: Stage, machine: SimMachine) -> StateMachine:
    return StateMachine(shop.play, machine.begun[0])


@pytest.mark.parametrize("command", ["canary", "blue-green", "rolling", "deploy"])
def test_whatever_ships_can_be_left_to_the_state_machine(staged: Staged, command: str) -> None:
    shop, machine = handed(staged(), command, "v2", "--detach")
    (mandate,) = machine.begun
    active = shop.journal.peek("sim")
    assert active is not None
    assert mandate == Mandate(deployment=active.deployment.id)
    assert active.lease == Lease(NAME, shop.play.clock.now() + FIRST_S)
    assert shop.play.cloud.changes == []
    finished(ticking(shop, machine))
    assert shop.records[0].status is Status.SHIPPED
    assert shop.records[0].by == "alice@laptop"


def test_where_there_is_no_state_machine_nothing_begins(staged: Staged) -> None:
    shop = staged()
    shop.machine = SimMachine(missing=True)
    done = shop.run("canary", "v2", "--detach")
    assert done.exit_code == 2
    assert "shop/sim has no state machine: deploy its runner stack" in done.output
    assert shop.records == []


def test_a_hook_that_cannot_run_there_is_refused_before_anything_begins(staged: Staged) -> None:
    shop = staged()
    shop.machine = SimMachine()
    shop.config.write_text(shop.config.read_text() + HOOKED)
    done = shop.run("canary", "v2", "--detach")
    assert done.exit_code == 2
    assert "the hook before_retire is a command" in done.output
    assert shop.records == []


def test_a_state_machine_that_does_not_begin_leaves_it_to_whoever_resumes(staged: Staged) -> None:
    shop = staged()
    shop.machine = SimMachine(deaf=True)
    done = shop.run("canary", "v2", "--detach")
    assert done.exit_code != 0
    assert "has begun, and the state machine did not take it" in " ".join(done.output.split())
    assert shop.run("resume").exit_code == 0
    assert shop.records[0].status is Status.SHIPPED


def finished(execution: StateMachine) -> None:
    for _ in range(500):
        if execution.turn():
            return
    raise AssertionError("five hundred ticks were not enough")


def test_a_return_to_the_release_before_can_be_left_to_it(staged: Staged) -> None:
    shop = staged()
    assert shop.run("canary", "v2").exit_code == 0
    shop, machine = handed(shop, "rollback", "v1", "--force", "--detach")
    assert shop.play.cloud.rule == Weights(0, 1000)
    finished(ticking(shop, machine))
    assert shop.records[0].status is Status.SHIPPED
    assert shop.play.cloud.rule == Weights(1000, 0)
    assert shop.play.oracle.violations == []


def test_the_way_back_of_one_that_halted_can_be_left_to_it(staged: Staged) -> None:
    shop = staged()
    shop.play.move_weights_at(150.0, Weights(600, 400))
    assert shop.run("canary", "v2").exit_code == 4
    shop, machine = handed(shop, "rollback", "--detach")
    begun = shop.records[0]
    assert begun.status is Status.RETREATING
    finished(ticking(shop, machine))
    assert shop.records[0].status is Status.ROLLED_BACK
    assert "which halted" in shop.records[0].reason
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_a_running_one_is_asked_to_go_back_and_nobody_watches(staged: Staged) -> None:
    shop, machine = handed(staged())
    execution = ticking(shop, machine)
    while shop.play.cloud.rule == Weights(1000, 0):
        assert not execution.turn()
    at = shop.play.clock.now()
    done = shop.run("rollback", "--detach")
    assert shop.play.clock.now() == at
    assert done.exit_code == 0, done.output
    assert "is to go back, wherever it is carried out" in " ".join(done.output.split())
    finished(execution)
    assert shop.records[0].status is Status.ROLLED_BACK
    assert len(machine.begun) == 1


def test_a_way_back_without_a_state_machine_asks_and_begins_nothing(staged: Staged) -> None:
    shop, machine = handed(staged())
    machine.missing = True
    done = shop.run("rollback", "--detach")
    assert done.exit_code == 2
    active = shop.journal.peek("sim")
    assert active is not None
    assert shop.journal.requested(active.deployment) is None


def test_status_says_who_carries_it_out(staged: Staged) -> None:
    shop, machine = handed(staged())
    said = shop.run("status").stdout
    assert "carried out by the state machine in the cloud" in said
    assert "Next: `deployer resume`" not in said
    documents, _ = shop.json("status")
    assert documents[0]["active"]["lease_owner"] == NAME
    assert documents[0]["active"]["detached"] is True
    ticking(shop, machine).turn()
    assert "carried out by the state machine in the cloud" in shop.run("status").stdout


def test_it_is_steered_like_any_other(staged: Staged) -> None:
    shop, machine = handed(staged())
    execution = ticking(shop, machine)
    while shop.play.cloud.rule == Weights(1000, 0):
        assert not execution.turn()
    done = shop.run("pause")
    assert "the state machine hears it within a minute" in " ".join(done.output.split())
    execution.turn()
    assert "paused" in shop.run("status").stdout
    assert shop.run("resume").exit_code == 0
    execution.turn()
    assert shop.run("abort").exit_code == 0
    while not execution.turn():
        pass
    assert shop.records[0].status is Status.ROLLED_BACK
    assert shop.play.cloud.rule == Weights(1000, 0)


def test_to_resume_one_that_moves_is_refused_and_says_who_carries_it(staged: Staged) -> None:
    shop, _ = handed(staged())
    done = shop.run("resume")
    assert done.exit_code == 2
    assert "carried out by the state machine in the cloud" in " ".join(done.output.split())


def test_one_whose_execution_was_stopped_can_be_resumed_here(staged: Staged) -> None:
    shop, machine = handed(staged())
    execution = ticking(shop, machine)
    for _ in range(3):
        execution.turn()
    shop.play.clock.sleep(LATE_S + 61.0)
    assert shop.run("resume").exit_code == 0
    assert shop.records[0].status is Status.SHIPPED


def test_a_second_deployment_is_locked_out_and_told_what_to_do(staged: Staged) -> None:
    shop, _ = handed(staged())
    done = shop.run("canary", "v3", "--detach")
    assert done.exit_code == 5
    assert "watch it with `deployer status --watch`" in " ".join(done.output.split())


def test_to_attach_and_to_detach_at_once_makes_no_sense(staged: Staged) -> None:
    done = staged().run("deploy", "v2", "--attach", "--detach")
    assert done.exit_code == 2
    assert "choose one" in done.output


def test_a_dry_run_shows_the_plan_and_begins_nothing(staged: Staged) -> None:
    shop = staged()
    shop.machine = SimMachine()
    assert shop.run("canary", "v2", "--detach", "--dry-run").exit_code == 0
    assert shop.machine.begun == []
    assert shop.records == []
